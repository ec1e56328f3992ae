"""The ledger of a running daemon: followed, verified beside it, and exported."""

import subprocess
from pathlib import Path

import msgspec

from tests.fakes.agent_process import PROGRAM, AgentProcess


def test_entries_are_followed_as_they_are_written_and_verified_beside_the_daemon(
    agent: AgentProcess, tmp_path: Path
) -> None:
    agent.start()
    agent.ask("consent", "weights")
    with subprocess.Popen(
        [PROGRAM, "ledger", "show", "--follow", "--kind", "consent", "--json"],
        env=agent.environment,
        stdout=subprocess.PIPE,
    ) as following:
        assert following.stdout is not None
        first = msgspec.json.decode(following.stdout.readline())
        agent.ask("consent", "off")
        second = msgspec.json.decode(following.stdout.readline())
        following.terminate()
    assert (first["number"], second["number"]) == (1, 2)
    head = f"--head=1:{first['digest']}"
    found = agent.ask("ledger", "verify", head)
    assert (found["end_checked"], found["ledger"]["entries"]) == (False, 2)
    exported = agent.ask("ledger", "export", tmp_path / "export")
    assert exported["ledger"]["head"]["digest"] == second["digest"]
    assert agent.ask("ledger", "verify", tmp_path / "export", head)["heads"] == 1


def test_a_ledger_that_was_altered_under_the_daemon_shows_to_whoever_verifies(
    agent: AgentProcess,
) -> None:
    agent.start()
    for level in ("weights", "off"):
        agent.ask("consent", level)
    path = agent.folder / "ledger"
    path.write_bytes(path.read_bytes().replace(b"nothing", b"notably", 1))
    told = agent.run("ledger", "verify")
    assert (told.returncode, "from line 3 on" in told.stderr) == (5, True)
    entries = agent.ask("ledger")["entries"]
    assert [each["kind"] for each in entries] == ["ledger altered"]
    assert agent.ask("ledger", "verify")["ledger"]["alterations"]
