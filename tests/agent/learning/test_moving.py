from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.device.database import Database
from agent.device.samples import DatabaseSamples
from agent.learning.catch_up import Watch, open_pair
from agent.learning.forgetting import Selection
from agent.learning.holdings import held_bytes
from agent.learning.kept import Kept
from agent.learning.learner import Learner
from agent.learning.moving import NOTHING_ELSE, Means, Move
from agent.learning.pair import fresh_pair
from agent.learning.samples import Origin, Share
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from agent.learning.stopping import Stopped, never
from fieldwise import head
from fieldwise.affine import BLOCK, AffineMap, PairSums, fit
from fieldwise.affine_file import ViewMap
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import to_grid
from fieldwise.head import Statistics
from tests.fakes.embedder import WIDTH, ProjectionEmbedder
from tests.fakes.moves import (
    NEW,
    OLD,
    SETTINGS,
    TAUGHT,
    Device,
    ignore,
    of_all,
    passing_by,
)
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes


def test_with_every_image_held_nothing_is_estimated_and_the_result_is_the_ideal() -> None:
    device = Device(TAUGHT)
    made = device.learner.rebuild(NEW, (), ignore, never)
    assert made.carried == {}
    assert made.statistics().same_as(of_all(NEW))


def test_what_is_held_no_more_is_carried_over_and_nothing_counts_twice() -> None:
    device = Device(60)
    made = device.learner.rebuild(NEW, (), ignore, never)
    assert made.total == device.learner.pair.total == device.learned
    assert sum(made.carried.values()) == device.learned - 60
    for name in made.classes:
        assert made.count(name) == device.learner.pair.count(name)


def test_carried_over_a_head_is_better_than_learned_anew_from_few_images() -> None:
    device = Device(12)
    pair = open_pair(NEW, (), device.store, SETTINGS)
    anew = Learner(pair, MemorySamples(), SETTINGS, Random(1))
    made = device.learner.rebuild(NEW, (), ignore, never, passing_by(200))
    device.learner.swap(made)
    assert device.right(device.learner) > device.right(anew) + 0.02


def test_a_move_that_is_broken_off_goes_on_where_it_was() -> None:
    device = Device(100)
    first = ProjectionEmbedder("new", WIDTH + 5)
    with pytest.raises(Stopped):
        device.learner.rebuild(first, (), ignore, lambda: first.seen >= 60)
    done = first.seen
    assert done >= 60
    restarted = Learner(
        open_pair(OLD, (), device.store, SETTINGS), device.store, SETTINGS, Random(3)
    )
    again = ProjectionEmbedder("new", WIDTH + 5)
    made = restarted.rebuild(again, (), ignore, never)
    held_out = len(made.held_out)
    assert again.seen == 100 - done + held_out
    straight = Device(100).learner.rebuild(NEW, (), ignore, never)
    assert made.statistics().same_as(straight.statistics())
    assert made.carried == straight.carried


def test_a_full_disk_costs_a_move_its_place_and_nothing_else() -> None:
    class Crowded(MemorySamples):
        def keep_ahead(self, bundle: str, grids: object) -> None:
            raise FieldwiseError(Fault.DISK_FULL, f"no room for {bundle} and {grids}")

    made = Device(100, Crowded()).learner.rebuild(NEW, (), ignore, never)
    assert made.statistics().same_as(
        Device(100).learner.rebuild(NEW, (), ignore, never).statistics()
    )


@contextmanager
def on_disk(folder: Path) -> Iterator[DatabaseSamples]:
    database = Database(folder / "state.sqlite")
    yield DatabaseSamples(database)
    database.close()


def test_a_move_holds_sums_and_some_rows_however_many_images_there_are() -> None:
    device = Device(TAUGHT)
    new = fresh_pair(NEW, (), SETTINGS)
    move = Move(device.learner.pair, new, device.store, SETTINGS, NOTHING_ELSE)
    move.embed(Watch(TAUGHT, ignore, never))
    widths = WIDTH, WIDTH + 5
    sums = 8 * (widths[0] ** 2 + widths[0] * widths[1] + widths[1] ** 2)
    leaving = 8 * widths[0] ** 2 + 2 * BLOCK * widths[0] + 8 * 16 * widths[0]
    rows = 2 * BLOCK * sum(widths)
    objects = 16 * 1024
    held = held_bytes(move, [device.learner.pair, new, device.store, SETTINGS, NOTHING_ELSE])
    assert held < sums + leaving + rows + objects


