"""Campaigns, and what devices gave to them, in memory."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fieldwise.federation import Consent, FederationReport, HeadOutcome, RowKind
from orchestrator.federation.campaign import (
    Campaign,
    Candidate,
    HeadVersion,
    Round,
    Tally,
    campaign_number,
    number_in,
)
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
from orchestrator.federation_ports import OFFERING_MAX, Discarded, Partner
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Device, is_offline
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import (
    Contents,
    KeptUpdate,
    Partnership,
    newest_first,
)
from orchestrator.storage.memory_replicas import MemoryLeadership


class MemoryCampaigns:
    """``CampaignStore``."""

    def __init__(self, contents: Contents, leadership: MemoryLeadership) -> None:
        self._contents = contents
        self._leadership = leadership

    async def add(self, campaign: Campaign) -> Campaign:
        known = await self.requested(campaign.request) if campaign.request else None
        if known is not None:
            return known
        number = len(self._contents.campaigns) + 1
        self._contents.campaigns[number] = replace(campaign, number=number)
        self._contents.rounds[number] = {}
        self._contents.heads[number] = {}
        self._contents.partners[number] = {}
        return self._contents.campaigns[number]

    async def requested(self, request: str) -> Campaign | None:
        known = self._contents.campaigns.values()
        return next((each for each in known if each.request == request), None)

    async def get(self, number: int) -> Campaign:
        campaign = self._contents.campaigns.get(number)
        if campaign is None:
            raise refusals.no_campaign(number)
        return campaign

    async def list(self, page: PageRequest) -> Page[Campaign]:
        return newest_first(self._contents.campaigns.values(), page)

    async def working(self) -> Sequence[str]:
        return [each.id for each in self._contents.campaigns.values() if each.runs]

    async def offering(self) -> Sequence[Campaign]:
        newest = reversed(self._contents.campaigns.values())
        offering = [each for each in newest if each.runs or each.head is not None]
        first = sorted(offering, key=lambda each: not each.runs)[:OFFERING_MAX]
        return sorted(first, key=lambda each: -each.number)

    async def save(
        self,
        campaign: Campaign,
        asked: Sequence[str] = (),
        head: HeadVersion | None = None,
        term: int | None = None,
    ) -> Campaign:
        number = campaign.number
        if term is not None:
            self._check_term(term)
        if (await self.get(number)).revision != campaign.revision:
            raise refusals.campaign_changed(number)
        saved = replace(campaign, revision=campaign.revision + 1)
        self._contents.campaigns[number] = saved
        if campaign.round is not None:
            self._contents.rounds[number][campaign.round.number] = campaign.round
        if head is not None:
            self._contents.heads[number][head.version] = head
        for device in asked:
            assert campaign.round is not None
            part = Part(asked=campaign.round.number)
            known = _partnership(self._contents, number, device)
            part = replace(part, head_version=known.part.head_version)
            self._contents.partners[number][device] = replace(known, part=part)
        return saved

    async def rounds(self, number: int, page: PageRequest) -> Page[Round]:
        await self.get(number)
        before = page.after_number
        found = [
            each
            for each in reversed(self._contents.rounds[number].values())
            if before is None or each.number < before
        ]
        return page_of(found[: page.limit + 1], page, lambda each: each.number)

    async def heads(self, number: int, page: PageRequest) -> Page[HeadVersion]:
        await self.get(number)
        before = page.after_number
        found = [
            each
            for each in reversed(self._contents.heads[number].values())
            if before is None or each.version < before
        ]
        return page_of(found[: page.limit + 1], page, lambda each: each.version)

    async def head(self, number: int, version: int) -> HeadVersion:
        await self.get(number)
        found = self._contents.heads[number].get(version)
        if found is None:
            raise refusals.no_head(number, version)
        return found

    async def head_requested(self, number: int, request: str) -> HeadVersion | None:
        heads = self._contents.heads.get(number, {}).values()
        return next((each for each in heads if each.request == request), None)

    async def outcomes(self, number: int) -> Mapping[int, Mapping[HeadOutcome, int]]:
        found: dict[int, Counter[HeadOutcome]] = {}
        for report in self._judged(number):
            if report.outcome is not None:
                found.setdefault(report.head_version, Counter())[report.outcome] += 1
        return found

    async def judged(self, number: int, version: int) -> Sequence[FederationReport]:
        return [each for each in self._judged(number) if each.head_version == version]

    async def candidates(self, campaign: Campaign, now: float) -> Sequence[Candidate]:
        selector = parse_selector(campaign.plan.cohort)
        return [
            Candidate(
                device.id,
                _consent_of(device),
                device.standing.bundle_in_use,
                is_offline(device.standing, now),
            )
            for device in self._contents.fleet()
            if selector.matches(device.tags)
        ]

    async def tally(self, number: int, round_number: int) -> Tally:
        campaign = await self.get(number)
        stands = self._standing(campaign)
        found: Counter[str] = Counter()
        for device_id, known in self._contents.partners[number].items():
            if known.part.asked != round_number:
                continue
            found["asked"] += 1
            answer: Answer | None = known.part.answer
            if not _agrees(self._contents, campaign, device_id):
                answer = Answer.DECLINED
            elif answer is Answer.DECLINED and device_id in stands:
                found["unchanged"] += 1
                continue
            if answer is not None:
                found[answer] += 1
            if answer is Answer.TAKEN:
                key = Discarded(number, round_number, device_id, known.part.digest)
                found["bytes"] += self._contents.updates[key].update.bytes
        news = {each for each, newest in stands.items() if newest > campaign.made_in}
        given = {each for each, newest in stands.items() if newest == round_number}
        return Tally(**found, waiting=len(news - given))

    def _standing(self, campaign: Campaign) -> Mapping[str, int]:
        """The devices whose means stand, with the newest round that they gave some to."""
        if campaign.plan.kind is not RowKind.MEANS:
            return {}
        found: dict[str, int] = {}
        for key, kept in self._contents.updates.items():
            taken = key.number == campaign.number and kept.state is UpdateState.TAKEN
            if taken and _agrees(self._contents, campaign, key.device):
                found[key.device] = max(key.round, found.get(key.device, 0))
        return found

    async def keep_worker_token(self, campaign: str, digest: str, term: int) -> None:
        number = campaign_number(campaign)
        await self.get(number)
        self._check_term(term)
        self._contents.worker_tokens[number] = digest

    async def worker_token(self, campaign: str) -> str | None:
        return self._contents.worker_tokens.get(number_in(campaign))

    def _check_term(self, term: int) -> None:
        lead = self._leadership.lead
        if lead is None or lead.term != term:
            raise refusals.term_over(term)

    def _judged(self, number: int) -> Iterator[FederationReport]:
        for device_id, known in self._contents.partners.get(number, {}).items():
            if known.judged is not None and self._contents.member(device_id) is not None:
                yield known.judged


class MemoryContributions:
    """``ContributionStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def partner(self, device_id: str) -> Partner:
        device = self._contents.present(device_id)
        return Partner(
            device.tags,
            {
                number: partners[device_id].part
                for number, partners in self._contents.partners.items()
                if device_id in partners
            },
        )

    async def tell(self, device_id: str, report: FederationReport) -> None:
        if self._contents.member(device_id) is None:
            return
        if report.step in DECLINING:
            number = number_in(report.campaign)
            await self.answer(number, report.round, device_id, Answer.DECLINED)
        number = number_in(report.head_campaign)
        if report.outcome is not None and number in self._contents.campaigns:
            known = _partnership(self._contents, number, device_id)
            part = replace(known.part, head_version=report.head_version)
            judged = replace(known, part=part, judged=report)
            self._contents.partners[number][device_id] = judged

    async def withdraw(self, device_id: str, consent: Consent) -> None:
        for key, kept in list(self._contents.updates.items()):
            if key.device == device_id and not consent.covers(kept.update.level):
                self._drop(key)
        for number, partners in self._contents.partners.items():
            known = partners.get(device_id)
            level = self._contents.campaigns[number].plan.level
            if known and known.part.answer is Answer.TAKEN and not consent.covers(level):
                part = replace(known.part, answer=Answer.DECLINED, digest="")
                partners[device_id] = replace(known, part=part)

    async def expect(
        self, number: int, round_number: int, device_id: str, update: UpdateHead, now: float
    ) -> Part:
        partner = self._contents.partners[number].get(device_id)
        part = partner.part if partner else NO_PART
        if part.asked == round_number and not is_taken(part, update):
            key = Discarded(number, round_number, device_id, update.digest)
            for each, kept in list(self._contents.updates.items()):
                same = (each.number, each.device) == (number, device_id)
                if same and each != key and kept.state is UpdateState.EXPECTED:
                    self._drop(each)
            self._contents.updates[key] = KeptUpdate(update, UpdateState.EXPECTED, now)
        return part

    async def take(
        self,
        number: int,
        round_number: int,
        device_id: str,
        update: UpdateHead,
        classes: frozenset[int],
    ) -> bool:
        campaign = self._contents.campaigns[number]
        known = self._contents.partners[number].get(device_id)
        key = Discarded(number, round_number, device_id, update.digest)
        kept = self._contents.updates.get(key)
        if known is None or kept is None or kept.state is UpdateState.DROPPED:
            return False
        is_open = campaign.open_round is not None and campaign.open_round.number == round_number
        agrees = _agrees(self._contents, campaign, device_id)
        if not is_open or known.part.asked != round_number or not agrees:
            return False
        for each in list(self._contents.updates):
            same = (each.number, each.round, each.device) == (number, round_number, device_id)
            if same and each != key:
                self._drop(each)
        self._contents.updates[key] = replace(kept, state=UpdateState.TAKEN, classes=classes)
        part = replace(known.part, answer=Answer.TAKEN, digest=update.digest)
        self._contents.partners[number][device_id] = replace(known, part=part)
        taken = [each for each in self._taken(number) if each.device == device_id]
        taken.sort(key=lambda each: -each.round)
        rounds = [(each.round, self._contents.updates[each].classes) for each in taken]
        gone = superseded(campaign.plan.level, campaign.plan.kind, rounds)
        for each in taken:
            if each.round in gone:
                self._drop(each)
        return True

    async def answer(self, number: int, round_number: int, device_id: str, answer: Answer) -> None:
        known = self._contents.partners.get(number, {}).get(device_id)
        if known is None or known.part.asked != round_number:
            return
        if known.part.answer is not Answer.TAKEN:
            part = replace(known.part, answer=answer)
            self._contents.partners[number][device_id] = replace(known, part=part)

    async def standing(self, number: int) -> Sequence[Contribution]:
        campaign = self._contents.campaigns[number]
        newest = campaign.round.number if campaign.round else 0
        found = [
            Contribution(
                self._contents.partners[number][key.device].alias,
                key.round,
                self._contents.updates[key].update,
            )
            for key in self._taken(number)
            if campaign.plan.kind is RowKind.MEANS or key.round == newest
            if _agrees(self._contents, campaign, key.device)
        ]
        return sorted(found, key=lambda each: (each.alias, each.round))

    async def discard(self, expected_before: float, limit: int) -> Sequence[Discarded]:
        for key, kept in list(self._contents.updates.items()):
            late = kept.state is UpdateState.EXPECTED and kept.at < expected_before
            if late or self._is_over(key, kept):
                self._drop(key)
        dropped = (
            key for key, kept in self._contents.updates.items() if kept.state is UpdateState.DROPPED
        )
        return list(dropped)[:limit]

    async def needs(self, digest: str) -> bool:
        return any(
            key.digest == digest and kept.state is not UpdateState.DROPPED
            for key, kept in self._contents.updates.items()
        )

    async def forget(self, gone: Sequence[Discarded]) -> None:
        for key in gone:
            kept = self._contents.updates.get(key)
            if kept is not None and kept.state is UpdateState.DROPPED:
                del self._contents.updates[key]

    def _taken(self, number: int) -> list[Discarded]:
        return [
            key
            for key, kept in self._contents.updates.items()
            if key.number == number and kept.state is UpdateState.TAKEN
        ]

    def _is_over(self, key: Discarded, kept: KeptUpdate) -> bool:
        campaign = self._contents.campaigns[key.number]
        newest = campaign.round.number if campaign.round else 0
        passed = campaign.plan.kind is RowKind.WEIGHTS and key.round < newest
        gone = self._contents.member(key.device) is None
        taken = kept.state is UpdateState.TAKEN
        return gone or (taken and (passed or not campaign.runs))

    def _drop(self, key: Discarded) -> None:
        kept = self._contents.updates[key]
        self._contents.updates[key] = replace(kept, state=UpdateState.DROPPED)


def _partnership(contents: Contents, number: int, device_id: str) -> Partnership:
    partners = contents.partners[number]
    return partners.get(device_id, Partnership(len(partners) + 1))


def _consent_of(device: Device) -> Consent | None:
    report = device.report
    return report.federation.consent if report and report.federation else None


def _agrees(contents: Contents, campaign: Campaign, device_id: str) -> bool:
    device = contents.member(device_id)
    consent = _consent_of(device) if device else None
    return consent is not None and consent.covers(campaign.plan.level)
