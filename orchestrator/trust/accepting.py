"""What publishers sign elsewhere, on its way in: believed for its signatures alone.

Nobody is believed for who they are: an operator who may publish brings what keys of the root have
signed, or nothing is kept. What is refused here devices would refuse as well, or could not live
with: a list whose keys the new root does not know, an online key that this server does not have, an
expiry by a clock that is years off. It is kept as a whole, and snapshot and timestamp follow at
once where this replica leads.
"""

from collections.abc import Callable, Mapping, Sequence

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role
from orchestrator.ports import BackboneStore, Clock
from orchestrator.trust.documents import (
    Document,
    check_signed,
    check_successor,
    is_same,
    read,
)
from orchestrator.trust.drafting import signed
from orchestrator.trust.keeping import Keeping, listed_of, published
from orchestrator.trust.signing_keys import SigningKey
from orchestrator.trust.upkeep import DAY, PublisherKeys, signs
from orchestrator.trust_ports import Kept, TrustStore
from orchestrator.trust_views import PublishedView, TrustView, view_trust
from orchestrator.views import moment

# Longer would be for ever: it bounds how long somebody with the online key may hide what is newer.
LIFE_MAX = {Role.ROOT: 3 * 366 * DAY, Role.TARGETS: 400 * DAY}
EXPORTED_MAX = 8  # roots in one answer, as the wire has it


