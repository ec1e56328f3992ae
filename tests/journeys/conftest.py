from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.agent_process import AgentProcess


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    """An agent that writes every sample at once; stopped at the end if it was started."""
    made = AgentProcess(tmp_path / "s", commit_samples="1")
    yield made
    if made.process is not None:
        made.stop()
