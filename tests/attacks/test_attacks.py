"""Each attack of TUF's list against a whole agent, by whoever may try it, and what bounds it.

The table in docs/trust.md says the same in words. Below it some checks are taken out, one at a
time: the attacks that they bound succeed then, so a check that is lost would be noticed.
"""

import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tuf.api import metadata
from tuf.ngclient._internal import trusted_metadata_set
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet as Known

from agent.device import bundles as bundles_module
from agent.device import publisher as door
from agent.update import fetching, trusting, vouched
from fieldwise.trust import Role
from fieldwise.update import UpdateFailure, UpdatePhase
from tests.attacks import attacks
from tests.attacks.attacks import ATTACKS, Attack, Attacker, Bound, arranged
from tests.attacks.field import Bundle, Field, bundle, in_the_field

DIGEST_CHARACTERS = 64
PAGE = Path(__file__).parents[2] / "docs" / "trust.md"
# TUF's specification, 1.5.2, with key compromise and wrong software, which it lists apart.
NAMES = {
    "arbitrary software",
    "endless data",
    "extraneous dependencies",
    "fast-forward",
    "indefinite freeze",
    "key compromise",
    "malicious mirror",
    "mix and match",
    "rollback",
    "wrong software",
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ...]:
    folder = tmp_path_factory.mktemp("bundles")
    return tuple(
        bundle(folder, f"{number}.0.0", epoch=epoch, seed=number)
        for number, epoch in ((2, 2), (1, 1), (6, 9))
    )


@pytest.fixture
async def field(
    tmp_path: Path, bundles: tuple[Bundle, ...], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Field]:
    monkeypatch.setattr(fetching, "UNLISTED_SECONDS", 0.01)
    async with in_the_field(tmp_path, bundles) as made:
        yield made


def identity(attack: Attack) -> str:
    return attack.__name__


async def test_without_an_attack_what_is_ordered_and_listed_runs(field: Field) -> None:
    field.give()
    outcome = await field.order(field.good.digest)
    assert outcome.begun
    assert (outcome.failure, outcome.trouble) == (None, None)


async def test_going_back_to_an_older_bundle_is_no_attack_while_it_is_listed(field: Field) -> None:
    field.give()
    assert (await field.order(field.older.digest)).begun


@pytest.mark.parametrize(("attacker", "attack", "bound"), [each[1:] for each in ATTACKS])
async def test_nothing_runs_that_no_publisher_vouches_for(
    field: Field, attacker: Attacker, attack: Attack, bound: Bound
) -> None:
    outcome = await field.order(await arranged(attack, field))
    assert not outcome.begun
    found = outcome.failure if isinstance(bound, UpdateFailure) else outcome.trouble
    assert found == bound or bound is None
    if not isinstance(bound, UpdateFailure):
        assert field.agent.installer.state.phase is UpdatePhase.FETCHING  # asked for again


@pytest.mark.parametrize(("attacker", "attack"), [each[1:3] for each in ATTACKS])
async def test_when_the_attack_is_over_the_next_order_runs(
    field: Field, attacker: Attacker, attack: Attack
) -> None:
    """Whatever stolen online keys have signed is over with new ones, which the root hands out."""
    files, honest = field.answering.files, field.repository
    await field.order(await arranged(attack, field))
    field.answering.files = files
    if attacker is Attacker.ONLINE:
        honest.rotate(Role.SNAPSHOT, Role.TIMESTAMP)
        honest.versions[Role.SNAPSHOT] = honest.versions[Role.TIMESTAMP] = 0
    honest.publish(field.good.listed, floor=2)
    field.give()
    outcome = await field.order(field.good.digest)
    assert outcome.begun, outcome
    assert outcome.trouble is None


async def test_an_endless_manifest_takes_no_more_room_than_the_signed_one(field: Field) -> None:
    digest = attacks.endless_manifest(field)
    await field.order(digest)
    assert not field.agent.bundles.path(digest).exists()
    assert field.agent.bundles.partial_bytes(digest) <= field.good.listed.length


async def test_a_device_under_attack_asks_no_more_than_a_few_times_each_try(field: Field) -> None:
    field.answering.asked.clear()
    await field.order(attacks.nothing_at_all(field))
    assert len(field.answering.asked) <= 2 * field.answering.tries


def test_every_attack_is_tried_by_both() -> None:
    assert {name for name, *_ in ATTACKS} == NAMES
    for name in NAMES:
        assert {attacker for each, attacker, *_ in ATTACKS if each == name} == set(Attacker)


def test_the_page_has_a_row_for_each_attack() -> None:
    rows = re.findall(r"^\| ([a-z -]+) \|", PAGE.read_text(), flags=re.MULTILINE)
    assert set(rows) >= NAMES


def _nothing(*_: object, **__: object) -> None:
    """No check."""


def no_signatures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metadata.Root, "verify_delegate", _nothing)


def no_list(patch: pytest.MonkeyPatch) -> None:
    def any_one(_: object, digest: str) -> object:
        return type("Any", (), {"digest": digest, "length": 0})

    patch.setattr(trusting, "check_listed", any_one)
    patch.setattr(trusting, "check_manifest", _nothing)
    patch.setattr(fetching, "check_length", _nothing)
    patch.setattr(fetching.Fetcher, "_manifest", _any_manifest)


