"""``fieldwise federation``: let devices whose owners agree make each other better."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli import campaign_options, campaign_screens, campaign_watching, looking
from orchestrator.cli.confirming import Yes, confirm
from orchestrator.cli.output import Shown, facts, size, table
from orchestrator.cli.remote import collect, more, remote
from orchestrator.cli.repeating import Request, named, repeatable
from orchestrator.cli.tickets import Limit
from orchestrator.rpc.client import OperatorClient

app = typer.Typer(
    no_args_is_help=True,
    help="Federation: let devices whose owners agree make each other better, without their data.",
)
head_app = typer.Typer(no_args_is_help=True, help="Heads that a campaign has made.")
app.add_typer(head_app, name="head")

CampaignId = Annotated[
    str, typer.Argument(help="Id of the campaign, as `federation list` shows it.")
]
Version = Annotated[int, typer.Argument(min=1, help="Version, as `federation head list` shows it.")]


@remote(app, "start")
async def start(
    client: OperatorClient,
    backbone: campaign_options.BackboneName,
    *,
    class_names: campaign_options.Classes = None,
    classes: campaign_options.ClassesFile = None,
    cohort: campaign_options.Cohort = "",
    kind: campaign_options.Kind = None,
    level: campaign_options.Level = None,
    strategy: campaign_options.Strategy = None,
    option: campaign_options.Options = None,
    rounds: campaign_options.Rounds = None,
    continuous: campaign_options.Continuous = False,
    quorum: campaign_options.Quorum = None,
    participants: campaign_options.Participants = None,
    over_selection: campaign_options.OverSelection = None,
    deadline: campaign_options.Deadline = None,
    pause: campaign_options.Pause = None,
    only_idle: campaign_options.OnlyIdle = False,
    only_on_conditions: campaign_options.OnlyOnConditions = False,
    norm_max: campaign_options.NormMax = None,
    noise: campaign_options.Noise = None,
    samples_min: campaign_options.SamplesMin = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how many could take part, start nothing.")
    ] = False,
    request: Request = "",
) -> Shown:
    """Start a campaign: rounds in which devices of a cohort give parts of their heads.

    Only devices take part whose owners agree to it on the device itself; nobody else can.
    """
    plan = campaign_options.plan_from(
        backbone,
        cohort,
        campaign_options.classes_from(class_names, classes),
        option or [],
        {
            "kind": kind,
            "level": level,
            "strategy": strategy,
            "rounds": campaign_options.rounds_from(rounds, continuous=continuous),
            "quorum": quorum,
            "participants": participants,
            "over_selection": campaign_options.share(over_selection),
            "deadline_seconds": campaign_options.seconds(deadline),
            "pause_seconds": campaign_options.seconds(pause),
            "only_idle": only_idle,
            "only_on_conditions": only_on_conditions,
            "norm_max": norm_max,
            "noise": noise,
            "samples_min": samples_min,
        },
    )
    if dry_run:
        found = await client.campaigns.start(plan, dry_run=True)
        return Shown(found, lambda: campaign_screens.facts_of(found), note="Nothing was started.")
    request = named(request)
    with repeatable(f"--request {request}"):
        started = await client.campaigns.start(plan, request)
    happens = f"{started.id} has started; `federation watch {started.id}` shows it."
    return Shown(started, lambda: campaign_screens.facts_of(started, ("now", happens)))


@remote(app, "list")
async def list_campaigns(client: OperatorClient, *, limit: Limit = 100) -> Shown:
    """List campaigns, newest first."""
    found, cut = await collect(client.campaigns.list, limit)
    rows = map(campaign_screens.row, found)
    return Shown(found, lambda: table(campaign_screens.ROW, rows), note=more(cut, limit))


@remote(app, "show")
async def show_campaign(
    client: OperatorClient,
    campaign: CampaignId,
    *,
    rounds: Annotated[bool, typer.Option("--rounds", help="List its rounds.")] = False,
    limit: Limit = 100,
) -> Shown:
    """Show how a campaign stands, or its rounds, newest first."""
    if rounds:
        listed, cut = await collect(lambda token: client.campaigns.rounds(campaign, token), limit)
        rows = map(campaign_screens.round_row, listed)
        note = more(cut, limit).replace("first", "newest")
        return Shown(listed, lambda: table(campaign_screens.ROUND_ROW, rows), note=note)
    found = await client.campaigns.get(campaign)
    now = ("now", campaign_screens.progress(found))
    return Shown(found, lambda: Group(campaign_screens.facts_of(found, now)))


@remote(app, "watch")
async def watch(
    client: OperatorClient,
    campaign: CampaignId,
    *,
    context: typer.Context,
    every: Annotated[float, typer.Option(min=0.2, max=600, help="Seconds between looks.")] = 2.0,
    within: Annotated[
        str | None, typer.Option(help="Give up after such a time: 2h. Without: never.")
    ] = None,
) -> Shown:
    """Watch a campaign until it ends.

    Ends with 0 where every round was made, 20 where its aggregator gave up, 22 where it was
    stopped, 24 where the time is over.
    """
    watched = campaign_watching.watched(client.campaigns, campaign)
    as_json = context.params["json"]
    raise typer.Exit(await looking.watch(watched, every=every, within=within, as_json=as_json))


@remote(app, "stop")
async def stop(
    client: OperatorClient, campaign: CampaignId, *, context: typer.Context, yes: Yes = False
) -> Shown:
    """End a campaign: an open round is dropped, and devices keep the heads that they have."""
    confirm(context, f"End {campaign}? It cannot go on later.", yes=yes)
    found = await client.campaigns.stop(campaign)
    return Shown(found, lambda: campaign_screens.facts_of(found))


@remote(head_app, "list")
async def list_heads(client: OperatorClient, campaign: CampaignId, *, limit: Limit = 100) -> Shown:
    """List the versions of a campaign's head, newest first, with what devices made of each."""
    found, cut = await collect(lambda token: client.campaigns.heads(campaign, token), limit)
    return Shown(found, lambda: campaign_screens.heads(found), note=more(cut, limit))


