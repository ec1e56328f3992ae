"""``diagnose``: what an operator asks this device for, and the owner's word about it."""

from collections.abc import Iterator
from typing import Annotated

import typer

from agent.cli.output import DASH, AsJson, columns, show
from agent.cli.told import settings_of
from agent.diagnosing import Asked
from fieldwise.diagnosis import Diagnosis, DiagnosisStep, parts_of

app = typer.Typer(no_args_is_help=True, help="Diagnoses that an operator asks for.")

WORDS = {
    DiagnosisStep.WAITING: "waits for your word",
    DiagnosisStep.GIVEN: "allowed, and not sent yet",
    DiagnosisStep.REFUSED: "refused, and not told yet",
}
RequestId = Annotated[
    str, typer.Argument(help="Id of the request; without one the request that waits.")
]


@app.command("list")
def list_requests(context: typer.Context, *, json: AsJson = False) -> None:
    """List what waits for the owner's word."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        asked = reached.diagnosis()
    found = {"rule": asked.rule, "requests": [asked.waiting] if asked.waiting else []}
    show(found, lambda: _lines(asked), as_json=json)


@app.command("show")
def show_diagnosis(context: typer.Context, *, json: AsJson = False) -> None:
    """Show every word that would leave this device if a diagnosis were sent now; sends nothing."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        found = reached.diagnosis().diagnosis
    show(found, lambda: list(_told(found)), as_json=json)


@app.command("approve")
def approve(context: typer.Context, request: RequestId = "", *, json: AsJson = False) -> None:
    """Allow it: a diagnosis is made, written to the ledger and sent."""
    _decide(context, request, approved=True, as_json=json)


@app.command("deny")
def deny(context: typer.Context, request: RequestId = "", *, json: AsJson = False) -> None:
    """Refuse it; the operator is told so, and nothing else."""
    _decide(context, request, approved=False, as_json=json)


def _decide(context: typer.Context, request: str, *, approved: bool, as_json: bool) -> None:
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        decided = reached.decide_diagnosis(request, approved=approved)
    word = "allowed: it is sent with the next check-in" if approved else "refused"
    show({"id": decided, "approved": approved}, lambda: [f"{decided} {word}"], as_json=as_json)


def _lines(asked: Asked) -> list[str]:
    waiting = asked.waiting
    if waiting is None:
        return [f"nobody asks for a diagnosis (diagnose = {asked.rule})"]
    left = f"{waiting.seconds // 3600} h {waiting.seconds // 60 % 60} min left"
    return columns([(waiting.id, WORDS[waiting.step], left)])


def _told(found: Diagnosis) -> Iterator[str]:
    """Every value of a diagnosis."""
    parts = {
        "": {
            "agent": found.agent_version,
            "python": found.python_version,
            "system": found.system,
            "kernel": found.kernel,
            "architecture": found.architecture,
        },
        **parts_of(found),
    }
    for title, values in parts.items():
        yield from ("", title) if title else ()
        yield from columns([(f"  {name}", _text(value)) for name, value in values.items()])
    yield from ("", f"errors: {found.troubles_noticed:,} noticed since the start")
    for trouble in found.troubles:
        name = trouble.fault or trouble.exception or "an exception of others' code"
        others = f"{trouble.further_frames} more and {trouble.foreign_frames} of others' code"
        yield f"  {name}, {trouble.times:,} x, {trouble.seconds_ago:,} s ago; frames: {others}"
        yield from (f"    {frame}" for frame in trouble.frames)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value) or DASH
