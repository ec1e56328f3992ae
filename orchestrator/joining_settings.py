"""How devices are let into the fleet: the settings of it, with the reason for each.

``orchestrator.config`` puts them together with all others.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from orchestrator.enrolment.admission_rules import RULE_CHARACTERS_MAX, RULES_MAX, Way
from orchestrator.limit_settings import LimitSettings


class JoiningSettings(LimitSettings, frozen=True, kw_only=True):
    """The part of ``OrchestratorSettings`` that says who may join."""

    # A ticket is 32 random bytes that an operator gave away; whoever wants more says so.
    admission: Annotated[
        Way,
        Meta(
            description="Who says whether a device with a good ticket is let in: ticket (it is), "
            "rules (admission_rules), pending (an operator, for each), webhook (admission_webhook)."
        ),
    ] = Way.TICKET
    # The first that applies decides; where none does, an operator is to look.
    admission_rules: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=RULE_CHARACTERS_MAX)], ...],
        Meta(
            max_length=RULES_MAX,
            description="Rules such as `accept architecture=aarch64 memory>=1GiB agent>=0.2 "
            "tag.site=berlin`; a rule begins with accept, pending or reject.",
        ),
    ] = ()
    # Only https: what it answers lets devices in, and its secret goes with every question.
    admission_webhook: Annotated[
        str,
        Meta(
            max_length=1024,
            description="https://HOST[:PORT]/PATH that is asked about every device.",
        ),
    ] = ""
    # A service of one's own has a certificate of one's own authority.
    admission_webhook_ca: Annotated[
        Path | None,
        Meta(
            description="PEM file with the authorities that the webhook's certificate may be of. "
            "Default: those of this machine."
        ),
    ] = None
    # A file can be replaced while the server runs: it is read at every question.
    admission_webhook_secret_file: Annotated[
        Path | None,
        Meta(
            description="File with the bearer token that the webhook is asked with. Default: none."
        ),
    ] = None
    # A device waits for its answer meanwhile, for at most 30 s.
    admission_webhook_seconds: Annotated[
        float,
        Meta(ge=0.1, le=20, description="Time in which the webhook has to answer, all in all."),
    ] = 5.0
    # More than an operator looks through; each takes a use of a ticket and half a KiB.
    applicants_max: Annotated[
        int, Meta(ge=1, le=100_000, description="How many devices may wait at the same time.")
    ] = 1000
    # Over a weekend and a holiday; then the use of the ticket is free again.
    applicant_seconds: Annotated[
        int,
        Meta(
            ge=10,
            le=90 * 86_400,
            description="How long a device may wait, and how long it has to come once accepted.",
        ),
    ] = 7 * 86_400
    # A thousand that wait are 17 calls a second; whoever accepts one sees it come within a minute.
    applicant_retry_seconds: Annotated[
        int,
        Meta(ge=1, le=3600, description="How often a device that waits asks again."),
    ] = 60
