"""``run``, ``status`` and ``settings``."""

import asyncio

import typer

from agent.cli.output import AsJson, columns, moment, show, size
from agent.cli.progress import update_words
from agent.cli.told import effective, settings_of
from fieldwise.answers import Status
from fieldwise.learning import LearningReport

CLASSES_SHOWN = 20


def run_command(context: typer.Context) -> None:
    """Run the daemon: serve applications, learn, keep in touch with the fleet."""
    from agent.app import opened, run_daemon
    from fieldwise.logs import configure

    settings = settings_of(context)
    configure(settings.log_level, settings.log_form)
    with opened(settings) as agent:
        asyncio.run(run_daemon(agent))


def status(context: typer.Context, *, json: AsJson = False) -> None:
    """Show how the agent is and what it has learned."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        found = reached.status()
        report = None if json else reached.report()
    show(found, lambda: _lines(found, report or LearningReport()), as_json=json)


def settings_command(context: typer.Context, *, json: AsJson = False) -> None:
    """Show every setting, where it came from and what it means."""
    from fieldwise.settings import show as settings_shown

    found = settings_shown(effective(context))
    show(
        found,
        lambda: columns([(each.name, each.value, each.origin, each.description) for each in found]),
        as_json=json,
    )


def _lines(found: Status, report: LearningReport) -> list[str]:
    from agent.cli.table import learning_sections, sections

    told = sections(learning_sections(report, found))
    return [*_facts(found), "", *told, *_classes(found)]


def _facts(found: Status) -> list[str]:
    learning, vital = found.learning, found.vital_signs
    member = f"{found.device_id} of {found.fleet}" if found.fleet else "outside a fleet"
    lost = f"{found.lost_samples:,} samples learned earlier: the stored head was damaged"
    known = sum(found.classes.values())
    carried = f"{found.carried_samples:,} of {known:,} samples are carried over by estimate"
    dropped = f"{found.own_labels_dropped:,} predictions that it was sure of, for want of time"
    waiting = f"{found.waiting_samples:,} recorded samples, until learning is allowed"
    return columns(
        [
            ("agent", f"{found.agent_version}, {member}"),
            *_joining(found),
            ("backbone", f"{found.backbone} {found.variant}".strip() or "none yet"),
            ("publisher", publisher_words(found)),
            ("update", f"{update_words(found.update)}; generation {found.update.generation}"),
            ("learned", f"{learning.samples:,} samples of {learning.classes:,} classes"),
            *([("estimated", carried)] if found.carried_samples else []),
            *([("lost", lost)] if found.lost_samples else []),
            *([("waiting", waiting)] if found.waiting_samples else []),
            *([("not labelled", dropped)] if found.own_labels_dropped else []),
            ("set aside", f"{learning.select_samples:,} and {learning.judge_samples:,} samples"),
            ("images kept", f"{learning.exemplars:,} in {size(learning.exemplar_bytes)}"),
            (
                "predictions",
                (
                    f"{vital.predictions:,}, {vital.prediction_errors:,} refused,"
                    f" {found.skipped:,} frames skipped"
                ),
            ),
            ("memory", f"{size(vital.resident_bytes)}, state {size(vital.state_bytes)} on disk"),
            ("last check-in", f"{moment(found.check_in_seconds)} {found.check_in_error}".rstrip()),
            ("clock", f"{found.clock_ahead_seconds:+,} s against the orchestrator"),
            ("settings", _settings(found)),
        ]
    )


def _joining(found: Status) -> list[tuple[str, str]]:
    if (joining := found.joining) is None:
        return []
    waits = f"waiting for the operator of {joining.fleet}: fingerprint {joining.fingerprint}"
    told = [*([waits] if joining.fleet else []), *filter(None, [joining.complaint])]
    return [("joining", "; ".join(told))]


def publisher_words(found: Status) -> str:
    """Who vouches for the backbone in use."""
    told = found.publisher
    if not told.root_version:
        return told.complaint or "none: nobody vouches for backbones here"
    listed = "lists the backbone in use" if told.in_use_listed else "does not list what is in use"
    words = (
        f"root {told.root_version} until {_day(told.root_expires)}",
        f"list {told.targets_version} until {_day(told.targets_expires)} {listed}",
        f"floor epoch {told.floor_epoch}",
        f"fresh until {told.timestamp_expires or 'it is fetched'}",
    )
    return "; ".join((*words, *([told.complaint] if told.complaint else [])))


def _day(expires: str) -> str:
    return expires.partition("T")[0] or "it is fetched"


def _settings(found: Status) -> str:
    settings = found.settings
    days = settings.retention_days
    return (
        f"revision {found.settings_revision}: images {size(settings.exemplar_bytes_max)},"
        f" {f'kept {days:,} days' if days else 'no end'}, shrinkage {settings.shrinkage:g}"
        f"{', learning paused' if settings.learning_paused else ''}"
    )


def _classes(found: Status) -> list[str]:
    ordered = sorted(found.classes.items(), key=lambda each: (-each[1], each[0]))
    rows = [("class", "samples"), *((name, f"{count:,}") for name, count in ordered)]
    more = len(ordered) - CLASSES_SHOWN
    tail = [f"and {more:,} more classes"] if more > 0 else []
    return [*columns(rows[: CLASSES_SHOWN + 1]), *tail] if ordered else []
