"""Logs: one line per event on standard error, as text for people or as JSON for collectors.

Libraries that speak through ``logging`` come out in the same form. Call ``configure`` once, from a
program's app module; everything else asks ``structlog.get_logger()``.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TextIO


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """For a moment let imports of a package fail, as where it is not installed."""
    found = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]  # so the import system documents it
    try:
        yield
    finally:
        del sys.modules[package]
        if found is not None:
            sys.modules[package] = found


with _hidden("rich"):  # structlog would load it for coloured tracebacks: 4 MB of a small device
    import structlog
    from structlog.typing import EventDict, Processor

CHATTY = ("alembic",)  # libraries whose INFO tells an operator nothing
SERIOUS = frozenset({"warning", "error", "exception", "critical"})


class LogLevel(StrEnum):
    """From which severity on events are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogForm(StrEnum):
    """How an event is written."""

    TEXT = "text"
    JSON = "json"


def configure(level: LogLevel, form: LogForm, stream: TextIO | None = None) -> None:
    """Send every event from ``level`` on to ``stream``, standard error by default."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_render(form, colours=target.isatty()),
            ],
            foreign_pre_chain=_prepare(),
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    structlog.configure(
        processors=[*_prepare(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


@contextmanager
def seen_by(notice: Callable[[BaseException], None]) -> Iterator[None]:
    """For a while let somebody see each error that is logged while it is being handled."""

    def processor(_logger: object, name: str, event: EventDict) -> EventDict:
        error = sys.exc_info()[1]
        if error is not None and name in SERIOUS:
            notice(error)
        return event

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[processor, *before])
    try:
        yield
    finally:
        structlog.configure(processors=before)


def _prepare() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _render(form: LogForm, *, colours: bool) -> list[Processor]:
    if form is LogForm.JSON:
        # Local variables stay out of tracebacks: they may hold keys, tokens or samples.
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(tracebacks),
            structlog.processors.JSONRenderer(),
        ]
    plain = structlog.dev.ConsoleRenderer(
        colors=colours, exception_formatter=structlog.dev.plain_traceback
    )
    return [plain]
