"""Targets of the wire: the bounds of every message, and everything that reads a message.

The readers are found by their signatures: a public function of a module that translates, or that
puts messages together, whose one parameter is a message. A new one is a target by being there.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import ModuleType
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

import agent.rpc
import aggregator.rpc
import fieldwise
import fieldwise.v1alpha1
import orchestrator.rpc
from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation_messages import UpdateReader
from fieldwise.v1alpha1 import federation_pb2, worker_pb2
from tests.fuzz.choices import Choices
from tests.fuzz.messages import made
from tests.fuzz.target import Target

PACKAGES = (fieldwise, agent.rpc, aggregator.rpc, orchestrator.rpc)
TRANSLATING = ("translate", "received", "messages")
PARTS_MAX = 12

Reader = Callable[[Any], object]


def imported(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if any(word in found.name.rpartition(".")[2] for word in TRANSLATING):
            yield importlib.import_module(found.name)


def message_of(module: ModuleType, function: Callable[..., object]) -> type[Message] | None:
    """The message that a function reads, where it reads one and asks for nothing else."""
    asked = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.default is inspect.Parameter.empty
    ]
    if len(asked) != 1:
        return None
    kind = asked[0].annotation
    if isinstance(kind, str):
        kind = eval(kind, vars(module))
    return kind if isinstance(kind, type) and issubclass(kind, Message) else None


@cache
def readers(module: ModuleType) -> tuple[tuple[type[Message], Reader], ...]:
    found = []
    for name, function in sorted(vars(module).items()):
        ours = inspect.isfunction(function) and function.__module__ == module.__name__
        if ours and not name.startswith("_") and (kind := message_of(module, function)):
            found.append((kind, function))
    return tuple(found)


def read_one(module: ModuleType, content: bytes) -> object:
    """Make a message for one of a module's readers, check it as a call does, and read it."""
    choices = Choices(content)
    kind, reader = choices.one_of(readers(module))
    message = parsed(kind, made(kind, choices).SerializeToString())
    wire.check(message)
    read = reader(message)
    return list(read) if isinstance(read, Iterator) else read


@cache
def kinds() -> tuple[type[Message], ...]:
    """Every message of the wire."""
    found = []
    for each in pkgutil.iter_modules(fieldwise.v1alpha1.__path__):
        if each.name.endswith("_pb2"):
            module = importlib.import_module(f"fieldwise.v1alpha1.{each.name}")
            names = sorted(module.DESCRIPTOR.message_types_by_name.items())
            found += [GetMessageClass(described) for _, described in names]
    return tuple(found)


def parsed(kind: type[Message], content: bytes) -> Any:
    """A message as gRPC reads it; what is none is refused before anything of ours sees it."""
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "not a message") from error


def check_any(content: bytes) -> None:
    """Make any message, or take the bytes for one, and check it."""
    choices = Choices(content)
    kind = choices.one_of(kinds())
    if choices.below(3):
        message = parsed(kind, made(kind, choices).SerializeToString())
    else:
        message = parsed(kind, choices.rest())
    wire.check(message)


def read_update(content: bytes) -> object:
    """Put an update together from parts in any order."""
    choices = Choices(content)
    header = made(federation_pb2.UpdateHeader, choices)
    if choices.below(2):  # one that begins well
        header = sound_header(choices)
    wire.check(header)
    reader = UpdateReader(header)
    for _ in range(choices.below(PARTS_MAX)):
        if choices.below(2):
            rows = made(federation_pb2.ClassRows, choices)
            wire.check(rows)
            reader.rows(rows)
        else:
            scatter = made(federation_pb2.ScatterPiece, choices)
            wire.check(scatter)
            reader.scatter(scatter)
    return reader.finish()


def sound_header(choices: Choices) -> federation_pb2.UpdateHeader:
    header = made(federation_pb2.UpdateHeader, choices)
    header.space.bundle_digest, header.space.transform_digest = bytes(32), bytes(32)
    del header.space.widths[:]
    header.space.widths.extend([1 + choices.below(3) for _ in range(1 + choices.below(2))])
    header.rows = choices.below(3)
    header.kind, header.level = 1 + choices.below(2), 1 + choices.below(3)
    return header


def read_updates(content: bytes) -> object:
    """Put updates together as an aggregator does."""
    from aggregator.rpc import translate

    choices = Choices(content)
    count = choices.below(PARTS_MAX)
    messages = [made(worker_pb2.FetchUpdatesResponse, choices) for _ in range(count)]
    for each in messages:
        if each.WhichOneof("part") == "header" and choices.below(2):
            each.header.CopyFrom(sound_header(choices))
        wire.check(each)
    return list(translate.updates(messages))


def translating() -> Iterator[Target]:
    for package in PACKAGES:
        for module in imported(package):
            if readers(module):
                name = f"translate-{module.__name__.replace('.', '-')}"
                read = partial(read_one, module)
                yield Target(name, read, modules=(module.__name__,), plain=True)


TARGETS = (
    Target("wire-check", check_any, modules=("fieldwise.wire",), plain=True),
    Target("wire-update", read_update, modules=("fieldwise.federation_messages",), plain=True),
    Target("wire-updates", read_updates, modules=("aggregator.rpc.translate",), plain=True),
    *translating(),
)
