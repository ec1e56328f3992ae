"""What must hold of campaigns whatever happens: what is stored, beside what devices were told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fieldwise.federation import Consent, FederationReport, RowKind
from orchestrator.federation.campaign import Campaign, HeadVersion, Round
from orchestrator.federation.contribution import Contribution, Offers, UpdateHead
from orchestrator.federation.phases import ROUND_TURNS, UNDER_WAY, CampaignPhase, RoundPhase
from orchestrator.fleet.cohort import parse_selector
from orchestrator.storage.memory_contents import Contents

LATE_SECONDS = 5.0  # that a replica may be behind


@dataclass(frozen=True, slots=True)
class Given:
    """An update that a device was told to have been taken."""

    number: int
    round: int
    device: str
    update: UpdateHead
    classes: frozenset[int]


@dataclass(slots=True)
class Witness:
    """Remembers what was told, and compares."""

    contents: Contents
    files: Mapping[str, bytes]
    rounds: dict[tuple[int, int], Round] = field(default_factory=dict)
    asked: dict[tuple[int, int], frozenset[str]] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)
    agreed: dict[str, Consent] = field(default_factory=dict)
    versions: dict[int, list[int]] = field(default_factory=dict)
    version_of: dict[tuple[int, int], int] = field(default_factory=dict)
    heads: dict[int, list[tuple[float, int]]] = field(default_factory=dict)

    def hear(self, device: str, consent: Consent) -> None:
        """A report is about to be heard; what it takes back is gone from then on."""
        if not consent.covers(self.agreed.get(device, Consent.OFF)):
            self.given = [
                each
                for each in self.given
                if each.device != device or consent.covers(each.update.level)
            ]
        self.agreed[device] = consent

    def offered(self, device: str, consent: Consent, offers: Offers, now: float) -> None:
        if offers.round is not None:
            campaign = self._named(offers.round.campaign)
            assert consent.covers(campaign.plan.level)
            assert device in self._asked(campaign.number, offers.round.round)
            assert 0 < offers.round.seconds <= campaign.plan.deadline_seconds
        if offers.head is not None:
            campaign = self._named(offers.head.campaign)
            assert consent.covers(campaign.plan.level)
            tags = self.contents.devices[device].tags
            assert parse_selector(campaign.plan.cohort).matches(tags)
            offered = self.heads[campaign.number]
            since = [version for at, version in offered if at >= now - LATE_SECONDS]
            before = [version for at, version in offered if at < now - LATE_SECONDS][-1:]
            assert offers.head.version in (*before, *since)

    def tasked(self, device: str, campaign: Campaign) -> None:
        assert campaign.round is not None
        assert device in self._asked(campaign.number, campaign.round.number)

    def took(self, given: Given) -> None:
        """An update was told to be taken: now, or before and told again."""
        assert given.device in self._asked(given.number, given.round)
        assert given.device not in self.contents.removed
        if given in self.given:
            return
        stored = self.contents.rounds[given.number][given.round]
        assert stored.phase is RoundPhase.OPEN
        same = [
            each
            for each in self.given
            if (each.number, each.round, each.device) == (given.number, given.round, given.device)
        ]
        for each in same:  # the later one counts
            self.given.remove(each)
        self.given.append(given)

    def aggregated(self, campaign: Campaign, given: Sequence[Contribution]) -> None:
        """The aggregator got what a head is to be made of: just that, and with its content."""
        names = {
            known.alias: device for device, known in self.contents.partners[campaign.number].items()
        }
        found = [(names[each.alias], each.round, each.update) for each in given]
        assert sorted(found, key=str) == sorted(self._standing(campaign), key=str)
        for each in given:
            assert each.update.digest in self.files
            assert len(self.files[each.update.digest]) == each.update.bytes

    def committed(self, campaign: Campaign, head: HeadVersion) -> None:
        assert campaign.round is not None
        key = (campaign.number, campaign.round.number)
        assert self.version_of.setdefault(key, head.version) == head.version
        self._new(campaign.number, head)

    def rolled_back(self, before: Campaign, version: int, head: HeadVersion) -> None:
        heads = self.contents.heads[before.number]
        assert head.digest == heads[version].digest
        self._new(before.number, head)
        after = self.contents.campaigns[before.number]
        assert after.head == head
        if after != before:
            assert after.under_way is None

    def look(self, now: float) -> None:
        """Compare all that is stored with what was there before, and with itself."""
        for number, campaign in self.contents.campaigns.items():
            for each in self.contents.rounds[number].values():
                self._look_at_round(campaign, each)
            self._look_at_campaign(campaign, now)

    def settled(self, agents: Mapping[str, tuple[Consent, FederationReport | None]]) -> None:
        """After hours without a mishap."""
        for campaign in self.contents.campaigns.values():
            able = [
                device
                for device, (consent, _) in agents.items()
                if consent.covers(campaign.plan.level) and self._matches(campaign, device)
            ]
            if campaign.plan.rounds and len(able) >= campaign.plan.quorum:
                assert campaign.phase is not CampaignPhase.RUNNING
        for device, (consent, told) in agents.items():
            newest = self._head_for(device, consent)
            if newest is not None:
                assert told is not None
                assert newest.head is not None
                judged = (told.head_campaign, told.head_version)
                assert judged == (newest.id, newest.head.version)

    def swept(self) -> None:
        """Every campaign has ended, and nothing of any device is left."""
        assert not self.files
        assert not self.contents.updates

    def _look_at_round(self, campaign: Campaign, now: Round) -> None:
        key = (campaign.number, now.number)
        before = self.rounds.get(key)
        if before is not None and before.phase is not now.phase:
            reachable = set(ROUND_TURNS[before.phase].values())
            further = {each for one in reachable for each in ROUND_TURNS[one].values()}
            assert now.phase in reachable | further
        self.rounds[key] = now
        was_closed = before is not None and before.phase is not RoundPhase.OPEN
        plan, tally = campaign.plan, now.tally
        if plan.participants:
            most = math.ceil(plan.participants * (1 + plan.over_selection))
            assert tally.asked <= most
        assert tally.answered <= tally.asked
        if now.phase in {RoundPhase.CLOSED, RoundPhase.COMMITTED}:
            assert tally.news >= plan.quorum
        if now.phase in {RoundPhase.MISSED, RoundPhase.UNCHANGED}:
            assert tally.news < plan.quorum
            enough = tally.taken + tally.unchanged >= plan.quorum
            assert enough == (now.phase is RoundPhase.UNCHANGED) or was_closed
            assert now.ended_at is not None
            all_answered = tally.answered >= tally.asked
            assert was_closed or now.ended_at >= now.deadline or all_answered
        assert (now.phase is RoundPhase.COMMITTED) == (now.version > 0)
        assert (now.phase in UNDER_WAY) == (now.ended_at is None)

    def _look_at_campaign(self, campaign: Campaign, now: float) -> None:
        number = campaign.number
        assert campaign.runs or campaign.under_way is None
        rounds = self.contents.rounds[number].values()
        under_way = [each for each in rounds if each.phase in UNDER_WAY]
        assert len(under_way) <= 1
        counted = [
            sum(each.phase is phase for each in rounds)
            for phase in (
                RoundPhase.COMMITTED,
                RoundPhase.MISSED,
                RoundPhase.UNCHANGED,
                RoundPhase.DROPPED,
            )
        ]
        assert counted == [
            campaign.committed,
            campaign.missed,
            campaign.unchanged,
            campaign.dropped,
        ]
        assert not campaign.plan.rounds or campaign.committed <= campaign.plan.rounds
        heads = self.contents.heads[number]
        assert sorted(heads) == list(range(1, campaign.version + 1))
        if campaign.head is not None:
            assert campaign.head.version == campaign.version
            told = self.heads.setdefault(number, [])
            if not told or told[-1][1] != campaign.head.version:
                told.append((now, campaign.head.version))
        for each in under_way:
            newest = campaign.head.version if campaign.head else 0
            assert each.base_version == newest

    def _standing(self, campaign: Campaign) -> list[tuple[str, int, UpdateHead]]:
        """What a head is to be made of, worked out the long way."""
        own = [
            each
            for each in self.given
            if each.number == campaign.number
            and each.device not in self.contents.removed
            and self.agreed.get(each.device, Consent.OFF).covers(campaign.plan.level)
        ]
        newest = campaign.round.number if campaign.round else 0
        if campaign.plan.kind is RowKind.WEIGHTS:
            own = [each for each in own if each.round == newest]
        return [(each.device, each.round, each.update) for each in own if self._counts(each, own)]

    @staticmethod
    def _counts(given: Given, own: Sequence[Given]) -> bool:
        later = [each for each in own if each.device == given.device and each.round > given.round]
        if given.update.level is Consent.STATISTICS:
            return not later
        return any(all(one not in each.classes for each in later) for one in given.classes)

    def _asked(self, number: int, round_number: int) -> frozenset[str]:
        """Who was asked in a round, as first seen."""
        key = (number, round_number)
        partners = self.contents.partners[number].items()
        now = frozenset(name for name, known in partners if known.part.asked == round_number)
        return self.asked.setdefault(key, now)

    def _new(self, number: int, head: HeadVersion) -> None:
        versions = self.versions.setdefault(number, [])
        if head.version not in versions:
            assert head.version > max(versions, default=0)
            versions.append(head.version)

    def _named(self, campaign_id: str) -> Campaign:
        [found] = [each for each in self.contents.campaigns.values() if each.id == campaign_id]
        return found

    def _matches(self, campaign: Campaign, device: str) -> bool:
        return parse_selector(campaign.plan.cohort).matches(self.contents.devices[device].tags)

    def _head_for(self, device: str, consent: Consent) -> Campaign | None:
        for campaign in sorted(self.contents.campaigns.values(), key=lambda each: -each.number):
            agrees = consent is not Consent.OFF and consent.covers(campaign.plan.level)
            if agrees and campaign.head is not None and self._matches(campaign, device):
                return campaign
        return None
