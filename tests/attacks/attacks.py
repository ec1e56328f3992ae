"""The attacks of TUF's specification, each by who may try it.

An attack arranges what the device is answered, and says which bundle the attacker wants to run.
``NETWORK`` holds no key: it records, repeats, mixes, alters and forges with keys of its own.
``ONLINE`` holds the keys for snapshot and timestamp as well, as whoever has taken the orchestrator
over does where the publisher's keys are elsewhere.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from inspect import isawaitable

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, MetaFile

from fieldwise.trust import BYTES_MAX, PublisherTrouble, Role, name_of
from fieldwise.update import UpdateFailure
from tests.attacks.field import Field
from tests.publishing import Repository, target_of

FAR = 2**31
NOT_VOUCHED, BELOW_FLOOR = UpdateFailure.NOT_VOUCHED, UpdateFailure.BELOW_FLOOR
DIGEST_MISMATCH = UpdateFailure.DIGEST_MISMATCH
EXPIRED, REFUSED = PublisherTrouble.EXPIRED, PublisherTrouble.REFUSED

Bound = UpdateFailure | PublisherTrouble | None
Attack = Callable[[Field], str | Awaitable[str]]


class Attacker(StrEnum):
    """Who attacks."""

    NETWORK = "network"
    ONLINE = "online keys"


async def arranged(attack: Attack, field: Field) -> str:
    """Arrange an attack; returns the digest of the bundle that it is after."""
    found = attack(field)
    return await found if isawaitable(found) else found


def stranger() -> list[CryptoSigner]:
    """Keys that nobody ever said to trust."""
    return [CryptoSigner.generate_ed25519() for _ in range(2)]


def software_of_its_own(field: Field) -> str:
    field.give()
    return field.evil.digest


def list_of_its_own(field: Field) -> str:
    """Everything is signed, and by nobody that the device knows."""
    mine = Repository()
    mine.versions = dict(field.repository.versions)
    mine.publish(field.evil.listed)
    field.answering.kept = {**field.repository.files, **mine.files}
    return field.evil.digest


def root_of_its_own(field: Field) -> str:
    """The next root, which hands everything over to the attacker, by keys of its own."""
    mine = Repository()
    mine.versions = dict(field.repository.versions)
    mine.sign_root()
    mine.publish(field.evil.listed)
    field.answering.kept = {**field.repository.files, **mine.files}
    return field.evil.digest


def list_by_online_keys(field: Field) -> str:
    signed = field.repository
    evil = [target_of(field.evil.listed)]
    signed.sign_targets(evil, signers=signed.keys[Role.TIMESTAMP])
    signed.freshen()
    field.give()
    return field.evil.digest


async def older_files(field: Field) -> str:
    """What was genuine before the device saw that the bundle was taken off the list."""
    recorded = dict(field.repository.files)
    field.repository.publish(field.good.listed, floor=1)
    await field.see()
    field.answering.kept = recorded
    return field.older.digest


def older_list_signed_anew(field: Field) -> str:
    """The first list, which had no floor, as if it were the newest."""
    field.repository.sign_snapshot(targets_version=1)
    field.repository.sign_timestamp()
    field.give()
    return field.older.digest


def nothing_new(field: Field) -> str:
    """The last timestamp, for ever: it has expired since."""
    field.repository.sign_timestamp(days=-0.01)
    field.give()
    return field.good.digest


def nothing_new_by_online_keys(field: Field) -> str:
    """Snapshot and timestamp are signed anew for ever, for a list that has expired since."""
    field.repository.sign_targets([target_of(field.good.listed)], 1, days=-0.01)
    field.repository.freshen()
    field.give()
    return field.good.digest


def nothing_new_of_the_root(field: Field) -> str:
    """The same for a root that has expired; its successor is withheld."""
    field.repository.sign_root(days=-0.01, before=field.repository.keys[Role.ROOT])
    field.repository.freshen()
    field.give()
    return field.good.digest


def endless_metadata(field: Field) -> str:
    field.give()
    kept = field.repository.files["timestamp.json"]
    field.answering.kept = {
        **field.repository.files,
        "timestamp.json": kept + b" " * BYTES_MAX[Role.TIMESTAMP],
    }
    return field.good.digest


def endless_snapshot(field: Field) -> str:
    """A snapshot that is signed well and far too long."""
    more = {f"{'x' * 100}{number}.json": MetaFile(1) for number in range(1000)}
    field.repository.sign_snapshot(more=more)
    field.repository.sign_timestamp()
    field.give()
    return field.good.digest


def endless_manifest(field: Field) -> str:
    field.give()
    listed = field.answering.files[field.good.digest]
    files = {**field.answering.files, field.good.digest: listed + b" " * 60_000}
    field.answering.files = files
    return field.good.digest


def dependency_in_a_forged_list(field: Field) -> str:
    mine = Repository()
    mine.versions = dict(field.repository.versions)
    _delegate(mine, field)
    field.answering.kept = {**field.repository.files, **mine.files}
    return field.evil.digest


def dependency_in_the_snapshot(field: Field) -> str:
    """One more role, which would list the attacker's bundle if anybody asked it."""
    helper = Repository().sign_targets([target_of(field.evil.listed)])
    field.repository.sign_snapshot(more={"helper.json": MetaFile(1)})
    field.repository.sign_timestamp()
    field.repository.files["1.helper.json"] = helper
    field.give()
    return field.evil.digest


