"""Ways to break the rules of campaigns, each of which the simulation has to notice."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from fieldwise.federation import Consent, FederationReport, Update
from orchestrator.federation import campaigns, machine, offering, receiving, rounds, sweeping
from orchestrator.federation.campaign import Campaign, HeadVersion, Round, RoundResult, Tally
from orchestrator.federation.contribution import Answer, Part, Submission, UpdateHead
from orchestrator.federation.phases import CampaignTurn, RoundPhase, RoundTurn
from orchestrator.federation_ports import Discarded
from orchestrator.storage import memory_campaigns
from orchestrator.storage.memory_campaigns import MemoryContributions
from orchestrator.storage.memory_contents import KeptUpdate

Sabotage = Callable[[pytest.MonkeyPatch], None]


def a_round_closes_without_its_quorum(patch: pytest.MonkeyPatch) -> None:
    def turn(campaign: Campaign, seen: Round, now: float) -> RoundTurn | None:
        over = seen.tally.answered >= seen.tally.asked or now >= seen.deadline
        return RoundTurn.ENOUGH if over or seen.tally.taken >= seen.wanted else None

    patch.setattr(machine, "_turn", turn)


def a_round_never_ends_by_its_deadline(patch: pytest.MonkeyPatch) -> None:
    genuine = machine._turn
    patch.setattr(machine, "_turn", lambda campaign, seen, _now: genuine(campaign, seen, 0.0))


def a_round_is_missed_before_its_time(patch: pytest.MonkeyPatch) -> None:
    genuine = machine._turn
    patch.setattr(machine, "_turn", lambda campaign, seen, now: genuine(campaign, seen, now + 90))


def a_stop_leaves_the_round_open(patch: pytest.MonkeyPatch) -> None:
    def stopped(campaign: Campaign, turn: CampaignTurn, now: float, reason: str = "") -> Campaign:
        phase = machine.CAMPAIGN_TURNS[campaign.phase][turn]
        if phase is campaign.phase:
            return campaign
        return replace(campaign, phase=phase, reason=reason, ended_at=now)

    patch.setattr(campaigns, "turned", stopped)


def a_head_taken_back_lets_the_round_go_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "_dropped", lambda campaign, _now: campaign)


def a_head_taken_back_has_its_old_version(patch: pytest.MonkeyPatch) -> None:
    def back(
        campaign: Campaign, to: HeadVersion, now: float, request: str
    ) -> tuple[Campaign, HeadVersion | None]:
        after, head = machine.taken_back(campaign, to, now, request)
        return (after, head) if head is None else (replace(after, head=to, version=to.version), to)

    patch.setattr(campaigns, "taken_back", back)


def a_round_committed_twice_makes_two_versions(patch: pytest.MonkeyPatch) -> None:
    def twice(
        campaign: Campaign, result: RoundResult, now: float
    ) -> tuple[Campaign, HeadVersion | None]:
        after, head = machine.committed(campaign, result, now)
        if head is not None:
            return after, head
        version = campaign.version + 1
        fresh = HeadVersion(version, result.head_digest, result.head_bytes, now, result.round)
        return replace(campaign, head=fresh, version=version), fresh

    patch.setattr(rounds, "committed", twice)


def every_round_asks_everybody(patch: pytest.MonkeyPatch) -> None:
    genuine = rounds.asked_of

    def everybody(campaign: Campaign, cohort: Sequence[object], seed: bytes) -> Sequence[str]:
        generous = replace(campaign, plan=replace(campaign.plan, participants=0))
        return genuine(generous, cohort, seed)

    patch.setattr(rounds, "asked_of", everybody)


def devices_are_asked_whatever_their_owners_agree_to(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(offering, "_consent_of", lambda _report: Consent.OFF)  # nothing is ever withdrawn
    patch.setattr(memory_campaigns, "_agrees", lambda *_: True)


def what_is_withdrawn_comes_back(patch: pytest.MonkeyPatch) -> None:
    async def kept(self: MemoryContributions, device_id: str, consent: Consent) -> None:
        return None

    patch.setattr(MemoryContributions, "withdraw", kept)


def a_report_is_kept_before_it_is_heard(patch: pytest.MonkeyPatch) -> None:
    async def nothing(
        self: object, device: str, before: FederationReport | None, now: FederationReport | None
    ) -> None:
        return None

    patch.setattr(offering.Offering, "hear", nothing)


def updates_are_taken_after_the_round(patch: pytest.MonkeyPatch) -> None:
    genuine = MemoryContributions.take

    async def take(
        self: MemoryContributions,
        number: int,
        round_number: int,
        device_id: str,
        update: UpdateHead,
        classes: frozenset[int],
    ) -> bool:
        found = self._contents.campaigns[number]
        known = self._contents.partners[number].get(device_id)
        if found.round is None or known is None or known.part.asked != round_number:
            return False
        open_again = replace(found.round, phase=RoundPhase.OPEN)
        self._contents.campaigns[number] = replace(found, round=open_again)
        try:
            return await genuine(self, number, round_number, device_id, update, classes)
        finally:
            self._contents.campaigns[number] = found

    patch.setattr(MemoryContributions, "take", take)
    patch.setattr(receiving, "_known_at_once", lambda *_: None)


def whoever_sends_is_taken_for_asked(patch: pytest.MonkeyPatch) -> None:
    genuine = MemoryContributions.partner

    async def partner(self: MemoryContributions, device_id: str) -> object:
        found = await genuine(self, device_id)
        asked = {
            number: replace(found.parts.get(number, Part()), asked=each.round.number)
            for number, each in self._contents.campaigns.items()
            if each.round is not None
        }
        return replace(found, parts=asked)

    patch.setattr(MemoryContributions, "partner", partner)


def an_update_is_taken_before_its_content_is_kept(patch: pytest.MonkeyPatch) -> None:
    genuine = receiving.Receiving.take

    async def take(
        self: receiving.Receiving, device: str, sent: Submission, update: Update
    ) -> object:
        found = await self._asking(sent.campaign, sent.round)
        if found is not None:
            classes = frozenset(row.class_id for row in update.rows)
            await self._contributions.take(
                found.number,
                sent.round,
                device,
                sent.update,
                classes,
            )
        return await genuine(self, device, sent, update)

    patch.setattr(receiving.Receiving, "take", take)


def rubbish_is_taken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receiving, "check_update", lambda *_: None)


def means_of_before_do_not_stand(patch: pytest.MonkeyPatch) -> None:
    def all_but_the_newest(_level: object, _kind: object, taken: Sequence[object]) -> object:
        return frozenset(each[0] for each in taken[1:])

    patch.setattr(memory_campaigns, "superseded", all_but_the_newest)


def statistics_add_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory_campaigns, "superseded", lambda *_: frozenset())


def means_are_swept_like_weights(patch: pytest.MonkeyPatch) -> None:
    genuine = MemoryContributions._is_over

    def over(self: MemoryContributions, key: Discarded, kept: KeptUpdate) -> bool:
        newest = self._contents.campaigns[key.number].round
        passed = newest is not None and key.round < newest.number
        return passed or genuine(self, key, kept)

    patch.setattr(MemoryContributions, "_is_over", over)


def nothing_is_swept_of_campaigns_that_ended(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryContributions, "_is_over", lambda *_: False)


def the_books_are_swept_and_the_files_forgotten(patch: pytest.MonkeyPatch) -> None:
    async def needs(self: MemoryContributions, digest: str) -> bool:
        return True

    patch.setattr(MemoryContributions, "needs", needs)


def what_never_came_is_never_swept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweeping, "EXPECTED_SECONDS", 1e9)


def heads_are_offered_to_whole_fleets(patch: pytest.MonkeyPatch) -> None:
    genuine = offering._head_offer

    def offer(suited: Sequence[Campaign], report: FederationReport, partner: object) -> object:
        everyone = [replace(each, plan=replace(each.plan, cohort="")) for each in suited]
        return genuine(everyone, report, partner)

    patch.setattr(offering, "_head_offer", offer)


def a_head_is_offered_again_and_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(offering, "_has_judged", lambda *_: False)


def a_replica_remembers_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(offering, "REMEMBERED_SECONDS", 1e9)


def rounds_are_offered_to_the_answered(patch: pytest.MonkeyPatch) -> None:
    genuine = MemoryContributions.partner

    async def partner(self: MemoryContributions, device_id: str) -> object:
        found = await genuine(self, device_id)
        parts = {number: replace(part, answer=None) for number, part in found.parts.items()}
        return replace(found, parts=parts)

    patch.setattr(MemoryContributions, "partner", partner)
    patch.setattr(offering, "_has_answered", lambda *_: False)


def a_tally_counts_the_devices_of_before(patch: pytest.MonkeyPatch) -> None:
    genuine = memory_campaigns.MemoryCampaigns.tally

    async def tally(
        self: memory_campaigns.MemoryCampaigns, number: int, round_number: int
    ) -> Tally:
        found = await genuine(self, number, round_number)
        partners = self._contents.partners[number].values()
        taken = sum(each.part.answer is Answer.TAKEN for each in partners)
        return replace(found, taken=taken)

    patch.setattr(memory_campaigns.MemoryCampaigns, "tally", tally)


SABOTAGES: tuple[Sabotage, ...] = (
    a_round_closes_without_its_quorum,
    a_round_never_ends_by_its_deadline,
    a_round_is_missed_before_its_time,
    a_stop_leaves_the_round_open,
    a_head_taken_back_lets_the_round_go_on,
    a_head_taken_back_has_its_old_version,
    a_round_committed_twice_makes_two_versions,
    every_round_asks_everybody,
    devices_are_asked_whatever_their_owners_agree_to,
    what_is_withdrawn_comes_back,
    a_report_is_kept_before_it_is_heard,
    updates_are_taken_after_the_round,
    whoever_sends_is_taken_for_asked,
    an_update_is_taken_before_its_content_is_kept,
    rubbish_is_taken,
    means_of_before_do_not_stand,
    statistics_add_up,
    means_are_swept_like_weights,
    nothing_is_swept_of_campaigns_that_ended,
    the_books_are_swept_and_the_files_forgotten,
    what_never_came_is_never_swept,
    heads_are_offered_to_whole_fleets,
    a_head_is_offered_again_and_again,
    a_replica_remembers_for_ever,
    rounds_are_offered_to_the_answered,
    a_tally_counts_the_devices_of_before,
)
