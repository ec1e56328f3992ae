"""What a store keeps of the heads of ledgers that devices tell."""

from dataclasses import replace

import pytest

from fieldwise.ledger import LedgerHead
from orchestrator.check_in_ports import Sighting
from orchestrator.fleet.ledger import NOTHING_TOLD, LedgerRecord, after_head
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, caller, join, report

HEADS = (LedgerHead(4, "a" * 64), LedgerHead(9, "b" * 64, 2), LedgerHead(3, "c" * 64, 2))


def record(*heads: LedgerHead | None) -> LedgerRecord:
    known = NOTHING_TOLD
    for number, head in enumerate(heads):
        known = after_head(known, head, NOW + 4000.0 * number)
    return known


def sighting(ledger: LedgerRecord, sequence: int = 1) -> Sighting:
    head = ledger.newest.head if ledger.newest and ledger.is_told else None
    return Sighting("d1", replace(report(sequence), ledger=head), NOW, 60, ledger)


@pytest.mark.parametrize("heads", [(), HEADS[:1], HEADS, (*HEADS, None)])
async def test_what_is_known_of_a_ledger_comes_back_with_the_report(
    stores: Stores, heads: tuple[LedgerHead | None, ...]
) -> None:
    await join(stores, "d1")
    assert (await stores.check_ins.visitor(caller("d1"))).ledger == NOTHING_TOLD
    told = sighting(record(*heads))
    await stores.check_ins.keep([told])
    assert (await stores.check_ins.visitor(caller("d1"))).ledger == told.ledger
    device = await stores.devices.get("d1")
    assert (device.ledger, device.report) == (told.ledger, told.report)


async def test_a_late_report_takes_no_head_back(stores: Stores) -> None:
    await join(stores, "d1")
    newer = sighting(record(*HEADS), 2)
    await stores.check_ins.keep([newer])
    await stores.check_ins.keep([sighting(record(HEADS[0]), 1)])
    assert (await stores.devices.get("d1")).ledger == newer.ledger
