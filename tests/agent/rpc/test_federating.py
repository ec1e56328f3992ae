"""Federation over the wire: what is offered, asked for, told and sent, each in the ledger first."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.device.ledger import LedgerFile
from agent.rpc.client import OrchestratorClient
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import (
    Consent,
    FederationReport,
    HeadOffer,
    HeadOutcome,
    HeadSpace,
    RoundOffer,
    RoundStep,
    Row,
    RowKind,
    Update,
    UpdateReceipt,
)
from fieldwise.federation_messages import report_from, space_to
from fieldwise.v1alpha1 import device_pb2, federation_pb2
from fieldwise.verdict import PairedCounts
from tests.agent.rpc.service import REPORT, Service, entries

SPACE = HeadSpace("ab" * 32, "cd" * 32, (4, 2))
OFFERED = device_pb2.RoundOffer(
    campaign_id="c7",
    round=3,
    level=federation_pb2.CONSENT_WEIGHTS,
    space=space_to(SPACE),
    kind=federation_pb2.ROW_KIND_MEANS,
    seconds=600,
    only_idle=True,
)
HEAD = federation_pb2.GlobalHead(
    campaign_id="c7", version=2, digest=bytes(32), bytes=1000, space=space_to(SPACE)
)
ROUND = RoundOffer("c7", 3, Consent.WEIGHTS, SPACE, RowKind.MEANS, 600, only_idle=True)


def always() -> bool:
    return True


async def test_offers_of_federation_are_read_and_its_report_is_told_and_written_down(
    client: OrchestratorClient, service: Service, tmp_path: Path
) -> None:
    service.answer.round.CopyFrom(OFFERED)
    service.answer.head.CopyFrom(HEAD)
    report = FederationReport(
        Consent.STATISTICS,
        "c7",
        3,
        RoundStep.TOO_FEW,
        "c7",
        2,
        HeadOutcome.HARM,
        PairedCounts(7, 5, 3, 1, 4, 2, 1),
        250,
    )
    orders = await client.check_in(replace(REPORT, federation=report))
    assert orders.round == ROUND
    assert orders.head == HeadOffer("c7", 2, "00" * 32, 1000, SPACE)
    assert report_from(service.asked[0].federation) == report
    ((_, _, summary),) = entries(tmp_path)
    assert "federation statistics, round c7.3 too-few, head c7.2 harm 7/5/3/1" in summary


async def test_a_task_is_read_and_one_that_means_nothing_is_refused(
    client: OrchestratorClient, service: Service
) -> None:
    classes = [
        federation_pb2.SharedClass(id=1, name="a"),
        federation_pb2.SharedClass(id=2, name="b"),
    ]
    good = device_pb2.FetchTaskResponse(
        round=OFFERED, classes=classes, head=HEAD, norm_max=0.5, noise=0.01, samples_min=20
    )
    service.task = good
    task = await client.fetch_task("c7", 3)
    assert (task.offer, task.classes) == (ROUND, {"a": 1, "b": 2})
    assert (task.norm_max, task.noise, task.samples_min) == (0.5, 0.01, 20)
    bad = device_pb2.FetchTaskResponse()
    for change in (
        {"norm_max": float("nan")},
        {"noise": -1.0},
        {"noise": 1e300},
        {"norm_max": 1e300},
        {"classes": [classes[0]]},
    ):
        bad.CopyFrom(good)
        bad.MergeFrom(device_pb2.FetchTaskResponse(**change))  # type: ignore[arg-type]  # by name
        service.task = bad
        with pytest.raises(FieldwiseError) as raised:
            await client.fetch_task("c7", 3)
        assert raised.value.fault is Fault.INVALID_ARGUMENT


async def test_an_update_stands_in_the_ledger_to_the_byte_and_arrives_to_the_bit(
    client: OrchestratorClient, service: Service, tmp_path: Path
) -> None:
    rows = (Row(1, 10, np.arange(6.0)), Row(9, 12, -np.arange(6.0)))
    scatter = (np.arange(10.0), np.arange(3.0))
    update = Update("c7", 3, RowKind.MEANS, Consent.STATISTICS, SPACE, rows, scatter)
    sent = await client.submit_update(update, "gives sums", always)
    assert sent is not None
    receipt, size = sent
    (arrived,) = service.asked
    assert receipt is UpdateReceipt.LATE
    assert [each.values.tolist() for each in arrived.rows] == [
        each.values.tolist() for each in rows
    ]
    assert [each.tolist() for each in arrived.scatter] == [each.tolist() for each in scatter]
    assert entries(tmp_path) == [("federation update", size, "gives sums")]


async def test_an_update_that_cannot_be_written_down_does_not_leave(
    client: OrchestratorClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FieldwiseError(Fault.DISK_FULL, "no room")

    monkeypatch.setattr(LedgerFile, "append", full)
    update = Update(
        "c7", 3, RowKind.MEANS, Consent.WEIGHTS, SPACE, (Row(1, 10, np.ones(6, np.float32)),)
    )
    with pytest.raises(FieldwiseError) as raised:
        await client.submit_update(update, "gives means", always)
    assert raised.value.fault is Fault.DISK_FULL
    assert service.asked == []


@pytest.mark.parametrize("looks", [0, 1, 5])
async def test_an_update_is_broken_off_when_it_may_leave_no_more(
    client: OrchestratorClient, service: Service, looks: int
) -> None:
    """It is of ten parts: the owner agrees for so many of them."""
    rows = tuple(Row(number, 10, np.ones(6, np.float32)) for number in range(1, 64 * 9 + 2))
    update = Update("c7", 3, RowKind.MEANS, Consent.WEIGHTS, SPACE, rows)
    asked = 0

    def may_leave() -> bool:
        nonlocal asked
        asked += 1
        return asked <= looks

    assert await client.submit_update(update, "gives means", may_leave) is None
    assert service.asked == []
    assert await client.submit_update(update, "gives means", always) is not None
    assert len(service.asked) == 1


async def test_an_update_that_nobody_takes_off_the_wire_is_broken_off_as_well(
    client: OrchestratorClient, service: Service
) -> None:
    service.holds = True
    agreed = True

    async def withdraw() -> None:
        nonlocal agreed
        await service.held.wait()
        agreed = False

    update = Update(
        "c7", 3, RowKind.MEANS, Consent.WEIGHTS, SPACE, (Row(1, 10, np.ones(6, np.float32)),)
    )
    sent, _ = await asyncio.gather(
        client.submit_update(update, "gives means", lambda: agreed), withdraw()
    )
    assert sent is None
