"""``fieldwise device``: the members of the fleet."""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from fieldwise.answers import LearningSigns
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.output import Shown, ago, facts, local, pairs_from, ratio, size, table, tags
from orchestrator.cli.remote import collect, more, remote
from orchestrator.cli.tickets import Limit
from orchestrator.fleet.device import DeviceState, Target
from orchestrator.fleet.ledger import LedgerRecord
from orchestrator.fleet.report import Report
from orchestrator.rpc.client import OperatorClient
from orchestrator.views import DeviceView, moment

app = typer.Typer(no_args_is_help=True, help="Devices: the members of the fleet.")

COLOURS = {
    DeviceState.HEALTHY: "green",
    DeviceState.UPDATING: "cyan",
    DeviceState.WAITING: "cyan",
    DeviceState.FAILED: "red",
    DeviceState.OFFLINE: "yellow",
    DeviceState.NEW: "blue",
}
DeviceId = Annotated[str, typer.Argument(help="Id of the device, as `device list` shows it.")]
Cohort = Annotated[str, typer.Option(help="Selector such as site=berlin,line!=3; empty for all.")]


@remote(app, "list")
async def list_devices(client: OperatorClient, *, cohort: Cohort = "", limit: Limit = 100) -> Shown:
    """List devices with what they run and how well they do."""
    found, cut = await collect(lambda token: client.list_devices(cohort, token), limit)
    titles = await titles_of(client)
    columns = ("device", "state", "backbone", "accuracy#", "classes#", "learned#", "seen", "tags")
    rows = [_row(each, titles) for each in found]
    note = "\n".join(filter(None, (more(cut, limit), _idle(found))))
    return Shown(found, lambda: table(columns, rows), note=note)


@remote(app, "show")
async def show_device(client: OperatorClient, device: DeviceId) -> Shown:
    """Show everything that is known of a device."""
    found = await client.get_device(device)
    titles = await titles_of(client)
    return Shown(found, lambda: _facts(found, titles))


@remote(app, "tag")
async def tag(
    client: OperatorClient,
    device: DeviceId,
    changes: Annotated[list[str], typer.Argument(help="KEY=VALUE writes a tag, KEY- drops it.")],
) -> Shown:
    """Write tags on a device, or take them away."""
    dropped = [text for text in changes if text.endswith("-") and "=" not in text]
    put = pairs_from([text for text in changes if text not in dropped], "tag")
    drop = [text[:-1] for text in dropped]
    changed = await client.update_tags(device, put, drop)
    return Shown(changed, lambda: facts([("device", changed.id), ("tags", tags(changed.tags))]))


@remote(app, "remove")
async def remove(
    client: OperatorClient,
    device: DeviceId,
    *,
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> Shown:
    """Take a device out of the fleet for good: its certificates are refused from now on."""
    if not yes and not _may_ask(context):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "removing a device needs --yes where no person can be asked"
        )
    if not yes and not typer.confirm(f"Take {device} out of the fleet?", err=True):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "nothing was removed")
    await client.remove_device(device)
    return Shown({"removed": device}, lambda: facts([("removed", device)]))


def _may_ask(context: typer.Context) -> bool:
    return sys.stdin.isatty() and not context.params["json"]


async def titles_of(client: OperatorClient) -> dict[str, str]:
    """Return NAME:VERSION by digest of every backbone."""
    found, _ = await collect(client.list_backbones, 0)
    return {each.digest: each.title for each in found}


def named(digest: str | None, titles: Mapping[str, str]) -> str:
    return titles.get(digest, digest[:12]) if digest else ""


def _row(device: DeviceView, titles: Mapping[str, str]) -> tuple[str | Text, ...]:
    report = device.report
    return (
        device.id,
        _state(device),
        _backbone(report, titles) if report else "",
        _accuracy(report) if report else "",
        f"{report.learning.classes:,}" if report else "",
        f"{report.learning.samples:,}" if report else "",
        ago(device.seen_at),
        tags(device.tags),
    )


def _state(device: DeviceView) -> Text:
    if device.denied_at is not None:
        return Text(f"denied, {device.state}", style="red")
    return Text(device.state, style=COLOURS[device.state])


def _backbone(report: Report, titles: Mapping[str, str]) -> str | Text:
    return named(report.bundle_in_use, titles) or Text("none", style="yellow")