def test_carried_samples_stay_marked_over_a_restart_and_a_switch_back_and_forth(
    tmp_path: Path,
) -> None:
    with on_disk(tmp_path) as store:
        device = Device(60, store)
        made = device.learner.rebuild(NEW, (), ignore, never)
        before = device.learner.swap(made)
        marked = dict(made.carried)
        device.teach(TAUGHT)
        device.learner.close()
        restarted = open_pair(NEW, (), store, SETTINGS)
        assert restarted.carried == marked
        assert restarted.statistics().same_as(made.statistics())
        learner = Learner(restarted, store, SETTINGS, Random(3))
        learner.swap(before)
        assert learner.pair.carried == {}
        assert learner.pair.total == restarted.total
        learner.close()
        forth = open_pair(NEW, (), store, SETTINGS)
        assert forth.carried == marked
        assert forth.statistics().same_as(restarted.statistics())


def test_what_is_learned_after_the_move_is_taken_back_to_the_bit() -> None:
    device = Device(60)
    made = device.learner.rebuild(NEW, (), ignore, never)
    device.learner.swap(made)
    before = made.statistics()
    rows = np.random.default_rng(0).integers(-900, 900, (40, WIDTH + 5)).astype(np.int16)
    made.learn(rows, ["class 1"] * 40)
    made.unlearn(rows, ["class 1"] * 40)
    assert made.statistics().same_as(before)


def test_an_exemplar_is_forgotten_to_the_bit_and_a_class_with_its_carried_share() -> None:
    device = Device(60)
    made = device.learner.rebuild(NEW, (), ignore, never)
    device.learner.swap(made)
    exemplar = next(each for each in device.store.remembered() if each.share is Share.LEARN)
    told = device.learner.forget(Selection(sample_id=exemplar.id)).forgotten
    assert told.exact == 1
    device.learner.forget(Selection(class_name="class 2"))
    pair = device.learner.pair
    assert "class 2" not in pair.carried
    assert "class 2" not in pair.classes
    assert pair.orphans > 0
    assert sum(pair.carried.values()) < device.learned - 60


def test_a_carried_sample_leaves_by_scaling_its_class_and_the_answer_says_so() -> None:
    device = Device(60)
    device.learner.swap(device.learner.rebuild(NEW, (), ignore, never))
    pair = device.learner.pair
    carried = next(
        each
        for each in device.store.chosen(Selection(class_name="class 2"), 0, 99)
        if each.share is Share.LEARN and each.image is None
    )
    known, estimated = pair.count("class 2"), pair.carried["class 2"]
    told = device.learner.forget(Selection(sample_id=carried.id)).forgotten
    pair = device.learner.pair
    assert (told.exact, pair.count("class 2"), pair.carried["class 2"]) == (
        0,
        known - 1,
        estimated - 1,
    )
    assert "by estimate" in " ".join(told.sentences)


def test_a_corrected_sample_that_was_carried_scales_its_class_down() -> None:
    device = Device(60)
    made = device.learner.rebuild(NEW, (), ignore, never)
    carried = next(
        each
        for each in device.store.chosen(Selection(class_name="class 2"), 0, 99)
        if each.share is Share.LEARN and each.image is None
    )
    assert carried.grid is not None
    seen = Kept(carried.id, carried.time, OLD.bundle, carried.grid, None, "class 2")
    known = made.carried["class 2"]
    device.learner.label(seen, "class 3", 99_999.0, Origin.CORRECTED)
    assert not made.stale
    assert made.carried["class 2"] == known - 1
    device.learner.swap(made)
    assert device.learner.pair.carried == made.carried


def test_a_strict_forgetting_leaves_nothing_that_was_carried() -> None:
    device = Device(60)
    device.learner.swap(device.learner.rebuild(NEW, (), ignore, never))
    device.learner.forget(Selection(class_name="class 2"), strict=True)
    assert device.learner.pair.carried == {}


def test_a_correction_after_the_move_is_not_there_twice_after_a_restart() -> None:
    device = Device(TAUGHT)
    device.learner.rebuild(NEW, (), ignore, never)
    exemplar = next(each for each in device.store.remembered() if each.share is Share.LEARN)
    held = next(iter(device.store.chosen(Selection(sample_id=exemplar.id), 0, 1)))
    assert held.grid is not None
    again = Kept(held.id, held.time, OLD.bundle, held.grid, held.image, held.class_name)
    device.learner.label(again, "class 5", 99_999.0, Origin.CORRECTED)
    device.learner.flush()
    restarted = open_pair(NEW, (), device.store, SETTINGS)
    assert restarted.total == device.learner.pair.total


