"""What the packages say of themselves, read with the tools of their distributions."""

import subprocess
from pathlib import Path

import pytest

import fieldwise

UNITS = ("fieldwise-agent.service", "fieldwise-agent-watch@.service")
HEAVY = ("torch", "cv2", "onnx", "orchestrator", "bundler", "demonstration", "sqlalchemy")


def told(*command: str | Path) -> str:
    return subprocess.check_output([str(each) for each in command], text=True, timeout=120)


def deb_names(deb: Path) -> dict[str, list[str]]:
    """Path to mode, owner and the rest, as ``dpkg-deb`` lists them."""
    lines = [line.split() for line in told("dpkg-deb", "--contents", deb).splitlines()]
    return {line[5].removeprefix("."): line for line in lines}


def test_the_deb_asks_for_the_interpreter_that_it_is_compiled_for(deb: Path) -> None:
    fields = told("dpkg-deb", "--field", deb, "Version", "Depends")
    assert f"Version: {fieldwise.__version__}-1+py311" in fields
    assert "python3.11," in fields
    site = "/usr/lib/fieldwise-agent/lib/python3.11/site-packages/agent"
    assert f"{site}/__pycache__/app.cpython-311.pyc" in deb_names(deb)


def test_nothing_in_the_deb_is_another_s_than_root_s_to_write(deb: Path) -> None:
    for name, (mode, owner, *_) in deb_names(deb).items():
        assert owner == "root/root", name
        assert mode.startswith("l") or mode[5] + mode[8] == "--", f"{name} {mode}"
        assert "s" not in mode.lower(), f"{name} {mode}"


def test_settings_are_the_owner_s_to_change(deb: Path, rpm: Path) -> None:
    [line] = told("dpkg-deb", "--info", deb, "conffiles").splitlines()
    assert line == "/etc/fieldwise/agent.toml"
    assert told("rpm", "-qp", "--configfiles", rpm).split() == ["/etc/fieldwise/agent.toml"]


def test_the_rpm_has_the_same_files_as_the_deb(deb: Path, rpm: Path) -> None:
    in_rpm = set(told("rpm", "-qpl", rpm).splitlines())
    in_deb = {name for name in deb_names(deb) if not name.endswith("/")}
    assert {name for name in in_deb if name not in in_rpm} == set()
    for unit in UNITS:
        assert f"/usr/lib/systemd/system/{unit}" in in_rpm


def test_the_rpm_asks_for_the_interpreter_by_its_file(rpm: Path) -> None:
    needed = told("rpm", "-qp", "--requires", rpm).splitlines()
    assert "/usr/bin/python3.11" in needed
    scripts = told("rpm", "-qp", "--scripts", rpm)
    assert scripts.count("#!/bin/sh") == 3


@pytest.mark.parametrize("name", HEAVY)
def test_a_device_gets_nothing_that_it_does_not_run(name: str, deb: Path) -> None:
    site = "/usr/lib/fieldwise-agent/lib/python3.11/site-packages/"
    assert not [each for each in deb_names(deb) if each.startswith(f"{site}{name}/")]


def test_where_it_was_built_is_not_told(deb: Path, tmp_path: Path) -> None:
    told("dpkg-deb", "--extract", deb, tmp_path)
    for file in tmp_path.rglob("*.dist-info/*"):
        assert file.name != "direct_url.json", file
