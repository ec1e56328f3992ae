"""Ways to break the orchestrator that the simulation must notice, one function for each.

The first three are mistakes that a plausible first version of such a machine makes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from fieldwise.update import UpdatePhase
from orchestrator.fleet import check_in
from orchestrator.fleet.device import Caller, Standing, Target, not_a_member
from orchestrator.ports import Visitor
from orchestrator.rollout import machine
from orchestrator.rollout.machine import Order, Phase, Place, Rollout, Verdict
from orchestrator.storage import memory

Sabotage = Callable[[pytest.MonkeyPatch], None]


def generations_start_anew_with_each_rollout(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "next_generation", lambda _: 1)


def a_device_that_turned_back_is_not_counted_as_failed(patch: pytest.MonkeyPatch) -> None:
    def failed(standing: Standing) -> bool:
        on_target = standing.target and standing.bundle_in_use == standing.target.digest
        return bool(on_target) and standing.update.phase is UpdatePhase.REVERTED

    patch.setattr(machine, "has_failed", failed)


def a_rollout_ends_without_the_devices_that_nobody_hears(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "SETTLED", machine.SETTLED | {Place.OFFLINE})


def a_failed_device_is_not_settled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "SETTLED", frozenset({Place.HEALTHY}))


def an_empty_cohort_is_a_success(patch: pytest.MonkeyPatch) -> None:
    genuine = machine._verdict
    patch.setattr(
        machine, "_verdict", lambda places: genuine(places) if places else Verdict.ALL_SETTLED
    )


def a_device_that_is_ahead_is_left_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(machine, "is_ahead", lambda _: False)


def only_the_store_counts_generations(patch: pytest.MonkeyPatch) -> None:
    def following(standing: Standing) -> int:
        return (standing.target.generation if standing.target else 0) + 1

    patch.setattr(machine, "next_generation", following)


def a_generation_says_nothing_of_its_bundle(patch: pytest.MonkeyPatch) -> None:
    def ahead(standing: Standing) -> bool:
        return standing.generation > (standing.target.generation if standing.target else 0)

    patch.setattr(machine, "is_ahead", ahead)


def devices_that_join_later_are_passed_over(patch: pytest.MonkeyPatch) -> None:
    genuine = machine._is_owed
    patch.setattr(
        machine,
        "_is_owed",
        lambda rollout, standing: not rollout.counts and genuine(rollout, standing),
    )


def an_older_rollout_orders_what_a_newer_took(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        machine,
        "_is_owed",
        lambda rollout, standing: (
            rollout.phase is Phase.RUNNING and standing.rollout != rollout.number
        ),
    )


def superseded_devices_are_still_waited_for(patch: pytest.MonkeyPatch) -> None:
    genuine = machine.place_of

    def place(rollout: Rollout, standing: Standing, now: float) -> Place:
        found = genuine(rollout, standing, now)
        return Place.WAITING if found is Place.SUPERSEDED else found

    patch.setattr(machine, "place_of", place)


def a_stopped_rollout_is_left_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        machine, "_is_watched", lambda rollout, _cohort, _now: rollout.phase is Phase.RUNNING
    )


def a_stopped_rollout_forgets_the_silent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        machine,
        "_may_move",
        lambda standing, now: machine.is_under_way(standing) or machine.has_permit(standing, now),
    )


def permits_are_given_after_a_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory, "may_start", lambda _: True)


def newcomers_find_no_complete_rollout(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory, "host_of", lambda _rollouts, _tags: None)


def whatever_ended_welcomes_newcomers(patch: pytest.MonkeyPatch) -> None:
    genuine = memory.host_of

    def host(rollouts: Sequence[Rollout], tags: Mapping[str, str]) -> Rollout | None:
        ended = [replace(each, phase=Phase.COMPLETE) for each in rollouts]
        found = genuine(ended, tags)
        return next((each for each in rollouts if found and each.number == found.number), None)

    patch.setattr(memory, "host_of", host)


def newcomers_get_a_target_and_no_permit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory, "may_start", lambda phase: phase is Phase.RUNNING)


def nobody_looks_after_newcomers(patch: pytest.MonkeyPatch) -> None:
    genuine = machine._is_watched
    patch.setattr(
        machine,
        "_is_watched",
        lambda rollout, cohort, now: (
            rollout.phase is not Phase.COMPLETE and genuine(rollout, cohort, now)
        ),
    )


def a_look_from_before_a_welcome_is_saved(patch: pytest.MonkeyPatch) -> None:
    genuine = memory.MemoryCheckIns.welcome

    async def welcome(
        self: memory.MemoryCheckIns, device_id: str, generation: int
    ) -> Visitor | None:
        revisions = {each.number: each.revision for each in self._contents.newest_rollouts()}
        visitor = await genuine(self, device_id, generation)
        for number, revision in revisions.items():
            rollout = self._contents.rollouts[number]
            self._contents.rollouts[number] = replace(rollout, revision=revision)
        return visitor

    patch.setattr(memory.MemoryCheckIns, "welcome", welcome)


def a_complete_rollout_takes_who_matches_by_now(patch: pytest.MonkeyPatch) -> None:
    genuine = memory.MemoryCheckIns.visitor

    async def visitor(self: memory.MemoryCheckIns, caller: Caller) -> Visitor:
        found = await genuine(self, caller)
        device = self._contents.devices[caller.device]
        host = memory.host_of(self._contents.newest_rollouts(), device.tags)
        if host is None or host.number <= found.standing.rollout:
            return found
        self._contents.stand(device, replace(found.standing, rollout=0))
        self._contents.members[host.number][caller.device] = None
        return await genuine(self, caller)

    patch.setattr(memory.MemoryCheckIns, "visitor", visitor)


def a_reply_is_thought_to_arrive_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(check_in, "DELIVERY_SECONDS", 0)


def late_reports_are_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(memory, "is_newer", lambda _report, _kept: True)
    patch.setattr(check_in, "is_newer", lambda _report, _kept: True)


def the_faster_writer_is_overwritten(patch: pytest.MonkeyPatch) -> None:
    genuine = memory.MemoryRollouts.save

    async def save(
        self: memory.MemoryRollouts, rollout: Rollout, orders: Sequence[Order] = ()
    ) -> Rollout:
        stored = await self.get(rollout.number)
        return await genuine(self, replace(rollout, revision=stored.revision), orders)

    patch.setattr(memory.MemoryRollouts, "save", save)


def late_orders_are_given_all_the_same(patch: pytest.MonkeyPatch) -> None:
    def give(self: memory.MemoryRollouts, order: Order, number: int) -> None:
        device = self._contents.devices[order.device]
        given = replace(device.standing, target=order.target, rollout=number, permit=None)
        self._contents.stand(device, given)
        self._contents.members[number][order.device] = None

    patch.setattr(memory.MemoryRollouts, "_give", give)


def a_removed_device_is_still_served(patch: pytest.MonkeyPatch) -> None:
    async def visitor(self: memory.MemoryCheckIns, caller: Caller) -> Visitor:
        if caller.device not in self._contents.devices:
            raise not_a_member(caller.device)
        return Visitor(
            self._contents.devices[caller.device].standing, None, may_start=False, is_welcome=False
        )

    patch.setattr(memory.MemoryCheckIns, "visitor", visitor)


def targets_are_told_once(patch: pytest.MonkeyPatch) -> None:
    genuine = check_in.CheckIns.check_in
    told: set[tuple[str, Target | None]] = set()

    async def once(self: check_in.CheckIns, caller: Caller, report: object) -> object:
        orders = await genuine(self, caller, report)
        known = (caller.device, orders.target) in told
        told.add((caller.device, orders.target))
        return replace(orders, target=None, permit=None) if known else orders

    patch.setattr(check_in.CheckIns, "check_in", once)


SABOTAGES: tuple[Sabotage, ...] = (
    generations_start_anew_with_each_rollout,
    a_device_that_turned_back_is_not_counted_as_failed,
    a_rollout_ends_without_the_devices_that_nobody_hears,
    a_failed_device_is_not_settled,
    an_empty_cohort_is_a_success,
    a_device_that_is_ahead_is_left_alone,
    only_the_store_counts_generations,
    a_generation_says_nothing_of_its_bundle,
    devices_that_join_later_are_passed_over,
    an_older_rollout_orders_what_a_newer_took,
    superseded_devices_are_still_waited_for,
    a_stopped_rollout_is_left_at_once,
    a_stopped_rollout_forgets_the_silent,
    permits_are_given_after_a_stop,
    newcomers_find_no_complete_rollout,
    whatever_ended_welcomes_newcomers,
    newcomers_get_a_target_and_no_permit,
    nobody_looks_after_newcomers,
    a_look_from_before_a_welcome_is_saved,
    a_complete_rollout_takes_who_matches_by_now,
    a_reply_is_thought_to_arrive_at_once,
    late_reports_are_believed,
    the_faster_writer_is_overwritten,
    late_orders_are_given_all_the_same,
    a_removed_device_is_still_served,
    targets_are_told_once,
)
