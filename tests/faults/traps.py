"""Where a forked program dies, waits or fails: laid in it before its ``main``, for tests only."""

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import (
    ExitStack,
    asynccontextmanager,
)
from functools import partial, wraps
from pathlib import Path
from typing import Any, get_args

import msgspec

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from tests.faults.calls import die_at_call, leave_no_room, no_room, refuse_always
from tests.faults.trails import die, note, trail_of

PIECE_BYTES = 4096
RENEWALS = 2


def lay(trap: Mapping[str, Any]) -> None:
    """Lay every trap that a test asked for by name in the program that runs next."""
    for name, wanted in trap.items():
        TRAPS[name](wanted)


def put(owner: Any, **functions: Any) -> None:
    """Put functions in the place of those that a module or a class has."""
    for name, function in functions.items():
        setattr(owner, name, function)


def die_at_step(wanted: Mapping[str, Any]) -> None:
    """Die before or after the journal has a step of the update machine.

    ``edge`` names the step as [phase, sign]; without it the ``count``-th write of any step counts.
    """
    from agent.device.journal import DatabaseJournal
    from agent.update import installer, machine, recovery

    genuine, write, trail = machine.step, DatabaseJournal.write_update, wanted["trail"]
    newest: dict[str, Any] = {}
    left = wanted.get("count", 1)

    def step(state: Any, event: Any) -> Any:
        told = genuine(state, event)
        old, new = map(msgspec.to_builtins, (state, told[0]))
        sign, target = sign_of(state, event), str(told[0].phase)
        newest.update(edge=[str(state.phase), sign], to=target, old=old, new=new)
        return told

    def write_update(self: DatabaseJournal, state: Any) -> None:
        nonlocal left
        meant = wanted.get("edge", newest.get("edge")) == newest.get("edge")
        left -= meant
        if meant and left == 0:
            if wanted["side"] == "after":
                write(self, state)
            note(trail, died=wanted["side"], **newest)
            die()
        write(self, state)
        note(trail, **newest)

    put(installer, step=step)
    put(recovery, step=step)
    put(DatabaseJournal, write_update=write_update)


def sign_of(state: Any, event: Any) -> str:
    """The column of the machine's tables that an event belongs to, in the state it meets."""
    from agent.update.events import Outcome
    from agent.update.signs import read, read_outcome

    meaning = read_outcome if isinstance(event, get_args(Outcome)) else read
    return str(meaning(state, event))


def play(script: Sequence[Mapping[str, Any]]) -> None:
    """Play what happens to the installer once it has resumed, step by step.

    A line either waits for a phase or for a file, or tells an event, with the number of the present
    work where it is an outcome. A line that ``holds`` a deed keeps that work from ending by itself,
    and one that ``fails`` it ends it with a fault.
    """
    from agent.update.installer import Installer
    from agent.update.steps import Steps

    for line in script:
        if "holds" in line:
            _replace(Steps, line["holds"], _wait)
        if "fails" in line:
            _replace(Steps, line["fails"], _fail)
    genuine = Installer.resume

    @wraps(genuine)
    async def resume(self: Any) -> None:
        await genuine(self)
        for line in script:
            while not Path(line.get("file", "/")).exists():  # noqa: ASYNC110, ASYNC240 - a test's own
                await asyncio.sleep(0.01)
            if "phase" in line:
                while self.state.phase != line["phase"]:  # noqa: ASYNC110 - a test's own player
                    await asyncio.sleep(0.01)
            if "event" in line:
                await self.tell(_event(line, self.state))

    put(Installer, resume=resume)


def _event(line: Mapping[str, Any], state: Any) -> Any:
    from agent.update import events
    from fieldwise.verdict import Basis, Judgement, Verdict

    given = dict(line.get("given", {}))
    if "judgement" in given:
        judgement = Judgement(given.pop("judgement"))
        given["verdict"] = Verdict(state.generation, judgement, Basis.LABELLED)
    kind = getattr(events, line["event"])
    if kind in get_args(events.Outcome):
        given["work"] = state.work
    return kind(**given)


def _wait(should_stop: Callable[[], bool]) -> None:
    while not should_stop():
        threading.Event().wait(0.01)
    raise RuntimeError("asked to stop")


def _fail(_should_stop: object) -> None:
    raise FieldwiseError(Fault.INTERNAL, "a test wants it so")


def _replace(work: Any, name: str, act: Callable[[Any], None]) -> None:
    """Let some work, which is asked in a thread or in the loop, do something else."""
    if not asyncio.iscoroutinefunction(getattr(work, name)):
        setattr(work, name, lambda *arguments, **_: act(arguments[-1]))
        return

    async def instead(*_arguments: Any) -> None:
        if act is _wait:
            await asyncio.Event().wait()
        act(None)

    setattr(work, name, instead)


def mark_steps(marks: str) -> None:
    """Say in a file what the journal was about to write and what it has: a recorder sees both."""
    from agent.device.journal import DatabaseJournal

    write = DatabaseJournal.write_update

    def write_update(self: DatabaseJournal, state: Any) -> None:
        told = msgspec.to_builtins(state)
        note(marks, intended=told)
        write(self, state)
        note(marks, written=told)

    put(DatabaseJournal, write_update=write_update)


