from collections.abc import Callable
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.access import Access
from orchestrator.kubernetes.leases import Found, KubernetesLease, Record
from tests.cluster_api import Cluster

Reach = Callable[..., Access]
RECORD = Record("host_place_process", 15, 1_000_000.0, 1_000_005.25, 3)
KEY = ("fleet", "fieldwise")


@pytest.fixture
def lease(reach: Reach) -> KubernetesLease:
    return KubernetesLease(reach(), *KEY)


async def known(lease: KubernetesLease) -> Found:
    found = await lease.read()
    assert found is not None
    return found


async def test_what_is_written_is_what_is_read(lease: KubernetesLease) -> None:
    assert await lease.read() is None
    assert await lease.write(None, RECORD)
    found = await known(lease)
    assert found.record == RECORD
    later = replace(RECORD, renewed_at=1_000_010.0)
    assert await lease.write(found, later)
    assert (await known(lease)).record == later


async def test_moments_have_all_their_digits(lease: KubernetesLease, cluster: Cluster) -> None:
    await lease.write(None, RECORD)
    assert cluster.leases[KEY]["spec"]["acquireTime"] == "1970-01-12T13:46:40.000000Z"


async def test_of_two_who_make_it_one_is_told_no(lease: KubernetesLease) -> None:
    assert await lease.write(None, RECORD)
    assert not await lease.write(None, RECORD)


async def test_of_two_who_change_the_same_version_one_is_told_no(lease: KubernetesLease) -> None:
    await lease.write(None, RECORD)
    found = await known(lease)
    assert await lease.write(found, replace(RECORD, changes=4))
    assert not await lease.write(found, replace(RECORD, changes=5))
    assert (await known(lease)).record.changes == 4


async def test_one_that_was_deleted_meanwhile_is_not_changed(
    lease: KubernetesLease, cluster: Cluster
) -> None:
    await lease.write(None, RECORD)
    found = await known(lease)
    cluster.leases.clear()
    assert not await lease.write(found, RECORD)
    assert await lease.read() is None


async def test_what_others_wrote_beside_the_record_stays(
    lease: KubernetesLease, cluster: Cluster
) -> None:
    await lease.write(None, RECORD)
    cluster.leases[KEY]["metadata"]["labels"] = {"team": "edge"}
    await lease.write(await known(lease), RECORD)
    assert cluster.leases[KEY]["metadata"]["labels"] == {"team": "edge"}


@pytest.mark.parametrize("spec", [None, {}, {"holderIdentity": None}])
async def test_a_lease_of_anybody_s_making_is_read(
    lease: KubernetesLease, cluster: Cluster, spec: object
) -> None:
    metadata = {"name": "fieldwise", "namespace": "fleet", "resourceVersion": "1"}
    cluster.leases[KEY] = {"metadata": metadata, **({} if spec is None else {"spec": spec})}
    assert (await known(lease)).record == Record("", 0, 0.0, 0.0, 0)


@pytest.mark.parametrize(("status", "verb"), [(403, "get"), (500, "get")])
async def test_an_account_that_may_not_look_is_told_what_it_lacks(
    lease: KubernetesLease, cluster: Cluster, status: int, verb: str
) -> None:
    cluster.refuses = status
    with pytest.raises(FieldwiseError) as raised:
        await lease.read()
    assert raised.value.fault is Fault.UNAVAILABLE
    assert f"{verb} the Lease fleet/fieldwise: it answered with status {status}" in str(
        raised.value
    )


async def test_an_account_that_may_not_write_is_told_what_it_lacks(
    lease: KubernetesLease, cluster: Cluster
) -> None:
    await lease.write(None, RECORD)
    found = await known(lease)
    cluster.refuses_writes = 403
    for before, verb in ((None, "create"), (found, "update")):
        with pytest.raises(FieldwiseError) as raised:
            await lease.write(before, RECORD)
        assert verb in raised.value.sentence


async def test_a_namespace_that_is_not_there_is_no_race_that_was_lost(
    reach: Reach, cluster: Cluster
) -> None:
    cluster.namespaces = ()
    with pytest.raises(FieldwiseError) as raised:
        await KubernetesLease(reach(), *KEY).write(None, RECORD)
    assert "status 404" in raised.value.sentence
