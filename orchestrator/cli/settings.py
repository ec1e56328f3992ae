"""``fieldwise settings``: what the server runs with, and what devices are told to."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.devices import Cohort
from orchestrator.cli.output import Shown, errors_shown, facts, pairs_from, show, table
from orchestrator.cli.remote import remote
from orchestrator.cli.setting_options import setting_options
from orchestrator.config import load_settings
from orchestrator.effective import effective_settings
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.rpc.client import OperatorClient

app = typer.Typer(help="Settings: of this server, and of devices from afar.")


@app.callback(invoke_without_command=True)
@setting_options
def settings(flags: Mapping[str, object], config: Path | None, json: bool) -> None:
    """Without a command: the same as `settings show`, with the same options."""
    _show(config, flags, as_json=json)


@app.command("show")
@setting_options
def show_settings(flags: Mapping[str, object], config: Path | None, json: bool) -> None:
    """Show the effective settings of `serve` and where each came from."""
    _show(config, flags, as_json=json)


@remote(app, "apply")
async def apply(
    client: OperatorClient,
    changes: Annotated[
        list[str],
        typer.Argument(
            help="KEY=VALUE: exemplar_bytes_max, shrinkage, learning_paused, retention_days. "
            "What is not named is the device's own."
        ),
    ],
    *,
    cohort: Cohort = "",
) -> Shown:
    """Give the devices of a cohort new settings; they replace those given before."""
    chosen = device_settings_from(changes)
    devices = await client.apply_settings(cohort, chosen)
    value = {"devices": devices, "cohort": cohort, "settings": chosen}
    return Shown(
        value, lambda: facts([("cohort", cohort or "all"), ("devices changed", f"{devices:,}")])
    )


def device_settings_from(texts: list[str]) -> DeviceSettings:
    """Read KEY=VALUE arguments as device settings.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for another key, or a value out of its bounds.
    """
    given = pairs_from(texts, "setting")
    unknown = set(given) - set(DeviceSettings.__dataclass_fields__)
    if unknown:
        names = ", ".join(DeviceSettings.__dataclass_fields__)
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"devices have no setting {min(unknown)!r}; there are {names}"
        )
    try:
        return msgspec.convert(given, DeviceSettings, strict=False)
    except msgspec.ValidationError as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{error}") from error


def _show(config: Path | None, flags: Mapping[str, object], *, as_json: bool) -> None:
    with errors_shown(as_json=as_json):
        found = effective_settings(load_settings(config, os.environ, flags))
        rows = [(each.name, each.value, each.origin) for each in found]
        show(Shown(found, lambda: table(("setting", "value", "from"), rows)), as_json=as_json)