class Accepting:
    """The use case.

    Args:
        store: Where metadata is kept.
        backbones: What was pushed.
        keeping: What signs snapshot and timestamp.
        clock: What time it is.
        forget: Forgets the keys of root and list; returns what is left, None where it cannot.
    """

    def __init__(
        self,
        store: TrustStore,
        backbones: BackboneStore,
        keeping: Keeping,
        clock: Clock,
        forget: Callable[[], PublisherKeys | None],
    ) -> None:
        self._store = store
        self._backbones = backbones
        self._keeping = keeping
        self._clock = clock
        self._forget = forget

    async def publish(
        self, roots: Sequence[bytes], targets: bytes = b"", *, hand_over: bool = False
    ) -> PublishedView:
        """Keep roots, in their order, and a list; what is known already is left as it is.

        Args:
            roots: The newer ones.
            targets: The list; empty for none.
            hand_over: This server signs the first new root with its own key of the root, and
                forgets its keys of root and list afterwards. Where that root is in force already
                it only forgets them: a command whose answer was lost is given again.

        Raises:
            FieldwiseError: ``METADATA_INVALID``, ``METADATA_EXPIRED`` by this server's clock,
                ``CONFLICT`` where something else has that version, ``ILLEGAL_COMMAND`` where there
                is nothing to hand over.
        """
        before = await self._keeping.state()
        after = dict(before)
        fresh = await self._roots(after, roots, hand_over=hand_over)
        fresh += await self._list(after, targets)
        self._check(after, fresh)
        if fresh:
            await self._store.keep([Kept(each.role, each.version, each.content) for each in fresh])
        if hand_over:
            self._hand_over(after[Role.ROOT])
        await self._keeping.refresh()
        return _view(after, changed=bool(fresh))

    async def trust(self) -> TrustView:
        """Return what there is, and what devices made of it."""
        pushed = [
            (listed_of(each), each.recalled_at is not None)
            for each in await published(self._backbones)
        ]
        heard = await self._store.heard()
        return view_trust(await self._keeping.state(), self._keeping.keys, pushed, heard)

    async def export(self, from_root: int) -> tuple[list[bytes], bytes, bool]:
        """Return roots from a version on (0: the newest), the list, and whether there are more.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where there is no root.
        """
        state = await self._keeping.state()
        newest = state.get(Role.ROOT)
        if newest is None:
            raise FieldwiseError(Fault.NOT_FOUND, "there is no metadata yet")
        first = from_root or newest.version
        last = min(newest.version, first + EXPORTED_MAX - 1)
        found = [await self._store.get(Role.ROOT, each) for each in range(first, last + 1)]
        targets = state.get(Role.TARGETS)
        return (
            [each.content for each in found if each],
            targets.content if targets else b"",
            last < newest.version,
        )

    async def _roots(
        self, after: dict[Role, Document], roots: Sequence[bytes], *, hand_over: bool
    ) -> list[Document]:
        fresh: list[Document] = []
        for content in roots:
            root, newest = read(Role.ROOT, content), after.get(Role.ROOT)
            if newest and root.version <= newest.version:
                await self._refuse_other(root)
                continue
            if hand_over and newest and not fresh:
                root = signed(root, self._own_root_keys(newest))
            if newest:
                check_successor(root, newest)
            else:
                check_signed(root, root)
            after[Role.ROOT] = root
            fresh.append(root)
        if hand_over and not fresh and not self._is_handed_over(after.get(Role.ROOT), roots):
            raise FieldwiseError(Fault.ILLEGAL_COMMAND, "no root is new: nothing to hand over")
        return fresh

    def _is_handed_over(self, newest: Document | None, roots: Sequence[bytes]) -> bool:
        """Tell whether nothing but keys that are left over is to be done, or nothing at all."""
        if newest is None or self._has_left_over(newest):
            return newest is not None
        sent = any(is_same(read(Role.ROOT, each), newest) for each in roots)
        return sent and not self._keeping.keys.root

    async def _list(self, after: dict[Role, Document], content: bytes) -> list[Document]:
        if not content:
            return []
        targets, newest = read(Role.TARGETS, content), after.get(Role.TARGETS)
        if newest and targets.content == newest.content:
            return []
        if newest and targets.version <= newest.version:
            raise FieldwiseError(
                Fault.CONFLICT,
                f"the list {targets.version} does not follow the list {newest.version}: fetch that "
                "with `fieldwise trust export`, change it, and sign it",
            )
        if newest and targets.floor < newest.floor:
            raise _no(f"the floor only rises, and it is {newest.floor} already")
        await self._refuse_false(targets)
        after[Role.TARGETS] = targets
        return [targets]

    def _check(self, after: Mapping[Role, Document], fresh: Sequence[Document]) -> None:
        """Refuse what could not be lived with, taken together."""
        root, now = after.get(Role.ROOT), self._clock.now()
        if root is None:
            raise FieldwiseError(Fault.NOT_FOUND, "there is no root yet: send one with the list")
        if Role.TARGETS in after:
            check_signed(after[Role.TARGETS], root)
        for role in (Role.SNAPSHOT, Role.TIMESTAMP):
            if not signs(role, self._keeping.keys, root):
                raise _no(
                    f"root {root.version} names an online key that this server does not have: put "
                    "the new publisher.json in its place first"
                )
        for each in fresh:
            if each is after[each.role]:  # older roots may have expired: they only lead on
                _check_life(each, now)

    def _own_root_keys(self, newest: Document) -> Sequence[SigningKey]:
        own = self._keeping.keys.for_role(Role.ROOT, newest)
        if not own:
            raise FieldwiseError(
                Fault.ILLEGAL_COMMAND, "this server has no keys of the root to hand over"
            )
        return own

    def _has_left_over(self, root: Document) -> bool:
        """Tell whether a key of the root is still here that a handed over root does not name."""
        own = set(self._keeping.keys.root)
        return bool(own) and own.isdisjoint(root.key_ids(Role.ROOT))

    def _hand_over(self, root: Document) -> None:
        if not self._has_left_over(root):
            return  # it still signs, by the publisher's own will
        left = self._forget()
        if left is not None:
            self._keeping.keys = left

    async def _refuse_other(self, root: Document) -> None:
        known = await self._store.get(Role.ROOT, root.version)
        if known is None or not is_same(root, read(Role.ROOT, known.content)):
            raise FieldwiseError(Fault.CONFLICT, f"there is another root {root.version} already")

    async def _refuse_false(self, targets: Document) -> None:
        """Refuse a list that says of a pushed backbone what it is not."""
        for each in await published(self._backbones):
            said = targets.listed.get(each.digest)
            if said is not None and said != listed_of(each):
                raise _no(f"the list says of {each.manifest.title} what its manifest does not")


def _check_life(document: Document, now: float) -> None:
    role, ends = document.role, document.expires_at
    if ends <= now:
        raise FieldwiseError(
            Fault.METADATA_EXPIRED,
            f"{role} {document.version} has expired at {_text(ends)}, and it is {_text(now)} "
            "on this server: was the clock right where it was signed?",
        )
    if ends > now + LIFE_MAX[role]:
        raise _no(
            f"{role} {document.version} holds until {_text(ends)}, which is too long: "
            f"at most {LIFE_MAX[role] / DAY:.0f} days from {_text(now)}. Was the clock right where "
            "it was signed?"
        )


def _text(seconds: float) -> str:
    return f"{moment(seconds):%Y-%m-%d %H:%M} UTC"


def _view(state: Mapping[Role, Document], *, changed: bool) -> PublishedView:
    targets = state.get(Role.TARGETS)
    return PublishedView(
        root_version=state[Role.ROOT].version,
        targets_version=targets.version if targets else 0,
        floor_epoch=targets.floor if targets else 0,
        changed=changed,
    )


def _no(reason: str) -> FieldwiseError:
    sentence = f"the publisher's metadata is not valid: {reason}"
    return FieldwiseError(Fault.METADATA_INVALID, sentence)
