"""Where an agent is found on its machine, by the agent itself and by applications alike."""

from collections.abc import Mapping
from pathlib import Path

STATE_VARIABLE = "FIELDWISE_AGENT_STATE_FOLDER"
SOCKET_VARIABLE = "FIELDWISE_AGENT_APPLICATION_SOCKET"


def state_folder(environment: Mapping[str, str]) -> Path:
    """The agent's state folder: the variable, or the place of the XDG rules for state."""
    if named := environment.get(STATE_VARIABLE):
        return Path(named).expanduser()
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "fieldwise-agent"


def application_socket(environment: Mapping[str, str]) -> Path:
    """The socket for applications: the variable, or its place in the state folder."""
    if named := environment.get(SOCKET_VARIABLE):
        return Path(named).expanduser()
    return socket_in(state_folder(environment))


def socket_in(folder: Path) -> Path:
    """Where the socket for applications is in a state folder."""
    return folder / "applications" / "socket"
