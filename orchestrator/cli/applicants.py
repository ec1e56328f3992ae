"""``fieldwise device pending``, ``accept``, ``reject``: devices that wait for an operator."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from orchestrator.applicant_views import ApplicantView
from orchestrator.cli.output import Shown, ago, facts, pairs_from, size, table, tags
from orchestrator.cli.remote import collect, more
from orchestrator.cli.tickets import Limit
from orchestrator.enrolment.applicant import Stage
from orchestrator.rpc.client import OperatorClient

DeviceId = Annotated[str, typer.Argument(help="Id of the device, as `device pending` shows it.")]

COLOURS = {Stage.WAITING: "yellow", Stage.ACCEPTED: "green"}


async def pending(client: OperatorClient, *, limit: Limit = 100) -> Shown:
    """List devices that wait to be accepted; compare fingerprints with what each device shows."""
    found, cut = await collect(client.applicants.list, limit)
    columns = ("device", "stage", "key", "machine", "ticket", "since", "asked", "until", "reason")
    note = "\n".join(filter(None, (more(cut, limit), _hint(found))))
    return Shown(found, lambda: table(columns, map(_row, found)), note=note)


async def accept(
    client: OperatorClient,
    device: DeviceId,
    *,
    tag: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE to write on the device beside its ticket's.")
    ] = None,
) -> Shown:
    """Let a device in that waits; it joins when it asks again."""
    accepted = await client.applicants.accept(device, pairs_from(tag or [], "tag"))
    return _settled(accepted)


async def reject(
    client: OperatorClient,
    device: DeviceId,
    *,
    reason: Annotated[str, typer.Option(help="Why; the device shows it to its owner.")] = "",
) -> Shown:
    """Turn away a device that waits, or that was accepted and has not come."""
    return _settled(await client.applicants.reject(device, reason))


def _settled(applicant: ApplicantView) -> Shown:
    shown = [
        ("device", applicant.device),
        ("stage", applicant.stage.value),
        ("key", applicant.fingerprint),
        ("tags", tags(applicant.tags)),
    ]
    return Shown(applicant, lambda: facts(shown))


def _row(applicant: ApplicantView) -> tuple[str | Text, ...]:
    machine = applicant.facts
    return (
        applicant.device,
        Text(applicant.stage.value, style=COLOURS.get(applicant.stage, "")),
        applicant.fingerprint,
        f"{machine.architecture}, {size(machine.memory_bytes)}, agent {machine.agent_version}",
        applicant.ticket,
        ago(applicant.applied_at),
        ago(applicant.asked_at),
        ago(applicant.expires_at),
        applicant.reason,
    )


def _hint(applicants: Sequence[ApplicantView]) -> str:
    waits = any(each.stage is Stage.WAITING for each in applicants)
    return "Let one in: fieldwise device accept DEVICE" if waits else ""
