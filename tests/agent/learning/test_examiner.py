from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest

from agent.learning.examiner import Examiner
from agent.learning.heads.contest import decode
from agent.learning.pair import Pair, fresh_pair
from agent.learning.samples import Counters, Origin, Sample, Share
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from tests.fakes.embedder import ProjectionEmbedder

SETTINGS = LearningSettings()


def pair() -> Pair:
    return fresh_pair(ProjectionEmbedder(), (), SETTINGS)


def sample(scene: str) -> Sample:
    row = np.zeros(24, np.int16)
    return Sample("s", 1, 0.0, "apple", scene, Share.LEARN, "bundle", row, None)


def answers(best: str) -> dict[str, str]:
    """One head is right, the others are not."""
    return {name: "apple" if name == best else "pear" for name in pair().heads}


def test_a_head_that_is_better_scene_after_scene_comes_to_serve() -> None:
    asked = pair()
    examiner = Examiner(Counters(), asked)
    assert asked.champion == "average"
    for scene in range(40):
        examiner.observe(asked, sample(f"scene {scene}"), answers("ridge"), SETTINGS)
    assert asked.champion == "ridge" == examiner.contest.champion
    assert examiner.window.samples == 40
    assert 0 < examiner.window.correct < 40  # what served at the time counts
    assert examiner.window.last_label_correct == 39


def test_a_single_scene_however_long_decides_nothing() -> None:
    asked = pair()
    examiner = Examiner(Counters(), asked)
    for _ in range(2000):
        examiner.observe(asked, sample("the one"), answers("ridge"), SETTINGS)
    assert asked.champion == "average"


@pytest.mark.parametrize("origin", [Origin.CORRECTED, Origin.ASKED])
def test_labels_that_a_head_had_a_part_in_decide_nothing(origin: Origin) -> None:
    """People correct what the champion got wrong: on corrections alone it is always wrong."""
    asked = pair()
    examiner = Examiner(Counters(), asked)
    for scene in range(60):
        label = replace(sample(f"scene {scene}"), origin=origin)
        examiner.observe(asked, label, answers("ridge"), SETTINGS)
    assert asked.champion == "average"
    assert examiner.contest.challengers["ridge"].blocks == 0
    assert examiner.window.samples == 60


def test_what_was_observed_survives_a_restart_and_the_champion_serves_again() -> None:
    steady, broken, chance = pair(), pair(), Random(1)
    counters = Counters()
    whole, examiner = Examiner(counters, steady), Examiner(counters, broken)
    for scene in range(60):
        said = answers("ridge" if chance.random() < 0.9 else "average")
        whole.observe(steady, sample(f"scene {scene}"), said, SETTINGS)
        examiner.observe(broken, sample(f"scene {scene}"), said, SETTINGS)
        counters = examiner.counted(counters)
        examiner = Examiner(counters, broken)
    assert examiner.contest == whole.contest
    assert examiner.window == whole.window
    anew = pair()
    Examiner(counters, anew)
    assert anew.champion == "ridge"


def test_scenes_are_not_named_in_what_is_kept() -> None:
    asked = pair()
    examiner = Examiner(Counters(), asked)
    examiner.observe(asked, sample("named:a kitchen in Ulm"), answers("ridge"), SETTINGS)
    kept = examiner.counted(Counters()).contest
    assert b"Ulm" not in kept
    assert decode(kept).samples == 1


def test_a_damaged_contest_begins_anew_and_a_head_that_is_gone_does_not_serve() -> None:
    asked = pair()
    examiner = Examiner(Counters(contest=b"rubbish"), asked)
    assert examiner.contest.champion == "average"
    for scene in range(40):
        examiner.observe(asked, sample(f"scene {scene}"), answers("ridge"), SETTINGS)
    counters = replace(examiner.counted(Counters()), learned=3)
    without = msgspec.structs.replace(
        SETTINGS, heads=HeadSettings(enabled=(HeadName.DISCRIMINANT, HeadName.NEAREST_MEAN))
    )
    fewer = fresh_pair(ProjectionEmbedder(), (), without)
    later = Examiner(counters, fewer)
    assert fewer.champion == "discriminant"
    said = dict.fromkeys(fewer.heads, "apple")
    later.observe(fewer, sample("next"), said, without)
    assert later.contest.champion == "discriminant"
