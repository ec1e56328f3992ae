import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes.client import AuthenticationV1Api, CoordinationV1Api, V1TokenReview

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes import access
from orchestrator.kubernetes.access import Access, RefusedError, find_cluster
from tests.cluster_api import ACCOUNT, Cluster

Reach = Callable[..., Access]
TOKEN = "hush-hush-hush-hush"


def test_a_kubeconfig_that_is_named_leads_to_its_cluster_and_namespace(
    cluster: Cluster, tmp_path: Path
) -> None:
    place = find_cluster(cluster.kubeconfig(tmp_path))
    assert (place.configuration.host, place.namespace) == (cluster.address, "fleet")


def test_a_pod_finds_its_cluster_by_its_own_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kubernetes.config import incluster_config

    for name, text in (("token", ACCOUNT), ("namespace", "plants\n"), ("ca.crt", "PEM")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(access, "ACCOUNT", tmp_path)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    place = find_cluster(None)
    assert (place.configuration.host, place.namespace) == ("https://10.0.0.1:443", "plants")


@pytest.mark.parametrize("text", [None, "", "[]", "clusters: 1", "{", "\x00", "current-context: x"])
def test_what_leads_to_no_cluster_is_a_sentence_with_the_setting(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FieldwiseError) as raised:
        find_cluster(path)
    assert raised.value.fault is Fault.SETTING_INVALID
    assert f"kubernetes_config = {path}" in raised.value.sentence


async def test_a_cluster_that_says_nothing_is_left_alone_in_time(
    cluster: Cluster, reach: Reach
) -> None:
    cluster.goes_on.clear()
    way = reach(0.2)
    with pytest.raises(FieldwiseError) as raised:
        await way.ask(CoordinationV1Api(way.client).read_namespaced_lease, "a", "fleet")
    assert raised.value.fault is Fault.UNAVAILABLE


async def test_a_cluster_that_drips_is_left_alone_in_time(cluster: Cluster, reach: Reach) -> None:
    cluster.drips = True
    way = reach(0.3)
    with pytest.raises(FieldwiseError) as raised:
        await way.ask(CoordinationV1Api(way.client).read_namespaced_lease, "a", "fleet")
    assert raised.value.fault is Fault.UNAVAILABLE


async def test_what_may_have_been_done_is_not_tried_again_unasked(
    cluster: Cluster, reach: Reach
) -> None:
    cluster.hangs_up = True
    way = reach()
    with pytest.raises(FieldwiseError) as raised:
        await way.ask(CoordinationV1Api(way.client).read_namespaced_lease, "a", "fleet")
    assert raised.value.fault is Fault.UNAVAILABLE
    assert len(cluster.asked) == 1


async def test_calls_that_hang_keep_later_ones_no_longer_than_their_own_time(
    cluster: Cluster, reach: Reach
) -> None:
    cluster.goes_on.clear()
    way = reach(0.2)
    read = CoordinationV1Api(way.client).read_namespaced_lease
    told = await asyncio.gather(
        *(way.ask(read, "a", "fleet") for _ in range(12)), return_exceptions=True
    )
    assert all(isinstance(each, FieldwiseError) for each in told)


async def test_nobody_who_listens_is_told_plainly(cluster: Cluster, reach: Reach) -> None:
    cluster.address = "http://127.0.0.1:1"
    way = reach()
    with pytest.raises(FieldwiseError) as raised:
        await way.ask(CoordinationV1Api(way.client).read_namespaced_lease, "a", "fleet")
    assert raised.value.fault is Fault.UNAVAILABLE
    assert "cannot be asked" in raised.value.sentence


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
async def test_a_refusal_has_its_status_and_nothing_of_what_was_sent(
    cluster: Cluster, reach: Reach, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.refuses = status
    way = reach()
    review = V1TokenReview(spec={"token": TOKEN})
    with caplog.at_level(logging.DEBUG), pytest.raises(RefusedError) as raised:
        await way.ask(AuthenticationV1Api(way.client).create_token_review, review)
    assert raised.value.status == status
    assert TOKEN not in str(raised.value)
    assert raised.value.__cause__ is None
    assert len(cluster.asked) == 1, "it was tried again"
    assert TOKEN not in caplog.text
    assert ACCOUNT not in caplog.text
