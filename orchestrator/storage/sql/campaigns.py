"""Campaigns with their rounds and heads in a database.

Whoever changes which devices a campaign knows holds its row: their aliases are counted on.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.federation import Consent, FederationReport, HeadOutcome, RowKind
from orchestrator.federation.campaign import (
    Campaign,
    Candidate,
    HeadVersion,
    Round,
    Tally,
    campaign_id,
    campaign_number,
    number_in,
)
from orchestrator.federation.contribution import Answer, UpdateState
from orchestrator.federation.phases import CampaignPhase
from orchestrator.federation_ports import OFFERING_MAX
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import is_silent
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.storage import refusals
from orchestrator.storage.sql.campaign_rows import (
    agrees_to,
    campaign_of,
    campaign_values,
    fresh_values,
    head_of,
    head_values,
    round_of,
    text_of,
)
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.replicas import check_term
from orchestrator.storage.sql.rows import federation_of
from orchestrator.storage.sql.selectors import matches
from orchestrator.storage.sql.tables import (
    campaign_heads,
    campaign_members,
    campaign_rounds,
    campaign_updates,
    campaigns,
    devices,
    reports,
)

NAMED_MAX = 500  # devices that a statement names one by one
_UNCHANGED = "unchanged"  # of a member that declines, and whose means stand
_NEW_MEMBER = {"asked": 0, "digest": "", "bytes": 0, "head_version": 0}


class SqlCampaigns:
    """``CampaignStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, campaign: Campaign) -> Campaign:
        statement = insert(campaigns).values(fresh_values(campaign)).returning(campaigns)
        try:
            async with self._database.write() as connection:
                return campaign_of((await connection.execute(statement)).mappings().one())
        except IntegrityError:
            known = await self.requested(campaign.request)
            if known is None:
                raise
            return known

    async def requested(self, request: str) -> Campaign | None:
        found = await self._found(select(campaigns).where(campaigns.c.request == request))
        return found[0] if found else None

    async def get(self, number: int) -> Campaign:
        found = await self._found(select(campaigns).where(campaigns.c.number == number))
        if not found:
            raise refusals.no_campaign(number)
        return found[0]

    async def list(self, page: PageRequest) -> Page[Campaign]:
        statement = select(campaigns).order_by(campaigns.c.number.desc()).limit(page.limit + 1)
        if (before := page.after_number) is not None:
            statement = statement.where(campaigns.c.number < before)
        return page_of(await self._found(statement), page, lambda each: each.number)

    async def working(self) -> Sequence[str]:
        runs = campaigns.c.phase == CampaignPhase.RUNNING.value
        statement = select(campaigns.c.number).where(runs).order_by(campaigns.c.number)
        async with self._database.read() as connection:
            return [campaign_id(each) for each in (await connection.execute(statement)).scalars()]

    async def offering(self) -> Sequence[Campaign]:
        runs = campaigns.c.phase == CampaignPhase.RUNNING.value
        first = select(campaigns).order_by(case((runs, 0), else_=1), campaigns.c.number.desc())
        offering = first.where(or_(runs, campaigns.c.has_head)).limit(OFFERING_MAX)
        return sorted(await self._found(offering), key=lambda each: -each.number)

    async def save(
        self,
        campaign: Campaign,
        asked: Sequence[str] = (),
        head: HeadVersion | None = None,
        term: int | None = None,
    ) -> Campaign:
        number = campaign.number
        saved = replace(campaign, revision=campaign.revision + 1)
        same = and_(campaigns.c.number == number, campaigns.c.revision == campaign.revision)
        values = {"revision": saved.revision, **campaign_values(saved)}
        async with self._database.write() as connection:
            if term is not None:
                await check_term(connection, term)
            change = update(campaigns).where(same).values(values)
            if (await connection.execute(change)).rowcount == 0:
                await _check_exists(connection, number)
                raise refusals.campaign_changed(number)
            if campaign.round is not None:
                await _keep_round(connection, number, campaign.round)
            if head is not None:
                fresh = {"campaign": number, **head_values(head)}
                await connection.execute(insert(campaign_heads).values(fresh))
            if asked and campaign.round is not None:
                await _ask(connection, number, campaign.round.number, asked)
        return saved

    async def rounds(self, number: int, page: PageRequest) -> Page[Round]:
        found = await self._contents(campaign_rounds, "number", number, page)
        return page_of([round_of(each) for each in found], page, lambda each: each.number)

    async def heads(self, number: int, page: PageRequest) -> Page[HeadVersion]:
        found = await self._contents(campaign_heads, "version", number, page)
        return page_of([head_of(each) for each in found], page, lambda each: each.version)

    async def head(self, number: int, version: int) -> HeadVersion:
        own = and_(campaign_heads.c.campaign == number, campaign_heads.c.version == version)
        async with self._database.read() as connection:
            await _check_exists(connection, number)
            found = await connection.execute(select(campaign_heads.c.content).where(own))
            content = found.scalar_one_or_none()
        if content is None:
            raise refusals.no_head(number, version)
        return head_of(content)

    async def head_requested(self, number: int, request: str) -> HeadVersion | None:
        own = and_(campaign_heads.c.campaign == number, campaign_heads.c.request == request)
        async with self._database.read() as connection:
            found = await connection.execute(select(campaign_heads.c.content).where(own))
            content = found.scalar_one_or_none()
        return None if content is None else head_of(content)

    async def outcomes(self, number: int) -> Mapping[int, Mapping[HeadOutcome, int]]:
        found: dict[int, Counter[HeadOutcome]] = {}
        for report in await self._judged(number):
            if report.outcome is not None:
                found.setdefault(report.head_version, Counter())[report.outcome] += 1
        return found

    async def judged(self, number: int, version: int) -> Sequence[FederationReport]:
        return await self._judged(number, version)

    async def candidates(self, campaign: Campaign, now: float) -> Sequence[Candidate]:
        statement = (
            select(
                devices.c.id,
                reports.c.consent,
                reports.c.bundle_in_use,
                func.coalesce(reports.c.seen_at, devices.c.enrolled_at).label("heard_at"),
                reports.c.pace_seconds,
            )
            .join(reports, reports.c.device == devices.c.id)
            .where(devices.c.removed_at.is_(None), matches(parse_selector(campaign.plan.cohort)))
            .order_by(devices.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [
            Candidate(
                row.id,
                Consent(row.consent) if row.consent else None,
                row.bundle_in_use,
                is_silent(row.heard_at, row.pace_seconds, now),
            )
            for row in rows
        ]

    async def tally(self, number: int, round_number: int) -> Tally:
        async with self._database.read() as connection:
            campaign = await _known(connection, number)
            declined = campaign_members.c.answer == Answer.DECLINED.value
            answer = case(
                (not_(agrees_to(campaign.plan.level)), literal(Answer.DECLINED.value)),
                (and_(declined, _stands(campaign)), literal(_UNCHANGED)),
                else_=campaign_members.c.answer,
            ).label("answer")
            statement = (
                select(answer, func.count().label("devices"), func.sum(campaign_members.c.bytes))
                .join(devices, devices.c.id == campaign_members.c.device)
                .join(reports, reports.c.device == devices.c.id)
                .where(
                    campaign_members.c.campaign == number,
                    campaign_members.c.asked == round_number,
                )
                .group_by(answer)
            )
            rows = (await connection.execute(statement)).all()
            waiting = await _waiting(connection, campaign, round_number)
        counts = {row[0]: row[1] for row in rows}
        taken = [int(row[2]) for row in rows if row[0] == Answer.TAKEN]
        return Tally(
            asked=sum(counts.values()),
            bytes=sum(taken),
            unchanged=counts.get(_UNCHANGED, 0),
            waiting=waiting,
            **{each.value: counts.get(each.value, 0) for each in Answer},
        )

    async def keep_worker_token(self, campaign: str, digest: str, term: int) -> None:
        number = campaign_number(campaign)
        change = update(campaigns).where(campaigns.c.number == number)
        async with self._database.write() as connection:
            await check_term(connection, term)
            if (await connection.execute(change.values(worker_token=digest))).rowcount == 0:
                raise refusals.no_campaign(number)

    async def worker_token(self, campaign: str) -> str | None:
        own = campaigns.c.number == number_in(campaign)
        async with self._database.read() as connection:
            found = await connection.execute(select(campaigns.c.worker_token).where(own))
            return found.scalar_one_or_none()

    async def _found(self, statement: Select[tuple[object, ...]]) -> Sequence[Campaign]:
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return [campaign_of(row) for row in rows]

    async def _contents(
        self, table: Table, key: str, number: int, page: PageRequest
    ) -> Sequence[str]:
        column = table.c[key]
        statement = select(table.c.content).where(table.c.campaign == number)
        if (before := page.after_number) is not None:
            statement = statement.where(column < before)
        statement = statement.order_by(column.desc()).limit(page.limit + 1)
        async with self._database.read() as connection:
            await _check_exists(connection, number)
            return (await connection.execute(statement)).scalars().all()

    async def _judged(self, number: int, version: int | None = None) -> Sequence[FederationReport]:
        statement = (
            select(campaign_members.c.judged)
            .join(devices, devices.c.id == campaign_members.c.device)
            .where(
                campaign_members.c.campaign == number,
                campaign_members.c.judged.is_not(None),
                devices.c.removed_at.is_(None),
            )
            .order_by(devices.c.id)
        )
        if version is not None:
            statement = statement.where(campaign_members.c.head_version == version)
        async with self._database.read() as connection:
            texts = (await connection.execute(statement)).scalars().all()
        return [each for each in map(federation_of, texts) if each is not None]


async def add_members(connection: AsyncConnection, number: int, wanted: Sequence[str]) -> None:
    """Give aliases to devices that have none; whoever does holds the campaign's row."""
    own = campaign_members.c.campaign == number
    named = select(campaign_members.c.device).where(own)
    if len(wanted) <= NAMED_MAX:
        named = named.where(campaign_members.c.device.in_(wanted))
    known = set((await connection.execute(named)).scalars())
    fresh = [each for each in wanted if each not in known]
    if not fresh:
        return
    highest = select(func.max(campaign_members.c.alias)).where(own)
    last = (await connection.execute(highest)).scalar_one() or 0
    rows = [
        {"campaign": number, "device": device, "alias": alias, **_NEW_MEMBER}
        for alias, device in enumerate(fresh, start=last + 1)
    ]
    await connection.execute(insert(campaign_members), rows)


async def _ask(
    connection: AsyncConnection, number: int, round_number: int, asked: Sequence[str]
) -> None:
    await add_members(connection, number, asked)
    change = (
        update(campaign_members)
        .where(
            campaign_members.c.campaign == number,
            campaign_members.c.device == bindparam("asked_device"),
        )
        .values(asked=round_number, answer=None, digest="", bytes=0)
    )
    await connection.execute(change, [{"asked_device": each} for each in asked])


async def _keep_round(connection: AsyncConnection, number: int, newest: Round) -> None:
    own = and_(campaign_rounds.c.campaign == number, campaign_rounds.c.number == newest.number)
    content = {"content": text_of(newest)}
    changed = await connection.execute(update(campaign_rounds).where(own).values(content))
    if changed.rowcount == 0:
        fresh = {"campaign": number, "number": newest.number, **content}
        await connection.execute(insert(campaign_rounds).values(fresh))


async def _check_exists(connection: AsyncConnection, number: int) -> None:
    known = await connection.execute(select(exists().where(campaigns.c.number == number)))
    if not known.scalar_one():
        raise refusals.no_campaign(number)


async def _known(connection: AsyncConnection, number: int) -> Campaign:
    statement = select(campaigns).where(campaigns.c.number == number)
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        raise refusals.no_campaign(number)
    return campaign_of(row)


def _stands(campaign: Campaign) -> ColumnElement[bool]:
    """The condition that means of a campaign's member stand."""
    if campaign.plan.kind is not RowKind.MEANS:
        return false()
    own = and_(
        campaign_updates.c.campaign == campaign_members.c.campaign,
        campaign_updates.c.device == campaign_members.c.device,
        campaign_updates.c.state == UpdateState.TAKEN.value,
    )
    return exists().where(own).correlate(campaign_members)


async def _waiting(connection: AsyncConnection, campaign: Campaign, round_number: int) -> int:
    """Count members of which the newest means are in no head, and not of this round."""
    if campaign.plan.kind is not RowKind.MEANS:
        return 0
    newest = func.max(campaign_updates.c.round)
    given = (
        select(campaign_updates.c.device)
        .join(devices, devices.c.id == campaign_updates.c.device)
        .join(reports, reports.c.device == devices.c.id)
        .where(
            campaign_updates.c.campaign == campaign.number,
            campaign_updates.c.state == UpdateState.TAKEN.value,
            agrees_to(campaign.plan.level),
        )
        .group_by(campaign_updates.c.device)
        .having(and_(newest > campaign.made_in, newest != round_number))
        .subquery()
    )
    count = select(func.count()).select_from(given)
    return int((await connection.execute(count)).scalar_one())
