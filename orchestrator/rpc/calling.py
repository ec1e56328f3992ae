"""How commands call a server: with the token, within a time, and twice where that does no harm."""

from collections.abc import Awaitable, Callable
from typing import Any

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors

AGAIN_SECONDS = 20.0  # that a server which restarts may take
UNHEARD = frozenset({Fault.UNREACHABLE, Fault.UNAVAILABLE})  # the call may have been heard or not
CALL_SECONDS = 30.0  # a fleet of a million is counted in a few; longer means that nobody is there


class Calling:
    """The way to one server.

    Args:
        token: The operator token.
    """

    def __init__(self, token: str) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def _insist(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        """Call, and once more where no answer came: the request says what it must not do twice."""
        try:
            return await self._call(method, request)
        except FieldwiseError as error:
            if error.fault not in UNHEARD:
                raise
            try:
                return await self._call(method, request, AGAIN_SECONDS)
            except FieldwiseError as second:
                raise (error if second.fault in UNHEARD else second) from second

    async def _call(
        self,
        method: Callable[..., Awaitable[Any]],
        request: Any,
        waiting: float = 0.0,
    ) -> Any:
        wire.check(request)
        with client_errors():
            answer = await method(
                request,
                metadata=self._metadata,
                timeout=waiting or CALL_SECONDS,
                wait_for_ready=waiting > 0,
            )
        wire.check(answer)
        return answer