def dependency_that_the_publisher_signed(field: Field) -> str:
    """A publisher's mistake: it lets others sign a part, and they do."""
    _delegate(field.repository, field)
    field.give()
    return field.evil.digest


def _delegate(signing: Repository, field: Field) -> None:
    helpers = stranger()
    keys = {each.public_key.keyid: each.public_key for each in helpers}
    role = DelegatedRole("helper", list(keys), 1, terminating=False, paths=["bundles/*"])
    delegations = Delegations(keys, {"helper": role})
    signing.sign_targets([target_of(field.good.listed)], 1, delegations=delegations)
    signing.sign_snapshot(more={"helper.json": MetaFile(1)})
    signing.sign_timestamp()
    evil = [target_of(field.evil.listed)]
    signing.files["1.helper.json"] = Repository().sign_targets(evil, signers=helpers)


def far_ahead_without_keys(field: Field) -> str:
    field.repository.sign_timestamp(version=FAR, signers=stranger())
    field.give()
    return field.good.digest


def far_ahead(field: Field) -> str:
    """Versions that no honest server reaches; the list is named as high, so that none fits."""
    field.repository.sign_snapshot(version=FAR, targets_version=FAR)
    field.repository.sign_timestamp(version=FAR)
    field.give()
    return field.good.digest


def old_list_under_a_new_name(field: Field) -> str:
    """Parts of different times: the newest snapshot with the list from before it."""
    field.repository.publish(field.good.listed, floor=1)
    files = dict(field.repository.files)
    newest = field.repository.versions[Role.TARGETS]
    files[name_of(Role.TARGETS, newest)] = files[name_of(Role.TARGETS, newest - 1)]
    field.answering.kept = files
    return field.older.digest


def old_snapshot_under_a_new_name(field: Field) -> str:
    field.repository.publish(field.good.listed, floor=1)
    files = dict(field.repository.files)
    newest = field.repository.versions[Role.SNAPSHOT]
    files[name_of(Role.SNAPSHOT, newest)] = files[name_of(Role.SNAPSHOT, newest - 1)]
    field.answering.kept = files
    return field.older.digest


def nothing_at_all(field: Field) -> str:
    field.answering.kept = {}
    return field.good.digest


def rubbish_well_signed(field: Field) -> str:
    """Each part is signed as it has to be, and they do not belong together."""
    field.repository.sign_snapshot(targets_version=77)
    field.repository.sign_timestamp(snapshot_version=78)
    field.give()
    return field.good.digest


def list_by_one_key_of_two(field: Field) -> str:
    """One key for lists was stolen; two have to sign."""
    one = field.repository.keys[Role.TARGETS][:1]
    field.repository.sign_targets([target_of(field.evil.listed)], signers=one)
    field.repository.freshen()
    field.give()
    return field.evil.digest


