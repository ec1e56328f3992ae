"""What images install is pinned by version and by hash, all of it, and nothing else."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.pin import ROOT, canonical, standing
from tools.pin_images import LISTS, file_of, is_needed, read, wanted

EACH = pytest.mark.parametrize("name", LISTS)
DOCKERFILES = sorted((ROOT / "deploy" / "images").glob("*.Dockerfile"))
LINE = re.compile(r"(#.*|[a-z0-9.-]+==[^ ]+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?)")


def needed(requirements: list[str]) -> Iterator[str]:
    """Packages that requirements need on the machine of an image, by what is installed here."""
    waiting, done = [Requirement(each) for each in requirements], set()
    while waiting:
        each = waiting.pop()
        for extra in (*each.extras, ""):
            key = (canonical(each.name), extra)
            if key in done:
                continue
            done.add(key)
            yield key[0]
            try:
                depends = distribution(each.name).requires or []
            except PackageNotFoundError:
                continue
            found = (Requirement(text) for text in depends)
            waiting += [
                one for one in found if one.marker is None or one.marker.evaluate({"extra": extra})
            ]


@EACH
def test_every_package_has_the_tested_version_and_hashes(name: str) -> None:
    held = {canonical(each): version for each, version in standing().items()}
    listed = read(name)
    assert {each: held.get(each) for each in listed} == {
        each: version for each, (version, _) in listed.items()
    }
    assert [each for each, (_, hashes) in listed.items() if not hashes] == []


@EACH
def test_every_line_is_a_pin_or_a_hash_and_names_no_place(name: str) -> None:
    """An index that a file names would be asked by whoever builds, wherever that is."""
    lines = file_of(name).read_text().splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []


@EACH
def test_all_that_an_image_needs_is_listed_and_nothing_else(name: str) -> None:
    assert set(needed(wanted(name))) == set(read(name))


def test_no_image_lists_what_only_trains_or_builds() -> None:
    for name in LISTS:
        assert not {"torch", "onnx", "pip", "setuptools", "pytest"} & set(read(name))


def test_a_package_for_other_machines_is_left_out() -> None:
    assert not is_needed("colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n")
    assert is_needed("numpy==2.4.6 \\\n    --hash=sha256:00\n")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_installs_wheels_by_hash_and_ours_with_nothing_else(path: Path) -> None:
    text = path.read_text()
    installs = [
        line for line in text.splitlines() if re.search(r"\bpip\}.* (install|wheel) ", line)
    ]
    assert len(installs) == 4
    for line in installs:
        ours = "--no-deps --no-index" in line
        assert ours or ('install "$@" --requirement' in line)
    assert "set -- --quiet --require-hashes --only-binary=:all:" in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_says_what_it_is_and_runs_as_nobody(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["65532:65532"]
    for label in ("title", "description", "licenses", "version", "revision", "base.name"):
        assert f"org.opencontainers.image.{label}=" in text