def _idle(devices: Sequence[DeviceView]) -> str:
    """The note on devices that are well and yet can neither learn nor predict."""
    count = sum(each.report is not None and not each.report.bundle_in_use for each in devices)
    if not count:
        return ""
    told = "One device has" if count == 1 else f"{count:,} devices have"
    return f"{told} no backbone yet and can do nothing: fieldwise rollout start BACKBONE"


def _accuracy(report: Report) -> str:
    return ratio(report.learning.window_correct, report.learning.window_samples)


def _facts(device: DeviceView, titles: Mapping[str, str]) -> Table:
    reported = _report_facts(device.report, titles) if device.report else []
    return facts(
        [
            ("device", device.id),
            ("state", _state(device)),
            ("tags", tags(device.tags)),
            ("joined", local(device.enrolled_at)),
            ("seen", ago(device.seen_at)),
            ("certificate ends", local(device.certificate_expires_at)),
            ("machine", _machine(device)),
            ("target", _target(device.target, titles)),
            *reported,
            *_ledger_facts(device.ledger),
        ]
    )


def _target(target: Target | None, titles: Mapping[str, str]) -> str:
    return f"{named(target.digest, titles)}, generation {target.generation}" if target else ""


def _machine(device: DeviceView) -> str:
    facts_known = device.facts
    return (
        f"{facts_known.architecture}, {facts_known.processors} processors, "
        f"{size(facts_known.memory_bytes)}"
    )


def _millis(micros: int) -> str:
    return f"{micros / 1000:.1f} ms"


def _novelty(signs: LearningSigns) -> str:
    told = signs.novelty_samples
    share = ratio(signs.novelty_novel, told) if told else "unknown"
    return f"{share} of {told:,} predictions"


def _calibration(signs: LearningSigns) -> str:
    held = signs.calibration_samples
    share = ratio(signs.calibration_error_permille, 1000) if held else "unknown"
    return f"{share}, on {held:,} held-out samples"


def _report_facts(report: Report, titles: Mapping[str, str]) -> list[tuple[str, str | Text]]:
    learning, vital, signs = report.learning, report.vital_signs, report.signs
    update = f"{report.update.phase}"
    if report.update.failure:
        update += f": {report.update.failure}"
    in_use = f"{named(report.bundle_in_use, titles)} {report.variant_in_use}".strip()
    nothing = Text("none: fieldwise rollout start BACKBONE brings one", style="yellow")
    return [
        ("backbone", in_use or nothing),
        ("update", update),
        ("accuracy", f"{_accuracy(report)} of {learning.window_samples:,} labelled samples"),
        ("same as last", ratio(learning.window_last_label_correct, learning.window_samples)),
        ("learned", f"{learning.samples:,} samples of {learning.classes:,} classes"),
        ("remembered", f"{learning.exemplars:,} images, {size(learning.exemplar_bytes)}"),
        ("new to it", _novelty(signs)),
        ("confidence error", _calibration(signs)),
        ("drift", f"{signs.drift_permille / 1000:.0%} of an alarm, {signs.drift_alarms:,} today"),
        ("behind", f"{signs.waiting_samples:,} samples wait, {signs.skipped:,} frames skipped"),
        ("clock off", f"{signs.clock_off_seconds:,} s"),
        ("predictions", f"{vital.predictions:,}, {vital.prediction_errors:,} failed"),
        ("latency, median", _millis(vital.prediction_p50_micros)),
        ("latency, p99", _millis(vital.prediction_p99_micros)),
        ("memory", size(vital.resident_bytes)),
        ("disk", f"{size(vital.state_bytes)} used, {size(vital.disk_free_bytes)} free"),
        ("agent", report.agent_version),
        ("settings revision", f"{report.settings_revision}"),
    ]


def _ledger_facts(ledger: LedgerRecord) -> list[tuple[str, str | Text]]:
    """Where the ledger ends, in a form that the device's owner can hold it against."""
    newest, finding = ledger.newest, ledger.finding
    if newest is None:
        return [("ledger", "its agent tells no head")]
    silent = "" if ledger.is_told else "; the newest report told none"
    rows: list[tuple[str, str | Text]] = [("ledger", f"{newest.head}{silent}")]
    if len(ledger.marks) > 1:
        rows += [("", f"{each.head} {ago(moment(each.told_at))}") for each in ledger.marks]
    if finding is None:
        return rows
    told = (
        f"{finding.how} {ago(moment(finding.at))}: {finding.before} before, {finding.after} after;"
        f" {ledger.rewritings:,} in all"
    )
    return [*rows, ("ledger rewritten", Text(told, style="red"))]
