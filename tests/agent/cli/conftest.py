from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli import root

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit status, standard output, standard error."""
    monkeypatch.setenv("FIELDWISE_AGENT_STATE_FOLDER", str(tmp_path / "s"))

    def run_one(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["fieldwise-agent", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            root.run()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run_one
