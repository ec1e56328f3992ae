"""What is neither Python nor a proto file is linted, too: shell scripts, Dockerfiles and YAML."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def linted(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PROGRAMS / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("script", tracked("*.sh"))
def test_a_shell_script_says_what_it_means(script: str) -> None:
    found = linted("shellcheck", script)
    assert found.returncode == 0, found.stdout


def test_a_shell_script_that_splits_words_by_accident_is_noticed(tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\nrm -r $1\n")
    assert "SC2086" in linted("shellcheck", str(script)).stdout


def test_images_are_built_as_is_good_practice() -> None:
    files = tracked("*Dockerfile")
    assert files
    found = linted("hadolint", *files)
    assert found.returncode == 0, found.stdout


def test_a_dockerfile_that_takes_whatever_version_comes_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM debian:bookworm\nRUN pip install fieldwise\n")
    assert "DL3013" in linted("hadolint", str(file)).stdout


def test_yaml_is_in_one_form() -> None:
    files = tracked("*.yaml", "*.yml")
    assert files
    found = linted("yamllint", "--strict", *files)
    assert found.returncode == 0, found.stdout


def test_the_tests_of_real_services_run_together_and_linters_with_them() -> None:
    makefile = (ROOT / "Makefile").read_text()
    target = re.search(r"^test-services:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert target is not None
    run = [word for word in target[1].split() if word.startswith("tests/")]
    assert [place for place in run if not (ROOT / place).exists()] == []
    with_services = [
        name
        for name in tracked("tests/**/test_*.py")
        if "mark.services" in (ROOT / name).read_text()
    ]
    assert "tests/contracts/test_bundle_store.py" in with_services
    wanted = {*with_services, "tests/architecture/test_scripts.py"}
    left_out = {name for name in wanted if not name.startswith(tuple(run))}
    assert left_out == {"tests/faults/test_replicas_killed.py"}  # half an hour, by another command
