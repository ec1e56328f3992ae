"""What operators do with rollouts."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import parse_selector
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import BackboneStore, Clock, RolloutStore
from orchestrator.repeats import asked_otherwise, request_fingerprint
from orchestrator.rollout.backbone import Backbone, Reference, parse_reference, refuse_recalled
from orchestrator.rollout.controller import Controller, Saved, Wish
from orchestrator.rollout.history import started
from orchestrator.rollout.machine import obey
from orchestrator.rollout.orders import retries, revocations, taken_over
from orchestrator.rollout.phases import ADDING, FORWARD, Command, Phase, Reason
from orchestrator.rollout.placing import APART
from orchestrator.rollout.plan import DeviceClass, Plan
from orchestrator.rollout.revisions import earlier_of, had_before, unclear
from orchestrator.rollout.rollout import Event, Happening, Kind, Needs, Rollout
from orchestrator.trust.keeping import Keeping

SAVES_MAX = 20  # the controller writes every few seconds: more lost races than this are a defect
LOOKED_BACK_MAX = 1000  # rollouts and backbones, in search of what can be named
REVOKE = Wish(revocations, Happening.REVOKED)
ONWARD = frozenset({Command.RESUME, Command.PROMOTE, Command.PROMOTE_TO_END, Command.RETRY_FAILED})
RETRY = Wish(retries, Happening.RETRIED)

_DoneT = TypeVar("_DoneT")


@dataclass(frozen=True, slots=True)
class Change:
    """What a command did.

    ``changed`` is false where the rollout was as the command wants it already. ``may_still_start``
    devices hold a permit and may begin on it within ``within_seconds``; ``ordered`` devices got a
    new target.
    """

    rollout: Rollout
    changed: bool = True
    may_still_start: int = 0
    within_seconds: int = 0
    ordered: int = 0


@dataclass(frozen=True, slots=True)
class Recalled:
    """A recalled backbone with the rollouts that take it away; none where it was recalled before.

    The first is the recall itself.
    """

    backbone: Backbone
    rollouts: tuple[Rollout, ...] = ()


class Rollouts:
    """The use cases over rollouts.

    Args:
        rollouts: Where they are kept.
        backbones: What can be rolled out.
        controller: What gives the first orders at once.
        clock: What time it is.
        keeping: What knows the signed list; without it nothing is asked of one.
    """

    def __init__(
        self,
        rollouts: RolloutStore,
        backbones: BackboneStore,
        controller: Controller,
        clock: Clock,
        keeping: Keeping | None = None,
    ) -> None:
        self._rollouts = rollouts
        self._backbones = backbones
        self._controller = controller
        self._clock = clock
        self._keeping = keeping

    async def start(self, plan: Plan, request: str = "") -> Rollout:
        """Bring a backbone to a cohort, and give the first orders; a request starts one rollout.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for the backbone, ``INVALID_ARGUMENT`` for a bad reference
                or selector or the name of another request, ``ILLEGAL_COMMAND`` for a recalled
                backbone, ``NOT_VOUCHED`` or ``BELOW_FLOOR`` for one that devices would refuse.
        """
        meant = replace(plan, cohort=str(parse_selector(plan.cohort)))
        known = await self._requested(request, Kind.FORWARD)
        if known is None:
            found = await self._backbones.find(parse_reference(plan.backbone))
            known = await self._added(found, meant, Kind.FORWARD, request)
        if known.plan != meant:
            raise asked_otherwise(known.id)
        return await self._insist(known.number, self._controller.look_at)

    async def pause(self, rollout_id: str, *, now: bool = False) -> Change:
        """Let no further device start until it is resumed; ``now`` takes the target back, too."""
        return await self._command(rollout_id, Command.PAUSE, REVOKE if now else None)

    async def resume(self, rollout_id: str) -> Change:
        """Go on; the wave has its whole time again."""
        return await self._command(rollout_id, Command.RESUME)

    async def promote(self, rollout_id: str, *, to_end: bool = False, wave: int = 0) -> Change:
        """Open the next wave, or all that are left, whatever the gate waits for.

        In the last wave it takes what is undecided for enough. Harm turns a rollout back all the
        same. Nothing changes where the wave, from 1 on, that the operator saw is passed.
        """
        command = Command.PROMOTE_TO_END if to_end else Command.PROMOTE
        return await self._command(rollout_id, command, seen=wave)

    async def abort(self, rollout_id: str) -> Change:
        """Order every device that has the rollout's backbone, or may get it, back."""
        return await self._command(rollout_id, Command.ABORT)

    async def hold(self, rollout_id: str, *, now: bool = False) -> Change:
        """End it where it is; ``now`` takes the target back from devices that have not settled."""
        return await self._command(rollout_id, Command.HOLD, REVOKE if now else None)

    async def retry(self, rollout_id: str) -> Change:
        """Order failed devices again what they failed at."""
        return await self._command(rollout_id, Command.RETRY_FAILED, RETRY)

    async def undo(self, rollout_id: str, to: str = "", request: str = "") -> Change:
        """Bring a rollout's cohort back to the backbone of an earlier one, unjudged.

        Args:
            rollout_id: What is undone; it stays as it is, and loses its devices to the new one.
            to: The earlier rollout; empty for the backbone that its devices had before it.
            request: Its name (``orchestrator.repeats``); it starts one rollout.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where there is no such rollout or nothing before,
                ``INVALID_ARGUMENT`` where its devices had different backbones, each with what can
                be named, or for the name of another request; ``ILLEGAL_COMMAND`` where what is
                named is not earlier or was recalled, and for a recall, which is for good.
        """
        undone = await self._rollouts.get(rollout_number(rollout_id))
        if undone.kind is Kind.RECALL:
            raise FieldwiseError(Fault.ILLEGAL_COMMAND, f"{undone.id} is a recall, and for good")
        known = await self._requested(request, Kind.UNDO)
        if known is None:
            digest, classes = await (self._named(undone, to) if to else self._before(undone))
            found = await self._backbones.find(Reference(digest, None, None))
            plan = Plan(backbone=found.manifest.title, cohort=undone.cohort, classes=classes)
            known = await self._added(found, plan, Kind.UNDO, request)
        if known.cohort != undone.cohort:
            raise asked_otherwise(known.id)
        await self._insist(known.number, partial(self._take_over, undone))
        rollout = await self._insist(known.number, self._controller.look_at)
        counts = rollout.counts.items()
        return Change(rollout, ordered=sum(count for place, count in counts if place not in APART))

    async def recall(self, reference: str) -> Recalled:
        """Withhold a backbone from everyone, and order back whoever runs it.

        Raises:
            FieldwiseError: ``NOT_FOUND`` or ``INVALID_ARGUMENT`` for the reference.
        """
        found = await self._backbones.find(parse_reference(reference))
        plan = Plan(backbone=found.manifest.title)
        fresh = replace(
            fresh_rollout(found, plan, Kind.RECALL, self._clock.now()),
            phase=Phase.REVERTING,
            reason=Reason.RECALLED,
        )
        recall = await self._rollouts.recall(fresh, (started(fresh, fresh.created_at),))
        if recall is None:
            return Recalled(found)
        if self._keeping is not None:
            await self._keeping.refresh()
        bring = [each for each in await self._rollouts.watched() if each.digest == found.digest]
        # The newest first: it is the recall, and takes the devices from all others.
        turned = [await self._insist(each.number, self._controller.look_at) for each in bring]
        back = tuple(each for each in turned if each.reason is Reason.RECALLED)
        return Recalled(replace(found, recalled_at=fresh.created_at), back)

    async def get(self, rollout_id: str) -> Rollout:
        """Return a rollout with counts as of now.

        Where others keep changing it, as while many newcomers are welcomed, they are as of the last
        look that was saved.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        rollout = await self._rollouts.get(rollout_number(rollout_id))
        try:
            return await self._controller.look_at(rollout)
        except FieldwiseError as error:
            if error.fault is not Fault.CONFLICT:
                raise
        return await self._rollouts.get(rollout.number)

    async def list(self, page: PageRequest) -> Page[Rollout]:
        """Return rollouts, newest first, with counts as of the controller's last look."""
        return await self._rollouts.list(page)

    async def history(self, rollout_id: str, page: PageRequest) -> Page[Event]:
        """Return what happened to a rollout, newest first.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return await self._rollouts.history(rollout_number(rollout_id), page)

    async def _take_over(self, undone: Rollout, undo: Rollout) -> Saved:
        """Order the cohort, and with it who was ordered before and does not match any more."""
        devices = await self._rollouts.cohort(undone)
        wish = Wish(lambda looked, _, now, __: taken_over(looked, undone, devices, now))
        return await self._controller.carry_out(undo, undo, wish=wish)

    async def _requested(self, request: str, kind: Kind) -> Rollout | None:
        known = await self._rollouts.requested(request_fingerprint(request)) if request else None
        if known is not None and known.kind is not kind:
            raise asked_otherwise(known.id)
        return known

    async def _added(self, backbone: Backbone, plan: Plan, kind: Kind, request: str) -> Rollout:
        refuse_recalled(backbone)
        if self._keeping is not None:
            await self._keeping.check(backbone)
        made = fresh_rollout(backbone, plan, kind, self._clock.now())
        fresh = replace(made, request=request_fingerprint(request))
        return await self._rollouts.add(fresh, (started(fresh, fresh.created_at),))

    async def _command(
        self, rollout_id: str, command: Command, wish: Wish | None = None, seen: int = 0
    ) -> Change:
        """Obey, look and save in one, and count who may still start.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or ``ILLEGAL_COMMAND`` where the command has no meaning
                in the rollout's phase; ``NOT_VOUCHED`` or ``BELOW_FLOOR`` where it would have
                devices begin what they refuse.
        """

        async def obeyed(read: Rollout) -> tuple[Rollout, Saved]:
            after, events = obey(read, command, self._clock.now(), seen)
            if wish is not None:
                after = replace(after, watched=True)
            return after, await self._controller.carry_out(read, after, events, wish)

        number = rollout_number(rollout_id)
        before = await self._rollouts.get(number)
        if command in ONWARD and before.phase in ADDING | FORWARD and self._keeping is not None:
            found = await self._backbones.find(Reference(before.digest, None, None))
            await self._keeping.check_still(found)
        after, saved = await self._insist(number, obeyed)
        change = Change(
            saved.rollout,
            changed=saved.ordered > 0 or _moved(before, after),
            ordered=saved.ordered,
        )
        return change if saved.rollout.phase in FORWARD else await self._with_permits(change)

    async def _with_permits(self, change: Change) -> Change:
        now = self._clock.now()
        permits = await self._rollouts.permits(change.rollout.number, now)
        if permits.devices == 0:
            return change
        seconds = max(1, round(permits.until - now + 0.5))
        return replace(change, may_still_start=permits.devices, within_seconds=seconds)

    async def _named(self, undone: Rollout, to: str) -> tuple[str, tuple[DeviceClass, ...]]:
        earlier = await self._rollouts.get(rollout_number(to))
        if earlier.number >= undone.number or earlier.kind is Kind.RECALL:
            raise FieldwiseError(
                Fault.ILLEGAL_COMMAND, f"{earlier.id} brought nothing before {undone.id}"
            )
        return earlier.digest, earlier.plan.classes

    async def _before(self, undone: Rollout) -> tuple[str, tuple[DeviceClass, ...]]:
        """What its devices had, with the classes by which a rollout brought that, if one did."""
        recalled = await self._backbones.recalled()
        found = had_before(undone, await self._rollouts.past(undone.number), recalled)
        published = (await self._backbones.list(PageRequest(LOOKED_BACK_MAX))).items
        titles = {each.digest: each.manifest.title for each in published}
        newest = (await self._rollouts.list(PageRequest(LOOKED_BACK_MAX))).items
        earlier = earlier_of(undone, newest, recalled)
        digest = next(iter(found), "")
        if len(found) != 1 or digest not in titles:
            raise unclear(undone, found, earlier, titles)
        return digest, next((each.plan.classes for each in earlier if each.digest == digest), ())

    async def _insist(self, number: int, deed: Callable[[Rollout], Awaitable[_DoneT]]) -> _DoneT:
        """Do it to the rollout as it is now, again where another writer was faster."""
        for _ in range(SAVES_MAX):
            try:
                return await deed(await self._rollouts.get(number))
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise
        raise FieldwiseError(
            Fault.CONFLICT, f"the rollout r{number} changed {SAVES_MAX} times while being saved"
        )


def fresh_rollout(backbone: Backbone, plan: Plan, kind: Kind, now: float) -> Rollout:
    """Return a rollout as it starts, without its number."""
    manifest = backbone.manifest
    needs = Needs(
        manifest.requirements.agent_version,
        manifest.requirements.memory_mib,
        tuple(variant.name for variant in manifest.variants),
    )
    title = manifest.title
    return Rollout(0, backbone.digest, title, plan.cohort, now, plan, kind=kind, needs=needs)


def rollout_number(rollout_id: str) -> int:
    """Read ``r7``.

    Raises:
        FieldwiseError: ``NOT_FOUND`` for what cannot be a rollout's name.
    """
    if not re.fullmatch(r"r[1-9][0-9]{0,17}", rollout_id):
        raise FieldwiseError(Fault.NOT_FOUND, f"there is no rollout {rollout_id[:32]!r}")
    return int(rollout_id[1:])


def _moved(before: Rollout, after: Rollout) -> bool:
    told = (before.phase, before.wave, before.to_end)
    return told != (after.phase, after.wave, after.to_end)
