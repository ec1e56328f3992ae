"""constraints.txt pins every requirement of every extra, at a version that the extra allows."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.pin import PINS, canonical, standing

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = {"": PROJECT["project"]["dependencies"], **PROJECT["project"]["optional-dependencies"]}


def pins() -> dict[str, str]:
    return {canonical(name): version for name, version in standing().items()}


def held_by(wanted: Requirement, held: Mapping[str, str]) -> bool:
    version = held.get(canonical(wanted.name))
    return version is not None and version in wanted.specifier


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_requirement_has_a_pin_that_it_allows(extra: str) -> None:
    wanted = [Requirement(text) for text in EXTRAS[extra]]
    strangers = [each for each in wanted if each.name != PROJECT["project"]["name"]]
    held = pins()
    loose = [each.name for each in strangers if not held_by(each, held)]
    assert loose == []


def test_nothing_is_pinned_twice() -> None:
    lines = PINS.read_text().splitlines()
    names = [canonical(line.partition("==")[0]) for line in lines if not line.startswith("#")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["fastapi", "h11", "httpx", "pydantic-core", "tomli-w", "uvicorn"])
def test_what_the_aggregator_brings_along_is_pinned_too(name: str) -> None:
    assert name in pins()
