"""Which kept predictions are asked about, and for how long."""

import numpy as np

from agent.asking import Asker
from agent.learning.kept import Kept
from agent.learning.pair import fresh_pair
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from agent.predictions import RecentPredictions
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.scenes import Scenes

NOW = 1000.0


def test_a_question_stays_open_until_it_is_answered() -> None:
    """One head and no calibration: being in doubt is all that speaks for a question."""
    settings = LearningSettings(heads=HeadSettings(enabled=(HeadName.DISCRIMINANT,)))
    pair, scenes = fresh_pair(ProjectionEmbedder(), (), settings), Scenes(0, noise=10.0)
    for number in range(60):
        pair.learn(pair.grid(scenes.image(number % 6)), [scenes.names[number % 6]])
    recent = RecentPredictions(99, 1 << 30)
    images = [scenes.image(number % 6) for number in range(12)]
    images.append(scenes.image(0) // 2 + scenes.image(1) // 2)
    for number, image in enumerate(images):
        row = pair.grid(image)[0]
        recent.put(Kept(f"p{number}", NOW, pair.bundle, row, None))
    asker = Asker(recent)
    first = asker.questions(pair, lambda _: None, 1, 1, NOW)
    assert [each.prediction_id for each in first.questions] == ["p12"]
    again = asker.questions(pair, lambda _: None, 1, 1, NOW)
    assert [each.prediction_id for each in again.questions] == ["p12"]
    recent.label("p12", "class 0")
    assert not asker.questions(pair, lambda _: None, 1, 1, NOW).questions


def test_nothing_is_asked_of_heads_that_know_nothing() -> None:
    pair = fresh_pair(ProjectionEmbedder(), (), LearningSettings())
    recent = RecentPredictions(99, 1 << 30)
    recent.put(Kept("p", NOW, pair.bundle, np.zeros(24, np.int16), None))
    assert not Asker(recent).questions(pair, lambda _: None, 9, 9, NOW).questions
