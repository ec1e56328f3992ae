"""How devices stand to campaigns, and what they gave, in a database.

Taking an update holds its campaign's row against saves, and not against other takings: a round is
closed before or after, and many devices send at once. Rows are held in one order everywhere, the
campaign's, its members', then updates, so that no two writers wait for one another.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
)
from sqlalchemy import update as change_rows
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.federation import Consent, FederationReport, RowKind
from orchestrator.federation.campaign import number_in
from orchestrator.federation.contribution import (
    DECLINING,
    NO_PART,
    Answer,
    Contribution,
    Part,
    UpdateHead,
    UpdateState,
    is_taken,
    superseded,
)
from orchestrator.federation.phases import CampaignPhase
from orchestrator.federation_ports import Discarded, Partner
from orchestrator.fleet.device import not_a_member
from orchestrator.storage import refusals
from orchestrator.storage.sql.campaign_rows import (
    agrees_to,
    classes_in,
    classes_text,
    contribution_of,
    open_round_of,
    part_of,
)
from orchestrator.storage.sql.campaigns import add_members
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.rows import federation_text
from orchestrator.storage.sql.tables import (
    campaign_members,
    campaign_updates,
    campaigns,
    device_tags,
    devices,
    reports,
)

MEMBERS, UPDATES = campaign_members.c, campaign_updates.c
_TAKEN = UPDATES.state == UpdateState.TAKEN.value
_DROPPED = UPDATES.state == UpdateState.DROPPED.value


class SqlContributions:
    """``ContributionStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def partner(self, device_id: str) -> Partner:
        if not refusals.can_be(device_id):
            raise not_a_member(device_id)
        member = exists().where(devices.c.id == device_id, devices.c.removed_at.is_(None))
        tags = select(device_tags).where(device_tags.c.device == device_id)
        parts = select(campaign_members).where(MEMBERS.device == device_id)
        async with self._database.read() as connection:
            if not (await connection.execute(select(member))).scalar_one():
                raise not_a_member(device_id)
            found = (await connection.execute(tags)).all()
            rows = (await connection.execute(parts)).mappings().all()
        return Partner(
            {row.key: row.value for row in found}, {row["campaign"]: part_of(row) for row in rows}
        )

    async def tell(self, device_id: str, report: FederationReport) -> None:
        if report.step in DECLINING:
            number = number_in(report.campaign)
            await self.answer(number, report.round, device_id, Answer.DECLINED)
        number = number_in(report.head_campaign)
        if report.outcome is None or not number:
            return
        told = {"head_version": report.head_version, "judged": federation_text(report)}
        change = change_rows(campaign_members).where(_member(number, device_id)).values(told)
        async with self._database.write() as connection:
            if (await connection.execute(change)).rowcount:
                return
        held = select(campaigns.c.number).where(campaigns.c.number == number).with_for_update()
        async with self._database.write() as connection:
            known = (await connection.execute(held)).one_or_none()
            if known is not None and await _is_member(connection, device_id):
                await add_members(connection, number, [device_id])
                await connection.execute(change)

    async def withdraw(self, device_id: str, consent: Consent) -> None:
        beyond = [each.value for each in Consent if not consent.covers(each)]
        asking = select(campaigns.c.number).where(campaigns.c.level.in_(beyond))
        gone = and_(UPDATES.device == device_id, UPDATES.campaign.in_(asking))
        own = and_(MEMBERS.device == device_id, MEMBERS.campaign.in_(asking))
        # Answers are changed first where one is taken: held, it is seen as it came to be.
        held = select(MEMBERS.campaign).where(own).order_by(MEMBERS.campaign).with_for_update()
        taken = and_(own, MEMBERS.answer == Answer.TAKEN.value)
        declined = {"answer": Answer.DECLINED.value, "digest": "", "bytes": 0}
        async with self._database.write() as connection:
            await connection.execute(held)
            await connection.execute(change_rows(campaign_members).where(taken).values(declined))
            await _drop(connection, gone)

    async def expect(
        self, number: int, round_number: int, device_id: str, update: UpdateHead, now: float
    ) -> Part:
        key = Discarded(number, round_number, device_id, update.digest)
        own = select(campaign_members).where(_member(number, device_id))
        fresh = {"state": UpdateState.EXPECTED.value, "at": now}
        async with self._database.write(lasting=False) as connection:
            row = (await connection.execute(own.with_for_update())).mappings().one_or_none()
            part = NO_PART if row is None else part_of(row)
            if part.asked != round_number or is_taken(part, update):
                return part
            others = and_(_of(number, device_id), UPDATES.state == UpdateState.EXPECTED.value)
            await _drop(connection, and_(others, ~_is(key)))
            again = change_rows(campaign_updates).where(_is(key)).values(fresh)
            if (await connection.execute(again)).rowcount == 0:
                values = {**_fresh(key, update), **fresh}
                await connection.execute(insert(campaign_updates).values(values))
        return part

    async def take(
        self,
        number: int,
        round_number: int,
        device_id: str,
        update: UpdateHead,
        classes: frozenset[int],
    ) -> bool:
        key = Discarded(number, round_number, device_id, update.digest)
        told = {"answer": Answer.TAKEN.value, "digest": update.digest, "bytes": update.bytes}
        asked = and_(_member(number, device_id), MEMBERS.asked == round_number)
        taken = {"state": UpdateState.TAKEN.value, "classes": classes_text(classes)}
        expected = and_(_is(key), ~_DROPPED)
        async with self._database.write() as connection:
            if not await _takes(connection, key):
                return False
            answered = change_rows(campaign_members).where(asked).values(told)
            known = change_rows(campaign_updates).where(expected).values(taken)
            for change in (answered, known):
                if (await connection.execute(change)).rowcount == 0:
                    await connection.rollback()
                    return False
            await _drop_superseded(connection, key, update)
        return True

    async def answer(self, number: int, round_number: int, device_id: str, answer: Answer) -> None:
        open_to = and_(
            _member(number, device_id),
            MEMBERS.asked == round_number,
            or_(MEMBERS.answer.is_(None), MEMBERS.answer != Answer.TAKEN.value),
        )
        async with self._database.write() as connection:
            change = change_rows(campaign_members).where(open_to)
            await connection.execute(change.values(answer=answer.value))

    async def standing(self, number: int) -> Sequence[Contribution]:
        own = select(campaigns).where(campaigns.c.number == number)
        async with self._database.read() as connection:
            campaign = (await connection.execute(own)).mappings().one()
            statement = (
                select(campaign_updates, MEMBERS.alias, campaigns.c.kind, campaigns.c.level)
                .join(campaigns, campaigns.c.number == UPDATES.campaign)
                .join(
                    campaign_members,
                    and_(MEMBERS.campaign == UPDATES.campaign, MEMBERS.device == UPDATES.device),
                )
                .join(devices, devices.c.id == UPDATES.device)
                .join(reports, reports.c.device == devices.c.id)
                .where(UPDATES.campaign == number, _TAKEN, agrees_to(Consent(campaign["level"])))
                .order_by(MEMBERS.alias, UPDATES.round)
            )
            if campaign["kind"] == RowKind.WEIGHTS:
                statement = statement.where(UPDATES.round == campaign["newest_round"])
            rows = (await connection.execute(statement)).mappings().all()
        return [contribution_of(row) for row in rows]

    async def discard(self, expected_before: float, limit: int) -> Sequence[Discarded]:
        expected = UPDATES.state == UpdateState.EXPECTED.value
        over = and_(
            _TAKEN,
            or_(
                campaigns.c.phase != CampaignPhase.RUNNING.value,
                and_(
                    campaigns.c.kind == RowKind.WEIGHTS.value,
                    UPDATES.round < campaigns.c.newest_round,
                ),
            ),
        )
        needless = or_(
            _DROPPED,
            over,
            and_(expected, UPDATES.at < expected_before),
            devices.c.removed_at.is_not(None),
        )
        statement = (
            select(UPDATES.campaign, UPDATES.round, UPDATES.device, UPDATES.digest)
            .join(campaigns, campaigns.c.number == UPDATES.campaign)
            .join(devices, devices.c.id == UPDATES.device)
            .where(needless)
            .limit(limit)
        )
        async with self._database.read() as connection:  # mostly there is none
            if not (await connection.execute(statement.limit(1))).all():
                return ()
        async with self._database.write() as connection:
            rows = (await connection.execute(statement)).all()
            found = [Discarded(*row) for row in rows]
            dropped = change_rows(campaign_updates).where(_NAMED)
            dropped = dropped.values(state=UpdateState.DROPPED.value)
            await connection.execute(dropped, [_named(each) for each in found])
        return found

    async def needs(self, digest: str) -> bool:
        wanted = exists().where(UPDATES.digest == digest, ~_DROPPED)
        async with self._database.read() as connection:
            return bool((await connection.execute(select(wanted))).scalar_one())

    async def forget(self, gone: Sequence[Discarded]) -> None:
        if not gone:
            return
        async with self._database.write() as connection:
            statement = delete(campaign_updates).where(_NAMED, _DROPPED)
            await connection.execute(statement, [_named(each) for each in gone])


