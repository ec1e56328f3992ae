import subprocess
import sys
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.learning.heads import rehearsal
from agent.learning.heads.gradient import GradientKeeper
from agent.learning.heads.head import LinearHead, predict
from agent.learning.heads.network import HiddenHead
from agent.learning.settings import GradientSettings, Keep
from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import to_grid

UNIT = 4096.0
WIDTH = 16
QUICK = GradientSettings(
    learning_rate=0.05,
    batch_samples=20,
    minibatch_samples=8,
    replay_samples=60,
    replay_epochs=4,
    memory_bytes_max=20_000,
    seed=3,
)
Samples = tuple[NDArray[np.int16], list[str]]


def blobs(names: str = "abcd", each: int = 40, seed: int = 1, spread: float = 0.4) -> Samples:
    """Classes one after the other around centres of their own."""
    chance = np.random.default_rng(seed)
    centres = {name: np.random.default_rng(ord(name)).standard_normal(WIDTH) for name in "abcdef"}
    rows = [centres[name] + spread * chance.standard_normal((each, WIDTH)) for name in names]
    grid = to_grid(np.concatenate(rows).astype(np.float32), Transform(power=1))
    return grid, [name for name in names for _ in range(each)]


def taught(settings: GradientSettings, samples: Samples) -> GradientKeeper:
    keeper = GradientKeeper(WIDTH, UNIT, settings)
    keeper.learn(*samples)
    return keeper


def accuracy(keeper: GradientKeeper, samples: Samples) -> float:
    grid, names = samples
    return float(np.mean(np.array(predict(keeper.head, grid)) == names))


def changed(**values: object) -> GradientSettings:
    return msgspec.structs.replace(QUICK, **values)


@pytest.mark.parametrize("hidden_width", [0, 24])
@pytest.mark.parametrize("keep", list(Keep))
def test_classes_that_came_long_ago_are_still_known(hidden_width: int, keep: Keep) -> None:
    keeper = taught(changed(hidden_width=hidden_width, keep=keep, keep_samples=8), blobs())
    keeper.settle()
    assert accuracy(keeper, blobs(seed=2)) > 0.95
    assert keeper.head.classes == ("a", "b", "c", "d")


def test_without_replay_only_the_last_class_is_known() -> None:
    keeper = taught(changed(memory_bytes_max=0, replay_epochs=40), blobs(spread=1))
    keeper.settle()
    assert accuracy(keeper, blobs("abc", seed=2, spread=1)) < 0.5
    rehearsed = taught(changed(replay_epochs=40), blobs(spread=1))
    assert accuracy(rehearsed, blobs("abc", seed=2, spread=1)) > 0.8


def test_a_review_wins_back_what_the_last_batches_pushed_aside() -> None:
    tests = blobs("abcd", seed=2, spread=1)
    gained = []
    for seed in range(4):
        keeper = taught(changed(seed=seed, replay_samples=4), blobs(spread=1))
        before = accuracy(keeper, tests)
        keeper.settle()
        gained.append(accuracy(keeper, tests) - before)
    assert np.mean(gained) > 0.02


def test_the_served_linear_head_says_in_numpy_what_torch_computes() -> None:
    keeper = taught(QUICK, blobs())
    assert isinstance(keeper.head, LinearHead)
    assert_same_as_torch(keeper)


def test_the_served_hidden_head_says_in_numpy_what_torch_computes() -> None:
    keeper = taught(changed(hidden_width=24), blobs())
    assert isinstance(keeper.head, HiddenHead)
    assert_same_as_torch(keeper)


def assert_same_as_torch(keeper: GradientKeeper) -> None:
    import torch

    grid, _ = blobs(seed=2)
    held = keeper._rehearsal.weights
    values = torch.from_numpy(grid.astype(np.float32)) * (WIDTH**0.5 / UNIT)
    if len(held.hidden):
        values = torch.relu(
            values @ torch.from_numpy(held.hidden).T + torch.from_numpy(held.hidden_offsets)
        )
    wanted = values @ torch.from_numpy(held.rows).T + torch.from_numpy(held.offsets)
    np.testing.assert_allclose(keeper.head.scores(grid), wanted.numpy(), rtol=1e-4, atol=1e-4)


