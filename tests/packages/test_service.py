"""The installed service, on a machine with a systemd of its own."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import class_folder
from tests.fakes.agent_inside import tiny
from tests.packages.machine import Machine, booted, wait_for

UNIT = "fieldwise-agent.service"
STATE = "/var/lib/fieldwise-agent/state"
PYTHON = "/usr/lib/fieldwise-agent/bin/python3"
EXPOSURE_MAX = (
    1.5  # of 10; what is left is what an agent needs: a network, sockets, the root folder
)
PREDICT = """
from fieldwise.client import Device
with Device("/run/fieldwise-agent/socket") as device:
    print(device.predict("/srv/photos/amber/0.png").best)
"""


@pytest.fixture(scope="module")
def service(machine: Machine, deb: Path) -> Machine:
    install(machine, deb)
    (machine.root / "srv" / "tiny.bundle").write_bytes(tiny())
    class_folder(machine.root / "srv" / "photos", count=6)
    machine.run("chmod", "-R", "a+rX", "/srv")
    machine.run("fieldwise-agent", "backbone", "install", "/srv/tiny.bundle")
    machine.run("fieldwise-agent", "watch", "--once", "/srv/photos")
    return machine


def install(machine: Machine, deb: Path) -> None:
    shutil.copy(deb, machine.root / "srv" / "agent.deb")
    # dpkg asks where both sides have changed a file; this is what it does when nobody answers.
    machine.run("dpkg", "--force-confdef", "--force-confold", "--install", "/srv/agent.deb")
    await_listening(machine)


def await_listening(machine: Machine) -> None:
    machine.await_active(UNIT)
    socket = ("test", "-S", "/run/fieldwise-agent/socket")
    wait_for(lambda: machine.run(*socket, check=False).returncode == 0, "nobody listens")


def learned(machine: Machine) -> int:
    status: Any = json.loads(machine.run("fieldwise-agent", "status", "--json").stdout)
    return sum(status["classes"].values())


def main_process(machine: Machine) -> dict[str, str]:
    pid = machine.shown(UNIT, "MainPID")
    text = machine.run("cat", f"/proc/{pid}/status").stdout
    return dict(line.split(":\t", 1) for line in text.splitlines())


def test_it_runs_from_the_start_and_as_nobody_else(service: Machine) -> None:
    assert service.run("systemctl", "is-enabled", UNIT).stdout == "enabled\n"
    process = main_process(service)
    uid = service.run("id", "-u", "fieldwise").stdout.strip()
    assert set(process["Uid"].split()) == {uid}
    assert int(process["CapBnd"], 16) == 0
    assert process["NoNewPrivs"] == "1"
    assert process["Seccomp"] == "2"  # a filter


def test_systemd_understands_the_units(service: Machine) -> None:
    for unit in (UNIT, "fieldwise-agent-watch@srv-photos.service"):
        said = service.run("systemd-analyze", "verify", unit).stderr
        unknown = [line for line in said.splitlines() if "ignoring" in line]
        assert said.splitlines() == unknown
        # What waits longer each time came with systemd 254; before it waits the same each time.
        assert all(re.search("'Restart(Steps|MaxDelaySec)'", line) for line in unknown), said


def test_little_is_left_that_it_could_reach(service: Machine) -> None:
    for unit in (UNIT, "fieldwise-agent-watch@srv-photos.service"):
        service.run(
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={round(EXPOSURE_MAX * 10)}",
            unit,
        )


def test_a_service_of_any_kind_would_not_pass_for_a_hardened_one(service: Machine) -> None:
    told = service.run(
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={round(EXPOSURE_MAX * 10)}",
        "systemd-logind.service",
        check=False,
    )
    assert told.returncode != 0


def test_the_memory_that_it_may_take_is_bounded(service: Machine) -> None:
    assert service.shown(UNIT, "MemoryMax") == str(1280 * 1024**2)
    assert service.shown(UNIT, "OOMPolicy") == "continue"


def test_what_root_teaches_is_the_service_s(service: Machine) -> None:
    before = learned(service)
    service.run("fieldwise-agent", "teach", "--independent", "amber", "/srv/photos/amber/1.png")
    assert learned(service) >= before > 0
    strangers = service.run("find", STATE, "!", "-user", "fieldwise").stdout
    assert strangers == ""
    assert service.run("stat", "-c", "%a", "/var/lib/fieldwise-agent").stdout == "700\n"


def test_without_a_daemon_root_writes_as_the_service_s_user(service: Machine) -> None:
    service.run("systemctl", "stop", UNIT)
    assert learned(service) > 0
    service.run("fieldwise-agent", "teach", "--independent", "amber", "/srv/photos/amber/2.png")
    assert service.run("find", STATE, "!", "-user", "fieldwise").stdout == ""
    service.run("systemctl", "start", UNIT)
    await_listening(service)


def test_applications_of_the_group_predict_and_others_do_not(service: Machine) -> None:
    service.run("useradd", "--system", "--groups", "fieldwise", "shelf")
    service.run("useradd", "--system", "stranger")
    asked = (PYTHON, "-I", "-c", PREDICT)
    assert "amber" in service.run(*asked, user="shelf").stdout
    refused = service.run(*asked, user="stranger", check=False)
    assert refused.returncode != 0
    assert "amber" not in refused.stdout


def test_a_member_of_the_group_is_not_the_owner(service: Machine) -> None:
    service.run("useradd", "--system", "--groups", "fieldwise", "till")
    for command in (("ls", STATE), ("fieldwise-agent", "ledger")):
        assert service.run(*command, user="till", check=False).returncode != 0, command


def test_a_killed_service_comes_back_and_knows_what_it_knew(service: Machine) -> None:
    before, pid = learned(service), service.shown(UNIT, "MainPID")
    service.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", UNIT)
    wait_for(lambda: service.shown(UNIT, "MainPID") not in {"0", pid}, "it does not come back")
    await_listening(service)
    assert learned(service) == before


def test_a_folder_is_watched_by_a_unit_that_is_named_after_it(service: Machine) -> None:
    incoming = service.root / "srv" / "incoming"
    (incoming / "blue").mkdir(parents=True)
    service.run("chmod", "-R", "a+rX", "/srv")
    unit = service.run(
        "systemd-escape", "--path", "--template=fieldwise-agent-watch@.service", "/srv/incoming"
    ).stdout.strip()
    service.run("systemctl", "start", unit)
    service.await_active(unit)
    journal = ("journalctl", "--no-pager", "--unit", unit)
    wait_for(lambda: "watching" in service.run(*journal).stdout, "it does not watch")
    shutil.copy(service.root / "srv" / "photos" / "blue" / "0.png", incoming / "blue" / "new.png")
    wait_for(lambda: "new.png" in service.run(*journal).stdout, "it does not see the image")
    service.run("systemctl", "stop", unit)


def test_an_upgrade_keeps_state_and_settings_and_serves_the_new_version(
    service: Machine, deb: Path, tmp_path: Path
) -> None:
    settings = service.root / "etc" / "fieldwise" / "agent.toml"
    settings.write_text(settings.read_text() + "queue_max = 7\n")
    before, pid = learned(service), service.shown(UNIT, "MainPID")
    install(service, newer(deb, tmp_path))
    wait_for(lambda: service.shown(UNIT, "MainPID") not in {"0", pid}, "the old program runs on")
    await_listening(service)
    assert service.run("dpkg-query", "-W", "-f=${Version}", "fieldwise-agent").stdout == "99-1"
    assert "queue_max = 7" in settings.read_text()
    assert learned(service) == before


def newer(deb: Path, folder: Path) -> Path:
    """The same package with a later version and other settings than before."""
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder / "tree"], check=True)
    control = folder / "tree" / "DEBIAN" / "control"
    control.write_text(re.sub("Version: .*", "Version: 99-1", control.read_text()))
    changed = folder / "tree" / "etc" / "fieldwise" / "agent.toml"
    changed.write_text(changed.read_text() + "# a word more\n")
    built = [
        "dpkg-deb",
        "-Znone",
        "--root-owner-group",
        "--build",
        folder / "tree",
        folder / "new.deb",
    ]
    subprocess.run(built, check=True)
    return folder / "new.deb"


def test_removing_leaves_what_was_learned_and_purging_leaves_nothing(
    deb: Path, tmp_path: Path
) -> None:
    with booted(tmp_path) as machine:
        install(machine, deb)
        (machine.root / "srv" / "tiny.bundle").write_bytes(tiny())
        machine.run("fieldwise-agent", "backbone", "install", "/srv/tiny.bundle")
        machine.run("dpkg", "--remove", "fieldwise-agent")
        assert machine.run("systemctl", "is-active", UNIT, check=False).stdout == "inactive\n"
        assert (machine.root / STATE[1:] / "state.sqlite").exists()
        assert (machine.root / "etc" / "fieldwise" / "agent.toml").exists()

        install(machine, deb)
        assert "tiny:1.0.0" in machine.run("fieldwise-agent", "status").stdout

        machine.run("dpkg", "--purge", "fieldwise-agent")
        left = ["find", "/etc", "/usr", "/var", "/run", "-name", "*fieldwise*"]
        logged = ("/var/lib/dpkg", "/var/lib/systemd/deb-systemd")
        found = machine.run(*left).stdout.split()
        assert [each for each in found if not each.startswith(logged)] == []
        assert "fieldwise" in machine.run("getent", "passwd", "fieldwise").stdout


def test_a_disabled_service_stays_so_through_an_upgrade(deb: Path, tmp_path: Path) -> None:
    with booted(tmp_path) as machine:
        install(machine, deb)
        machine.run("systemctl", "disable", "--now", UNIT)
        shutil.copy(newer(deb, tmp_path), machine.root / "srv" / "agent.deb")
        machine.run("dpkg", "--install", "/srv/agent.deb")
        assert machine.run("systemctl", "is-enabled", UNIT, check=False).stdout == "disabled\n"
