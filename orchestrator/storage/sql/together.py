"""Questions of one moment, answered by one look.

What is asked goes into a look that begins a moment later, and what comes meanwhile goes with it. So
nobody hears what was so before he asked, and a look is shared by many where many ask.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")


class Together(Generic[AskedT, AnswerT]):
    """Looks on behalf of many.

    Args:
        look: Answers all that it is asked at once; what it leaves out has no answer.
        most: How much it is asked at once.
        pause_seconds: How long whoever asks first waits for company.
    """

    def __init__(
        self,
        look: Callable[[Sequence[AskedT]], Awaitable[Mapping[AskedT, AnswerT]]],
        most: int,
        pause_seconds: float,
    ) -> None:
        self._look = look
        self._most = most
        self._pause_seconds = pause_seconds
        self._waiting: dict[AskedT, asyncio.Future[AnswerT | None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def ask(self, asked: AskedT) -> AnswerT | None:
        """Return the answer of a look that began after this; None where there is none.

        Raises:
            Exception: As the look did, for all who shared it.
        """
        if asked not in self._waiting:
            self._waiting[asked] = asyncio.get_running_loop().create_future()
        answer = self._waiting[asked]
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        return await asyncio.shield(answer)  # whoever goes away leaves the others their look

    async def _look_on(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self._most:
                    await asyncio.sleep(self._pause_seconds)
                taken = dict(list(self._waiting.items())[: self._most])
                for each in taken:
                    del self._waiting[each]
                await self._answer(taken)
        finally:
            self._looking = None

    async def _answer(self, taken: Mapping[AskedT, "asyncio.Future[AnswerT | None]"]) -> None:
        try:
            answers = await self._look([*taken])
        except BaseException as error:  # it is raised where somebody waits
            for each in taken.values():
                each.set_exception(error)
                each.exception()  # where nobody waits any more it is no news
            if not isinstance(error, Exception):
                raise
            return
        for asked, each in taken.items():
            each.set_result(answers.get(asked))
