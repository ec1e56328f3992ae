"""``fieldwise rollout``: bring a backbone to a cohort, wave by wave, and back."""

from collections.abc import Collection
from typing import Annotated

import typer
from rich.console import Group

from orchestrator.cli import looking, plan_options, rollout_screens, watching
from orchestrator.cli.confirming import Yes, confirm
from orchestrator.cli.output import Shown, table
from orchestrator.cli.plan_forms import COUNT, SHARE
from orchestrator.cli.remote import collect, more, remote
from orchestrator.cli.repeating import Request, named, repeatable
from orchestrator.cli.tickets import Limit
from orchestrator.rollout.phases import BACKWARD, FORWARD, Phase
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Plan, Wave
from orchestrator.rollout.telling import devices, why
from orchestrator.rollout_views import ChangeView, RolloutView
from orchestrator.rpc.client import OperatorClient

app = typer.Typer(
    no_args_is_help=True, help="Rollouts: bring a backbone to a cohort, wave by wave, and back."
)

RolloutId = Annotated[str, typer.Argument(help="Id of the rollout, as `rollout list` shows it.")]
Now = Annotated[
    bool, typer.Option("--now", help="Revoke permits: who has not come to an end goes back.")
]


@remote(app, "start")
async def start(
    client: OperatorClient,
    backbone: plan_options.BackboneName = None,
    *,
    plan: plan_options.PlanFile = None,
    cohort: plan_options.Cohort = None,
    wave: plan_options.Waves = None,
    margin: plan_options.Margin = None,
    promotion: plan_options.Promotion = None,
    undecided: plan_options.Undecided = None,
    overdue: plan_options.Overdue = None,
    on_abort: plan_options.OnAbort = None,
    device_deadline: plan_options.DeviceDeadline = None,
    wave_deadline: plan_options.WaveDeadline = None,
    soak: plan_options.Soak = None,
    in_flight: plan_options.InFlight = None,
    starts_per_minute: plan_options.StartsPerMinute = None,
    bandwidth: plan_options.Bandwidth = None,
    window: plan_options.Window = None,
    minimum_agent_version: plan_options.MinimumAgent = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show who would be in which wave, start nothing.")
    ] = False,
    limit: Limit = 100,
    request: Request = "",
) -> Shown:
    """Bring a backbone to a cohort as a plan says; options go before what the file says.

    Without waves it goes to the whole cohort at once. Devices that join later follow.
    """
    given: dict[str, str | None] = {
        "backbone": backbone,
        "cohort": cohort,
        "promotion": promotion,
        "undecided": undecided,
        "overdue": overdue,
        "on_abort": on_abort,
        "device_deadline": device_deadline,
        "wave_deadline": wave_deadline,
        "soak": soak,
        "window": window,
        "minimum_agent_version": minimum_agent_version,
    }
    limits = {
        "in_flight": in_flight,
        "starts_per_minute": starts_per_minute,
        "bandwidth": bandwidth,
    }
    parts = {"gate": {"margin": margin}, "limits": limits}
    meant = plan_options.plan_from(plan, given, parts, wave or [])
    if dry_run:
        return await _dry_run(client, meant, limit)
    request = named(request)
    with repeatable(f"--request {request}"):
        started = await client.start_rollout(meant, request)
    happens = f"{started.id} has started: wave 1 of {len(meant.waves)} is open."
    return Shown(started, lambda: rollout_screens.facts_of(started, ("now", happens)))


async def _dry_run(client: OperatorClient, plan: Plan, limit: int) -> Shown:
    found = await client.preview_rollout(plan)
    drawn, _ = await collect(lambda token: client.list_previewed(plan, found.id, token), 0)
    listed = drawn[:limit] if limit else drawn
    cut = len(listed) < len(drawn)
    sizes = [_size(each) for each in plan.waves]
    return Shown(
        {"preview": found, "devices": drawn},
        lambda: rollout_screens.preview(found, sizes, listed),
        note="\n".join(filter(None, (more(cut, limit), "Nothing was started."))),
    )


