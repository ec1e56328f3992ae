"""How operators log in by an issuer of OpenID Connect: the settings, with the reason for each.

``orchestrator.config`` puts them together with all others.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from orchestrator.joining_settings import JoiningSettings

Name = Annotated[str, Meta(min_length=1, max_length=256)]


class LoginSettings(JoiningSettings, frozen=True, kw_only=True):
    """The part of ``OrchestratorSettings`` that says which tokens of an issuer are taken."""

    # Only https: whoever could change its keys on the way could let anybody in.
    oidc_issuer: Annotated[
        str,
        Meta(
            pattern=r"^(https://[!-~]{1,1000})?\Z",
            description="Issuer of operators' tokens, as its discovery document names it: "
            "https://HOST/PATH.",
        ),
    ] = ""
    # A token for another program would let that one operate the fleet.
    oidc_audience: Annotated[Name, Meta(description="Audience that tokens must be meant for.")] = (
        "fieldwise"
    )
    # Where tokens are given to the audience itself there is nobody else to name.
    oidc_clients: Annotated[
        tuple[Name, ...],
        Meta(
            max_length=100,
            description="Programs (azp) that tokens may have been given to. Default: the audience "
            "alone.",
        ),
    ] = ()
    # Where most issuers can be told to put them.
    oidc_roles_claim: Annotated[
        tuple[Name, ...],
        Meta(
            min_length=1,
            max_length=8,
            description="Names that lead to the claim with the roles: realm_access,roles.",
        ),
    ] = ("roles",)
    # Nobody is anything before somebody says so.
    oidc_roles: Annotated[
        tuple[Name, ...],
        Meta(
            max_length=100,
            description="Which value of that claim is which role, as VALUE=viewer, VALUE=operator "
            "or VALUE=admin.",
        ),
    ] = ()
    # Subjects are often numbers that nobody knows; both stand in the audit log.
    oidc_name_claim: Annotated[
        Name, Meta(description="Claim that people are named by; without it, by the subject.")
    ] = "preferred_username"
    # An issuer of one's own has a certificate of one's own authority.
    oidc_ca: Annotated[
        Path | None,
        Meta(
            description="PEM file with the authorities that the issuer's certificate may be of. "
            "Default: those of this machine."
        ),
    ] = None
    # As long as a restart of the issuer; a key that it has taken back works that much longer then.
    oidc_keys_seconds: Annotated[
        float,
        Meta(
            ge=60,
            le=86_400,
            description="How long the issuer's keys hold while it is away; then nobody is let in.",
        ),
    ] = 3600.0
    # Clocks of servers that are looked after are closer.
    oidc_leeway_seconds: Annotated[
        float,
        Meta(ge=0, le=300, description="By how much the issuer's clock may differ from ours."),
    ] = 30.0