@remote(head_app, "rollback")
async def roll_back(
    client: OperatorClient,
    campaign: CampaignId,
    version: Version,
    *,
    context: typer.Context,
    yes: Yes = False,
    request: Request = "",
) -> Shown:
    """Offer an earlier version again. What devices were handed cannot be called back."""
    confirm(context, f"Offer version {version} of {campaign} again?", yes=yes)
    request = named(request)
    with repeatable(f"--request {request}"):
        head = await client.campaigns.roll_back(campaign, version, request)
    told = f"version {head.version} offers what version {head.back_to or head.version} did"
    return Shown(head, lambda: facts([("now", told), ("digest", head.digest)]))


@remote(head_app, "export")
async def export(
    client: OperatorClient,
    campaign: CampaignId,
    version: Annotated[int, typer.Argument(min=0, help="Version; without: what is offered.")] = 0,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; CAMPAIGN-VERSION.safetensors."),
    ] = None,
) -> Shown:
    """Write the file of a head, as safetensors: what devices gave is in it."""
    target = output or Path(f"{campaign}-{version or 'newest'}.safetensors")
    written = await _write(client, campaign, version, target)
    value = {"path": str(target), "bytes": written}
    return Shown(value, lambda: facts([("head", str(target)), ("size", size(written))]))


async def _write(client: OperatorClient, campaign: str, version: int, target: Path) -> int:
    draft, written, total = target.with_name(f"{target.name}.part"), 0, 0
    try:
        with draft.open("wb") as file:
            async for piece, whole in client.campaigns.export(campaign, version):
                written, total = written + file.write(piece), whole
        if written != total:
            raise FieldwiseError(
                Fault.DIGEST_MISMATCH, f"the head ended after {written:,} of {total:,} bytes"
            )
        draft.replace(target)
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{target} cannot be written: {error.strerror}"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return written