def test_a_starter_head_that_the_new_bundle_brings_again_is_not_carried() -> None:
    rows = np.random.default_rng(1).integers(-900, 900, (30, WIDTH)).astype(np.int16)
    names = [f"class {place % 6}" for place in range(30)]

    def starter(embedder: ProjectionEmbedder) -> Statistics:
        width = embedder.views[0].width
        nothing = head.empty(embedder.bundle, embedder.manifest.transform, width)
        return head.learn(nothing, np.resize(rows, (30, width)), names)

    store = MemorySamples()
    learner = Learner(
        open_pair(OLD, [starter(OLD)], store, SETTINGS),
        store,
        SETTINGS,
        Random(3),
        starters=lambda bundle: [starter(OLD)] if bundle == OLD.bundle else [],
    )
    scenes = Scenes(0)
    for number in range(60):
        learner.teach(
            f"s{number}", scenes.image(number % 6), scenes.names[number % 6], "", 60.0 * number
        )
    assert learner.rebuild(NEW, [starter(NEW)], ignore, never).total == learner.pair.total
    assert learner.rebuild(NEW, [starter(NEW)], ignore, never).carried == {}
    assert sum(learner.rebuild(NEW, (), ignore, never).carried.values()) == 30


def test_a_published_map_carries_over_what_no_image_shows() -> None:
    device = Device(0)
    scenes = Scenes(5)
    images = [scenes.image(place % 6) for place in range(400)]

    def grid(embedder: ProjectionEmbedder) -> NDArray[np.int16]:
        features = embedder.embed([embedder.fit(image) for image in images])
        return to_grid(features, embedder.manifest.transform)

    sums = PairSums((4096.0, 4096.0), (WIDTH, WIDTH + 5))
    sums.add(grid(OLD), grid(NEW), keep=True)
    found = fit(sums)
    assert found is not None
    made = device.learner.rebuild(
        NEW, (), ignore, never, Means(published={"main": ViewMap("main", found)})
    )
    assert made.total == device.learned
    device.learner.swap(made)
    assert device.right(device.learner) > 0.8


def test_without_pairs_and_map_a_move_learns_anew_what_is_held() -> None:
    made = Device(0).learner.rebuild(NEW, (), ignore, never)
    assert made.total == 0
    assert made.carried == {}


def published(matrix: NDArray[np.float64], offset: float = 0.0, source: str = "main") -> Means:
    """A map that came with the bundle."""
    width = len(matrix)
    through = AffineMap(matrix, np.full(width, offset), np.eye(width), 9, 0.5)
    return replace(NOTHING_ELSE, published={"main": ViewMap(source, through)})


REFUSED = {
    "other old features": published(np.zeros((WIDTH + 5, 3))),
    "other new features": published(np.zeros((WIDTH, WIDTH))),
    "no such view": published(np.zeros((WIDTH + 5, WIDTH)), source="another"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_published_map_that_does_not_fit_is_refused_alone(
    why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Device(60).learner.rebuild(NEW, (), ignore, never, REFUSED[why])
    said = capsys.readouterr().out
    assert "the publisher's map is refused" in said
    assert "cannot be carried over" not in said
    own = Device(60).learner.rebuild(NEW, (), ignore, never)
    assert made.carried == own.carried != {}
    assert made.statistics().same_as(own.statistics())


def test_where_a_published_map_leads_astray_pairs_alone_carry_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def keep(sums: PairSums, prior: AffineMap | None = None) -> AffineMap | None:
        return prior if prior is not None else fit(sums)

    monkeypatch.setattr("agent.learning.moving.fit", keep)
    astray = published(np.zeros((WIDTH + 5, WIDTH)), offset=5.0)
    made = Device(60).learner.rebuild(NEW, (), ignore, never, astray)
    own = Device(60).learner.rebuild(NEW, (), ignore, never)
    assert made.carried == own.carried != {}
    assert made.statistics().same_as(own.statistics())


def test_heads_that_sums_do_not_decide_begin_with_the_exemplars() -> None:
    heads = HeadSettings(enabled=(HeadName.AVERAGE, HeadName.DECAYED))
    settings = LearningSettings(holdout=SETTINGS.holdout, heads=heads)
    made = Device(60, settings=settings).learner.rebuild(NEW, (), ignore, never)
    assert made.total > 60
    assert set(made.heads) == {"average", "decayed"}
    assert len(made.heads["decayed"].classes) == 6
