"""The plan in docs/rollouts.md is a plan: it reads, it has every key, and its defaults are true."""

import re
from dataclasses import replace
from pathlib import Path

import yaml

from orchestrator.cli.plan_file import read_tree
from orchestrator.cli.plan_reading import (
    CLASS_KEYS,
    GATE_KEYS,
    LIMIT_KEYS,
    PARTS,
    PLAN_KEYS,
    WAVE_KEYS,
    read_plan,
)
from orchestrator.rollout.plan import Plan, Wave

PAGE = (Path(__file__).parents[2] / "docs" / "rollouts.md").read_text()
EXAMPLE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
STORY = re.findall(r"    # berlin.yaml\n((?:    .+\n)+)", PAGE)[0]


def test_the_example_has_every_key_of_a_plan() -> None:
    tree = yaml.safe_load(EXAMPLE)
    assert set(tree) == {*PLAN_KEYS, *PARTS}
    assert set(tree["gate"]) == set(GATE_KEYS)
    assert set(tree["limits"]) == set(LIMIT_KEYS)
    assert set(tree["classes"][0]) == set(CLASS_KEYS)
    wave = next(each for each in tree["waves"] if isinstance(each, dict))
    assert {*wave, "devices"} == set(WAVE_KEYS)


def test_what_the_example_calls_a_default_is_one() -> None:
    plan = read_plan(read_tree(EXAMPLE.encode()))
    usual = Plan("")
    chosen = replace(
        plan,
        backbone="",
        cohort="",
        waves=(Wave(),),
        window=None,
        minimum_agent_version="",
        classes=(),
    )
    assert chosen == usual


def test_the_plan_of_the_story_reads() -> None:
    plan = read_plan(read_tree(re.sub("^    ", "", STORY, flags=re.MULTILINE).encode()))
    assert plan.waves == (Wave(devices=10), Wave(share=0.25), Wave())
