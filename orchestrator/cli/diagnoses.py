"""``fieldwise device diagnose``: ask a device for a diagnosis, which its owner may refuse."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Annotated

import typer

from fieldwise.diagnosis import Diagnosis, Trouble, parts_of
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.devices import DeviceId
from orchestrator.cli.looking import patiently
from orchestrator.cli.output import Shown, ago, facts, seconds_from, table
from orchestrator.diagnosis_views import DiagnosisView
from orchestrator.fleet.diagnosis import DiagnosisState
from orchestrator.rpc.client import OperatorClient

LOOK_SECONDS = 2.0  # an owner takes longer
SENTENCES: Mapping[DiagnosisState, str] = MappingProxyType(
    {
        DiagnosisState.ASKED: "asked; the device hears of it with its next check-in",
        DiagnosisState.UNSUPPORTED: "its agent does not know diagnoses, or has not said so yet: "
        "update it",
        DiagnosisState.WAITING: "the device's owner is asked",
        DiagnosisState.REFUSED: "the device's owner refused it",
        DiagnosisState.GIVEN: "given",
        DiagnosisState.EXPIRED: "nobody answered in time",
    }
)
ENDS: Mapping[DiagnosisState, Fault] = MappingProxyType(
    {
        DiagnosisState.UNSUPPORTED: Fault.ILLEGAL_COMMAND,
        DiagnosisState.REFUSED: Fault.PERMISSION_DENIED,
        DiagnosisState.EXPIRED: Fault.UNAVAILABLE,
    }
)


async def diagnose(
    client: OperatorClient,
    device: DeviceId,
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Ask anew where the newest request is over.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the owner; fail where nothing is given.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--list", help="Ask nothing; list the newest requests.")
    ] = False,
    lifetime: Annotated[
        str, typer.Option(help="How long the owner may take: 90s, 30m, 12h, 7d.")
    ] = "7d",
) -> Shown:
    """Ask a device for a diagnosis, or tell how the request that was made stands."""
    if every:
        found = await client.list_diagnoses(device)
        rows = [_row(each) for each in found]
        return Shown(found, lambda: table(("request", "state", "asked", "answered"), rows))
    asked = await client.ask_diagnosis(device, seconds_from(lifetime), again=again)
    if wait:
        asked = await _end_of(client, asked)
    return Shown(asked, lambda: facts(_told(asked)))


async def _end_of(client: OperatorClient, asked: DiagnosisView) -> DiagnosisView:
    look = partial(client.list_diagnoses, asked.device)
    while asked.state is not DiagnosisState.GIVEN:
        if (fault := ENDS.get(asked.state)) is not None:
            raise FieldwiseError(fault, f"{asked.device}: {SENTENCES[asked.state]}")
        await asyncio.sleep(LOOK_SECONDS)
        asked = _same(await patiently(look, LOOK_SECONDS), asked)
    return asked


def _same(kept: Sequence[DiagnosisView], asked: DiagnosisView) -> DiagnosisView:
    for each in kept:
        if each.id == asked.id:
            return each
    raise FieldwiseError(Fault.NOT_FOUND, f"the request {asked.id} is not kept any more")


def _row(asked: DiagnosisView) -> tuple[str, ...]:
    answered = ago(asked.answered_at) if asked.answered_at else ""
    return (asked.id, asked.state, ago(asked.asked_at), answered)


def _told(asked: DiagnosisView) -> Iterator[tuple[str, str]]:
    yield ("device", asked.device)
    yield ("request", asked.id)
    yield ("state", SENTENCES[asked.state])
    yield ("asked", ago(asked.asked_at))
    yield ("ends", ago(asked.expires_at))
    if asked.diagnosis is not None:
        yield from _diagnosed(asked.diagnosis)


def _diagnosed(found: Diagnosis) -> Iterator[tuple[str, str]]:
    yield ("agent", f"{found.agent_version}, Python {found.python_version}")
    yield ("system", f"{found.system}, kernel {found.kernel}, {found.architecture}")
    for title, values in parts_of(found).items():
        for name, value in values.items():
            yield (f"{title}: {name}", ", ".join(value) if isinstance(value, tuple) else f"{value}")
    yield ("errors noticed", f"{found.troubles_noticed:,}")
    yield from ((_name(each), _course(each)) for each in found.troubles)


def _name(trouble: Trouble) -> str:
    return trouble.fault or trouble.exception or "exception of others' code"


def _course(trouble: Trouble) -> str:
    frames = "\n".join(map(str, trouble.frames))
    others = f"{trouble.further_frames} more, {trouble.foreign_frames} of others' code"
    return f"{trouble.times:,} x, last {trouble.seconds_ago:,} s before\n{frames}\n({others})"
