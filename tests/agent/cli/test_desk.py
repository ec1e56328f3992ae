import os
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from agent.cli import desk as reaching
from agent.cli.desk import AloneDesk, desk
from agent.cli.holder import holder_of, holding
from agent.config import AgentSettings
from agent.device.folder import StateFolder
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import class_images
from tests.fakes.agent_inside import tiny


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentSettings:
    monkeypatch.setattr(reaching, "LISTENING_SECONDS", 0.05)
    monkeypatch.setattr(reaching, "COMMAND_SECONDS", 0.1)
    monkeypatch.setattr(reaching, "STARTING_SECONDS", 60.0)
    return AgentSettings(state_folder=tmp_path / "s")


def refused(settings: AgentSettings) -> str:
    with pytest.raises(FieldwiseError) as caught, desk(settings):
        pass
    assert caught.value.fault is Fault.STATE_LOCKED
    return caught.value.sentence


def test_who_works_on_the_folder_is_said_instead_of_waiting(settings: AgentSettings) -> None:
    with desk(settings):
        assert f"process {os.getpid()} works on {settings.state_folder}" in refused(settings)
    assert holder_of(settings.state_folder) is None
    with desk(settings) as again:
        assert isinstance(again, AloneDesk)


def test_a_command_that_is_about_to_end_is_waited_for(
    settings: AgentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "COMMAND_SECONDS", 60.0)
    folder = StateFolder(settings.state_folder)
    folder.lock()
    with holding(settings.state_folder):
        threading.Timer(0.3, folder.unlock).start()
        with desk(settings) as reached:
            assert isinstance(reached, AloneDesk)


def test_without_a_daemon_nothing_is_accepted_that_the_disk_s_bound_does_not_hold(
    settings: AgentSettings, tmp_path: Path
) -> None:
    bundle, image = tmp_path / "bundle", class_images("red", 1)[0]
    bundle.write_bytes(tiny())
    with desk(settings) as reached:
        reached.install(bundle)
        question = reached.predict(image).id
    bound = msgspec.structs.replace(settings, disk_bytes_max=12 * 1024**2)
    for ask in (
        lambda reached: reached.teach(image, "red", ""),
        lambda reached: reached.feedback(question, "red"),
    ):
        with desk(bound) as reached, pytest.raises(FieldwiseError, match="disk_bytes_max"):
            ask(reached)
    with desk(settings) as reached:
        assert reached.status().learning.samples == 0
        assert reached.teach(image, "red", "").sample_id


def test_a_process_that_never_listens_is_waited_for_with_an_end(
    settings: AgentSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "STARTING_SECONDS", 0.1)
    with StateFolder(settings.state_folder):
        assert "does not listen" in refused(settings)


def test_what_a_dead_process_or_anybody_else_left_names_nobody(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    for said in (b"", b"0", b"rubbish", b"\xff" * 100, b"9" * 100, str(ended.pid).encode()):
        (tmp_path / "lock").write_bytes(said)
        assert holder_of(tmp_path) is None
    assert holder_of(tmp_path / "none") is None
