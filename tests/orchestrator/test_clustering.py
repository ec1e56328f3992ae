import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.admission import ClusterAdmission, TokenAdmission
from orchestrator.clustering import admission, elected
from orchestrator.config import OrchestratorSettings
from orchestrator.kubernetes.election import TRUSTED, LeaseLeadership
from orchestrator.leadership import Election
from orchestrator.rights import OperatorLogin
from orchestrator.storage.memory_accounts import MemoryAccounts
from orchestrator.storage.memory_replicas import MemoryLeadership
from tests.cluster_api import Cluster
from tests.fleet_records import SetClock

TERMS = MemoryLeadership()
OURS = TokenAdmission("t", MemoryAccounts(), SetClock())
BY_CLUSTER = {
    "leader_election": Election.KUBERNETES,
    "operator_login": OperatorLogin.KUBERNETES,
}


def test_who_asks_for_no_cluster_loads_nothing_of_it() -> None:
    script = (
        "import sys, orchestrator.app\n"
        "print([name for name in sys.modules if name.startswith(('kubernetes', 'urllib3'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_without_a_word_the_database_and_the_one_token_decide() -> None:
    with ExitStack() as stack:
        found = elected(OrchestratorSettings(), TERMS, stack)
        assert (found.store, found.seconds, found.trusted) == (TERMS, 15.0, 1.0)
        assert admission(OrchestratorSettings(), OURS, stack) is OURS


def test_a_cluster_decides_where_it_is_asked_to(tmp_path: Path) -> None:
    config = Cluster("http://127.0.0.1:1").kubeconfig(tmp_path)
    settings = OrchestratorSettings(kubernetes_config=config, **BY_CLUSTER)
    with ExitStack() as stack:
        found = elected(settings, TERMS, stack)
        assert isinstance(found.store, LeaseLeadership)
        assert (found.seconds, found.trusted) == (10.0, TRUSTED)
        assert isinstance(admission(settings, OURS, stack), ClusterAdmission)


def test_a_cluster_that_is_not_found_is_a_sentence(tmp_path: Path) -> None:
    settings = OrchestratorSettings(kubernetes_config=tmp_path / "missing", **BY_CLUSTER)
    with ExitStack() as stack:
        for put_together in (
            lambda: elected(settings, TERMS, stack),
            lambda: admission(settings, OURS, stack),
        ):
            with pytest.raises(FieldwiseError) as raised:
                put_together()
            assert raised.value.fault is Fault.SETTING_INVALID
