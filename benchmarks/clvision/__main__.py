"""The challenge of 2020 on this machine: `python -m benchmarks.clvision --json FILE --out FOLDER`.

Image sets are looked for in FIELDWISE_DATA (default ../shared/data); what is not there is said and
skipped. Features are computed once and kept in the work folder. One thread is used throughout.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import learning_data, threads
from benchmarks.clvision import material, plots, report
from benchmarks.clvision.material import Material
from benchmarks.clvision.methods import METHODS, Setting
from benchmarks.clvision.protocols import PROTOCOLS
from benchmarks.clvision.report import Chapter
from benchmarks.clvision.run import Job, Run, carry_out_alone
from fieldwise.errors import FieldwiseError

SETS = ("grocery", "caltech101", "core50", "core50_mini")
QUICK_METHODS = ("nearest-mean", "discriminant", "average", "naive", "replay-review")
TIMED_IMAGES = 64
INTRO = Path(__file__).parent / "reading.md"


@dataclass(frozen=True, slots=True)
class Stage:
    """A set with its features: what the runs on it share."""

    material: Material
    grid: Path
    kinship: tuple[float, float]
    embedding_ms: float


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clvision", description=__doc__)
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--out", type=Path, help="folder for the page and the pictures")
    parser.add_argument("--work", type=Path, help="folder for the bundle and the features")
    parser.add_argument("--bundle", type=Path, help="a backbone instead of Lite0 at 128 px")
    parser.add_argument("--sets", nargs="*", help=f"names of folders; {', '.join(SETS)} by default")
    parser.add_argument("--images", type=Path, help="a folder with train/CLASS/* and test/CLASS/*")
    parser.add_argument("--protocols", nargs="*", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=None)
    parser.add_argument("--seeds", type=int, default=3, help="how many plans, counted from 0")
    parser.add_argument("--moments", type=int, default=25, help="most batches to ask after")
    parser.add_argument(
        "--quick", action="store_true", help="a minute: few classes of one set, one seed"
    )
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    arguments = arguments_of(words)
    work = arguments.work or Path(tempfile.gettempdir()) / "fieldwise-benchmarks"
    work.mkdir(parents=True, exist_ok=True)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)  # before the long work, not after it
    chapters: list[Chapter] = []
    for chapter in _chapters(arguments, work):
        chapters.append(chapter)
        _write(chapters, arguments)  # anew each time, so that hours are not lost with the last one
    if not chapters:
        print("nothing was run")
        return 1
    if arguments.out:
        print(f"pictures and README.md are in {arguments.out}")
    return 0


def _write(chapters: list[Chapter], arguments: argparse.Namespace) -> None:
    if arguments.json:
        found = {"machine": platform.processor() or platform.machine(), **report.figures(chapters)}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    if arguments.out:
        drawn = plots.draw(chapters, arguments.out)
        text = report.page(chapters, INTRO.read_text(), drawn)
        (arguments.out / "README.md").write_text(text)


def _chapters(arguments: argparse.Namespace, work: Path) -> Iterator[Chapter]:
    bundle = arguments.bundle or learning_data.bundle_file(work)
    for found in _sets(arguments):
        chosen = found.reduced() if arguments.quick else found
        stage = _stage(chosen, bundle, work)
        print(f"{chosen.name}: {chosen.note}")
        for protocol in arguments.protocols:
            try:
                chapter = _chapter(stage, protocol, arguments, bundle, work)
            except FieldwiseError as error:
                print(f"skipped: {chosen.name}, {protocol}: {error}")
                continue
            print(f"\n{report.heading(chapter)}\n\n{report.printed(chapter)}\n", flush=True)
            yield chapter


def _sets(arguments: argparse.Namespace) -> list[Material]:
    if arguments.images:
        own = material.image_folder(arguments.images)
        return [own] if own else []
    found = material.find(learning_data.data_folder(), arguments.sets or SETS)
    return found[:1] if arguments.quick and arguments.sets is None else found


def _stage(chosen: Material, bundle: Path, work: Path) -> Stage:
    embedder = learning_data.open_bundle(bundle, _parts(bundle, work))
    features = learning_data.features(chosen.images, embedder, work)
    rows = np.concatenate([features.train, features.test])
    file = work / f"{chosen.name}-rows.npy"
    np.save(file, rows)
    timed = [path.read_bytes() for path, _ in chosen.images.train[:TIMED_IMAGES]]
    begun = time.process_time()
    for content in timed:
        embedder.embed([embedder.fit(content)])
    milliseconds = 1000 * (time.process_time() - begun) / len(timed)
    return Stage(chosen, file, material.kinship(rows, chosen.items), milliseconds)


def _chapter(
    stage: Stage, protocol: str, arguments: argparse.Namespace, bundle: Path, work: Path
) -> Chapter:
    seeds = range(1 if arguments.quick else arguments.seeds)
    methods = arguments.methods or list(QUICK_METHODS if arguments.quick else METHODS)
    runs: list[Run] = []
    for job in _jobs(stage, protocol, list(seeds), methods, arguments.moments, bundle, work):
        runs.append(carry_out_alone(job))
        print(
            f"  {stage.material.name} {protocol} seed {job.setting.seed} {job.method}:"
            f" {100 * runs[-1].five.test_accuracy:.1f} % in {60 * runs[-1].wall_minutes:.0f} s",
            flush=True,
        )
    found = stage.material
    return Chapter(found.name, protocol, found.note, stage.kinship, stage.embedding_ms, tuple(runs))


def _jobs(
    stage: Stage,
    protocol: str,
    seeds: list[int],
    methods: list[str],
    moments: int,
    bundle: Path,
    work: Path,
) -> Iterator[Job]:
    embedder = learning_data.open_bundle(bundle, _parts(bundle, work))
    manifest = embedder.manifest
    for seed in seeds:
        plan = stage.material.plan(protocol, seed)
        asked = len(plan.validation) + len(stage.material.test)
        for method in methods:
            yield Job(
                grid=stage.grid,
                labels=tuple(stage.material.labels),
                plan=plan,
                test=stage.material.test,
                method=method,
                setting=Setting(manifest.feature_width, manifest.transform, protocol, seed),
                bundle=bundle,
                parts=_parts(bundle, work),
                embedding_minutes=stage.embedding_ms * (plan.trained + asked) / 60_000,
                moments_max=moments,
            )


def _parts(bundle: Path, work: Path) -> Path:
    return work / f"parts-{bundle.stem}"


if __name__ == "__main__":
    threads.hold_to_one("benchmarks.clvision")
    sys.exit(main())