def _size(wave: Wave) -> str:
    if wave.devices is not None:
        return COUNT.write(wave.devices)
    return "rest" if wave.share is None else SHARE.write(wave.share)


@remote(app, "list")
async def list_rollouts(client: OperatorClient, *, limit: Limit = 100) -> Shown:
    """List rollouts, newest first, with counts of a moment ago."""
    found, cut = await collect(client.list_rollouts, limit)
    rows = map(rollout_screens.row, found)
    return Shown(found, lambda: table(rollout_screens.ROW, rows), note=more(cut, limit))


@remote(app, "show")
async def show_rollout(
    client: OperatorClient,
    rollout: RolloutId,
    *,
    history: Annotated[bool, typer.Option("--history", help="Show what happened to it.")] = False,
    limit: Limit = 100,
) -> Shown:
    """Show where the devices of a rollout stand now, or what happened to it."""
    if history:
        events, cut = await collect(lambda token: client.list_events(rollout, token), limit)
        note = more(cut, limit).replace("first", "newest")
        return Shown(events, lambda: rollout_screens.history(events), note=note)
    found = await client.get_rollout(rollout)
    return Shown(
        found,
        lambda: Group(rollout_screens.facts_of(found), "", rollout_screens.waves(found)),
    )


@remote(app, "devices")
async def list_devices(
    client: OperatorClient,
    rollout: RolloutId,
    *,
    place: Annotated[
        Place | None, typer.Option(help="Only devices that are there: waiting, failed, offline.")
    ] = None,
    limit: Limit = 100,
) -> Shown:
    """List the devices of a rollout by id, each with its place and what it waits for."""
    wanted = place.value if place else ""
    found, cut = await collect(
        lambda token: client.list_rollout_devices(rollout, wanted, token), limit
    )
    rows = ((each.id, f"{each.wave}", each.place, each.reason) for each in found)
    columns = ("device", "wave#", "place", "why")
    return Shown(found, lambda: table(columns, rows), note=more(cut, limit))


@remote(app, "watch")
async def watch(
    client: OperatorClient,
    rollout: RolloutId,
    *,
    context: typer.Context,
    every: Annotated[float, typer.Option(min=0.2, max=600, help="Seconds between looks.")] = 2.0,
    within: Annotated[
        str | None, typer.Option(help="Give up after such a time: 2h. Without: never.")
    ] = None,
) -> Shown:
    """Watch a rollout until it ends or needs an operator.

    Ends with 0 where it is complete, 20 where it waits for an operator, 21 where it was taken back,
    22 where it was ended, 23 where newer ones took it over, 24 where the time is over.
    """
    watched = watching.watched(client, rollout)
    as_json = context.params["json"]
    raise typer.Exit(await looking.watch(watched, every=every, within=within, as_json=as_json))


@remote(app, "pause")
async def pause(client: OperatorClient, rollout: RolloutId, *, now: Now = False) -> Shown:
    """Let no further device start until it is resumed; tells how many still may."""
    change = await client.pause_rollout(rollout, now=now)
    done = "is paused: no further device starts, and those that have begun go on"
    done = f"{done}; `rollout resume {rollout}` lets it go on"
    return _told(change, done, "was paused already", {Phase.PAUSED})


@remote(app, "resume")
async def resume(client: OperatorClient, rollout: RolloutId) -> Shown:
    """Let a paused rollout go on in its wave, which has its whole time again.

    One whose evidence decided nothing waits for more: retry what failed, or promote it.
    """
    change = await client.resume_rollout(rollout)
    awaited = rollout_screens.awaited(change.rollout)
    waits = f", and waits for {awaited}" if awaited else ""
    done = f"goes on in {_wave(change.rollout)}{waits}"
    return _told(change, done, "runs already", {Phase.RUNNING})


