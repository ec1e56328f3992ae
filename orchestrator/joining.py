"""Joining, put together: who says which devices are let in, and what is kept of those that wait."""

from collections.abc import Callable

from fieldwise.identity import certificate_der
from fieldwise.ticket import Ticket, encode_ticket
from orchestrator.config import OrchestratorSettings
from orchestrator.enrolment.admission_rules import parse_rule
from orchestrator.enrolment.applying import Admission, Applications
from orchestrator.enrolment.authority import Signing
from orchestrator.enrolment.service import Minted
from orchestrator.leading import Leading
from orchestrator.loops import Repeated
from orchestrator.metric_names import Loop
from orchestrator.ports import Clock
from orchestrator.storage.stores import Stores
from orchestrator.webhook import Webhook, WebhookPlace

SWEEP_SECONDS = 5.0  # a look at an index that finds nothing


def applications(
    settings: OrchestratorSettings, stores: Stores, fleet: str, clock: Clock
) -> Applications:
    """Put the use cases together.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where a file of the webhook cannot be read.
    """
    return Applications(stores.applicants, clock, admission(settings, fleet))


def sweeping(made: Applications, leading: Leading) -> Repeated:
    """Return what forgets those whose time is over, on the replica that leads."""

    async def sweep(_term: int) -> None:
        await made.sweep()

    return Repeated(Loop.JOINING, SWEEP_SECONDS, leading.led(sweep))


def ticket_writer(authority: Signing, address: str) -> Callable[[Minted], str]:
    """Return what makes a text of a fresh ticket, with the address at which devices join."""

    def write(minted: Minted) -> str:
        root = certificate_der(authority.certificate)
        ticket = Ticket(address, root, authority.fleet, minted.ticket.id, minted.secret)
        return encode_ticket(ticket)

    return write


def admission(settings: OrchestratorSettings, fleet: str) -> Admission:
    """Return how the settings let devices in.

    Raises:
        FieldwiseError: As ``applications``.
    """
    return Admission(
        fleet=fleet,
        way=settings.admission,
        rules=tuple(map(parse_rule, settings.admission_rules)),
        hook=_hook(settings),
        applicants_max=settings.applicants_max,
        applicant_seconds=settings.applicant_seconds,
        retry_seconds=settings.applicant_retry_seconds,
    )


def _hook(settings: OrchestratorSettings) -> Webhook | None:
    if not settings.admission_webhook:
        return None
    return Webhook(
        WebhookPlace(
            settings.admission_webhook,
            settings.admission_webhook_ca,
            settings.admission_webhook_secret_file,
            settings.admission_webhook_seconds,
        )
    )
