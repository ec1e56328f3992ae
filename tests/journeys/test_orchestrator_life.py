"""A real ``fieldwise serve`` through its life: bad settings, stop, restart, a second one."""

from pathlib import Path

import grpc
import pytest

from tests.bundles import tiny_bundle
from tests.orchestrators import (
    LISTEN,
    join,
    run,
    serving,
    status_of,
)


def test_a_restart_keeps_devices_tickets_backbones_rollouts_and_identities(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as first:
        ports = {name: first.told[f"{name}_address"] for name in ("device", "operator")}
        created = first.json("ticket", "create", "--uses=2")
        member = join(created["token"])
        member.check_in()
        first.json("backbone", "push", str(tiny_bundle(tmp_path / "tiny.bundle")))
        rollout = first.json("rollout", "start", "tiny")
        asked = member.check_in(sequence=2)
        device = first.json("device", "show", member.device_id)
        assert first.stop() == 0
    listen = [f"--{name}-listen={address}" for name, address in ports.items()]
    with serving(folder, listen=(*LISTEN, *listen)) as second:
        assert second.told["fleet"] == first.told["fleet"]
        kept = second.json("device", "show", member.device_id)
        assert (kept["tags"], kept["target"]) == (device["tags"], device["target"])
        assert kept["report"]["sequence"] == 2
        assert second.json("ticket", "list")[0]["uses"] == 1
        assert second.json("rollout", "show", rollout["id"])["title"] == "tiny:1.0.0"
        again = member.check_in(sequence=3)
        assert again.target == asked.target
        assert member.download(again.target.bundle_digest.hex())
        assert join(created["token"]).device_id != member.device_id


def test_a_stop_ends_with_status_0_and_lets_go_of_the_ports(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        member = join(running.json("ticket", "create")["token"])
        assert member.check_in().next_seconds
        assert running.stop() == 0
        with pytest.raises(grpc.RpcError) as refused:
            member.check_in()
        assert status_of(refused.value)[0] is grpc.StatusCode.UNAVAILABLE


def test_a_second_orchestrator_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        finished = run(running.folder, "serve", *LISTEN)
        assert finished.status == 5
        assert f"another orchestrator holds the data folder {running.folder}" in finished.stderr
        assert running.json("status")["fleet"] == running.told["fleet"]


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        address = running.told["device_address"]
        finished = run(tmp_path / "other", "serve", *LISTEN, f"--device-listen={address}")
        assert finished.status == 2
        assert f"device_listen: cannot listen on {address}" in finished.stderr


def test_every_mistake_in_the_settings_is_told_at_once_in_one_sentence_each(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.toml"
    file.write_text('device_listn = "x"\ncheck_in_seconds = "soon"\nlog_level = "loud"\n')
    finished = run(
        tmp_path / "data", "serve", "--config", str(file), "--calls-max=1", "--drain-seconds=x"
    )
    assert finished.status == 2
    choices = "; use debug, info, warning, error"
    told = [line for line in finished.stderr.splitlines() if line.startswith("error: ")]
    assert told == [
        f"error: {file}: there is no setting 'device_listn'; did you mean device_listen?",
        f"error: {file}: check_in_seconds = 'soon': Expected `int`, got `str`",
        f"error: {file}: log_level = 'loud': Invalid enum value 'loud'{choices}",
        "error: --calls-max = '1': Expected `int` >= 10",
        "error: --drain-seconds = 'x': Expected `float`, got `str`",
    ]
    assert not (tmp_path / "data").exists()


def test_the_settings_command_tells_where_each_value_came_from(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.toml"
    file.write_text("check_in_seconds = 30\noperator_token = 'a-secret-of-the-operator'\n")
    finished = run(tmp_path / "data", "settings", "show", "--config", str(file), "--calls-max=50")
    rows = {line.split()[0]: line.split()[1:] for line in finished.stdout.splitlines()[2:]}
    assert rows["check_in_seconds"] == ["30", str(file)]
    assert rows["calls_max"] == ["50", "--calls-max"]
    assert rows["data_folder"] == [str(tmp_path / "data"), "FIELDWISE_DATA_FOLDER"]
    assert rows["downloads_max"] == ["100", "default"]
    assert rows["operator_token"] == ["(set)", str(file)]
    assert "a-secret" not in finished.stdout + finished.stderr


def test_a_fleet_keeps_its_name(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--fleet=plant-7") as running:
        assert running.told["fleet"] == "plant-7"
        running.stop()
    finished = run(tmp_path / "data", "serve", *LISTEN, "--fleet=plant-8")
    assert finished.status == 2
    assert "is 'plant-7', and its name is fixed" in finished.stderr


def test_a_command_without_a_server_says_so(tmp_path: Path) -> None:
    finished = run(tmp_path / "data", "status")
    assert finished.status == 6
    assert "no server is named" in finished.stderr
    with serving(tmp_path / "data") as running:
        running.stop()
    finished = run(tmp_path / "data", "status")
    assert finished.status == 6
    assert "the server cannot be reached" in finished.stderr
