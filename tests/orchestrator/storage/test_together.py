"""Many ask, one looks."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from orchestrator.storage.sql.together import Together


class Looks:
    """Answers with the number of the look; ``held`` keeps a look from ending."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.begun, self.held = asyncio.Event(), asyncio.Event()
        self.held.set()
        self.error: Exception | None = None

    async def look(self, asked: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(list(asked))
        number = len(self.asked)
        self.begun.set()
        await self.held.wait()
        if self.error is not None:
            raise self.error
        return {each: number for each in asked if each != "nobody"}


@pytest.fixture
def looks() -> Looks:
    return Looks()


def together(looks: Looks, most: int = 10) -> Together[str, int]:
    return Together(looks.look, most, 0.0)


async def test_what_is_asked_at_one_moment_is_one_look(looks: Looks) -> None:
    made = together(looks)
    assert await asyncio.gather(*(made.ask(each) for each in "abca")) == [1, 1, 1, 1]
    assert looks.asked == [["a", "b", "c"]]


async def test_nobody_hears_of_a_look_that_began_before_he_asked(looks: Looks) -> None:
    made = together(looks)
    looks.held.clear()
    first = asyncio.create_task(made.ask("a"))
    await looks.begun.wait()
    second = asyncio.create_task(made.ask("a"))
    await asyncio.sleep(0)
    looks.held.set()
    assert (await first, await second) == (1, 2)


async def test_more_than_a_look_takes_goes_into_the_next(looks: Looks) -> None:
    made = together(looks, most=2)
    assert await asyncio.gather(*(made.ask(each) for each in "abc")) == [1, 1, 2]


async def test_who_is_left_out_has_no_answer(looks: Looks) -> None:
    made = together(looks)
    assert await asyncio.gather(made.ask("a"), made.ask("nobody")) == [1, None]


async def test_an_error_is_everybodys_and_ends_with_its_look(looks: Looks) -> None:
    made = together(looks)
    looks.error = OSError("away")
    found = await asyncio.gather(made.ask("a"), made.ask("b"), return_exceptions=True)
    assert found == [looks.error, looks.error]
    looks.error = None
    assert await made.ask("a") == 2


async def test_whoever_goes_away_leaves_the_others_their_look(looks: Looks) -> None:
    made = together(looks)
    looks.held.clear()
    gone, stays = (asyncio.create_task(made.ask(each)) for each in "ab")
    await looks.begun.wait()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    looks.held.set()
    assert await stays == 1
    assert await made.ask("c") == 2


async def test_a_failed_look_that_nobody_waits_for_is_no_news(looks: Looks) -> None:
    made = together(looks)
    looks.held.clear()
    looks.error = OSError("away")
    gone = asyncio.create_task(made.ask("a"))
    await looks.begun.wait()
    gone.cancel()
    looks.held.set()
    await asyncio.sleep(0.01)  # a future whose error nobody took would fail the test
    looks.error = None
    assert await made.ask("b") == 2
