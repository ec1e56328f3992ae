import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.worker_token import worker_token
from orchestrator.kubernetes.access import Access
from orchestrator.kubernetes.jobs import COMING_UP_SECONDS, JobForm, WorkerJobs, read_form
from orchestrator.worker_ports import Way, WorkerState
from orchestrator.world import SystemEntropy
from tests.cluster_api import Cluster

CREATED_AT = 1_767_225_600.0  # the moment that the cluster gives to what is made
TOKEN = worker_token("c7", bytes(32))
WAY = Way("fieldwise-operators.fleet:8444", b"-----BEGIN CERTIFICATE-----\n")
FORM = JobForm(
    "fieldwise",
    ("Deployment", "fieldwise"),
    {
        "backoffLimit": 6,
        "template": {
            "spec": {
                "restartPolicy": "OnFailure",
                "containers": [
                    {"name": "aggregator", "image": "aggregator:1", "env": [{"name": "TZ"}]}
                ],
            }
        },
    },
)


class Case:
    """A replica's way to Jobs, at a moment that a test sets."""

    def __init__(self, cluster: Cluster, access: Access) -> None:
        self.cluster = cluster
        self.objects = cluster.objects
        self.now_at = CREATED_AT + 1
        self.jobs = WorkerJobs(access, "fleet", FORM, WAY, self, SystemEntropy())
        self.objects.put("deployments", "fleet", {"metadata": {"name": "fieldwise"}})

    def now(self) -> float:
        return self.now_at

    def fares(self, **status: object) -> None:
        (job,) = self.objects.of("jobs")
        job["status"] = status


@pytest.fixture
def case(cluster: Cluster, reach: Callable[..., Access]) -> Case:
    return Case(cluster, reach())


