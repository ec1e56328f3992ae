"""Keys that others follow: a server killed, or without room, at each file that it writes then.

The authority is rotated to its end, or the keys of root and list are handed over. Whoever asked
asks again, and a restart comes in between. Then one authority is followed by one other, a device
that followed is a member still, and keys that were handed over are not on the server any more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fieldwise import identity
from tests.faults.conftest import Tried
from tests.faults.days import renew
from tests.faults.fleets import ForkedOrchestrator, insist
from tests.faults.forked import Mother
from tests.faults.test_orchestrator_without_room import BY_STARTS, kinds
from tests.faults.trails import SIDES, trail_of
from tests.orchestrators import join

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
FULL = "full"
# How often each file is written until its last key is another one.
ROTATED = {
    "orchestrator.home:_store_authority": 2,  # before the step is kept, and when it is seen
    "orchestrator.connection:write_connection": 4,  # at the start, and at each step
}
HANDED_OVER = {"orchestrator.publisher_file:write_publisher": 1}
NEVER_AGAIN = {"orchestrator.home:open_token", "orchestrator.home:open_place"}


def points(kinds: dict[str, int]) -> list[tuple[str, int, str]]:
    return [
        (kind, count, fault)
        for kind, most in kinds.items()
        for count in range(1, most + 1)
        for fault in (*SIDES, FULL)
    ]


def test_every_file_of_a_start_is_one_whose_keys_change_or_never_do() -> None:
    assert {*ROTATED, *HANDED_OVER, *NEVER_AGAIN} == set(BY_STARTS)
    assert set(BY_STARTS) <= set(kinds())


USED_AT = {"orchestrator.connection:write_connection": "orchestrator.app"}  # imported by name


def trap_at(kind: str, count: int, fault: str, trail: Path) -> dict[str, Any]:
    module, _, function = kind.partition(":")
    place = {"module": USED_AT.get(kind, module), "function": function, "count": count}
    given = {**place, "trail": str(trail)}
    return {"leave_no_room": given} if fault == FULL else {"die_at_call": {**given, "side": fault}}


@contextmanager
def failing(
    server: ForkedOrchestrator, kind: str, count: int, fault: str, trail: Path
) -> Iterator[None]:
    """Let a server fail at a place, once, and come back."""
    server.die(trap_at(kind, count, fault, trail))
    yield
    assert len(trail_of(trail)) == 1, "this write did not come"


@pytest.fixture
def server(orchestrators: Mother, tmp_path: Path) -> Iterator[ForkedOrchestrator]:
    with ForkedOrchestrator(orchestrators, tmp_path / "data", "--check-in-seconds=1") as running:
        yield running


@pytest.mark.parametrize(("kind", "count", "fault"), points(ROTATED))
def test_an_authority_is_followed_by_one_other(
    kind: str, count: int, fault: str, server: ForkedOrchestrator, tmp_path: Path, tried: Tried
) -> None:
    tried("keys that are replaced, and a file that is not written")
    ticket = server.ask("ticket", "create", "--uses=2")
    key = identity.generate_key()
    member = join(ticket["token"], key)
    before = server.ask("authority", "rotate", "status")["root"]
    with failing(server, kind, count, fault, tmp_path / "trail"):
        for step in ("begin", "switch", "finish"):
            told = server.ask("authority", "rotate", step, *["--force"][: step == "finish"])
            if step == "switch":
                member = insist(lambda: join(ticket["token"], key))  # the same device, anew
    assert (told["step"], told["trust_revision"]) == ("settled", 4)
    assert told["root"] != before
    for sequence in (1, 2):
        server.end_in_order()
        insist(partial(member.check_in, sequence=sequence))
        renew(member)
        assert server.ask("authority", "rotate", "status")["root"] == told["root"]
    assert server.ask("audit", "verify")["whole"]


@pytest.mark.parametrize(("kind", "count", "fault"), points(HANDED_OVER))
def test_keys_are_handed_over_once_and_for_all(
    kind: str, count: int, fault: str, server: ForkedOrchestrator, tmp_path: Path, tried: Tried
) -> None:
    tried("keys that are replaced, and a file that is not written")
    publisher, file = tmp_path / "publisher", server.folder / "publisher.json"
    server.ask("trust", "export", str(publisher))
    server.ask("trust", "init", str(publisher))
    assert file.read_text().count("BEGIN PRIVATE KEY") == 3
    with failing(server, kind, count, fault, tmp_path / "trail"):
        server.ask("trust", "publish", str(publisher), "--hand-over", "--yes")
    assert file.read_text().count("BEGIN PRIVATE KEY") == 1
    for _ in range(2):
        server.end_in_order()
        online = {e["role"]: e["is_online"] for e in server.ask("trust", "status")["metadata"]}
        assert online == {"root": False, "targets": False, "snapshot": True, "timestamp": True}
    server.ask("trust", "sign", str(publisher), "--renew")
    assert server.ask("trust", "publish", str(publisher))["changed"]
