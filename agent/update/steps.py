"""The steps of an update on this device: fetch, try out, migrate, judge, serve, watch, tidy up."""

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from agent.learning.catch_up import Progress, open_pair
from agent.learning.embedder import Embedder
from agent.learning.learner import Learner
from agent.learning.moving import Means
from agent.learning.pair import Pair as LearnedPair
from agent.learning.passing import Passing
from agent.learning.resting import RestingEmbedder
from agent.learning.settings import LearningSettings
from agent.learning.stopping import ShouldStop
from agent.learning.unlearning import without_absent
from agent.ports import Bundles, Journal, SampleStore
from agent.update.comparing import Comparer
from agent.update.events import Pair, Wish
from agent.update.fetching import Fetcher, Vouching, choose_variant, needed_files
from agent.update.judging import Conclusion
from agent.update.signs import BEFORE_SERVING
from agent.update.watching import Watcher
from fieldwise import affine_file, graph
from fieldwise.affine_file import ViewMap
from fieldwise.bundle import FileReference, Manifest, Variant
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics, rebind
from fieldwise.head_file import decode
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Verdict

SPARE_MIB = 128  # that a second backbone may take where its bundle does not say how much it needs

_log = structlog.get_logger()


class Serving(Protocol):
    """What serves: where the learner is and where a new pair goes."""

    store: SampleStore
    settings: LearningSettings
    passing: Passing

    @property
    def learner(self) -> Learner | None:
        """The learner; None before the first backbone."""
        ...

    def replace(self, pair: LearnedPair, persist: Callable[[], None]) -> LearnedPair | None:
        """Let another pair serve, once ``persist`` has returned; returns the one before."""
        ...


class Host(Protocol):
    """What the machine offers to a bundle."""

    agent_version: str

    def available_memory_mib(self) -> int:
        """Memory that a further program could get, MiB."""
        ...


Load = Callable[[Sequence[Path], Path, str, Manifest, str], Embedder]


class TryOut(Protocol):
    """The first run of a bundle's graphs, in a child process."""

    def __call__(
        self,
        graphs: Sequence[Path],
        golden: Path,
        bundle: str,
        manifest: Manifest,
        variant: str,
        *,
        should_stop: ShouldStop,
    ) -> object:
        """Return where the graphs reproduce the golden features; raise where they do not."""
        ...