def _without_delegations(content: bytes) -> object:
    fields = json.loads(content)["signed"]
    fields.pop("delegations", None)
    return fields


async def _any_manifest(self: fetching.Fetcher, digest: str, _: object) -> object:
    if not self._bundles.path(digest).exists():
        await self._persist(digest, None)
    return self._bundles.manifest(digest)


def no_floor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(vouched, "_check_epoch", _nothing)


def no_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trusted_metadata_set.Signed, "is_expired", lambda *_: False)


def no_bound(patch: pytest.MonkeyPatch) -> None:
    config = door.CONFIG
    for name in ("timestamp_max_length", "snapshot_max_length"):
        patch.setattr(config, name, 10**9)


def no_threshold(patch: pytest.MonkeyPatch) -> None:
    genuine = metadata.Root.verify_delegate

    def one_is_enough(self: metadata.Root, role: str, *given: object) -> None:
        threshold, self.roles[role].threshold = self.roles[role].threshold, 1
        try:
            genuine(self, role, *given)
        finally:
            self.roles[role].threshold = threshold

    patch.setattr(metadata.Root, "verify_delegate", one_is_enough)


def no_memory(patch: pytest.MonkeyPatch) -> None:
    """The device does not remember what it has seen."""
    genuine = door.refreshed

    def forgetful(kept: dict[Role, bytes], *given: object) -> object:
        return genuine({Role.ROOT: kept[Role.ROOT]}, *given)  # type: ignore[arg-type]  # passed on

    patch.setattr(door, "refreshed", forgetful)


def no_version_of_a_list(patch: pytest.MonkeyPatch) -> None:
    """Whatever list comes is taken for the one that the snapshot means."""

    def any_list(self: Known, data: bytes, role: str, delegator: str) -> metadata.Targets:
        found, _, _ = self._load_data(metadata.Targets, data, self.root, role)
        self._add(role, found, delegator)
        return found

    patch.setattr(Known, "update_delegated_targets", any_list)


def no_version_of_a_snapshot(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Known, "_check_final_snapshot", _nothing)


def no_digest(patch: pytest.MonkeyPatch) -> None:
    """Bytes are taken for what they were asked for by."""
    patch.setattr(bundles_module, "_file_digest", lambda path: path.name[-DIGEST_CHARACTERS:])


SABOTAGES: tuple[tuple[Callable[[pytest.MonkeyPatch], None], Attack], ...] = (
    (no_list, attacks.software_of_its_own),
    (no_signatures, attacks.list_of_its_own),
    (no_signatures, attacks.root_of_its_own),
    (no_signatures, attacks.list_by_online_keys),
    (no_memory, attacks.older_list_signed_anew),
    (no_memory, attacks.older_files),
    (no_floor, attacks.below_the_floor),
    (no_end, attacks.nothing_new),
    (no_end, attacks.nothing_new_by_online_keys),
    (no_end, attacks.nothing_new_of_the_root),
    (no_bound, attacks.endless_metadata),
    (no_bound, attacks.endless_snapshot),
    (no_threshold, attacks.list_by_one_key_of_two),
    (no_threshold, attacks.root_by_one_key_of_two),
    (no_threshold, attacks.list_by_one_key_twice),
    (no_list, attacks.dependency_in_the_snapshot),
    (no_version_of_a_list, attacks.old_list_under_a_new_name),
    (no_version_of_a_snapshot, attacks.old_snapshot_under_a_new_name),
    (no_digest, attacks.another_bundle_under_its_name),
)


@pytest.mark.parametrize(
    ("sabotage", "attack"), SABOTAGES, ids=[f"{a.__name__}-{b.__name__}" for a, b in SABOTAGES]
)
async def test_without_its_check_an_attack_succeeds(
    field: Field,
    monkeypatch: pytest.MonkeyPatch,
    sabotage: Callable[[pytest.MonkeyPatch], None],
    attack: Attack,
) -> None:
    digest = await arranged(attack, field)
    sabotage(monkeypatch)
    assert (await field.order(digest)).begun


async def test_without_signatures_versions_could_be_run_ahead(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacks.far_ahead_without_keys(field)
    await field.order(field.good.digest)
    trusting = field.agent.trusting
    assert trusting.trusted().version(Role.TIMESTAMP) < attacks.FAR
    no_signatures(monkeypatch)
    await field.order(field.good.digest)
    assert trusting.trusted().version(Role.TIMESTAMP) == attacks.FAR


async def test_without_its_rule_a_list_that_delegates_is_taken(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = attacks.dependency_that_the_publisher_signed(field)
    before = field.agent.trusting.trusted().version(Role.TARGETS)
    await field.order(digest)
    assert field.agent.trusting.trusted().version(Role.TARGETS) == before
    monkeypatch.setattr(vouched, "_signed_part", _without_delegations)
    await field.order(digest)
    assert field.agent.trusting.trusted().version(Role.TARGETS) == before + 1
