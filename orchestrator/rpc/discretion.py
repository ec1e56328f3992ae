"""What devices hear of the orchestrator's own troubles: that it has one, and nothing of its inside.

Sentences about a store name hosts, files and what a driver says. They are for whoever operates: the
journal, which stands further in, has them whole. Devices belong to others, and whoever tries to
join may be anybody; to both it is one thing what is wrong here, as all they can do is to come back.
Nor may a device take a disk that is full here for its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fieldwise.calls import Call, Watcher
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.wire import PACKAGE

OUTSIDE = frozenset({f"{PACKAGE}.Device", f"{PACKAGE}.Enrolment"})
TROUBLES = frozenset(
    {Fault.UNAVAILABLE, Fault.DISK_FULL, Fault.STATE_DAMAGED, Fault.AUTHORITY_UNUSABLE}
)
SENTENCE = "the orchestrator cannot answer that now; its log says why"


class Discretion:
    """A layer that gives callers from outside one sentence for all troubles in here."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        try:
            yield None
        except FieldwiseError as error:
            if call.method.service not in OUTSIDE or error.fault not in TROUBLES:
                raise
            raise FieldwiseError(Fault.UNAVAILABLE, SENTENCE) from error
