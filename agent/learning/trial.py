"""The first run of an unknown graph, in a child process that may die in the agent's place.

A graph comes from outside, and an engine that runs it is large and written in C++: it may crash,
hang or ask for all memory there is. So before a device trusts a bundle, a child with limits on
address space, processor time, open files and wall clock loads the graphs, runs the golden samples
through them and compares each view's features with the recorded ones. The child leaves no core
dump, may not write a byte to any file, is the first to go where memory is short, and is not waited
for longer than stated, nor at all once the caller should stop: it is killed then. Only what it
prints counts: one JSON object, of which no more is held than a reply has.

    python -m agent.learning.trial < request.json
"""

import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from agent.learning.embedder import OnnxEmbedder
from agent.learning.golden import read_golden
from agent.learning.stopping import ShouldStop, Stopped, never
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import relative_error

REPLY_BYTES_MAX = 16 * 1024
ASK_SECONDS = 0.2  # between two questions whether to stop: somebody may wait for the agent to end
GIB = 1024**3
FIRST_TO_GO = Path("/proc/self/oom_score_adj")


class TrialLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a graph may use up in its trial."""

    memory_bytes: Annotated[int, Meta(ge=1 << 28)] = 3 * GIB
    """Address space. The libraries reserve most of 1 GiB that they never touch; weights, their
    packed copies and activations of any backbone fit for a device fit in the rest."""

    cpu_seconds: Annotated[int, Meta(ge=1)] = 60
    """Processor time: a handful of images takes a small board a few seconds."""

    wall_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """Twice the processor time, for a device that is busy."""

    files: Annotated[int, Meta(ge=16)] = 64
    """Open at a time: the graphs, the golden samples, and what libraries open when they load."""


class TrialRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a trial is about, as the child reads it."""

    graphs: tuple[str, ...]
    golden: str
    bundle: str
    manifest: Manifest
    variant: str
    limits: TrialLimits


class TrialResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it went: a fault with its sentence, or the golden error and the time for a sample."""

    fault: Fault | None = None
    sentence: str = ""
    golden_error: float = 0.0
    sample_seconds: float = 0.0


def try_bundle(
    graphs: Sequence[Path],
    golden: Path,
    bundle: str,
    manifest: Manifest,
    variant: str,
    limits: TrialLimits | None = None,
    should_stop: ShouldStop = never,
) -> TrialResult:
    """Run a bundle's golden samples through its graphs in a child process; blocks until it ends.

    Args:
        graphs: The variant's graph of each view, already checked against their digests.
        golden: The bundle's golden file, likewise.
        bundle: Digest of the bundle.
        manifest: Its manifest.
        variant: Which variant the graphs are.
        limits: What they may use up.
        should_stop: Asked a few times a second.

    Raises:
        Stopped: When asked to; the child is gone then.
        FieldwiseError: ``GRAPH_FAILED`` when the graph does not load or run, crashes, hangs or
            takes too much; ``GOLDEN_MISMATCH`` when it computes other features than were recorded;
            ``BUNDLE_INVALID`` when the golden file is not what the manifest says.
    """
    bounds = limits or TrialLimits()
    manifest.variant(variant)
    request = TrialRequest(tuple(map(str, graphs)), str(golden), bundle, manifest, variant, bounds)
    result = _read(_run(msgspec.json.encode(request), bounds, should_stop), manifest)
    if result.fault is not None:
        raise FieldwiseError(result.fault, result.sentence)
    return result


def conduct(request: TrialRequest) -> TrialResult:
    """Load the graph and compare; runs in the child.

    Raises:
        FieldwiseError: As ``try_bundle``.
    """
    manifest = request.manifest
    samples, recorded = read_golden(Path(request.golden), manifest, request.variant)
    graphs = [Path(graph) for graph in request.graphs]
    embedder = OnnxEmbedder(graphs, request.bundle, manifest, request.variant)
    begun = time.perf_counter()
    computed = np.concatenate([embedder.embed([embedder.fit(sample)]) for sample in samples])
    seconds = (time.perf_counter() - begun) / len(samples)
    allowed = manifest.variant(request.variant).golden_error_max
    worst = 0.0
    for view in embedder.views:
        error = relative_error(computed[:, view.columns], recorded[:, view.columns])
        if not error <= allowed:
            raise FieldwiseError(
                Fault.GOLDEN_MISMATCH,
                f"{manifest.title} {request.variant} computes features that differ by {error:.2g}"
                f" of their length from the recorded ones; {allowed:.2g} is allowed",
            )
        worst = max(worst, error)
    return TrialResult(golden_error=worst, sample_seconds=seconds)


def main() -> None:
    """Read a request from standard input, set the limits, print the result."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=TrialRequest)
    _offer_itself()
    _limit(request.limits)
    try:
        result = conduct(request)
    except FieldwiseError as error:
        result = TrialResult(error.fault, error.sentence[: REPLY_BYTES_MAX // 8])
    sys.stdout.buffer.write(msgspec.json.encode(result))


def _limit(limits: TrialLimits) -> None:
    for kind, bound in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, limits.files),
    ):
        resource.setrlimit(kind, (bound, bound))