class Steps:
    """The work port of the installer.

    Args:
        fetcher: Brings files here.
        bundles: Where they are.
        journal: Says which bundles are needed.
        serving: What serves.
        host: What the machine offers.
        load: Opens graphs that were tried out: the file of each view's, golden file, bundle digest,
            manifest, variant.
        try_out: Runs graphs and golden vectors in a child process; raises where they differ.
        preferred: The variant that the owner wants.
        comparer: Compares a new pair with the old.
        watcher: Watches a new pair that serves.
        vouching: Who says which bundles of the fleet may be run.
        paced: Makes long work rest where it asks whether to stop.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        bundles: Bundles,
        journal: Journal,
        serving: Serving,
        host: Host,
        load: Load,
        try_out: TryOut,
        preferred: str,
        *,
        comparer: Comparer,
        watcher: Watcher,
        vouching: Vouching,
        paced: Callable[[ShouldStop], ShouldStop] = lambda should_stop: should_stop,
    ) -> None:
        self._fetcher = fetcher
        self._bundles = bundles
        self._journal = journal
        self._serving = serving
        self._host = host
        self._load = load
        self._try_out = try_out
        self._comparer = comparer
        self._watcher = watcher
        self._vouching = vouching
        self._preferred = preferred
        self._paced = paced

    async def fetch(self, wish: Wish, bytes_per_second: int) -> int:
        try:
            return await self._fetcher.fetch(wish, bytes_per_second)
        except FieldwiseError as error:
            if error.fault is not Fault.DISK_FULL:
                raise
            # What was free is taken meanwhile; what arrived stays, and goes on when room appears.
            _log.warning("there is no room left to fetch into", reason=error.sentence)
            return max(1, await asyncio.to_thread(self._fetcher.missing_bytes, wish))

    def verify(self, wish: Wish, should_stop: ShouldStop) -> str:
        self.check(wish)
        digest = wish.digest
        manifest = self._manifest(digest)
        self._check_requirements(manifest)
        variant = choose_variant(manifest, wish.variant, self._preferred)
        for file in needed_files(manifest, variant):
            if not self._bundles.has(file):
                raise FieldwiseError(
                    Fault.NOT_FOUND, f"file {file.digest[:12]} of {manifest.title} is not here"
                )
        chosen = manifest.variant(variant)
        graph.inspect_all(manifest, chosen, lambda name: self._bundles.path(name).read_bytes())
        golden = self._bundles.path(manifest.golden.digest)
        graphs = self._graphs(chosen)
        self._try_out(graphs, golden, digest, manifest, variant, should_stop=should_stop)
        return variant

    def check(self, wish: Wish) -> None:
        if not wish.by_owner:  # who was asked before, and may have said that nobody has to vouch
            self._vouching.check(wish.digest, self._manifest(wish.digest))

    def migrate(self, pair: Pair, should_stop: ShouldStop) -> LearnedPair:
        learner = self._serving.learner
        if learner is None:
            return self.open(pair)
        since = learner.changes
        if self.is_kept(pair):
            made = self.open(pair)
        else:
            embedder, starters = self._embedder(pair)
            maps = self._maps(pair.digest, learner.pair.embedder)
            has_room = partial(self._has_room, pair)
            means = Means(self._serving.passing, maps, should_stop, has_room)
            made = learner.rebuild(
                embedder, starters, _log_progress, self._paced(should_stop), means
            )
        learner.embed_held_out(made, self._paced(should_stop), since)
        return made

    def _has_room(self, pair: Pair) -> bool:
        """Whether the disk has room beside what it takes to bring a pair into use."""
        return not self._fetcher.missing_bytes(Wish(pair.digest, pair.variant))

    def is_kept(self, pair: Pair) -> bool:
        learner = self._serving.learner
        if learner is not None:  # what is taken back takes snapshots with it when it is written
            learner.flush()
        return self._serving.store.load_snapshot(pair.digest) is not None

    def rest(self, prepared: LearnedPair) -> None:
        if isinstance(prepared.embedder, RestingEmbedder):
            prepared.embedder.rest()

    def judge(self, generation: int, new: LearnedPair, should_stop: ShouldStop) -> Conclusion:
        return self._comparer.compare(generation, new, self._paced(should_stop))

    def begin_watch(self, digest: str, verdict: Verdict | None) -> None:
        self._watcher.begin(digest, verdict)

    async def watch(
        self, digest: str, before: LearnedPair | None, should_stop: ShouldStop
    ) -> UpdateFailure | None:
        """As ``Watcher.watch``; after a restart the pair from before is loaded for it."""
        if before is None:
            before = await asyncio.to_thread(self._spare)
        return await self._watcher.watch(digest, before, should_stop)

    def open(self, pair: Pair) -> LearnedPair:
        """The pair as the store knows it; what a daemon begins with.

        Raises:
            FieldwiseError: ``GRAPH_FAILED``, ``NOT_FOUND``; ``STATE_DAMAGED`` where the store is.
        """
        embedder, starters = self._embedder(pair)
        return open_pair(embedder, starters, self._serving.store, self._serving.settings)

    def starters(self, digest: str) -> Sequence[Statistics]:
        """A bundle's starter head for each view, without the classes that were forgotten.

        Raises:
            FieldwiseError: ``NOT_FOUND``, ``BUNDLE_INVALID``.
        """
        return self._starters(digest, self._manifest(digest))

    def serve(self, prepared: LearnedPair, persist: Callable[[], None]) -> LearnedPair | None:
        if isinstance(prepared.embedder, RestingEmbedder):
            prepared.embedder.wake()  # no prediction is to wait for it, or to find that it is gone
        return self._serving.replace(prepared, persist)

    def discard(self) -> None:
        state = self._journal.update()
        kept = {pair.digest for pair in (state.in_use, state.before) if pair is not None}
        if state.phase in BEFORE_SERVING and state.wanted:
            kept.add(state.wanted)
        self._serving.store.drop_snapshots(frozenset(kept))
        self._bundles.collect(kept)

    def _spare(self) -> LearnedPair | None:
        """The pair from before; None where there is none or no memory for two backbones."""
        before, learner = self._journal.update().before, self._serving.learner
        manifest = self._bundles.manifest(before.digest) if before else None
        if before is None or manifest is None or learner is None:
            return None
        wanted = max(manifest.requirements.memory_mib, SPARE_MIB)
        if self._host.available_memory_mib() < wanted:
            _log.info("no memory for two backbones", mib=wanted)
            return None
        try:
            spare = self.open(before)
        except FieldwiseError as error:
            _log.warning("the pair from before cannot be opened", reason=error.sentence)
            return None
        learner.accompany(spare)
        return spare

    def _maps(self, digest: str, before: Embedder) -> dict[str, ViewMap]:
        """What the publisher shipped for carrying over from a bundle, by the new views' names.

        A file that is no such thing costs a start that it might have given, and nothing else.
        """
        manifest = self._manifest(digest)
        shipped = [each.file for each in manifest.carriers if each.before == before.bundle]
        if not shipped or not self._bundles.has(shipped[0]):
            return {}
        try:
            maps = self._shipped(shipped[0], manifest, before.manifest)
        except FieldwiseError as error:
            _log.warning("the publisher's map is refused", reason=error.sentence)
            return {}
        return {view.name: each for view, each in zip(manifest.views, maps, strict=True)}

    def _shipped(
        self, file: FileReference, manifest: Manifest, before: Manifest
    ) -> tuple[ViewMap, ...]:
        """Read a file of maps that is no larger than such maps can be."""
        widths = [view.width for view in manifest.views]
        bound = affine_file.bytes_between([view.width for view in before.views], widths)
        if file.size > bound:
            raise FieldwiseError(
                Fault.BUNDLE_INVALID,
                f"a map between these backbones has at most {bound:,} bytes, not {file.size:,}",
            )
        self._bundles.check(file.digest)
        return affine_file.decode(self._bundles.path(file.digest).read_bytes(), widths)

    def _embedder(self, pair: Pair) -> tuple[Embedder, tuple[Statistics, ...]]:
        manifest = self._manifest(pair.digest)
        embedder = RestingEmbedder(partial(self._loaded, pair, manifest))
        return embedder, self._starters(pair.digest, manifest)

    def _loaded(self, pair: Pair, manifest: Manifest) -> Embedder:
        chosen = manifest.variant(pair.variant)
        for file in (*chosen.files, manifest.golden):
            if not self._bundles.has(file):
                raise FieldwiseError(
                    Fault.NOT_FOUND,
                    f"a {pair.variant} file of {manifest.title} is not on this device",
                )
            self._bundles.check(file.digest)
        golden = self._bundles.path(manifest.golden.digest)
        return self._load(self._graphs(chosen), golden, pair.digest, manifest, pair.variant)

    def _graphs(self, variant: Variant) -> list[Path]:
        return [self._bundles.path(file.digest) for file in variant.graphs]

    def _starters(self, digest: str, manifest: Manifest) -> tuple[Statistics, ...]:
        contents = [self._bundles.path(file.digest).read_bytes() for file in manifest.starter]
        found = [rebind(decode(each, fault=Fault.BUNDLE_INVALID), digest) for each in contents]
        store = self._serving.store
        return without_absent(found, store.absent(), store.holdout_key())

    def _manifest(self, digest: str) -> Manifest:
        manifest = self._bundles.manifest(digest)
        if manifest is None:
            raise FieldwiseError(Fault.NOT_FOUND, f"bundle {digest[:12]} is not on this device")
        return manifest

    def _check_requirements(self, manifest: Manifest) -> None:
        wanted = manifest.requirements
        if _release(self._host.agent_version) < _release(wanted.agent_version):
            raise FieldwiseError(
                Fault.BUNDLE_UNSUITABLE,
                f"{manifest.title} needs agent {wanted.agent_version};"
                f" this is {self._host.agent_version}",
            )
        free = self._host.available_memory_mib()
        if free < wanted.memory_mib:
            raise FieldwiseError(
                Fault.BUNDLE_UNSUITABLE,
                f"{manifest.title} needs {wanted.memory_mib:,} MiB of memory; {free:,} are free",
            )


def _release(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with: 1.2.0rc1 counts as 1.2.0."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _log_progress(progress: Progress) -> None:
    _log.debug("migrating", done=progress.done, images=progress.images)
