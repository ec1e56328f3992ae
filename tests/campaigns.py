"""Campaigns and the devices of their cohorts for tests, with as little to say as possible."""

from dataclasses import replace

import numpy as np

from fieldwise.bundle import digest_of
from fieldwise.federation import (
    Consent,
    FederationReport,
    HeadOutcome,
    HeadSpace,
    Row,
    RowKind,
    Update,
    content_bytes,
    content_digest,
    space_of,
)
from orchestrator.federation.campaign import Campaign, HeadVersion, Round, RoundResult, Tally
from orchestrator.federation.contribution import UpdateHead
from orchestrator.federation.machine import opened
from orchestrator.federation.plan import CampaignPlan
from orchestrator.federation.surveying import GAIN_BOUNDS, CampaignFigures
from orchestrator.fleet.readings import spread_of
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, backbone, join, report, sighting

BACKBONE = backbone()
SPACE: HeadSpace = space_of(BACKBONE.digest, BACKBONE.manifest)
WIDTH = SPACE.width


def plan(**changes: object) -> CampaignPlan:
    given = CampaignPlan(backbone="lite0:1", classes=("apple", "pear", "plum"))
    return replace(given, **changes)  # type: ignore[arg-type]  # of the tests' own


def campaign(number: int = 0, request: str = "", **changes: object) -> Campaign:
    return Campaign(number, plan(**changes), "lite0:1", SPACE, NOW, request=request)


def federated(consent: Consent, **changes: object) -> FederationReport:
    return replace(FederationReport(consent), **changes)  # type: ignore[arg-type]  # of the tests' own


async def agree(
    stores: Stores,
    device: str,
    consent: Consent | None = Consent.WEIGHTS,
    *,
    sequence: int = 1,
    at: float = NOW,
    **changes: object,
) -> None:
    """Let a member's newest report say what its owner agrees to."""
    told = federated(consent, **changes) if consent else None
    said = replace(report(sequence, bundle=SPACE.bundle), federation=told)
    await stores.check_ins.keep([sighting(device, said, at)])


async def partners(stores: Stores, *devices: str, consent: Consent = Consent.WEIGHTS) -> None:
    for device in devices:
        await join(stores, device)
        await agree(stores, device, consent)


async def started(stores: Stores, **changes: object) -> Campaign:
    return await stores.campaigns.add(campaign(**changes))


async def asking(stores: Stores, *devices: str, at: float = NOW, **changes: object) -> Campaign:
    """Start a campaign with a round that asks some devices."""
    return await ask(stores, await started(stores, **changes), *devices, at=at)


async def ask(stores: Stores, found: Campaign, *devices: str, at: float = NOW) -> Campaign:
    return await stores.campaigns.save(opened(found, len(devices), at), devices)


def update_head(name: str = "u", **changes: object) -> UpdateHead:
    head = UpdateHead(
        rows=2,
        digest=digest_of(name.encode()),
        bytes=100,
        kind=RowKind.MEANS,
        level=Consent.WEIGHTS,
    )
    return replace(head, **changes)  # type: ignore[arg-type]  # of the tests' own


async def give(
    stores: Stores,
    found: Campaign,
    device: str,
    classes: tuple[int, ...] = (1, 2),
    name: str = "",
) -> bool:
    """Let a device give an update of some classes to a campaign's newest round."""
    assert found.round is not None
    told = update_head(
        name or f"{device} {found.round.number}",
        rows=len(classes),
        kind=found.plan.kind,
        level=found.plan.level,
    )
    await stores.contributions.expect(found.number, found.round.number, device, told, NOW)
    return await stores.contributions.take(
        found.number, found.round.number, device, told, frozenset(classes)
    )


def result(round_number: int, name: str = "head") -> RoundResult:
    return RoundResult(round_number, digest_of(name.encode()), 1000, classes=2)


def update(
    found: Campaign, value: float = 1.0, classes: tuple[int, ...] = (1, 2), samples: int = 20
) -> Update:
    """An update of means, or of sums with a scatter that goes with them."""
    assert found.round is not None
    exact = found.plan.level is Consent.STATISTICS
    number = np.float64 if exact else np.float32
    each = value * samples if exact else value
    width = WIDTH + (found.plan.kind is RowKind.WEIGHTS)
    rows = tuple(Row(one, samples, np.full(width, each, number)) for one in classes)
    scatter = _scatter(value, samples * len(classes)) if exact else ()
    return Update(
        campaign=found.id,
        round=found.round.number,
        kind=found.plan.kind,
        level=found.plan.level,
        space=found.space,
        rows=rows,
        scatter=scatter,
    )


def head_of(made: Update) -> UpdateHead:
    return UpdateHead(
        rows=len(made.rows),
        digest=content_digest(made.rows, made.scatter).hex(),
        bytes=content_bytes(made.space, made.kind, made.level, len(made.rows)),
        kind=made.kind,
        level=made.level,
        base_version=made.base_version,
    )


def _scatter(value: float, samples: int) -> tuple[np.ndarray, ...]:
    return tuple(
        np.full(width * (width + 1) // 2, value * value * samples) for width in SPACE.widths
    )


def figures(number: int = 1) -> CampaignFigures:
    """A campaign after two rounds and in a third, and what three devices gained by its head."""
    gains = spread_of(GAIN_BOUNDS, (0.04, 0.04, -0.3))
    newest = Round(3, NOW, NOW + 60, 5, tally=Tally(8, 4, 2, 1, 4096, unchanged=1))
    head = HeadVersion(2, "ab" * 32, 1000, NOW, round=2)
    seen = replace(
        campaign(number), round=newest, head=head, version=2, committed=2, missed=1, unchanged=4
    )
    return CampaignFigures(seen, {HeadOutcome.ADOPTED: 9}, gains)
