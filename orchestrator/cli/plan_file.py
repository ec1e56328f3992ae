"""A plan file as a tree of texts: YAML without what makes YAML a trap.

Plans are configuration that people hand to one another, so nothing in one may cost more to read
than it costs to write: no anchors and aliases, no tags, one document, a bounded size, depth and
number of entries. A key that comes twice is refused instead of overruled. Every scalar stays the
text that was written: ``22:00`` is no number to the base of 60, ``no`` is no lie and a version of
``1.10`` keeps its zero. What a text means is decided where it is needed, in ``plan_reading``.

A value that is refused does not end the reading: in its place stands what is wrong with it, so that
it can be told of together with every other mistake.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from fieldwise.errors import Fault, FieldwiseError

BYTES_MAX = 65_536  # the longest plan that the limits of a plan allow is a tenth of it
DEPTH_MAX = 6  # a plan needs three
ENTRIES_MAX = 2_000

Tree = str | list["Tree"] | dict[str, "Tree"]


class Refused(str):
    """A sentence in the place of a value that no plan may have."""

    __slots__ = ()


def read_file(path: Path) -> dict[str, Tree]:
    """Read a plan file.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where it cannot be read or is no mapping of YAML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"--plan: {path} cannot be read: {error.strerror}"
        ) from error
    return read_tree(content)


def read_tree(content: bytes) -> dict[str, Tree]:
    """Read the bytes of a plan file.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` with the line, where they are not what the module says;
            ``OVER_LIMIT`` where there is too much of it.
    """
    if len(content) > BYTES_MAX:
        raise FieldwiseError(Fault.OVER_LIMIT, f"a plan has at most {BYTES_MAX:,} bytes")
    try:
        text = content.decode()
        tree = _Reading(yaml.parse(text, Loader=yaml.SafeLoader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}" if mark else ""
        raise _invalid(f"the plan is not YAML{where}: {error.problem}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # An escape of no character raises what the built-in conversion raises.
        raise _invalid("the plan is not YAML: it has bytes or escapes of no character") from error
    if isinstance(tree, Refused):
        raise _invalid(tree)
    if not isinstance(tree, dict):
        raise _invalid("the plan is no mapping of keys to values")
    return tree


class _Reading:
    """Builds the tree from the parser's events; at most ``DEPTH_MAX`` calls deep."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._entries = 0

    def document(self) -> Tree:
        tree: Tree = {}
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    sentence = "begins a second document; one plan is one document"
                    raise _invalid(_refused(event, sentence))
                tree = self._node(next(self._events), 1)
        return tree

    def _node(self, event: yaml.Event, depth: int) -> Tree:
        self._entries += 1
        if depth > DEPTH_MAX or self._entries > ENTRIES_MAX:
            raise FieldwiseError(
                Fault.OVER_LIMIT,
                f"a plan has at most {ENTRIES_MAX:,} entries, {DEPTH_MAX} levels deep",
            )
        tree = self._value(event, depth)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return _refused(event, "has an anchor or an alias; write the value where it belongs")
        if getattr(event, "tag", None):
            return _refused(event, "has a tag; plans have none")
        return tree

    def _value(self, event: yaml.Event, depth: int) -> Tree:
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(depth)
        return _text(event) if isinstance(event, yaml.ScalarEvent) else ""

    def _list(self, depth: int) -> list[Tree]:
        items: list[Tree] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, depth + 1)
            if isinstance(key, Refused):
                raise _invalid(key)
            if not isinstance(key, str):
                raise _invalid(_refused(event, "has a list or a mapping for a key"))
            value = self._node(next(self._events), depth + 1)
            twice = f"has the key {key[:40]!r} for the second time"
            entries[key] = _refused(event, twice) if key in entries else value
        return entries


def _text(event: yaml.ScalarEvent) -> str:
    text: str = event.value
    if not text.isprintable():
        return _refused(event, "has a text of several lines or with characters that do not print")
    return text


def _refused(event: yaml.Event, sentence: str) -> Refused:
    line = event.start_mark.line + 1 if event.start_mark else 1
    return Refused(f"line {line} of the plan {sentence}")


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