async def test_a_job_is_as_the_installation_writes_it_and_told_its_way(case: Case) -> None:
    await case.jobs.start("c7", TOKEN)
    (job,) = case.objects.of("jobs")
    pod = job["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert container["image"] == "aggregator:1"
    assert told["FIELDWISE_AGGREGATOR_ADDRESS"] == WAY.address
    assert "TZ" in told
    assert pod["metadata"]["labels"]["fieldwise.dev/campaign"] == "c7"
    assert TOKEN not in json.dumps(job)
    (secret,) = case.objects.of("secrets")
    assert base64.b64decode(secret["data"]["token"]).decode() == TOKEN
    assert base64.b64decode(secret["data"]["authority.pem"]) == WAY.authority
    assert pod["spec"]["volumes"][0]["secret"]["secretName"] == secret["metadata"]["name"]


async def test_the_form_is_the_same_for_the_next_job(case: Case) -> None:
    before = json.dumps(FORM.template)
    await case.jobs.start("c7", TOKEN)
    assert json.dumps(FORM.template) == before


async def test_a_job_goes_with_the_orchestrator_and_its_secret_with_the_job(case: Case) -> None:
    await case.jobs.start("c7", TOKEN)
    (deployment,) = case.objects.of("deployments")
    (job,) = case.objects.of("jobs")
    (secret,) = case.objects.of("secrets")
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Deployment", deployment["metadata"]["uid"])
    assert secret["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]
    await case.jobs.stop("c7")
    assert case.objects.of("jobs") == case.objects.of("secrets") == []


@pytest.mark.parametrize(
    ("status", "seconds", "state"),
    [
        ({}, 1, WorkerState.RUNS),
        ({"active": 1, "ready": 0}, COMING_UP_SECONDS - 1, WorkerState.RUNS),
        ({"active": 1, "ready": 0}, COMING_UP_SECONDS + 1, WorkerState.ENDED),
        ({"active": 1, "ready": 1}, 1e6, WorkerState.RUNS),
        ({"active": 1}, 1e6, WorkerState.RUNS),  # as a cluster older than 1.24 tells it
        ({}, COMING_UP_SECONDS + 1, WorkerState.ENDED),
        ({"conditions": [{"type": "Failed", "status": "True"}]}, 1, WorkerState.ENDED),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, 1, WorkerState.ENDED),
        ({"conditions": [{"type": "Failed", "status": "False"}]}, 1, WorkerState.RUNS),
    ],
)
async def test_a_job_stands_as_its_cluster_says(
    case: Case, status: dict[str, object], seconds: float, state: WorkerState
) -> None:
    await case.jobs.start("c7", TOKEN)
    case.fares(**status)
    case.now_at = CREATED_AT + seconds
    assert await case.jobs.look() == {"c7": state}


async def test_the_next_leader_finds_what_the_one_before_started(
    case: Case, reach: Callable[..., Access]
) -> None:
    await case.jobs.start("c7", TOKEN)
    await case.jobs.let_go()
    following = WorkerJobs(reach(), "fleet", FORM, WAY, case, SystemEntropy())
    assert await following.look() == {"c7": WorkerState.RUNS}
    await following.stop("c7")
    assert await following.look() == {}


async def test_of_two_jobs_of_a_campaign_none_is_left(case: Case) -> None:
    for _ in range(2):
        await case.jobs.start("c7", TOKEN)
    assert await case.jobs.look() == {"c7": WorkerState.ENDED}
    await case.jobs.stop("c7")
    assert case.objects.of("jobs") == []


async def test_the_jobs_of_another_installation_are_nobody_s_business(
    case: Case, reach: Callable[..., Access]
) -> None:
    await case.jobs.start("c7", TOKEN)
    other = JobForm("other", FORM.owner, FORM.template)
    beside = WorkerJobs(reach(), "fleet", other, WAY, case, SystemEntropy())
    assert await beside.look() == {}
    await beside.stop("c7")
    assert await case.jobs.look() == {"c7": WorkerState.RUNS}


async def test_no_job_is_left_without_its_secret(case: Case) -> None:
    case.objects.refused.add(("POST", "secrets"))
    with pytest.raises(FieldwiseError) as raised:
        await case.jobs.start("c7", TOKEN)
    assert "create Secrets: it answered with status 403" in raised.value.sentence
    assert case.objects.of("jobs") == []


@pytest.mark.parametrize(
    ("verb", "kind", "told"),
    [("GET", "jobs", "list Jobs"), ("GET", "deployments", "get the Deployment fieldwise")],
)
async def test_a_right_that_is_missing_is_named(
    case: Case, verb: str, kind: str, told: str
) -> None:
    case.objects.refused.add((verb, kind))
    call = case.jobs.look() if kind == "jobs" else case.jobs.start("c7", TOKEN)
    with pytest.raises(FieldwiseError) as raised:
        await call
    assert raised.value.fault is Fault.UNAVAILABLE
    assert told in raised.value.sentence


async def test_what_is_gone_already_is_stopped_without_a_word(case: Case) -> None:
    await case.jobs.stop("c7")


def test_the_form_of_jobs_is_read_from_the_file_of_the_installation(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"owner": "Deployment/fieldwise", "spec": FORM.template}))
    assert read_form(path, "fieldwise") == FORM


@pytest.mark.parametrize("name", ["a" * 253, "plant.north", "plant.north.line-" + "7" * 60])
def test_a_long_name_of_an_installation_becomes_one_that_labels_can_hold(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"owner": "Deployment/fieldwise", "spec": FORM.template}))
    shortened = read_form(path, name).installation
    assert re.fullmatch("[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", shortened)
    assert shortened != read_form(path, name[:-1] + "x").installation


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"owner": "Deployment/x"}',
        '{"owner": "Pod/x", "spec": {}}',
        '{"owner": "Deployment/../x", "spec": {}}',
        '{"owner": "Deployment/x", "spec": {}}',
        '{"owner": "Deployment/x", "spec": {"template": []}}',
        '{"owner": "Deployment/x", "spec": {"template": {"spec": {"containers": []}}}}',
        '{"owner": "Deployment/x", "spec": {"template": {"spec": {"containers": [{"image": 1}]}}}}',
        '{"owner": "Deployment/x", "spec": {}, "further": 1}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_file_that_is_no_form_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "job.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(FieldwiseError) as raised:
        read_form(path, "fieldwise")
    assert raised.value.fault is Fault.SETTING_INVALID
    assert str(path) in raised.value.sentence


def test_a_file_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError, match="No such file"):
        read_form(tmp_path / "missing", "fieldwise")
