"""From samples to features, behind one protocol; onnxruntime is imported here and nowhere else.

Threads don't spin while they wait, since the device has other work. The engine keeps an arena for
its activations: samples come one at a time, so it holds what one of them needs (Lite0 at 128 px:
4 MB in fp32, 2 in int8). Without it every activation is pages that the allocator fetches from the
system and gives back (``agent.device.allocator``), which takes a quarter of the time at 128 px and
more than half at 224.

A bundle's views share what they can: a sample is decoded once, a graph's weights are held once
whatever the sizes it runs at, and two depths of one backbone at one size are two outputs of one
run. What a view adds therefore depends on which others are computed: views of the same run cost as
much as the slowest of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fieldwise import inputs
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import Form, Input

ERRORS_ONLY = 3  # onnxruntime's log levels: 0 verbose to 4 fatal
ENGINE = "CPUExecutionProvider"
EXECUTION_PROVIDER = "cpu"  # the same, as reports name it
TIMED_ROUNDS = 5  # over the golden samples; the median leaves out what else the machine did
Fitted = tuple[NDArray[Any] | None, ...]  # a sample in each form that was wanted
Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class View:
    """One of a bundle's looks at a sample: another size, depth or backbone.

    Attributes:
        name: As the manifest says.
        columns: Its features within a row of all views.
        run: Views of the same number are computed by one run of a graph.
        seconds: What it takes this machine to fit and embed a sample for this view alone; 0 where
            that was not measured.
    """

    name: str
    columns: slice
    run: int = 0
    seconds: float = 0.0

    @property
    def width(self) -> int:
        """How many features it has."""
        return int(self.columns.stop - self.columns.start)


class Embedder(Protocol):
    """Computes a bundle's features."""

    @property
    def bundle(self) -> str:
        """Digest of the bundle."""
        ...

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        ...

    @property
    def variant(self) -> str:
        """Which of the bundle's graphs runs."""
        ...

    @property
    def views(self) -> tuple[View, ...]:
        """The bundle's views, at least one; their columns make up a row without a gap."""
        ...

    def fit(self, sample: Input, views: Names | None = None) -> Fitted:
        """Bring a sample to what the named views (all by default) take; decodes it once.

        Raises:
            FieldwiseError: ``IMAGE_INVALID``, ``READINGS_INVALID``.
        """
        ...

    def embed(self, fitted: Sequence[Fitted], views: Names | None = None) -> NDArray[np.float32]:
        """Compute raw features float32[N,D] of fitted samples, at least one.

        Columns of views that are not named are 0. Safe to call from several threads at once.

        Raises:
            FieldwiseError: ``GRAPH_FAILED`` when a graph fails, or computes anything but finite
                numbers in the manifest's width.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a graph on one form of the sample, and the views that it computes."""

    session: onnxruntime.InferenceSession
    takes: str  # name of the graph's input
    form: int
    views: tuple[int, ...]