def list_by_one_key_twice(field: Field) -> str:
    """The same signature counts once."""
    one = field.repository.keys[Role.TARGETS][:1]
    field.repository.sign_targets([target_of(field.evil.listed)], signers=one * 2)
    field.repository.freshen()
    field.give()
    return field.evil.digest


def root_by_one_key_of_two(field: Field) -> str:
    """One key for roots was stolen; it hands everything over to the thief."""
    one, thief = field.repository.keys[Role.ROOT][:1], Repository()
    thief.versions = dict(field.repository.versions)
    thief.sign_root(before=one)
    thief.publish(field.evil.listed)
    field.answering.kept = {**field.repository.files, **thief.files}
    return field.evil.digest


def another_bundle_under_its_name(field: Field) -> str:
    field.give()
    evil = field.evil.files[field.evil.digest]
    field.answering.files = {**field.answering.files, field.good.digest: evil}
    return field.good.digest


def below_the_floor(field: Field) -> str:
    """A list that still has what was withdrawn, by a publisher's mistake or an old signature."""
    field.repository.publish(field.older.listed, field.good.listed, floor=2)
    field.give()
    return field.older.digest


# Attack, attacker, what it does, what bounds it: how the update ends, or which trouble keeps it.
ATTACKS: tuple[tuple[str, Attacker, Attack, Bound], ...] = (
    ("arbitrary software", Attacker.NETWORK, software_of_its_own, NOT_VOUCHED),
    ("arbitrary software", Attacker.NETWORK, list_of_its_own, REFUSED),
    ("arbitrary software", Attacker.NETWORK, root_of_its_own, REFUSED),
    ("arbitrary software", Attacker.ONLINE, list_by_online_keys, REFUSED),
    ("rollback", Attacker.NETWORK, older_files, REFUSED),
    ("rollback", Attacker.ONLINE, older_list_signed_anew, REFUSED),
    ("rollback", Attacker.ONLINE, below_the_floor, BELOW_FLOOR),
    ("indefinite freeze", Attacker.NETWORK, nothing_new, EXPIRED),
    ("indefinite freeze", Attacker.ONLINE, nothing_new_by_online_keys, EXPIRED),
    ("indefinite freeze", Attacker.ONLINE, nothing_new_of_the_root, EXPIRED),
    ("endless data", Attacker.NETWORK, endless_metadata, REFUSED),
    ("endless data", Attacker.NETWORK, endless_manifest, DIGEST_MISMATCH),
    ("endless data", Attacker.ONLINE, endless_snapshot, REFUSED),
    ("extraneous dependencies", Attacker.NETWORK, dependency_in_a_forged_list, REFUSED),
    ("extraneous dependencies", Attacker.ONLINE, dependency_in_the_snapshot, NOT_VOUCHED),
    ("extraneous dependencies", Attacker.ONLINE, dependency_that_the_publisher_signed, REFUSED),
    ("fast-forward", Attacker.NETWORK, far_ahead_without_keys, REFUSED),
    ("fast-forward", Attacker.ONLINE, far_ahead, None),
    ("mix and match", Attacker.NETWORK, old_list_under_a_new_name, REFUSED),
    ("mix and match", Attacker.ONLINE, old_snapshot_under_a_new_name, REFUSED),
    ("malicious mirror", Attacker.NETWORK, nothing_at_all, None),
    ("malicious mirror", Attacker.ONLINE, rubbish_well_signed, None),
    ("key compromise", Attacker.NETWORK, root_by_one_key_of_two, REFUSED),
    ("key compromise", Attacker.ONLINE, list_by_one_key_of_two, REFUSED),
    ("key compromise", Attacker.ONLINE, list_by_one_key_twice, REFUSED),
    ("wrong software", Attacker.NETWORK, another_bundle_under_its_name, DIGEST_MISMATCH),
    ("wrong software", Attacker.ONLINE, another_bundle_under_its_name, DIGEST_MISMATCH),
)
