"""What a server would really run with: settings that were left open, filled in as it fills them in.

An empty setting tells nobody where the database lies or what a ticket will name. What follows from
other settings has the origin "derived", what lies in the data folder "data folder"; what only the
first start will make up stays empty.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fieldwise.channel import join_address, split_address
from fieldwise.settings import DEFAULT, Effective, Setting, redact, show
from orchestrator import addresses
from orchestrator.config import OrchestratorSettings
from orchestrator.home import TOKEN_FILE, stored_fleet

DERIVED = "derived"
IN_FOLDER = "data folder"


def effective_settings(effective: Effective[OrchestratorSettings]) -> list[Setting]:
    """List every setting with the value in force; what was given keeps its origin."""
    filled = {name: (text, origin) for name, text, origin in _filled(effective.settings)}
    return [_completed(each, filled) for each in show(effective)]


def _completed(setting: Setting, filled: Mapping[str, tuple[str, str]]) -> Setting:
    if setting.origin != DEFAULT or setting.name not in filled:
        return setting
    text, origin = filled[setting.name]
    return replace(setting, value=text, origin=origin) if text else setting


def _filled(given: OrchestratorSettings) -> Iterator[tuple[str, str, str]]:
    host = addresses.advertised(given.advertise_hosts)
    kept_in = given.authority_file
    yield "fleet", stored_fleet(given.folder, kept_in), DERIVED if kept_in else IN_FOLDER
    yield "database_url", redact(OrchestratorSettings, "database_url", given.database), IN_FOLDER
    if not given.bundle_url:
        yield "bundle_folder", str(given.bundles), IN_FOLDER
    if (given.folder / TOKEN_FILE).is_file():
        yield "operator_token", redact(OrchestratorSettings, "operator_token", "x"), IN_FOLDER
    yield "advertise_hosts", host, DERIVED
    yield "device_address", _told(host, given.device_listen), DERIVED
    yield "operator_address", _told(host, given.operator_listen), DERIVED
    yield "busy_check_in_seconds", str(given.busy_seconds), DERIVED


def _told(host: str, listen: str) -> str:
    """The address of a port; empty for one that the system will choose."""
    _, port = split_address(listen)
    return join_address(host, port) if port else ""
