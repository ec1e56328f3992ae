"""What every sample store promises. An implementation joins by one line in ``STORES``."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.device.database import Database
from agent.device.samples import DatabaseSamples
from agent.learning.forgetting import Forgetting, Selection
from agent.learning.samples import Burst, Counters, Group, Origin, Sample, Share, Snapshot
from agent.ports import SampleStore
from tests.fakes.samples import MemorySamples

OLD, NEW = "a" * 64, "b" * 64
EVERY = frozenset(Share)
LEARN = frozenset({Share.LEARN})
WIDTH = 4
MARKS = frozenset({"3f", "a0"})

STORES: dict[str, Callable[[Path], SampleStore]] = {
    "memory": lambda folder: MemorySamples(),
    "sqlite": lambda folder: DatabaseSamples(Database(folder / "state.sqlite")),
}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SampleStore:
    return STORES[request.param](tmp_path)


def sample(
    sequence: int,
    class_name: str = "apple",
    share: Share = Share.LEARN,
    image: bytes | None = b"picture",
    burst: str = "scene",
    bundle: str = OLD,
) -> Sample:
    grid = np.full(WIDTH, sequence, np.int16)
    return Sample(
        f"s{sequence}", sequence, 100.5 + sequence, class_name, burst, share, bundle, grid, image
    )


def group(*samples: Sample, forgotten: tuple[str, ...] = ()) -> Group:
    return Group(samples, forgotten, Counters(learned=len(samples)))


class TestSampleStore:
    def test_a_fresh_store_holds_nothing(self, store: SampleStore) -> None:
        assert store.last_sequence() == 0
        assert store.samples_after(0, 10, OLD, EVERY) == []
        assert store.remembered() == []
        assert store.bursts() == []
        assert store.counters() == Counters()
        assert store.load_snapshot(OLD) is None

    def test_the_holdout_key_stays_the_same(self, store: SampleStore) -> None:
        assert len(store.holdout_key()) == 32
        assert store.holdout_key() == store.holdout_key()

    def test_features_come_back_to_the_bit_and_in_order(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2), sample(3)))
        found = store.samples_after(1, 10, OLD, EVERY)
        assert [each.sequence for each in found] == [2, 3]
        assert found[0].id == "s2"
        assert found[0].time == 102.5
        assert found[0].class_name == "apple"
        assert found[0].share is Share.LEARN
        assert found[0].burst == "scene"
        assert found[0].grid is not None
        assert found[0].grid.dtype == np.int16
        assert found[0].grid.tolist() == [2, 2, 2, 2]
        assert found[0].image is None

    def test_it_is_recorded_how_a_label_came_about(self, store: SampleStore) -> None:
        corrected = replace(sample(2), origin=Origin.CORRECTED)
        store.commit(group(sample(1), corrected))
        found = store.samples_after(0, 9, OLD, EVERY)
        assert [each.origin for each in found] == [Origin.TAUGHT, Origin.CORRECTED]

    def test_another_bundle_gets_images_instead_of_features(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2, image=None)))
        found = store.samples_after(0, 10, NEW, EVERY)
        assert [(each.sequence, each.image, each.grid) for each in found] == [(1, b"picture", None)]

    def test_reading_is_limited_and_by_share(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2, share=Share.JUDGE), sample(3), sample(4)))
        assert [each.sequence for each in store.samples_after(0, 2, OLD, LEARN)] == [1, 3]
        judged = store.samples_after(0, 9, OLD, frozenset({Share.JUDGE}))
        assert [each.sequence for each in judged] == [2]

    def test_a_group_committed_twice_counts_once(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2)))
        store.commit(group(sample(1), sample(2), sample(3)))
        assert [each.sequence for each in store.samples_after(0, 9, OLD, EVERY)] == [1, 2, 3]
        assert store.last_sequence() == 3

    def test_a_forgotten_learned_image_leaves_its_features(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2)))
        store.commit(group(forgotten=("s1", "unknown")))
        assert [each.id for each in store.remembered()] == ["s2"]
        assert [each.sequence for each in store.samples_after(0, 9, OLD, EVERY)] == [1, 2]

    def test_a_forgotten_held_out_sample_goes_as_a_whole(self, store: SampleStore) -> None:
        store.commit(group(sample(1, share=Share.SELECT), sample(2, share=Share.JUDGE)))
        store.commit(group(forgotten=("s1",)))
        assert [each.sequence for each in store.samples_after(0, 9, OLD, EVERY)] == [2]
        assert store.known(["s1", "s2"]) == {"s2"}

    def test_a_sample_may_be_forgotten_by_the_group_that_brings_it(
        self, store: SampleStore
    ) -> None:
        store.commit(group(sample(1), forgotten=("s1",)))
        assert store.remembered() == []
        assert [each.sequence for each in store.samples_after(0, 9, OLD, EVERY)] == [1]

    def test_remembered_images_are_listed_with_their_size(self, store: SampleStore) -> None:
        store.commit(group(sample(1, image=b"123"), sample(2, image=None), sample(3, "pear")))
        listed = [(each.sequence, each.class_name, each.size) for each in store.remembered()]
        assert listed == [(1, "apple", 3), (3, "pear", 7)]
        assert store.remembered()[0].time == 101.5

    def test_known_names_only_what_is_recorded(self, store: SampleStore) -> None:
        store.commit(group(sample(1)))
        assert store.known(["s1", "s9"]) == {"s1"}
        assert store.known([]) == frozenset()

    def test_the_newest_burst_of_each_class_is_told(self, store: SampleStore) -> None:
        store.commit(
            group(
                sample(1, burst="x"),
                sample(2, burst="y"),
                sample(3, burst="y"),
                sample(4, "pear", burst="z"),
            )
        )
        found = sorted(store.bursts(), key=lambda burst: burst.class_name)
        assert found == [Burst("apple", "y", 103.5, 2), Burst("pear", "z", 104.5, 1)]

    def test_a_track_record_stays_until_a_group_brings_another(self, store: SampleStore) -> None:
        assert store.track() == b""
        for track in (b"first", b"", b"second"):
            store.commit(Group((), (), Counters(), track=track))
            assert store.track() == (track or b"first")

    def test_counters_are_those_of_the_newest_group(self, store: SampleStore) -> None:
        counters = Counters(learned=7, select=2, judge=1, last_label="pear", window=b"\x00\x03")
        store.commit(Group((), (), counters))
        assert store.counters() == counters

    def test_a_snapshot_replaces_that_of_its_bundle_only(self, store: SampleStore) -> None:
        store.save_snapshot(Snapshot(OLD, 3, b"first"), 1 << 20)
        store.save_snapshot(Snapshot(NEW, 3, b"other"), 1 << 20)
        store.save_snapshot(Snapshot(OLD, 5, b"second", lost=7), 1 << 20)
        assert store.load_snapshot(OLD) == Snapshot(OLD, 5, b"second", lost=7)
        assert store.load_snapshot(NEW) == Snapshot(NEW, 3, b"other")
        store.drop_snapshots(frozenset({NEW}))
        assert store.load_snapshot(OLD) is None
        assert store.load_snapshot(NEW) is not None

    def test_a_snapshot_trims_the_oldest_features_it_holds(self, store: SampleStore) -> None:
        store.commit(
            group(
                sample(1),
                sample(2, image=None),
                sample(3, share=Share.SELECT),
                sample(4, image=None),
                sample(5, image=None),
                sample(6, image=None),
            )
        )
        store.save_snapshot(Snapshot(OLD, 5, b"state"), 2 * 2 * WIDTH)
        left = {each.sequence: each for each in store.samples_after(0, 9, OLD, EVERY)}
        assert sorted(left) == [1, 3, 5, 6]
        assert left[1].grid is None
        assert left[1].image == b"picture"
        assert store.known(["s2", "s4"]) == frozenset()

    def test_features_after_the_snapshot_are_never_trimmed(self, store: SampleStore) -> None:
        store.commit(group(sample(1, image=None), sample(2, image=None)))
        store.save_snapshot(Snapshot(OLD, 0, b"state"), 0)
        assert len(store.samples_after(0, 9, OLD, EVERY)) == 2

    def test_the_newest_record_of_a_class_outlives_trimming(self, store: SampleStore) -> None:
        store.commit(group(sample(1, image=None), sample(2, image=None)))
        store.save_snapshot(Snapshot(OLD, 2, b"state"), 0)
        assert store.known(["s1", "s2"]) == {"s2"}
        assert [burst.id for burst in store.bursts()] == ["scene"]
        assert store.last_sequence() == 2

    def test_features_of_held_out_samples_move_to_another_bundle(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2, share=Share.SELECT), sample(3, share=Share.JUDGE)))
        rows = {f"s{number}": np.full(WIDTH + 1, 7, np.int16) for number in (1, 2, 9)}
        store.keep_grids(NEW, rows)
        found = {each.id: each for each in store.samples_after(0, 9, NEW, EVERY)}
        assert found["s2"].grid is not None
        assert found["s2"].grid.tolist() == [7] * (WIDTH + 1)
        assert [found[name].grid for name in ("s1", "s3")] == [None, None]
        assert store.samples_after(0, 9, OLD, EVERY)[0].grid is not None

    def test_features_kept_ahead_spare_images_of_their_bundle_only(
        self, store: SampleStore
    ) -> None:
        store.commit(group(sample(1), sample(2)))
        store.keep_ahead(NEW, {1: np.full(WIDTH + 1, 7, np.int16), 9: np.zeros(3, np.int16)})
        first, second = store.samples_after(0, 9, NEW, EVERY)
        assert first.grid is not None
        assert (first.grid.tolist(), first.bundle, first.image) == ([7] * (WIDTH + 1), NEW, None)
        assert (second.grid, second.bundle, second.image) == (None, OLD, b"picture")
        known = store.samples_after(0, 1, OLD, EVERY)[0]
        assert known.grid is not None
        assert (known.grid.tolist(), known.bundle) == ([1] * WIDTH, OLD)
        assert store.samples_after(0, 1, "c" * 64, EVERY)[0].image == b"picture"

    def test_features_kept_ahead_go_with_their_sample(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2, "pear")))
        store.keep_ahead(NEW, {1: np.ones(WIDTH, np.int16), 2: np.ones(WIDTH, np.int16)})
        instead = Snapshot(OLD, 2, b"instead")
        selection = Selection(class_name="pear")
        store.forget(
            Forgetting(selection, ("pear",), Counters(), instead, ("s2",), frozenset(), b"")
        )
        assert [each.bundle for each in store.samples_after(0, 9, NEW, EVERY)] == [NEW]
        store.commit(Group((sample(3),), (), Counters(), replaced=("s1",)))
        assert [each.image for each in store.samples_after(0, 9, NEW, EVERY)] == [b"picture"]

    @pytest.mark.parametrize("ended", ["by a snapshot", "by being dropped"])
    def test_features_kept_ahead_end_with_the_change(self, store: SampleStore, ended: str) -> None:
        store.commit(group(sample(1)))
        store.keep_ahead(NEW, {1: np.ones(WIDTH, np.int16)})
        store.save_snapshot(Snapshot(OLD, 1, b"of the old"), 1 << 20)
        assert store.samples_after(0, 9, NEW, EVERY)[0].grid is not None
        if ended == "by a snapshot":
            store.save_snapshot(Snapshot(NEW, 1, b"of the new"), 1 << 20)
        else:
            store.drop_snapshots(frozenset({OLD}))
        assert store.samples_after(0, 9, NEW, EVERY)[0].grid is None

    def test_dropped_features_are_of_no_bundle(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2, bundle=NEW)))
        store.drop_snapshots(frozenset({NEW}))
        found = store.chosen(Selection(class_name="apple"), 0, 9)
        assert [(each.bundle, each.grid is None) for each in found] == [("", True), (NEW, False)]

    def test_samples_are_chosen_by_class_time_id_or_origin(self, store: SampleStore) -> None:
        mine = replace(sample(4, share=Share.SELECT), origin=Origin.SELF)
        store.commit(group(sample(1), sample(2, "pear"), sample(3, image=None), mine))

        def ids(selection: Selection, sequence: int = 0, limit: int = 9) -> list[str]:
            return [each.id for each in store.chosen(selection, sequence, limit)]

        assert ids(Selection(class_name="apple")) == ["s1", "s3", "s4"]
        assert ids(Selection(class_name="apple"), 1, 1) == ["s3"]
        assert ids(Selection(since=102.5)) == ["s2", "s3", "s4"]
        assert ids(Selection(sample_id="s2")) == ["s2"]
        assert ids(Selection(origin=Origin.SELF)) == ["s4"]
        assert ids(Selection(class_name="plum")) == []

    def test_what_is_chosen_comes_with_all_that_is_held(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2, image=None)))
        store.save_snapshot(Snapshot(OLD, 2, b"state"), 0)
        first, last = store.chosen(Selection(class_name="apple"), 0, 9)
        assert (first.image, first.grid, first.bundle) == (b"picture", None, OLD)
        assert (last.image, last.grid) == (None, None)

    def test_a_replaced_record_is_the_new_one(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2)))
        corrected = replace(sample(3, "pear"), id="s1", origin=Origin.CORRECTED)
        for _ in range(2):  # a group may be committed again
            store.commit(replace(group(corrected), replaced=("s1",)))
        found = store.samples_after(0, 9, OLD, EVERY)
        assert [(each.id, each.class_name) for each in found] == [("s2", "apple"), ("s1", "pear")]

    def test_a_snapshot_of_a_group_stands_instead_of_all(self, store: SampleStore) -> None:
        store.save_snapshot(Snapshot(OLD, 0, b"before"), 0)
        store.save_snapshot(Snapshot(NEW, 0, b"other"), 0)
        store.commit(replace(group(sample(1)), snapshot=Snapshot(OLD, 1, b"after")))
        assert store.load_snapshot(OLD) == Snapshot(OLD, 1, b"after")
        assert store.load_snapshot(NEW) is None

    def test_forgetting_takes_what_is_meant_and_leaves_the_rest(self, store: SampleStore) -> None:
        store.commit(group(sample(1), sample(2, "pear"), sample(3), sample(4, "pear")))
        store.save_snapshot(Snapshot(NEW, 4, b"of the other pair"), 1 << 20)
        after = Counters(learned=3)
        store.forget(
            Forgetting(
                Selection(sample_id="s1"), ("pear",), after, Snapshot(OLD, 4, b"after"), (), MARKS
            )
        )
        assert [each.id for each in store.samples_after(0, 9, OLD, EVERY)] == ["s3"]
        assert [each.id for each in store.remembered()] == ["s3"]
        assert [burst.class_name for burst in store.bursts()] == ["apple"]
        assert store.counters() == after
        assert store.load_snapshot(OLD) == Snapshot(OLD, 4, b"after")
        assert store.load_snapshot(NEW) is None
        assert store.last_sequence() == 4
        assert store.absent() == MARKS

    def test_marks_of_absent_classes_are_replaced(self, store: SampleStore) -> None:
        assert store.absent() == frozenset()
        store.set_absent(MARKS)
        assert store.absent() == MARKS
        store.set_absent(frozenset())
        assert store.absent() == frozenset()
