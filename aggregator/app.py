"""Puts the program together: the only place that constructs."""

import os
import random
import signal
import tempfile
import threading
import time
from pathlib import Path

from aggregator.campaigning import Campaigning
from aggregator.config import Settings
from aggregator.rpc.client import WorkerClient, open_channel
from fieldwise import logs
from fieldwise.errors import Fault, FieldwiseError

TOKEN_BYTES_MAX = 1024
PIECE_BYTES = 4096
CERTIFICATE_BYTES_MAX = 1024 * 1024


class SystemClock:
    """``Clock``."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def run(settings: Settings) -> None:
    """Work on the campaign that the token is of, until it is over.

    Raises:
        FieldwiseError: What kept it from going on; ``UNAUTHENTICATED`` where another took over.
    """
    logs.configure(settings.log_level, settings.log_form)
    if settings.tied:
        threading.Thread(target=_end_with_standard_input, name="tie", daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="aggregator-", dir=settings.work_folder) as folder:
        # Flower keeps a file of its own there, whether it reports or not.
        os.environ["FLWR_HOME"] = folder
        _work(settings)


def _work(settings: Settings) -> None:
    from aggregator.flower.aggregating import (  # noqa: PLC0415 -- it looks for its folder now
        FlowerStrategies,
    )

    assert settings.address  # these three are the settings' own rule
    assert settings.ca
    assert settings.token_file
    token = _read(settings.token_file, TOKEN_BYTES_MAX).decode("ascii", "replace").strip()
    with open_channel(settings.address, _read(settings.ca, CERTIFICATE_BYTES_MAX)) as channel:
        client = WorkerClient(channel, token)
        Campaigning(client, FlowerStrategies(), SystemClock(), random.SystemRandom()).run()


def end_on_signals() -> None:
    """Let SIGTERM end the program as a shell's interrupt does: at once, since all can be redone."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _end_with_standard_input() -> None:
    # By the descriptor: who reads through ``sys.stdin`` holds a lock that the end waits for.
    while os.read(0, PIECE_BYTES):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise FieldwiseError(
            Fault.SETTING_INVALID, f"{path} cannot be read: {error.strerror}"
        ) from error
    if len(content) > most:
        raise FieldwiseError(Fault.SETTING_INVALID, f"{path} is larger than {most:,} bytes")
    return content
