"""Targets of the audit log, and of metadata as a device takes it."""

import io
from collections.abc import Sequence
from pathlib import Path

from agent.device import publisher
from agent.update import vouched
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role
from orchestrator.audit import entry, export_file
from orchestrator.audit.entry import Deed, Head, Kind
from tests.fuzz.choices import Choices
from tests.fuzz.file_targets import SCRATCH
from tests.fuzz.spoiling import patched, spoiled_json
from tests.fuzz.target import JSON, Target
from tests.fuzz.text_targets import text_of
from tests.fuzz.trust_targets import seed, state

NOW = 1_800_000_000.0


def exported() -> Sequence[bytes]:
    last, lines = Head(), [export_file.first_line(Head())]
    for number in range(3):
        deed = Deed(at=NOW, kind=Kind.HAPPENED, who="root", login="token", method=f"M{number}")
        kept = entry.sealed(deed, last)
        lines.append(export_file.entry_line(kept))
        last = kept.head
    return [b"".join([*lines, export_file.last_line(last)])]


def spoiled_line(whole: bytes, choices: Choices) -> bytes:
    """Change the JSON of one line."""
    lines = whole.splitlines(keepends=True)
    place = choices.below(len(lines))
    return b"".join([*lines[:place], spoiled_json(lines[place], choices), *lines[place + 1 :]])


def read_export(content: bytes) -> None:
    export_file.verify_lines(io.BytesIO(content), [Head(2, "0" * 64)])


def read_entry(content: bytes) -> None:
    entry.read(text_of(content))


def read_head(content: bytes) -> None:
    export_file.parse_head(text_of(content))


def read_list(content: bytes) -> None:
    vouched.read_signed(content)
    vouched.read_list(content)


def refresh(content: bytes) -> None:
    """A whole refresh, in which whoever answers spoils what he likes."""
    choices = Choices(content)

    def fetch(name: str) -> bytes:
        role = Role(name.split(".")[-2])
        if role is Role.ROOT and choices.below(4):
            raise FieldwiseError(Fault.NOT_FOUND, "no further root")
        given = state()[role].content
        spoil = choices.one_of((lambda same, _: same, patched, spoiled_json))
        return spoil(given, Choices(choices.take(24)))

    kept = {Role.ROOT: state()[Role.ROOT].content}
    found, fault = publisher.refreshed(kept, fetch, Path(SCRATCH.name) / "refresh", "now")
    assert Role.ROOT in found
    assert fault is None or isinstance(fault, FieldwiseError)


TARGETS = (
    Target(
        "audit-export",
        read_export,
        exported,
        ("orchestrator.audit.export_file", "orchestrator.audit.entry"),
        (spoiled_line,),
    ),
    Target("audit-entry", read_entry, lambda: [b"{}"], ("orchestrator.audit.entry",), JSON),
    Target(
        "audit-head",
        read_head,
        lambda: [b"7:" + b"a" * 64],
        ("orchestrator.audit.export_file",),
    ),
    Target("vouched-list", read_list, seed(Role.TARGETS), ("agent.update.vouched",), JSON),
    Target("pinned-root", publisher.check_root, seed(Role.ROOT), ("agent.device.publisher",), JSON),
    Target("metadata-refresh", refresh, modules=("agent.device.publisher",), plain=True),
)
