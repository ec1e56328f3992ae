from random import Random

import msgspec
from structlog.testing import capture_logs

from agent.learning.catch_up import open_pair
from agent.learning.examiner import Examiner
from agent.learning.heads.network import HiddenHead
from agent.learning.learner import Learner
from agent.learning.pair import Pair, fresh_pair
from agent.learning.restoring import restored_pair
from agent.learning.samples import Counters, Sample, Share
from agent.learning.settings import GradientSettings, HeadName, HeadSettings, LearningSettings
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

EMBEDDER = ProjectionEmbedder()
NAMES = Scenes(0).names
BY_GRADIENT = LearningSettings(
    heads=HeadSettings(enabled=(HeadName.GRADIENT, HeadName.DISCRIMINANT)),
    gradient=GradientSettings(batch_samples=20, replay_samples=60),
)


def teach(pair: Pair, count: int) -> Pair:
    scenes = Scenes(count)
    for number in range(count):
        pair.learn(pair.grid(scenes.image(number % 6)), [NAMES[number % 6]])
    return pair


def taught(count: int) -> Pair:
    return teach(fresh_pair(EMBEDDER, (), BY_GRADIENT), count)


def test_a_head_trained_by_gradient_serves_and_goes_on_to_the_bit_after_a_snapshot() -> None:
    pair = taught(70)
    again = restored_pair(EMBEDDER, pair.snapshot(), BY_GRADIENT)
    for one in (pair, again):
        teach(one, 50).settle()
    assert again.champion == pair.champion == HeadName.GRADIENT
    image = Scenes(5).image(2)
    assert again.look(image, 5).ranking == pair.look(image, 5).ranking
    assert again.look(image, 5).ranking.best == NAMES[2]
    assert again.snapshot().content == pair.snapshot().content


def test_other_settings_of_the_gradient_head_are_adopted_with_what_it_remembers() -> None:
    pair = taught(70)
    wider = msgspec.structs.replace(BY_GRADIENT.gradient, hidden_width=8)
    pair.configure(msgspec.structs.replace(BY_GRADIENT, gradient=wider))
    assert isinstance(pair.head, HiddenHead)
    assert set(pair.head.classes) == set(NAMES)


def test_settings_that_do_not_concern_it_leave_the_gradient_head_alone() -> None:
    pair = taught(70)
    before = pair.head
    pair.configure(msgspec.structs.replace(BY_GRADIENT, shrinkage=0.5))
    assert pair.head is before


def test_forgetting_a_class_takes_it_from_the_gradient_head_too() -> None:
    pair = taught(70)
    pair.forget_class(NAMES[1])
    assert NAMES[1] not in pair.heads[HeadName.GRADIENT].classes
    assert NAMES[1] not in pair.look(Scenes(1).image(1), 9).ranking.classes


def test_a_gradient_head_that_is_enabled_later_learns_what_is_held() -> None:
    store, scenes = MemorySamples(), Scenes(0)
    plain = LearningSettings()
    learner = Learner(open_pair(EMBEDDER, (), store, plain), store, plain, Random(3))
    for number in range(100):
        image = scenes.image(number % 6)
        learner.teach(f"s{number}", image, NAMES[number % 6], "", 1000.0 + 60 * number)
    learner.close()
    pair = open_pair(EMBEDDER, (), store, BY_GRADIENT)
    pair.settle()
    assert set(pair.heads[HeadName.GRADIENT].classes) == set(NAMES)
    assert pair.statistics().same_as(learner.pair.statistics())


def test_training_that_diverges_is_said_once_and_the_head_goes_on_answering() -> None:
    wild = GradientSettings(batch_samples=20, learning_rate=10.0, weight_decay=1.0)
    pair = taught(70)
    pair.configure(msgspec.structs.replace(BY_GRADIENT, gradient=wild))
    examiner = Examiner(Counters(), pair)
    with capture_logs() as lines:
        for number in range(4):
            teach(pair, 40)
            row = pair.grid(Scenes(1).image(1))[0]
            answers = pair.answers(row)
            seen = Sample(
                str(number), number, 0.0, NAMES[1], "b", Share.LEARN, pair.bundle, row, None
            )
            examiner.observe(pair, seen, answers, BY_GRADIENT)
    assert "diverged" in pair.trouble
    assert [line["event"] for line in lines].count("a head did not learn") == 1
    assert pair.look(Scenes(1).image(1), 5).ranking.best