def _offer_itself() -> None:
    """Let the kernel end this process before any other of the device, and before the agent.

    A device may have less memory than a trial may ask for.
    """
    with suppress(OSError):  # without /proc the kernel judges by size
        FIRST_TO_GO.write_text("1000")


def _run(
    request: bytes, limits: TrialLimits, should_stop: ShouldStop
) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(  # our own module under our own interpreter
        # -P: the folder that a command is called in may have an `agent` of its own.
        [sys.executable, "-P", "-m", "agent.learning.trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        bufsize=0,
        start_new_session=True,  # so that what it may have started goes with it
    ) as child:
        try:
            return _await(child, request, limits, should_stop)
        finally:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(child.pid, signal.SIGKILL)


def _await(
    child: "subprocess.Popen[bytes]", request: bytes, limits: TrialLimits, should_stop: ShouldStop
) -> "subprocess.CompletedProcess[bytes]":
    """Wait for its end and for what it prints, of which no more is held than is read."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    end = time.monotonic() + limits.wall_seconds
    told = {child.stdout.fileno(): b"", child.stderr.fileno(): b""}
    with suppress(BrokenPipeError):  # then it says why it has ended
        child.stdin.write(request)
    child.stdin.close()
    with selectors.DefaultSelector() as streams:
        for descriptor in told:
            streams.register(descriptor, selectors.EVENT_READ)
        while time.monotonic() < end:
            if should_stop():
                raise Stopped
            over = child.poll() is not None
            ready = streams.select(0 if over else ASK_SECONDS)
            for key, _ in ready:
                piece = os.read(key.fd, REPLY_BYTES_MAX)
                told[key.fd] = (told[key.fd] + piece)[-2 * REPLY_BYTES_MAX :]
                if not piece:
                    streams.unregister(key.fd)
            if over and not ready:
                return subprocess.CompletedProcess(child.args, child.returncode, *told.values())
            if not streams.get_map():
                _wait_for(child)
    raise _failed(f"the graph did not finish its trial within {limits.wall_seconds:g} seconds")


def _wait_for(child: "subprocess.Popen[bytes]") -> None:
    with suppress(subprocess.TimeoutExpired):
        child.wait(ASK_SECONDS)


def _read(child: "subprocess.CompletedProcess[bytes]", manifest: Manifest) -> TrialResult:
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise _failed(f"{manifest.title} killed its trial process ({name})")
    if child.returncode or len(child.stdout) > REPLY_BYTES_MAX:
        last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise _failed(f"the trial of {manifest.title} broke down: {' '.join(last)[:200]}")
    try:
        return msgspec.json.decode(child.stdout, type=TrialResult)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _failed(f"the trial of {manifest.title} gave no answer") from error


def _failed(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.GRAPH_FAILED, sentence)


if __name__ == "__main__":
    main()
