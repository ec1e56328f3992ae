"""What the agent does for itself beside answering: write, make room, catch up with learning.

All of it keeps to the envelope (``agent.learning.envelope``). Room on disk is shared out anew with
every round from what files really take, so images make way for what grows before anything is
refused. Catching up happens when learning may happen, rests after every batch, and ends when the
time for it ends.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import msgspec
import structlog

from agent.learning.envelope import (
    Allotment,
    Coming,
    DiskUse,
    allot,
    lacking_bytes,
    missing_bytes,
)
from agent.learning.learner import Learner
from agent.learning.stopping import ShouldStop, Stopped
from agent.pacing import Pacer
from agent.serving import Serving
from fieldwise.errors import Fault, FieldwiseError

MORE_BYTES = 4 * 1024 * 1024  # by which the reserve grows when a write did not fit into it
NO_ROOM = "disk_bytes_max leaves no room for images beside the next backbone"

_log = structlog.get_logger()


class Disk(Protocol):
    """What the state folder takes."""

    def taken_bytes(self) -> int:
        """Bytes of all files and of what is set aside."""
        ...

    def reusable_bytes(self) -> int:
        """Of them, room that is free to be used."""
        ...

    def reserve_bytes(self, group_samples: int) -> int:
        """Most bytes that the next writes take."""
        ...


class Upkeep:
    """The work in the background.

    Args:
        serving: What serves and learns.
        disk: What the state folder takes.
        pacer: Makes long work rest.
        coming: Says what room the next backbone will take.
    """

    def __init__(
        self, serving: Serving, disk: Disk, pacer: Pacer, coming: Callable[[], Coming]
    ) -> None:
        self._serving = serving
        self._disk = disk
        self._pacer = pacer
        self._coming = coming
        self._more = 0
        self._is_told = False
        self._one = threading.Lock()

    def tick(self) -> None:
        """Share out the room and make durable what has waited long enough; a few times a second.

        Raises:
            FieldwiseError: ``DISK_FULL``; what waits goes on waiting.
        """
        with self._one:
            self._share_out()
            try:
                self._serving.tick()
            except FieldwiseError as error:
                if error.fault is Fault.DISK_FULL:  # let images give way to it in the next round
                    self._more += MORE_BYTES
                raise
            self._more = 0

    def learn(self, should_stop: ShouldStop) -> None:
        """Learn what waits, then tune if that is due, as long as learning may happen.

        Raises:
            FieldwiseError: ``DISK_FULL``, ``GRAPH_FAILED``; the rest goes on waiting.
        """
        learner, serving = self._serving.learner, self._serving
        if learner is None or not serving.may_learn():
            return
        should_end = self._pacer.paced(lambda: should_stop() or not serving.may_learn())
        if learner.behind:
            learner.catch_up(should_end)
        elif learner.tuning_is_due:
            with suppress(Stopped):
                learner.tune(should_end)

    def _share_out(self) -> None:
        learner, settings = self._serving.learner, self._serving.settings
        if learner is None or not settings.disk_bytes_max:
            return
        images = learner.figures().exemplar_bytes
        reserve = self._disk.reserve_bytes(settings.group_samples) + self._more
        taken = self._disk.taken_bytes()
        live = taken - self._disk.reusable_bytes()
        use = DiskUse(live, images, 0, reserve, taken, self._coming())
        told = allot(settings, use)
        if told.features < settings.feature_log_bytes_max:  # only now it matters what they take
            use = replace(use, features=self._serving.store.feature_bytes())
            told = allot(settings, use)
        self._serving.missing_bytes = missing_bytes(settings, use)
        self._tell(use, has_none=told.images == 0 < settings.exemplar_bytes_max)
        self._apply(learner, told)
        if told.features < use.features and not images:
            learner.trim()

    def _tell(self, use: DiskUse, *, has_none: bool) -> None:
        if has_none and not self._is_told:
            _log.warning(NO_ROOM, missing=lacking_bytes(self._serving.settings, use))
        self._is_told = has_none

    def _apply(self, learner: Learner, told: Allotment) -> None:
        settings = msgspec.structs.replace(
            self._serving.settings,
            exemplar_bytes_max=told.images,
            feature_log_bytes_max=told.features,
        )
        if settings != learner.settings:
            learner.configure(settings)
