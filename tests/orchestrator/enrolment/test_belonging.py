import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import generate_key
from orchestrator.enrolment.authority import found_authority
from orchestrator.enrolment.belonging import check_installation
from orchestrator.storage.memory_replicas import MemoryInstallation

NOW = 1e9


async def test_replicas_of_one_authority_share_a_database() -> None:
    store, ours = MemoryInstallation(), found_authority("plant-7", generate_key(), NOW)
    for _ in range(3):
        await check_installation(store, ours)


@pytest.mark.parametrize("name", ["plant-7", "plant-8"])
async def test_a_replica_with_another_authority_is_refused_for_good(name: str) -> None:
    store = MemoryInstallation()
    await check_installation(store, found_authority("plant-7", generate_key(), NOW))
    other = found_authority(name, generate_key(), NOW)
    for _ in range(2):
        with pytest.raises(FieldwiseError) as caught:
            await check_installation(store, other)
        assert caught.value.fault is Fault.AUTHORITY_UNUSABLE
        assert "'plant-7'" in caught.value.sentence
