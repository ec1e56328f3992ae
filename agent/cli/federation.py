"""``consent`` and ``federation``: what the owner lets leave, and what came of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from agent.cli.output import AsJson, columns, moment, percent, show, size
from agent.cli.told import settings_of
from agent.federation.standing import FederationState
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, FederationReport, RoundStep
from fieldwise.verdict import PairedCounts

app = typer.Typer(no_args_is_help=True, help="What this device has to do with federation.")

LETS = {
    Consent.OFF: "nothing leaves",
    Consent.WEIGHTS: "means and counts of shared classes may leave",
    Consent.STATISTICS: "sums, counts and scatter of shared classes may leave",
}
WHY = {
    RoundStep.WAITING: " (until the device is idle or the update_hook says yes)",
    RoundStep.NOT_AGREED: " (it asks for more than the consent lets leave)",
    RoundStep.TOO_FEW: " (no shared class has enough samples, or enough new ones)",
    RoundStep.UNSUITABLE: " (it is about another backbone or kind of head)",
    RoundStep.NO_HOOK: " (it asks for the owner's conditions, and there is no update_hook)",
}
CLASSES_SHOWN = 20
YEARS = (1971, 9998)  # that can be told in seconds since 1970, wherever it is midnight


def consent(
    context: typer.Context,
    level: Annotated[
        Consent,
        typer.Argument(
            help="off: nothing leaves; weights: means and counts of the classes that shared_classes"
            " lists; statistics: their sums and scatter, too, which tells more."
        ),
    ],
    *,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            help="Local time from which on it is off again; without it until further notice.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Say what may leave this device for federation; nobody else can."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        reached.set_consent(level, _seconds(until))
        found = reached.federation()
    show(found, lambda: list(_consent(found)), as_json=json)


@app.command("show")
def show_federation(context: typer.Context, *, json: AsJson = False) -> None:
    """Show the consent, what it lets leave, and what came of federation so far."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        found = reached.federation()
    show(found, lambda: lines_of(found), as_json=json)


@app.command("drop")
def drop(context: typer.Context, *, json: AsJson = False) -> None:
    """Let this device's own head serve again, without anything of a global one."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        reached.drop_global_head()
        found = reached.federation()
    show(found, lambda: ["this device's own head serves"], as_json=json)


def _seconds(until: datetime | None) -> float | None:
    if until is None:
        return None
    if not YEARS[0] <= until.year <= YEARS[1]:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"a consent cannot end in the year {until.year}"
        )
    return until.timestamp()


def lines_of(found: FederationState) -> list[str]:
    """All of it, for people."""
    return [*_consent(found), *_came_of(found), *_classes(found)]


def _consent(found: FederationState) -> Iterator[str]:
    until = f" until {moment(found.until)}" if found.until is not None else ""
    yield f"consent {found.consent}{until}: {LETS[found.consent]}"
    if found.consent is not Consent.OFF and not found.classes:
        yield "no class is shared: the setting shared_classes lists none"


def _came_of(found: FederationState) -> list[str]:
    report, rows = found.report, [("sent", f"{found.updates:,} updates, {size(found.bytes)}")]
    if report is not None:
        rows += _told(report)
    if found.kept_aside:
        rows.append(("kept aside", f"{found.kept_aside:,} global heads that were declined"))
    if found.foreign is not None:
        cost = _compared(found.foreign, "without them", "with them")
        rows.append(("others' classes", f"{found.foreign_classes:,}; held-out samples {cost}"))
    return columns(rows)


def _told(report: FederationReport) -> Iterator[tuple[str, str]]:
    if report.step is not None:
        why = WHY.get(report.step, "")
        yield "round", f"{report.round:,} of campaign {report.campaign}: {report.step}{why}"
    if report.outcome is not None:
        name = f"version {report.head_version:,} of campaign {report.head_campaign}"
        yield "global head", f"{name}: {report.outcome}"
    if report.judged is not None and report.judged.samples:
        yield "compared", f"held-out samples {_compared(report.judged, 'own', 'with it')}"
    yield "serves", f"{report.blend_permille / 10:g} % of it is others'"


def _compared(counts: PairedCounts, old: str, new: str) -> str:
    before = percent(counts.both_right + counts.only_old, counts.samples)
    after = percent(counts.both_right + counts.only_new, counts.samples)
    return f"{before} right {old}, {after} {new}, of {counts.samples:,}"


def _classes(found: FederationState) -> list[str]:
    if not found.classes:
        return []
    rows = [("shared class", "samples", "new since it left", "")]
    rows += [
        (
            each.name,
            f"{each.samples:,}",
            f"{each.changed:,}",
            "may leave" if each.ready else "stays",
        )
        for each in found.classes[:CLASSES_SHOWN]
    ]
    more = len(found.classes) - CLASSES_SHOWN
    return ["", *columns(rows), *([f"and {more:,} more classes"] if more > 0 else [])]
