"""What a server signs, and when; every result is what python-tuf's own client takes."""

from dataclasses import replace

import pytest
from tuf.api.exceptions import ExpiredMetadataError, RepositoryError

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role
from orchestrator.trust.documents import Document
from orchestrator.trust.drafting import new_list, signed
from orchestrator.trust.signing_keys import by_id
from orchestrator.trust.upkeep import (
    DAY,
    Lifetimes,
    PublisherKeys,
    State,
    Wanted,
    remaining,
    upkeep,
)
from tests.fleet_records import NOW
from tests.publishers import Publisher, all_online, key, listed, trusted

LIVES = Lifetimes()
NOTHING = Wanted(())


def kept(
    state: State, keys: PublisherKeys, wanted: Wanted = NOTHING, now: float = NOW
) -> dict[Role, Document]:
    fresh = upkeep(state, keys, wanted, now, LIVES)
    return {**state, **{each.role: each for each in fresh}}


def test_a_server_of_its_own_founds_everything_and_then_rests() -> None:
    keys = all_online()
    state = kept({}, keys, Wanted((listed(),)))
    assert set(state) == set(Role)
    known = trusted(state, state[Role.ROOT], NOW)
    assert set(known.targets.targets) == {f"bundles/{listed().digest}.json"}
    assert upkeep(state, keys, Wanted((listed(),)), NOW + 1, LIVES) == ()


def test_what_is_pushed_is_listed_and_what_is_recalled_is_not() -> None:
    keys = all_online()
    state = kept({}, keys, Wanted((listed("1"),)))
    more = kept(state, keys, Wanted((listed("1"), listed("2"))), NOW + 1)
    assert set(more[Role.TARGETS].listed) == {listed("1").digest, listed("2").digest}
    less = kept(more, keys, Wanted((listed("2"),)), NOW + 2)
    assert set(less[Role.TARGETS].listed) == {listed("2").digest}
    for before, after in ((state, more), (more, less)):
        assert after[Role.ROOT] is before[Role.ROOT]
        for role in set(Role) - {Role.ROOT}:
            assert after[role].version > before[role].version
        trusted(after, state[Role.ROOT], NOW + 3)


def test_a_timestamp_is_signed_anew_before_it_ends() -> None:
    keys = all_online()
    state = kept({}, keys)
    almost = NOW + LIVES.timestamp * LIVES.share_left - 1
    assert upkeep(state, keys, NOTHING, almost, LIVES) == ()
    [fresh] = upkeep(state, keys, NOTHING, almost + 2, LIVES)
    assert fresh.role is Role.TIMESTAMP
    assert fresh.expires_at == int(almost + 2 + LIVES.timestamp)


def test_years_go_by_and_a_device_that_looks_daily_is_never_left_behind() -> None:
    keys = all_online()
    state = kept({}, keys, Wanted((listed(),)))
    root, now = state[Role.ROOT], NOW
    for _ in range(2 * 365):
        now += DAY
        state = kept(state, keys, Wanted((listed(),)), now)
        trusted(state, root, now)
        root = state[Role.ROOT]
    assert 3 <= root.version <= 6


def test_a_server_that_was_away_for_a_year_signs_everything_anew() -> None:
    keys = all_online()
    state = kept({}, keys)
    now = NOW + 400 * DAY
    with pytest.raises(ExpiredMetadataError):
        trusted(state, state[Role.ROOT], now)
    trusted(kept(state, keys, now=now), state[Role.ROOT], now)


def test_an_older_database_signs_versions_that_devices_have_not_seen() -> None:
    keys = all_online()
    backup = kept({}, keys, Wanted((listed("1"),)))
    seen, now = backup, NOW
    for version in ("2", "3", "4"):
        now += 60
        seen = kept(seen, keys, Wanted((listed(version),)), now)
    restored = kept(backup, keys, Wanted((listed("5"),)), now + 60)
    for role in (Role.TARGETS, Role.SNAPSHOT, Role.TIMESTAMP):
        assert restored[role].version > seen[role].version
    known = trusted(seen, seen[Role.ROOT], now)
    assert known.timestamp.version < restored[Role.TIMESTAMP].version


def test_a_list_out_of_a_backup_is_signed_anew_though_nothing_of_it_changed() -> None:
    """A backup comes back without snapshot and timestamp (``storage.sql.restoring``)."""
    keys, wanted = all_online(), Wanted((listed("1"),))
    backup = kept({}, keys, wanted)
    seen = kept(backup, keys, Wanted((listed("1"), listed("2"))), NOW + 60)
    left = {role: backup[role] for role in (Role.ROOT, Role.TARGETS)}
    restored = kept(left, keys, wanted, NOW + 120)
    for role in (Role.TARGETS, Role.SNAPSHOT, Role.TIMESTAMP):
        assert restored[role].version > seen[role].version
    assert upkeep(restored, keys, wanted, NOW + 121, LIVES) == ()
    trusted(restored, seen[Role.ROOT], NOW + 121)