_NAMED = and_(
    UPDATES.campaign == bindparam("named_campaign"),
    UPDATES.round == bindparam("named_round"),
    UPDATES.device == bindparam("named_device"),
    UPDATES.digest == bindparam("named_digest"),
)


async def _takes(connection: AsyncConnection, key: Discarded) -> bool:
    """Tell whether a round takes an update of a device, and hold it as it is."""
    statement = (
        select(campaigns.c.course, campaigns.c.level, reports.c.consent)
        .select_from(campaigns)
        .join(devices, devices.c.id == key.device)
        .join(reports, reports.c.device == devices.c.id)
        .where(campaigns.c.number == key.number, devices.c.removed_at.is_(None))
        .with_for_update(of=campaigns, read=True)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None or open_round_of(row.course) != key.round or not row.consent:
        return False
    return Consent(row.consent).covers(Consent(row.level))


async def _drop_superseded(connection: AsyncConnection, key: Discarded, update: UpdateHead) -> None:
    own = and_(_of(key.number, key.device), _TAKEN)
    statement = select(UPDATES.round, UPDATES.digest, UPDATES.classes).where(own)
    rows = (await connection.execute(statement.order_by(UPDATES.round.desc()))).all()
    others = [row for row in rows if row.round == key.round and row.digest != key.digest]
    if others:
        await _drop(connection, and_(own, UPDATES.round == key.round, ~_is(key)))
    kept = [(row.round, classes_in(row.classes)) for row in rows if row not in others]
    gone = superseded(update.level, update.kind, kept)
    if gone:
        await _drop(connection, and_(own, UPDATES.round.in_(gone)))


async def _drop(connection: AsyncConnection, which: ColumnElement[bool]) -> None:
    change = change_rows(campaign_updates).where(which, ~_DROPPED)
    await connection.execute(change.values(state=UpdateState.DROPPED.value))


async def _is_member(connection: AsyncConnection, device_id: str) -> bool:
    member = exists().where(devices.c.id == device_id, devices.c.removed_at.is_(None))
    return bool((await connection.execute(select(member))).scalar_one())


def _member(number: int, device_id: str) -> ColumnElement[bool]:
    return and_(MEMBERS.campaign == number, MEMBERS.device == device_id)


def _of(number: int, device_id: str) -> ColumnElement[bool]:
    return and_(UPDATES.campaign == number, UPDATES.device == device_id)


def _is(key: Discarded) -> ColumnElement[bool]:
    same = and_(UPDATES.round == key.round, UPDATES.digest == key.digest)
    return and_(_of(key.number, key.device), same)


def _named(key: Discarded) -> Mapping[str, Any]:
    return {
        "named_campaign": key.number,
        "named_round": key.round,
        "named_device": key.device,
        "named_digest": key.digest,
    }


def _fresh(key: Discarded, update: UpdateHead) -> Mapping[str, Any]:
    return {
        "campaign": key.number,
        "round": key.round,
        "device": key.device,
        "digest": key.digest,
        "rows": update.rows,
        "bytes": update.bytes,
        "base_version": update.base_version,
        "classes": "",
    }
