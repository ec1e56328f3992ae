"""Who operates, put together: what lets people in, and what knows them."""

from contextlib import ExitStack
from dataclasses import dataclass

from orchestrator import clustering
from orchestrator.admission import Admission, TokenAdmission
from orchestrator.config import OrchestratorSettings
from orchestrator.home import open_token
from orchestrator.people.accounts import Accounts
from orchestrator.ports import Clock, Entropy
from orchestrator.rights import OperatorLogin
from orchestrator.rpc.accounts import AccountServicer
from orchestrator.rpc.interceptors import OperatorsOnly
from orchestrator.storage.stores import Stores


@dataclass(frozen=True, slots=True)
class Operating:
    """What stands between operators and the rest."""

    token: str
    admission: Admission
    accounts: AccountServicer

    @property
    def gate(self) -> OperatorsOnly:
        """What lets operators in."""
        return OperatorsOnly(self.admission.admit)


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
    stack: ExitStack,
) -> Operating:
    """Put it together.

    Args:
        settings: Which way operators log in.
        token: Root's, where that is the way.
        stores: Where accounts are kept.
        clock: What time it is.
        entropy: Where ids and secrets come from.
        stack: What ends with the orchestrator.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where no cluster is found.
    """
    ours = TokenAdmission(token, stores.accounts, clock)
    return Operating(
        token=token,
        admission=clustering.admission(settings, ours, stack),
        accounts=AccountServicer(
            Accounts(stores.accounts, clock, entropy),
            open_doors=settings.operator_login is OperatorLogin.TOKEN,
        ),
    )