def test_a_pass_takes_the_steps_that_torch_itself_would_take() -> None:
    import torch

    from agent.learning.heads.descent import Course, descend
    from agent.learning.heads.network import fresh, scaled

    grid, names = blobs(each=5)
    targets = np.array(["abcd".index(name) for name in names])
    start = fresh(WIDTH, 6, np.random.default_rng(1)).with_classes(4)
    trained = descend(start, grid, targets, UNIT, Course(0.1, 0.9, 0.01, 8))
    layers = [torch.nn.Linear(WIDTH, 6), torch.nn.Linear(6, 4)]
    parameters = [value for layer in layers for value in layer.parameters()]
    with torch.no_grad():
        for parameter, array in zip(parameters, start.arrays, strict=True):
            parameter.copy_(torch.from_numpy(array))
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    descent = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01)
    for first in range(0, len(grid), 8):
        rows = torch.from_numpy(scaled(grid[first : first + 8], UNIT))
        descent.zero_grad()
        wanted = torch.from_numpy(targets[first : first + 8])
        torch.nn.functional.cross_entropy(model(rows), wanted).backward()
        descent.step()
    for parameter, array in zip(parameters, trained.arrays, strict=True):
        np.testing.assert_allclose(array, parameter.detach().numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("stop", [0, 1, 20, 33, 100])
def test_a_head_that_was_stopped_anywhere_resumes_to_the_bit(stop: int) -> None:
    grid, names = blobs()
    whole = taught(QUICK, (grid, names))
    first = taught(QUICK, (grid[:stop], names[:stop]))
    resumed = GradientKeeper(WIDTH, UNIT, QUICK)
    resumed.restore(first.content())
    assert resumed.content() == first.content()
    resumed.learn(grid[stop:], names[stop:])
    whole.settle()
    resumed.settle()
    assert resumed.content() == whole.content()
    assert np.array_equal(resumed.head.scores(grid), whole.head.scores(grid))


def test_how_samples_are_handed_over_does_not_matter() -> None:
    grid, names = blobs()
    single = GradientKeeper(WIDTH, UNIT, QUICK)
    for row, name in zip(grid, names, strict=True):
        single.learn(row[None], [name])
    assert single.content() == taught(QUICK, (grid, names)).content()


def test_what_waits_is_its_own_copy() -> None:
    grid, names = blobs(each=2)
    keeper, other = taught(QUICK, (grid, names)), grid.copy()
    grid[:] = 0
    assert keeper.content() == taught(QUICK, (other, names)).content()


def test_another_seed_gives_other_weights() -> None:
    assert taught(changed(seed=4), blobs()).content() != taught(QUICK, blobs()).content()


def test_settling_twice_changes_nothing() -> None:
    keeper = taught(QUICK, blobs())
    keeper.settle()
    before = keeper.content()
    keeper.settle()
    assert keeper.content() == before


def test_a_head_in_use_is_never_written_to() -> None:
    grid, names = blobs()
    keeper = taught(QUICK, (grid[:40], names[:40]))
    served = keeper.head
    said = served.scores(grid).copy()
    keeper.learn(grid[40:], names[40:])
    keeper.settle()
    assert np.array_equal(served.scores(grid), said)
    assert keeper.head is not served


def test_a_class_is_known_from_its_first_trained_batch_on() -> None:
    keeper = taught(QUICK, blobs("a", each=19))
    assert keeper.head.classes == ()
    keeper.learn(*blobs("b", each=1))
    assert keeper.head.classes == ("a", "b")


def test_a_rate_that_diverges_leaves_the_weights_before_it_and_says_so() -> None:
    grid, names = blobs()
    keeper = taught(QUICK, (grid, names))
    keeper.settle()
    wild = GradientKeeper(WIDTH, UNIT, changed(learning_rate=10.0, weight_decay=1.0))
    wild.restore(keeper.content())
    assert not wild.trouble
    for _ in range(12):
        wild.learn(grid, names)
    assert "diverged" in wild.trouble
    assert np.isfinite(wild.head.scores(grid)).all()
    calm = GradientKeeper(WIDTH, UNIT, QUICK)
    calm.restore(wild.content())
    assert calm.trouble == wild.trouble
    calm.drop_class("a")
    assert not calm.trouble


def test_a_sample_taken_back_is_out_of_the_memory_and_moved_no_weight() -> None:
    grid, names = blobs()
    keeper = taught(QUICK, (grid, names))
    keeper.settle()
    keeper.unlearn(grid[:40], names[:40])
    memory = keeper._rehearsal.memory
    held = {row.tobytes() for row in memory.grid}
    assert not held & {row.tobytes() for row in grid[:40]}
    assert keeper.head.classes == ("b", "c", "d")
    assert accuracy(keeper, blobs("bcd", seed=2)) > 0.95


def test_a_sample_that_still_waits_is_taken_back_without_training() -> None:
    grid, names = blobs()
    without = taught(QUICK, (grid[:25], names[:25]))
    keeper = taught(QUICK, (grid[:27], names[:27]))
    keeper.unlearn(grid[25:27], names[25:27])
    assert keeper.content() == without.content()


def test_of_equal_samples_one_is_taken_back_at_a_time() -> None:
    grid, names = blobs("ab", each=20)
    keeper = taught(QUICK, (np.repeat(grid[:20], 2, axis=0), [*names[:20], *names[:20]]))
    keeper.unlearn(grid[:1], names[:1])
    assert keeper._rehearsal.memory.count == 39


def test_a_dropped_class_is_gone_from_weights_memory_and_queue() -> None:
    grid, names = blobs()
    keeper = taught(QUICK, (grid, names))
    keeper.learn(*blobs("b", each=5, seed=7))
    keeper.drop_class("b")
    keeper.settle()
    assert keeper.head.classes == ("a", "c", "d")
    assert b"\xa1b" not in keeper.content()
    assert keeper._rehearsal.memory.held("b") == 0
    assert accuracy(keeper, blobs("acd", seed=2)) > 0.95


def test_dropping_an_unknown_class_trains_nothing() -> None:
    keeper = taught(QUICK, blobs())
    before = keeper.content()
    keeper.drop_class("never met")
    assert keeper.content() == before


def test_a_hidden_layer_of_another_width_is_trained_anew_from_the_memory() -> None:
    keeper = taught(QUICK, blobs())
    wider = GradientKeeper(WIDTH, UNIT, changed(hidden_width=24))
    wider.restore(keeper.content())
    assert isinstance(wider.head, HiddenHead)
    assert accuracy(wider, blobs(seed=2)) > 0.95


def test_rubbish_is_refused_in_words_and_changes_nothing() -> None:
    keeper = taught(QUICK, blobs())
    good = keeper.content()
    for content in damaged(good):
        with pytest.raises(FieldwiseError) as caught:
            keeper.restore(content)
        assert caught.value.fault is Fault.STATE_DAMAGED
        assert keeper.content() == good


def damaged(good: bytes) -> Sequence[bytes]:
    outer = msgspec.msgpack.decode(good)
    inner = msgspec.msgpack.decode(outer["rehearsal"])
    wrong_inner = [
        inner | {"classes": ["a", "a", "c", "d"]},
        inner | {"classes": ["a"]},
        inner | {"classes": ["\0", "b", "c", "d"]},
        inner | {"weights": inner["weights"][:3]},
        inner | {"weights": [*inner["weights"][:3], b"\xff" * 16]},
        inner | {"hidden_width": 7},
        inner | {"memory": inner["memory"][:-1]},
        inner | {"dice": inner["dice"] | {"state": "rubbish"}},
        inner | {"format": 2},
    ]
    wrong_outer = [outer | {"waiting": b"\0"}, outer | {"more": 1}]
    whole = [outer | {"rehearsal": msgspec.msgpack.encode(each)} for each in wrong_inner]
    return [b"", b"rubbish", good[:-1], *map(msgspec.msgpack.encode, whole + wrong_outer)]


def test_content_of_other_features_is_refused() -> None:
    keeper = GradientKeeper(WIDTH + 1, UNIT, QUICK)
    with pytest.raises(FieldwiseError, match="damaged"):
        keeper.restore(taught(QUICK, blobs()).content())


def test_without_torch_it_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "find_spec", lambda name: None)
    with pytest.raises(FieldwiseError, match="extra 'agent'") as caught:
        GradientKeeper(WIDTH, UNIT, QUICK)
    assert caught.value.fault is Fault.EXTRA_MISSING
    assert "pip install" in caught.value.entry.advice


def test_torch_is_loaded_by_training_and_by_nothing_before() -> None:
    program = """
import sys
import numpy as np
import agent.app, agent.cli, agent.learning.learner
from agent.learning.heads.gradient import GradientKeeper
from agent.learning.settings import GradientSettings
keeper = GradientKeeper(2, 4096.0, GradientSettings(batch_samples=2))
keeper.learn(np.array([[4096, 0]], np.int16), ["a"])
keeper.restore(keeper.content())
assert "torch" not in sys.modules
keeper.learn(np.array([[0, 4096]], np.int16), ["b"])
assert "torch" in sys.modules
assert keeper.head.classes == ("a", "b")
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
