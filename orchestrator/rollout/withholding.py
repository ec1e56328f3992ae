"""What may not be downloaded any more: recalled bundles, and the files that only they have.

Downloads ask for every piece of content, so what is withheld is remembered for a few seconds; a
recall takes effect on every replica within them, as permits do at once.
"""

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.paging import PAGE_SIZE_MAX, PageRequest
from orchestrator.ports import BackboneStore, Clock
from orchestrator.rollout.backbone import Backbone

REMEMBERED_SECONDS = 5.0  # as long as a removed device may still be served elsewhere


class Withholding:
    """Keeps devices from content of recalled backbones.

    Args:
        backbones: What was published, and recalled.
        clock: What time it is.
    """

    def __init__(self, backbones: BackboneStore, clock: Clock) -> None:
        self._backbones = backbones
        self._clock = clock
        self._withheld: frozenset[str] = frozenset()
        self._recalled: frozenset[str] = frozenset()
        self._asked_at = float("-inf")

    async def check(self, digest: str) -> None:
        """Let a manifest or a file be downloaded.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for one that is withheld.
        """
        if not 0 <= self._clock.now() - self._asked_at < REMEMBERED_SECONDS:
            await self._ask()
        if digest in self._withheld:
            raise FieldwiseError(Fault.NOT_FOUND, f"{digest[:12]} belongs to a recalled backbone")

    async def lacking(self, digest: str) -> FieldwiseError:
        """Return what is to be said of content that the bundle store does not have.

        What a backbone needs that is still offered was there when it was published: the store has
        lost it, or is another one. That is no word about the backbone, and may be mended while a
        device waits; an update that ended here would count against it.
        """
        for each in await self._published():
            if each.recalled_at is None and digest in _digests(each):
                return FieldwiseError(
                    Fault.UNAVAILABLE,
                    f"the bundle store lacks {digest[:12]} of {each.manifest.title}: bring it "
                    "back, or push that bundle again",
                )
        return FieldwiseError(Fault.NOT_FOUND, f"there is no content {digest[:12]} here")

    async def _ask(self) -> None:
        recalled = await self._backbones.recalled()
        if recalled != self._recalled:
            self._withheld = withheld(await self._published())
        self._recalled, self._asked_at = recalled, self._clock.now()

    async def _published(self) -> list[Backbone]:
        found: list[Backbone] = []
        token = ""
        while True:
            page = await self._backbones.list(PageRequest(PAGE_SIZE_MAX, token))
            found.extend(page.items)
            token = page.next_token
            if not token:
                return found


def withheld(published: list[Backbone]) -> frozenset[str]:
    """Return the digests of recalled manifests, and of files that no other bundle has."""
    gone: set[str] = set()
    kept: set[str] = set()
    for backbone in published:
        (kept if backbone.recalled_at is None else gone).update(_digests(backbone))
    return frozenset(gone - kept)


def _digests(backbone: Backbone) -> set[str]:
    return {backbone.digest, *(file.digest for file in backbone.manifest.files)}
