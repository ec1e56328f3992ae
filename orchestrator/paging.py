"""Pages of a list, as AIP-158 asks: a size that is coerced, and a token that callers don't read.

A token holds the sort key of the last item shown, so a page costs the same at the end of a list as
at its beginning and neither repeats nor skips an item that was there throughout.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fieldwise.errors import Fault, FieldwiseError

PAGE_SIZE_DEFAULT = 100  # a screen or two
PAGE_SIZE_MAX = 1000  # what the wire's messages hold
TOKEN_CHARACTERS_MAX = 256  # the wire's cap

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list; ``next_token`` is empty on the last page."""

    items: tuple[Item, ...]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: 0 asks for the default size, more than the largest gets the largest."""

    size: int = 0
    token: str = ""

    @property
    def limit(self) -> int:
        return min(self.size, PAGE_SIZE_MAX) if self.size > 0 else PAGE_SIZE_DEFAULT

    @property
    def after(self) -> str | None:
        """Sort key of the last item that was shown, or None for the first page.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for a token that no list gave out.
        """
        if not self.token:
            return None
        if len(self.token) > TOKEN_CHARACTERS_MAX:
            raise _invalid()
        try:
            after = base64.b64decode(self.token, altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise _invalid() from error
        if not after.isprintable():
            raise _invalid()
        return after

    @property
    def after_number(self) -> int | None:
        """The same for lists that are sorted by a number.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for a token that no list gave out.
        """
        after = self.after
        if after is None:
            return None
        if not (after.isascii() and after.isdigit()) or len(after) > len(str(2**63)) - 1:
            raise _invalid()
        return int(after)


def page_of(
    found: Sequence[Item], request: PageRequest, key: Callable[[Item], str | int]
) -> Page[Item]:
    """Make a page of what follows the token, looked up to one item more than fits."""
    items = tuple(found[: request.limit])
    if len(found) <= request.limit:
        return Page(items)
    return Page(items, token_after(key(items[-1])))


def token_after(key: str | int) -> str:
    """Return the token of the page after the item with a sort key."""
    return base64.urlsafe_b64encode(str(key).encode()).decode()


def _invalid() -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, "the page token was not given out by this list")
