"""The aggregator's settings: who started it says all of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from fieldwise import settings
from fieldwise.logs import LogForm, LogLevel

PREFIX = "FIELDWISE_AGGREGATOR_"
NEEDED = ("address", "ca", "token_file")


class Settings(msgspec.Struct, frozen=True):
    """What an aggregator has to know; the orchestrator's embedded default gives all of it."""

    address: Annotated[
        str | None,
        Meta(description="host:port of the orchestrator's operator API"),
    ] = None
    ca: Annotated[
        Path | None, Meta(description="PEM file with the certificate that vouches for the server")
    ] = None
    token_file: Annotated[
        Path | None,
        Meta(description="file with the campaign's token; a file, as others see variables"),
    ] = None
    work_folder: Annotated[
        Path | None,
        Meta(description="where to make a scratch folder; by default where the system has them"),
    ] = None
    tied: Annotated[
        bool, Meta(description="end when standard input does, as whoever started it has ended")
    ] = False
    log_level: Annotated[
        LogLevel, Meta(description="from which severity on events are written")
    ] = LogLevel.INFO  # a few lines for each round
    log_form: Annotated[LogForm, Meta(description="text for people, json for collectors")] = (
        LogForm.TEXT
    )

    def __post_init__(self) -> None:
        missing = [name for name in NEEDED if getattr(self, name) is None]
        if missing:
            raise ValueError(
                "\n".join(f"{PREFIX}{each.upper()} has to be given" for each in missing)
            )


def load(environment: Mapping[str, str]) -> settings.Effective[Settings]:
    """Read the settings from the environment.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` with one line for each mistake.
    """
    return settings.load(Settings, settings.Layers(None, environment, PREFIX, {}))