@remote(app, "promote")
async def promote(
    client: OperatorClient,
    rollout: RolloutId,
    *,
    context: typer.Context,
    to_end: Annotated[
        bool, typer.Option("--to-end", help="Open every wave, and ask the gate for harm only.")
    ] = False,
    wave: Annotated[
        int,
        typer.Option(
            min=0,
            help="The wave that was open when you decided: nothing happens where it is passed. "
            "Without: the one that is open now.",
            show_default=False,
        ),
    ] = 0,
    yes: Yes = False,
) -> Shown:
    """Open the next wave, whatever the gate waits for; harm still turns a rollout back."""
    if to_end:
        confirm(context, f"Open every wave of {rollout} to the whole cohort?", yes=yes)
    seen = wave or (await client.get_rollout(rollout)).wave
    with repeatable(f"--wave {seen}"):
        change = await client.promote_rollout(rollout, to_end=to_end, wave=seen)
    opened = "has all its waves open" if to_end else f"goes on: {_wave(change.rollout)} is open"
    return _told(change, opened, f"has {_wave(change.rollout)} open already", {Phase.RUNNING})


@remote(app, "abort")
async def abort(
    client: OperatorClient, rollout: RolloutId, *, context: typer.Context, yes: Yes = False
) -> Shown:
    """Order every device that has the backbone, or may get it, back to what it had."""
    confirm(context, f"Order the devices of {rollout} back to what they had?", yes=yes)
    change = await client.abort_rollout(rollout)
    ordered = f"{devices(change.ordered)} ordered to what they had before"
    back = f"turns back: {ordered if change.ordered else 'no device has to go anywhere'}"
    return _told(change, back, "was turned back already", BACKWARD)


@remote(app, "hold")
async def hold(
    client: OperatorClient,
    rollout: RolloutId,
    *,
    context: typer.Context,
    now: Now = False,
    yes: Yes = False,
) -> Shown:
    """End a rollout where it is: devices keep what they have, and nobody else starts."""
    confirm(context, f"End {rollout} where it is? It cannot go on later.", yes=yes)
    change = await client.hold_rollout(rollout, now=now)
    done = "has ended where it is: devices keep what they have"
    return _told(change, done, "was ended already", {Phase.HELD})


@remote(app, "retry")
async def retry(client: OperatorClient, rollout: RolloutId) -> Shown:
    """Order the backbone again where it failed; who declined is not asked again."""
    change = await client.retry_rollout(rollout)
    again = f"is ordered again for {devices(change.ordered)}"
    return _told(change, again, "has no device that failed")


@remote(app, "undo")
async def undo(
    client: OperatorClient,
    rollout: RolloutId,
    *,
    context: typer.Context,
    to: Annotated[str, typer.Option(help="Rollout whose backbone is wanted; the one before.")] = "",
    request: Request = "",
    yes: Yes = False,
) -> Shown:
    """Start a rollout that brings the cohort back to an earlier backbone, unjudged."""
    confirm(context, f"Bring the cohort of {rollout} back to an earlier backbone?", yes=yes)
    request = named(request)
    with repeatable(f"--request {request}"):
        change = await client.undo_rollout(rollout, to, request)
    back = f"brings the cohort of {rollout} back to {change.rollout.title}, which nobody judges"
    return _told(change, f"{back}: {devices(change.ordered)} ordered", back)


def _told(
    change: ChangeView, done: str, was: str, meant: Collection[Phase] = frozenset(Phase)
) -> Shown:
    """Tell what a command did; where the look that came with it led elsewhere than meant, that."""
    rollout = change.rollout
    told = done if change.changed else was
    turned = rollout.phase not in meant
    happens = f"{rollout.id} {why(rollout.phase, rollout.reason) if turned else told}."
    told = " ".join(filter(None, (happens, _may_start(change))))
    return Shown(change, lambda: rollout_screens.facts_of(rollout, ("now", told)))


def _may_start(change: ChangeView) -> str:
    if change.rollout.phase in FORWARD:
        return ""
    if change.may_still_start:
        who = devices(change.may_still_start)
        return f"{who} may still start on permits, for {change.within_seconds} s at most."
    on_it = "with its backbone" if change.rollout.phase is Phase.REVERTING else "on it"
    return f"No device may still start {on_it}."


def _wave(rollout: RolloutView) -> str:
    return f"wave {rollout.wave} of {len(rollout.plan.waves)}"