class OnnxEmbedder:
    """ONNX graphs on the processor.

    Args:
        graphs: The file of each view's graph; the same file is loaded once.
        bundle: Digest of the bundle they belong to.
        manifest: The bundle's manifest.
        variant: Which variant the graphs are.
        threads: Threads that one call may use.

    Raises:
        FieldwiseError: ``GRAPH_FAILED`` when the engine refuses a graph, or it has other than one
            input or lacks a view's output.
    """

    def __init__(
        self,
        graphs: Sequence[Path],
        bundle: str,
        manifest: Manifest,
        variant: str,
        threads: int = 1,
    ) -> None:
        self.bundle = bundle
        self.manifest = manifest
        self.variant = variant
        self._forms = inputs.forms_of(manifest)
        sessions = {path: self._load(path, threads) for path in dict.fromkeys(graphs)}
        self._runs = _runs(graphs, sessions, manifest, self._forms)
        self._run_of = {view: number for number, run in enumerate(self._runs) for view in run.views}
        self.views = tuple(
            View(view.name, columns, self._run_of[place])
            for place, (view, columns) in enumerate(
                zip(manifest.views, manifest.columns, strict=True)
            )
        )
        self._check_outputs()

    def fit(self, sample: Input, views: Names | None = None) -> Fitted:
        """As ``Embedder.fit``."""
        wanted = sorted({run.form for run, _ in self._wanted(views)})
        forms = [self._forms[place] for place in wanted]
        found = inputs.fit(sample, forms, self.manifest.image_size)
        by_place = dict(zip(wanted, found, strict=True))
        return tuple(by_place.get(place) for place in range(len(self._forms)))

    def embed(self, fitted: Sequence[Fitted], views: Names | None = None) -> NDArray[np.float32]:
        """As ``Embedder.embed``."""
        features = np.zeros((len(fitted), self.manifest.feature_width), np.float32)
        for run, places in self._wanted(views):
            given = [_present(each[run.form]) for each in fitted]
            samples = given[0][None] if len(given) == 1 else np.stack(given)
            batch = inputs.to_input(samples, self._forms[run.form])
            for place, found in zip(places, self._compute(run, places, batch), strict=True):
                features[:, self.views[place].columns] = self._checked(found, place, len(fitted))
        return features

    def measure(self, samples: Sequence[Input], now: Callable[[], float]) -> None:
        """Find out what each view takes on this machine; afterwards ``views`` says so.

        Args:
            samples: A few, such as the bundle's golden ones.
            now: A clock in seconds that never goes back.

        Raises:
            FieldwiseError: As ``fit`` and ``embed``.
        """
        self.views = tuple(
            replace(view, seconds=self._seconds(frozenset({view.name}), samples, now))
            for view in self.views
        )

    def _seconds(self, view: Names, samples: Sequence[Input], now: Callable[[], float]) -> float:
        times = []
        for _ in range(TIMED_ROUNDS):
            for sample in samples:
                begun = now()
                self.embed([self.fit(sample, view)], view)
                times.append(now() - begun)
        return median(times)

    def _wanted(self, names: Names | None) -> list[tuple[_Run, tuple[int, ...]]]:
        """The runs that compute some views, and which of their views are wanted."""
        chosen = []
        for run in self._runs:
            views = tuple(
                place for place in run.views if names is None or self.views[place].name in names
            )
            if views:
                chosen.append((run, views))
        return chosen

    def _compute(
        self, run: _Run, places: tuple[int, ...], batch: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        names = [self.manifest.views[place].output for place in places]
        options = None
        if len(places) < len(run.views):
            options = onnxruntime.RunOptions()
            options.only_execute_path_to_fetches = True
        try:
            found: list[Any] = run.session.run(names, {run.takes: batch}, options)
        except Exception as error:  # the engine has no family of exceptions of its own
            raise _failed(f"{self.manifest.title} fails on a sample: {error}") from error
        return found

    def _checked(self, found: Any, place: int, count: int) -> NDArray[np.float32]:
        wanted = (count, self.manifest.views[place].width)
        if not isinstance(found, np.ndarray) or found.shape != wanted:
            raise _failed(
                f"{self.manifest.title} computes {getattr(found, 'shape', 'no array')}"
                f" instead of {wanted}"
            )
        if found.dtype != np.float32 or not np.isfinite(found).all():
            raise _failed(f"{self.manifest.title} computes values that are not finite float32")
        return found

    def _load(self, path: Path, threads: int) -> onnxruntime.InferenceSession:
        try:
            return onnxruntime.InferenceSession(path, _options(threads), providers=[ENGINE])
        except Exception as error:  # the engine has no family of exceptions of its own
            raise _failed(f"{self.manifest.title} {self.variant} does not load: {error}") from error

    def _check_outputs(self) -> None:
        for run in self._runs:
            takes = len(run.session.get_inputs())
            gives = {each.name for each in run.session.get_outputs()}
            missing = {self.manifest.views[place].output for place in run.views} - gives
            if takes != 1 or missing:
                raise _failed(
                    f"{self.manifest.title} {self.variant} has {takes} inputs and lacks"
                    f" {len(missing)} outputs"
                )


def seconds_of(views: Iterable[View]) -> float:
    """What a set of views takes together: those of one run as much as the slowest of them."""
    slowest: dict[int, float] = {}
    for view in views:
        slowest[view.run] = max(slowest.get(view.run, 0.0), view.seconds)
    return sum(slowest.values())


def _runs(
    graphs: Sequence[Path],
    sessions: dict[Path, onnxruntime.InferenceSession],
    manifest: Manifest,
    forms: Sequence[Form],
) -> tuple[_Run, ...]:
    views: dict[tuple[Path, int], list[int]] = {}
    for place, (path, view) in enumerate(zip(graphs, manifest.views, strict=True)):
        views.setdefault((path, forms.index(view.input)), []).append(place)
    takes = {
        path: next((each.name for each in session.get_inputs()), "")
        for path, session in sessions.items()
    }
    return tuple(
        _Run(sessions[path], takes[path], form, tuple(places))
        for (path, form), places in views.items()
    )


def _present(fitted: NDArray[Any] | None) -> NDArray[Any]:
    if fitted is None:
        raise FieldwiseError(Fault.INTERNAL, "a sample was not fitted for a view that is wanted")
    return fitted


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _failed(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.GRAPH_FAILED, sentence)
