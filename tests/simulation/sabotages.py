"""Ways to break the orchestrator that the simulation must notice, one function for each.

The first three are mistakes that a plausible first version of such a machine makes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf

import pytest

from fieldwise.update import UpdatePhase
from orchestrator.check_in_ports import Visitor
from orchestrator.fleet import check_in
from orchestrator.fleet.device import Caller, Device, Standing, Target
from orchestrator.rollout import limits, machine, orders, placing, turns
from orchestrator.rollout.evidence import Outcome
from orchestrator.rollout.limits import Load
from orchestrator.rollout.phases import ADDING, ENDED, FORWARD, Phase, Turn
from orchestrator.rollout.places import Place
from orchestrator.rollout.placing import APART
from orchestrator.rollout.rollout import Event, Order, Rollout, is_way_back
from orchestrator.rollout.timetable import is_open
from orchestrator.storage import memory_rollouts, refusals
from orchestrator.storage.memory_contents import Contents, Membership
from orchestrator.storage.memory_rollouts import MemoryCheckIns, MemoryRollouts

Sabotage = Callable[[pytest.MonkeyPatch], None]


def generations_start_anew_with_each_rollout(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(orders, "next_generation", lambda _: 1)


def a_device_that_turned_back_is_not_counted_as_failed(patch: pytest.MonkeyPatch) -> None:
    def failed(standing: Standing) -> bool:
        on_target = standing.target and standing.bundle_in_use == standing.target.digest
        return bool(on_target) and standing.update.phase is UpdatePhase.REVERTED

    patch.setattr(placing, "has_failed", failed)


def a_rollout_turns_back_without_the_devices_that_nobody_hears(patch: pytest.MonkeyPatch) -> None:
    there = APART | {Place.HEALTHY, Place.OFFLINE}
    patch.setattr(turns, "_is_back", lambda _, seen: all(each.place in there for each in seen))


def a_rollout_ends_without_the_devices_that_nobody_hears(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turns, "SETTLED", turns.SETTLED | {Place.OFFLINE})


def a_failed_device_is_not_settled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turns, "SETTLED", turns.SETTLED - {Place.FAILED})


def an_empty_cohort_is_a_success(patch: pytest.MonkeyPatch) -> None:
    genuine = turns.turn_of

    def turn(rollout: Rollout, seen: Sequence[turns.Seen], moment: turns.Moment) -> Turn | None:
        empty = rollout.phase is Phase.RUNNING and not seen
        return Turn.FLEET_DONE if empty else genuine(rollout, seen, moment)

    patch.setattr(machine, "turn_of", turn)


def a_device_that_is_ahead_is_left_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(orders, "is_ahead", lambda _: False)
    patch.setattr(placing, "is_ahead", lambda _: False)


def only_the_store_counts_generations(patch: pytest.MonkeyPatch) -> None:
    def following(standing: Standing) -> int:
        return (standing.target.generation if standing.target else 0) + 1

    patch.setattr(orders, "next_generation", following)


def a_generation_says_nothing_of_its_bundle(patch: pytest.MonkeyPatch) -> None:
    def ahead(standing: Standing) -> bool:
        return standing.generation > (standing.target.generation if standing.target else 0)

    patch.setattr(orders, "is_ahead", ahead)
    patch.setattr(placing, "is_ahead", ahead)


def devices_that_join_later_are_passed_over(patch: pytest.MonkeyPatch) -> None:
    genuine = orders._is_owed
    patch.setattr(
        orders,
        "_is_owed",
        lambda rollout, *seen: not rollout.finding and genuine(rollout, *seen),
    )


def an_older_rollout_orders_what_a_newer_took(patch: pytest.MonkeyPatch) -> None:
    genuine = orders._is_owed

    def owed(rollout: Rollout, standing: Standing, recalled: Collection[str]) -> bool:
        newer = standing.rollout > rollout.number
        return genuine(rollout, replace(standing, rollout=0) if newer else standing, recalled)

    patch.setattr(orders, "_is_owed", owed)


def superseded_devices_are_still_waited_for(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.place_of

    def place(rollout: Rollout, standing: Standing, now: float, recalled: Collection[str]) -> Place:
        found = genuine(rollout, standing, now, recalled)
        return Place.WAITING if found is Place.SUPERSEDED else found

    patch.setattr(machine, "place_of", place)


def a_held_rollout_is_left_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "_is_watched", lambda rollout, _seen, _now: rollout.phase not in ENDED)


def permits_are_given_after_a_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory_rollouts, "may_start", lambda _rollout, _target: True)


def the_way_back_is_closed_to_whoever_was_stopped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory_rollouts, "may_start", lambda rollout, _target: rollout.phase in FORWARD)


def newcomers_find_no_complete_rollout(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory_rollouts, "host_of", lambda _rollouts, _standing, _tags: None)


def whatever_ended_welcomes_newcomers(patch: pytest.MonkeyPatch) -> None:
    genuine = memory_rollouts.host_of

    def host(
        rollouts: Sequence[Rollout], standing: Standing, tags: Mapping[str, str]
    ) -> Rollout | None:
        ended = [replace(each, phase=Phase.COMPLETE) for each in rollouts]
        found = genuine(ended, standing, tags)
        return next((each for each in rollouts if found and each.number == found.number), None)

    patch.setattr(memory_rollouts, "host_of", host)


def newcomers_get_a_target_and_no_permit(patch: pytest.MonkeyPatch) -> None:
    genuine = memory_rollouts.may_start
    patch.setattr(
        memory_rollouts,
        "may_start",
        lambda rollout, target: rollout.phase is not Phase.COMPLETE and genuine(rollout, target),
    )


def nobody_looks_after_newcomers(patch: pytest.MonkeyPatch) -> None:
    genuine = machine._is_watched
    patch.setattr(
        machine,
        "_is_watched",
        lambda rollout, seen, now: (
            rollout.phase is not Phase.COMPLETE and genuine(rollout, seen, now)
        ),
    )


def a_complete_rollout_takes_who_matches_by_now(patch: pytest.MonkeyPatch) -> None:
    genuine = MemoryCheckIns.visitor

    async def visitor(self: MemoryCheckIns, caller: Caller) -> Visitor:
        found = await genuine(self, caller)
        device = self._contents.devices[caller.device]
        rollouts = self._contents.newest_rollouts()
        host = memory_rollouts.host_of(rollouts, found.standing, device.tags)
        if host is None or host.number <= found.standing.rollout:
            return found
        self._contents.stand(device, replace(found.standing, rollout=0))
        self._contents.members[host.number][caller.device] = Membership()
        return await genuine(self, caller)

    patch.setattr(MemoryCheckIns, "visitor", visitor)


def late_reports_are_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory_rollouts, "is_newer", lambda _report, _kept: True)
    patch.setattr(check_in, "is_newer", lambda _report, _kept: True)


def the_faster_writer_is_overwritten(patch: pytest.MonkeyPatch) -> None:
    genuine = MemoryRollouts.save

    async def save(self: MemoryRollouts, rollout: Rollout, *rest: object) -> Rollout:
        stored = await self.get(rollout.number)
        newest = replace(rollout, revision=stored.revision)
        return await genuine(self, newest, *rest)  # type: ignore[arg-type]  # whatever goes with it

    patch.setattr(MemoryRollouts, "save", save)


def late_orders_are_given_all_the_same(patch: pytest.MonkeyPatch) -> None:
    def give(self: Contents, order: Order, number: int) -> None:
        device = self.devices[order.device]
        given = replace(device.standing, target=order.target, rollout=number, permit=None)
        self.stand(device, given)
        self.members[number][order.device] = Membership(None, order.before, order.at)

    patch.setattr(Contents, "give", give)


def a_removed_device_is_still_served(patch: pytest.MonkeyPatch) -> None:
    async def visitor(self: MemoryCheckIns, caller: Caller) -> Visitor:
        if caller.device not in self._contents.devices:
            raise refusals.unknown_device(caller.device)
        return Visitor(
            self._contents.devices[caller.device].standing, None, may_start=False, is_welcome=False
        )

    patch.setattr(MemoryCheckIns, "visitor", visitor)


def targets_are_told_once(patch: pytest.MonkeyPatch) -> None:
    genuine = check_in.CheckIns.check_in
    told: set[tuple[str, Target | None]] = set()

    async def once(self: check_in.CheckIns, caller: Caller, report: object) -> object:
        given = await genuine(self, caller, report)
        known = (caller.device, given.target) in told
        told.add((caller.device, given.target))
        return replace(given, target=None, permit=None) if known else given

    patch.setattr(check_in.CheckIns, "check_in", once)


# Waves and their gate.


def every_device_is_in_the_first_wave(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(orders, "wave_in", lambda _rollout, _device: 0)


def a_wave_that_is_over_opens_the_next(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turns, "_has_passed", turns._is_over)


def waves_open_before_they_have_been_watched(patch: pytest.MonkeyPatch) -> None:
    genuine = turns._is_over

    def over(rollout: Rollout, now: float) -> bool:
        return genuine(replace(rollout, plan=replace(rollout.plan, soak_seconds=0)), now)

    patch.setattr(turns, "_is_over", over)


def nobody_is_asked_before_a_promotion(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turns, "_waits_for_word", lambda _: False)


def harm_is_passed_over(patch: pytest.MonkeyPatch) -> None:
    genuine = turns.assess

    def blind(*given: object, **named: object) -> object:
        finding = genuine(*given, **named)  # type: ignore[arg-type]  # whatever the gate takes
        closed = finding.outcome is Outcome.CLOSED
        return replace(finding, outcome=Outcome.WAITING) if closed else finding

    patch.setattr(turns, "assess", blind)


def a_paused_rollout_does_not_see_harm(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.turn_of

    def turn(rollout: Rollout, seen: Sequence[turns.Seen], moment: turns.Moment) -> Turn | None:
        paused = rollout.phase is Phase.PAUSED
        return None if paused else genuine(rollout, seen, moment)

    patch.setattr(machine, "turn_of", turn)


def nobody_is_ever_overdue(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(placing, "is_overdue", lambda _rollout, _standing, _now: False)


def unsuitable_devices_are_ordered_all_the_same(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(orders, "exclusion_of", lambda _rollout, _standing: None)


def excluded_devices_are_forgotten_in_the_counts(patch: pytest.MonkeyPatch) -> None:
    genuine = machine._tally
    patch.setattr(
        machine,
        "_tally",
        lambda rollout, seen: genuine(
            rollout, [each for each in seen if each.place is not Place.EXCLUDED]
        ),
    )


# Limits.


def each_replica_counts_for_itself(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryCheckIns, "_load", lambda _self, _rollout, _device, _now: Load())


def devices_start_outside_of_the_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limits, "closes_in", lambda _window, _now: inf)


def a_permit_outlives_the_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(limits, "closes_in", lambda window, now: inf if is_open(window, now) else 0.0)


# Ways back.


def an_abort_orders_nobody_back(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.orders_owed

    def owed(
        rollout: Rollout, cohort: Iterable[Standing], now: float, recalled: Collection[str]
    ) -> tuple[Order, ...]:
        found = genuine(rollout, cohort, now, recalled)
        return tuple(order for order in found if not is_way_back(rollout, order.target))

    patch.setattr(machine, "orders_owed", owed)


def what_was_there_before_is_not_remembered(patch: pytest.MonkeyPatch) -> None:
    genuine = Contents.stand

    def stand(self: Contents, device: Device, standing: Standing) -> None:
        genuine(self, device, replace(standing, before=()))

    patch.setattr(Contents, "stand", stand)


def nobody_is_revoked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(orders, "is_settled", lambda _: True)


def recalled_bundles_are_brought_on(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.turn_of

    def turn(rollout: Rollout, seen: Sequence[turns.Seen], moment: turns.Moment) -> Turn | None:
        added = rollout.phase in ADDING
        return genuine(rollout, seen, replace(moment, recalled=()) if added else moment)

    patch.setattr(machine, "turn_of", turn)


def a_change_is_saved_without_its_history(patch: pytest.MonkeyPatch) -> None:
    genuine = Contents.tell

    def tell(self: Contents, number: int, events: Sequence[Event]) -> None:
        genuine(self, number, events[:1] if number not in self.events else ())

    patch.setattr(Contents, "tell", tell)


SABOTAGES: tuple[Sabotage, ...] = (
    generations_start_anew_with_each_rollout,
    a_device_that_turned_back_is_not_counted_as_failed,
    a_rollout_turns_back_without_the_devices_that_nobody_hears,
    a_rollout_ends_without_the_devices_that_nobody_hears,
    a_failed_device_is_not_settled,
    an_empty_cohort_is_a_success,
    a_device_that_is_ahead_is_left_alone,
    only_the_store_counts_generations,
    a_generation_says_nothing_of_its_bundle,
    devices_that_join_later_are_passed_over,
    an_older_rollout_orders_what_a_newer_took,
    superseded_devices_are_still_waited_for,
    a_held_rollout_is_left_at_once,
    permits_are_given_after_a_stop,
    the_way_back_is_closed_to_whoever_was_stopped,
    newcomers_find_no_complete_rollout,
    whatever_ended_welcomes_newcomers,
    newcomers_get_a_target_and_no_permit,
    nobody_looks_after_newcomers,
    a_complete_rollout_takes_who_matches_by_now,
    late_reports_are_believed,
    the_faster_writer_is_overwritten,
    late_orders_are_given_all_the_same,
    a_removed_device_is_still_served,
    targets_are_told_once,
    every_device_is_in_the_first_wave,
    a_wave_that_is_over_opens_the_next,
    waves_open_before_they_have_been_watched,
    nobody_is_asked_before_a_promotion,
    harm_is_passed_over,
    a_paused_rollout_does_not_see_harm,
    nobody_is_ever_overdue,
    unsuitable_devices_are_ordered_all_the_same,
    excluded_devices_are_forgotten_in_the_counts,
    each_replica_counts_for_itself,
    devices_start_outside_of_the_window,
    a_permit_outlives_the_window,
    an_abort_orders_nobody_back,
    what_was_there_before_is_not_remembered,
    nobody_is_revoked,
    recalled_bundles_are_brought_on,
    a_change_is_saved_without_its_history,
)
