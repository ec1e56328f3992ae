"""A machine that cannot be set up is told why, in a sentence, and nothing is made."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "set_up.sh"
OLD_PYTHON = 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi'


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the only programs there are: an old Python, and no way to another one."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs, "python3", OLD_PYTHON)
    for name in ("sh", "env"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    return tmp_path


def complaint(machine: Path, **environment: str) -> str:
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT)],
        cwd=machine,
        env={"PATH": str(machine / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not (machine / ".venv").exists()
    return done.stderr


def test_without_apt_it_says_what_is_missing(machine: Path) -> None:
    assert "Python 3.11 or newer" in complaint(machine)
    assert "no apt" in complaint(machine)


def test_without_root_and_sudo_it_says_what_root_is_to_run(machine: Path) -> None:
    program(machine / "bin", "apt-get", "exit 0")
    program(machine / "bin", "id", "echo 1000")
    assert "apt-get install python3 python3-venv" in complaint(machine)


def test_an_old_python_from_apt_is_named(machine: Path) -> None:
    program(machine / "bin", "apt-get", "exit 0")
    program(machine / "bin", "id", "echo 0")
    assert "what apt brings is Python 3.9.2" in complaint(machine)


def test_a_chosen_python_that_does_not_fit_is_never_replaced_by_another(machine: Path) -> None:
    program(machine / "bin", "chosen", "exit 1")
    program(machine / "bin", "python3", "exit 0")
    assert "PYTHON=chosen is not a Python 3.11" in complaint(machine, PYTHON="chosen")