def mark_membership(marks: str) -> None:
    """Say in a file what is about to be written of a membership, and what has been."""
    from agent.device.identity import IdentityFolder
    from agent.device.trust import DatabasePublisher

    def marked(genuine: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(genuine)
        def call(*arguments: Any, **named: Any) -> Any:
            note(marks, begun=name)
            told = genuine(*arguments, **named)
            note(marks, ended=name)
            return told

        return call

    for owner, names in {
        IdentityFolder: ("apply", "write", "pending_key", "remove"),
        DatabasePublisher: ("begin", "refresh"),
    }.items():
        for name in names:
            put(owner, **{name: marked(getattr(owner, name), f"{owner.__name__}.{name}")})


def serve_files(folder: str) -> None:
    """Let a folder be what the fleet has to download, for a device outside any."""
    from agent.fleet import Fleet
    from agent.reporting import Piece

    async def download(_self: Fleet, digest: str, offset: int) -> AsyncGenerator[Piece]:
        content = (Path(folder) / digest).read_bytes()
        for start in range(offset, len(content), PIECE_BYTES):
            yield Piece(start, content[start : start + PIECE_BYTES], len(content))

    put(Fleet, download=download)


def die_at_write(wanted: Mapping[str, Any]) -> None:
    """Die before or after the orchestrator commits the ``count``-th write of a store's method."""
    from orchestrator.storage.sql.database import Database

    genuine, left = Database.write, wanted.get("count", 1)

    @asynccontextmanager
    async def write(self: Database, **named: bool) -> AsyncIterator[Any]:
        nonlocal left
        method = _caller()
        meant = method == wanted["method"]
        left -= meant
        dies = meant and left == 0
        async with genuine(self, **named) as connection:
            yield connection
            if dies and wanted["side"] == "before":
                note(wanted["trail"], died="before", method=method)
                die()
        if dies:
            note(wanted["trail"], died="after", method=method)
            die()

    put(Database, write=write)


def _caller() -> str:
    """The method of a store that opened a transaction, by name."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        name = str(frame.f_code.co_qualname)
        if name.startswith("Sql") or name == "migrate":
            return name
        frame = frame.f_back
    return ""


def note_commits(trail: str) -> None:
    """Note which head an aggregator is about to commit."""
    from aggregator.rpc.client import WorkerClient

    commit = WorkerClient.commit

    def noted(self: Any, result: Any) -> int:
        note(trail, round=result.round, digest=digest_of(result.head))
        return commit(self, result)

    put(WorkerClient, commit=noted)


def call_through(wanted: Mapping[str, Any]) -> None:
    """Call the orchestrator through a proxy, and say which message is about to leave.

    The certificate is renewed once at once, and taken for over once after that, which would take
    weeks otherwise.
    """
    from agent import fleet
    from agent.rpc import client, reviving

    note_departure, note_stream = client.Departures.note, client.Departures.note_stream
    due, over = fleet.Fleet.renewal_due, fleet.Fleet.is_over
    renewed: list[bool] = []

    def say(message: Any) -> None:
        with socket.create_connection(tuple(wanted["watchword"])) as told:
            told.sendall(message.DESCRIPTOR.full_name.encode())
            told.recv(16)

    async def noted(self: Any, kind: str, message: Any, summary: str) -> None:
        await note_departure(self, kind, message, summary)
        say(message)

    async def noted_stream(self: Any, kind: str, messages: Any, summary: str) -> int:
        parts = list(messages)
        size = await note_stream(self, kind, parts, summary)
        say(parts[0])
        return size

    def renewal_due(self: Any, *arguments: Any) -> bool:
        if renewed or self.membership is None:
            return due(self, *arguments)
        renewed.append(True)
        return True

    def is_over(self: Any, *arguments: Any) -> bool:
        if len(renewed) != 1 or self.membership is None:
            return over(self, *arguments)
        renewed.append(True)
        return True

    put(client.Departures, note=noted, note_stream=noted_stream)
    put(fleet.Fleet, renewal_due=renewal_due, is_over=is_over)
    reviving.pinned_channel = partial(  # type: ignore[assignment]  # to a place of our choice
        _through, reviving.pinned_channel, wanted["enrolment"]
    )
    for name, proxy in (("device_channel", "proxy"), ("pinned_channel", "enrolment")):
        setattr(client, name, partial(_through, getattr(client, name), wanted[proxy]))


def grow_old(trail: str) -> None:
    """Let a certificate be due to be renewed twice, which takes weeks otherwise."""
    from agent.fleet import Fleet

    due, renew = Fleet.renewal_due, Fleet.renew

    def renewal_due(self: Fleet, *arguments: Any) -> bool:
        is_young = len(trail_of(Path(trail))) >= RENEWALS
        return due(self, *arguments) if is_young else self.membership is not None

    async def renewed(self: Fleet) -> None:
        await renew(self)
        note(trail, renewed=True)

    put(Fleet, renewal_due=renewal_due, renew=renewed)


def _through(genuine: Callable[..., Any], place: str, _address: str, /, **credentials: Any) -> Any:
    return genuine(place, **credentials)


def leave_no_room_at_commit(wanted: Mapping[str, Any]) -> None:
    """Let the disk be full during the first write of a store's method, until it has ended."""
    from orchestrator.storage.sql.database import Database

    genuine, methods = Database.write, [wanted["method"]]

    @asynccontextmanager
    async def write(self: Database, **named: bool) -> AsyncIterator[Any]:
        with ExitStack() as full:
            async with genuine(self, **named) as connection:
                if _caller() in methods:
                    full.enter_context(no_room(wanted["trail"], methods.pop()))
                yield connection

    put(Database, write=write)


TRAPS: Mapping[str, Callable[[Any], None]] = {
    "leave_no_room": leave_no_room,
    "leave_no_room_at_commit": leave_no_room_at_commit,
    "call_through": call_through,
    "grow_old": grow_old,
    "die_at_write": die_at_write,
    "serve_files": serve_files,
    "die_at_step": die_at_step,
    "die_at_call": die_at_call,
    "refuse_always": refuse_always,
    "note_commits": note_commits,
    "play": play,
    "mark_steps": mark_steps,
    "mark_membership": mark_membership,
}
