"""Who operates, put together: what lets people in, knows them, and writes down what they do."""

import time
from contextlib import ExitStack
from dataclasses import dataclass

from orchestrator import clustering
from orchestrator.admission import Admission, OidcAdmission, TokenAdmission
from orchestrator.audit.custody import Custody
from orchestrator.audit.looking import Looking
from orchestrator.audit.recording import Recording
from orchestrator.audit_metrics import AuditMetrics
from orchestrator.config import OrchestratorSettings
from orchestrator.home import open_token
from orchestrator.https import HttpsDocuments
from orchestrator.people.accounts import Accounts
from orchestrator.people.claims import Expected, mapped
from orchestrator.ports import Clock, Entropy
from orchestrator.rights import OperatorLogin
from orchestrator.rpc.accounts import AccountServicer
from orchestrator.rpc.audit import AuditServicer
from orchestrator.rpc.auditing import Audit
from orchestrator.rpc.interceptors import OperatorsOnly
from orchestrator.storage.stores import Stores

ISSUER_SECONDS = 5.0  # a person waits for it


@dataclass(frozen=True, slots=True)
class Operating:
    """What stands between operators and the rest."""

    token: str
    admission: Admission
    accounts: AccountServicer
    recording: Recording
    custody: Custody
    audit: Audit

    @property
    def gate(self) -> OperatorsOnly:
        """What lets operators in."""
        return OperatorsOnly(self.admission.admit, self.recording.refused)

    @property
    def servicers(self) -> tuple[AccountServicer, AuditServicer]:
        return self.accounts, AuditServicer(self.custody)


def root_token(settings: OrchestratorSettings, entropy: Entropy) -> str:
    """Return root's token; none is made where it would open nothing.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for a stored one that cannot be used.
    """
    if settings.operator_login is not OperatorLogin.TOKEN:
        return ""
    return open_token(settings.folder, settings.operator_token, entropy)


def operating(
    settings: OrchestratorSettings,
    token: str,
    stores: Stores,
    clock: Clock,
    entropy: Entropy,
    metrics: AuditMetrics,
    stack: ExitStack,
) -> Operating:
    """Put it together.

    Args:
        settings: Which way operators log in.
        token: Root's, where that is the way.
        stores: Where accounts and the audit log are kept, and what deeds are about.
        clock: What time it is.
        entropy: Where ids and secrets come from.
        metrics: What tells of the audit log.
        stack: What ends with the orchestrator.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where no cluster is found.
    """
    ours = (
        _by_issuer(settings, clock)
        if settings.operator_login is OperatorLogin.OIDC
        else TokenAdmission(token, stores.accounts, clock)
    )
    recording = Recording(stores.audit, clock, metrics.failed)
    return Operating(
        token=token,
        admission=clustering.admission(settings, ours, stack),
        accounts=AccountServicer(
            Accounts(stores.accounts, clock, entropy),
            open_doors=settings.operator_login is OperatorLogin.TOKEN,
        ),
        recording=recording,
        custody=Custody(stores.audit, clock, settings.audit_entries_max, metrics.show),
        audit=Audit(recording, _looking(stores)),
    )


def _by_issuer(settings: OrchestratorSettings, clock: Clock) -> OidcAdmission:
    from orchestrator.oidc import IssuerKeys, OidcTokens  # noqa: PLC0415 - only who asks for it

    documents = HttpsDocuments(settings.oidc_ca, "oidc_ca", ISSUER_SECONDS)
    keys = IssuerKeys(settings.oidc_issuer, documents, settings.oidc_keys_seconds, time.monotonic)
    expected = Expected(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        clients=frozenset(settings.oidc_clients),
        leeway_seconds=settings.oidc_leeway_seconds,
        roles_claim=settings.oidc_roles_claim,
        roles=mapped(settings.oidc_roles),
        name_claim=settings.oidc_name_claim,
    )
    return OidcAdmission(OidcTokens(keys), expected, clock)


def _looking(stores: Stores) -> Looking:
    return Looking(
        devices=stores.devices,
        tickets=stores.tickets,
        backbones=stores.backbones,
        rollouts=stores.rollouts,
        campaigns=stores.campaigns,
        accounts=stores.accounts,
        trust=stores.trust,
    )