def test_what_holds_for_longer_than_an_operator_wants_is_signed_anew() -> None:
    keys, lives = all_online(), Lifetimes(timestamp=3600.0)
    state = kept({}, keys)
    [fresh] = upkeep(state, keys, NOTHING, NOW + 1, lives)
    assert (fresh.role, fresh.expires_at) == (Role.TIMESTAMP, NOW + 1 + 3600)
    assert upkeep({**state, fresh.role: fresh}, keys, NOTHING, NOW + 2, lives) == ()


def test_a_server_whose_clock_begins_in_1970_signs_nothing_that_has_ended() -> None:
    keys = all_online()
    state = kept({}, keys)
    assert upkeep(state, keys, NOTHING, 1000.0, LIVES) == ()


def test_a_clock_that_goes_back_does_not_take_versions_back() -> None:
    keys = all_online()
    state = kept({}, keys, Wanted((listed("1"),)))
    after = kept(state, keys, Wanted((listed("2"),)), NOW - 1000 * DAY)
    for role in (Role.TARGETS, Role.SNAPSHOT, Role.TIMESTAMP):
        assert after[role].version == state[role].version + 1


def test_the_floor_of_a_list_stays_and_nothing_below_it_is_listed_again() -> None:
    keys = all_online()
    state = kept({}, keys, Wanted((listed("1", 1), listed("2", 2)), floor=2))
    assert set(state[Role.TARGETS].listed) == {listed("2", 2).digest}
    after = kept(state, keys, Wanted((listed("1", 1), listed("2", 2)), floor=1), NOW + 1)
    assert after[Role.TARGETS].floor == 2
    assert set(after[Role.TARGETS].listed) == {listed("2", 2).digest}


class TestKeysElsewhere:
    def test_the_server_begins_from_what_its_keys_came_with(self) -> None:
        publisher = Publisher()
        keys = publisher.founding(listed())
        state = kept({}, keys, Wanted((listed("9"),)))
        assert set(state[Role.TARGETS].listed) == {listed().digest}
        trusted(state, state[Role.ROOT], NOW)

    def test_without_any_root_there_is_nothing_to_sign(self) -> None:
        assert upkeep({}, Publisher().server_keys, NOTHING, NOW, LIVES) == ()

    def test_a_new_list_is_brought_to_devices_and_nothing_of_it_changed(self) -> None:
        publisher = Publisher()
        state = kept({}, publisher.founding())
        state[Role.TARGETS] = publisher.list(2, listed(), floor=1)
        after = kept(state, publisher.server_keys, Wanted((listed("9"),)), NOW + 5)
        assert after[Role.TARGETS] is state[Role.TARGETS]
        trusted(after, state[Role.ROOT], NOW + 5)

    def test_root_and_list_run_out_unless_people_sign_them(self) -> None:
        publisher = Publisher()
        state = kept({}, publisher.founding())
        late = NOW + 91 * DAY
        after = kept(state, publisher.server_keys, now=late)
        assert after[Role.TARGETS] is state[Role.TARGETS]
        with pytest.raises(ExpiredMetadataError):
            trusted(after, state[Role.ROOT], late)

    def test_a_list_that_too_few_signed_is_brought_to_nobody(self) -> None:
        publisher = Publisher(lists=2, roots=2, threshold=2)
        state = kept({}, publisher.founding())
        half = signed(new_list(2, NOW + DAY, [listed()], 0), publisher.lists[:1])
        state[Role.TARGETS] = half
        assert upkeep(state, publisher.server_keys, NOTHING, NOW, LIVES) == ()

    def test_another_online_key_signs_snapshot_and_timestamp_at_once(self) -> None:
        publisher = Publisher()
        state = kept({}, publisher.founding(listed()))
        old, publisher.online = publisher.online, key()
        both = replace(publisher.server_keys, online=by_id([old, publisher.online]))
        first = state[Role.ROOT]
        state[Role.ROOT] = publisher.root(2)
        after = kept(state, both, now=NOW + 1)
        trusted(after, first, NOW + 1)
        assert after[Role.TIMESTAMP].signers == {publisher.online.key_id}
        with pytest.raises(RepositoryError):
            trusted({**after, Role.TIMESTAMP: state[Role.TIMESTAMP]}, first, NOW + 1)

    def test_a_server_without_the_key_that_the_root_names_says_so(self) -> None:
        publisher = Publisher()
        state = kept({}, publisher.founding())
        publisher.online = key()
        state[Role.ROOT] = publisher.root(2)
        stale = Publisher().server_keys
        with pytest.raises(FieldwiseError) as caught:
            upkeep(state, stale, NOTHING, NOW, LIVES)
        assert caught.value.fault is Fault.NOT_VOUCHED
        assert "another online key" in caught.value.sentence


def test_what_is_left_is_told_of_everything_and_its_share_of_what_the_server_signs() -> None:
    publisher = Publisher()
    state = kept({}, publisher.founding())
    now = NOW + LIVES.timestamp / 4
    told = {each.role: each for each in remaining(state, publisher.server_keys, now, LIVES)}
    assert told[Role.TIMESTAMP].share == pytest.approx(0.75)
    assert told[Role.TARGETS].seconds == 90 * DAY - LIVES.timestamp / 4
    assert told[Role.TARGETS].share is None
    own = all_online()
    state = kept({}, own)
    assert all(each.share == 1 for each in remaining(state, own, NOW, LIVES))
