"""Carry a plan out with one method, in a process of its own, and measure it.

A process of its own, because memory is one of the measures: it holds the backbone's session, the
features of the set and the method, and nothing of the methods before it. Time is counted from the
first batch to the last answer; what embedding the images takes is measured beside and added, the
same for every method. Both are processor time, so that other work on the machine counts little; the
wall's time is given beside.
"""

import gc
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.clvision import measures
from benchmarks.clvision.measures import Five, Matrix
from benchmarks.clvision.methods import METHODS, Method, Setting
from benchmarks.clvision.protocols import Plan
from benchmarks.learning_data import open_bundle

MB = 1e6
UNKNOWN = -1  # the task of a class that no batch has


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is told: the features, the plan and the method.

    Attributes:
        grid: File of int16[N,D], a row for every image of the set.
        labels: Classes of the rows.
        plan: What to learn in which order.
        test: Rows of the test set.
        method: One of ``METHODS``.
        setting: What the method is made for.
        bundle: File of the backbone.
        parts: Folder in which it is unpacked.
        embedding_minutes: What embedding the images of this run takes.
        moments_max: After how many batches to ask at most.
    """

    grid: Path
    labels: tuple[str, ...]
    plan: Plan
    test: tuple[int, ...]
    method: str
    setting: Setting
    bundle: Path
    parts: Path
    embedding_minutes: float
    moments_max: int


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a job.

    Attributes:
        method: Who learned.
        seed: Of the plan and of the method.
        five: The challenge's measures.
        curve: After each moment: training samples seen so far, accuracy on validation.
        forgetting: See ``measures``; None where not defined, as the next two.
        backward_transfer: See ``measures``.
        forward_transfer: See ``measures``.
        learning_minutes: Processor time without embedding.
        wall_minutes: The same on the wall.
        memory_mean_mb: Mean over the batches, where ``five`` has the most.
        state_mb: Bytes that the method holds between batches.
        batches: How many there were.
        trained: Samples learned.
    """

    method: str
    seed: int
    five: Five
    curve: tuple[tuple[int, float], ...]
    forgetting: float | None
    backward_transfer: float | None
    forward_transfer: float | None
    learning_minutes: float
    wall_minutes: float
    memory_mean_mb: float
    state_mb: float
    batches: int
    trained: int


@dataclass(slots=True)
class Watch:
    """Time since the start, and memory at every batch, bytes."""

    wall: float = field(default_factory=time.monotonic)
    processor: float = field(default_factory=time.process_time)
    memory: list[int] = field(default_factory=list)

    def sample(self) -> None:
        """Take note of this process and its children."""
        process = psutil.Process()
        every = [process, *process.children(recursive=True)]
        self.memory.append(sum(each.memory_info().rss for each in every))


def carry_out_alone(job: Job) -> Run:
    """``carry_out`` in a new process, which ends with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(carry_out, job).result()


def carry_out(job: Job) -> Run:
    """Learn batch by batch, ask at the moments, and measure."""
    embedder = open_bundle(job.bundle, job.parts)
    embedder.embed([embedder.fit(np.zeros((64, 64, 3), np.uint8))])
    graphs = embedder.manifest.variants[0].graph_bytes
    grid: NDArray[np.int16] = np.load(job.grid)
    gc.collect()
    entry = METHODS[job.method]
    method = entry.make(job.setting)
    watch = Watch()
    curve, rows = _learn(job, method, grid, watch, streams=entry.streams)
    method.finish()
    test_accuracy = _accuracy(method, job, grid, job.test)
    if rows:
        rows[-1] = _row(method, job, grid)
    learning = (time.process_time() - watch.processor) / 60
    wall = (time.monotonic() - watch.wall) / 60
    watch.sample()
    average = float(np.mean([accuracy for _, accuracy in curve])) if curve else None
    matrix = Matrix(_moments(job), tuple(g.learned_in for g in job.plan.groups), tuple(rows))
    return Run(
        method=job.method,
        seed=job.setting.seed,
        five=Five(
            test_accuracy=test_accuracy,
            validation_accuracy=average,
            minutes=job.embedding_minutes + learning,
            memory_mb=max(watch.memory) / MB,
            disk_mb=(graphs + method.bytes_written()) / MB,
        ),
        curve=curve,
        forgetting=measures.forgetting(matrix) if rows else None,
        backward_transfer=measures.backward_transfer(matrix) if rows else None,
        forward_transfer=_forward(matrix, job) if rows else None,
        learning_minutes=learning,
        wall_minutes=wall,
        # Of whole bytes: a mean of rounded megabytes can come out above the most of them.
        memory_mean_mb=sum(watch.memory) / len(watch.memory) / MB,
        state_mb=method.bytes_held() / MB,
        batches=len(job.plan.batches),
        trained=job.plan.trained,
    )


def _learn(
    job: Job, method: Method, grid: NDArray[np.int16], watch: Watch, *, streams: bool
) -> tuple[tuple[tuple[int, float], ...], list[tuple[float, ...]]]:
    asked = set(_moments(job)) if streams and job.plan.validation else set()
    told = bool(job.plan.tasks)
    curve: list[tuple[int, float]] = []
    rows: list[tuple[float, ...]] = []
    seen = 0
    for number, batch in enumerate(job.plan.batches):
        labels = [job.labels[row] for row in batch]
        method.learn(grid[list(batch)], labels, number if told else None)
        seen += len(batch)
        watch.sample()
        if number in asked:
            curve.append((seen, _accuracy(method, job, grid, job.plan.validation)))
            if job.plan.groups:
                rows.append(_row(method, job, grid))
    return tuple(curve), rows


def _moments(job: Job) -> tuple[int, ...]:
    return measures.moments(len(job.plan.batches), job.moments_max)


def _row(method: Method, job: Job, grid: NDArray[np.int16]) -> tuple[float, ...]:
    return tuple(_accuracy(method, job, grid, group.rows) for group in job.plan.groups)


def _accuracy(method: Method, job: Job, grid: NDArray[np.int16], rows: Iterable[int]) -> float:
    asked = list(rows)
    truth = [job.labels[row] for row in asked]
    tasks = [job.plan.tasks.get(name, UNKNOWN) for name in truth] if job.plan.tasks else None
    return measures.share_right(method.answer(grid[asked], tasks), truth)


def _forward(matrix: Matrix, job: Job) -> float | None:
    if not job.plan.foresight:
        return None
    return measures.forward_transfer(matrix, len(set(job.labels)))
