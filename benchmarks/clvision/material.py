"""The sets that the protocols run on: images, classes, sessions, and what a session is there.

Whether sessions are new *conditions* differs, and is said with every set. Photographs of a folder
carry no conditions, so sessions are stretches of each class in the order of its file names. Where
names follow the photographer, neighbours are alike and a stretch is a scene or two; where they do
not, the stretches are a partition by chance and "new instances" are new in name only. ``kinship``
measures which it is: on Grocery 17 % against 10 % by chance, on Caltech101 12 % against 10 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import learning_data
from benchmarks.clvision import core50
from benchmarks.clvision.protocols import Item, Plan, make_plan, published_plan, stretches
from benchmarks.learning_data import ImageSet

FOLDER_SESSIONS = 8  # as many as CORe50 has for training
QUICK_CLASSES, QUICK_IMAGES = 10, 24
VALIDATION_STRIDE = 20  # of CORe50's test frames, as in the challenge's own program

NOTES = {
    "grocery": (
        "sessions are stretches of each class in file order, which tells little of what was taken"
        " when: they are hardly new conditions, and validation is much like training"
    ),
    "caltech101": (
        "sessions are stretches of each class in file order: photographs from the web in no order,"
        " so there are no new conditions, only new instances"
    ),
}
UNKNOWN_NOTE = "sessions are stretches of each class in file order; kinship says what that is worth"


@dataclass(frozen=True, slots=True)
class Material:
    """A set ready for protocols; rows count its training images first, then its test images.

    Attributes:
        name: Short, for tables and files.
        images: The images with their classes.
        sessions: Session of each training image.
        note: What a session is here.
        lists: The root of a published CORe50 whose batch lists are to be followed; else None.
    """

    name: str
    images: ImageSet
    sessions: tuple[int, ...]
    note: str
    lists: Path | None = None

    @property
    def labels(self) -> list[str]:
        """Classes of all rows."""
        return [label for _, label in self.images.train + self.images.test]

    @property
    def test(self) -> tuple[int, ...]:
        """Rows of the test set."""
        return tuple(range(len(self.images.train), len(self.images.train + self.images.test)))

    @property
    def items(self) -> list[Item]:
        """The training samples."""
        return [
            Item(row, label, session)
            for row, ((_, label), session) in enumerate(
                zip(self.images.train, self.sessions, strict=True)
            )
        ]

    def reduced(self) -> "Material":
        """A part that runs in a minute: the first classes, and some images of each."""
        if self.lists is not None:
            return self  # published lists are followed as they are
        names = sorted({label for _, label in self.images.train})[:QUICK_CLASSES]
        train = _thinned(self.images.train, names, QUICK_IMAGES)
        test = _thinned(self.images.test, names, QUICK_IMAGES)
        session_of = dict(zip(self.images.train, self.sessions, strict=True))
        images = ImageSet(f"{self.name}-quick", train, test)
        sessions = tuple(session_of[entry] for entry in train)
        note = f"{self.note}; {len(names)} classes, at most {QUICK_IMAGES} images of each"
        return Material(images.name, images, sessions, note)

    def plan(self, protocol: str, seed: int) -> Plan:
        """A protocol on this set; for published lists the seed is the number of the run.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` where the published lists cannot be followed.
        """
        if self.lists is None:
            return make_plan(protocol, self.items, seed)
        return _published(self, self.lists, protocol, seed)


def find(root: Path, names: Sequence[str]) -> list[Material]:
    """The sets that are there; says which are not."""
    makers = {"core50": published_core50, "core50_mini": mini}
    found = []
    for name in names:
        material = makers.get(name, image_folder)(root / name)
        if material is None:
            learning_data.say_missing(name, root)
        else:
            found.append(material)
    return found


def image_folder(root: Path) -> Material | None:
    """A folder with train/CLASS/* and test/CLASS/*; None where there is none."""
    images = learning_data.image_set(root)
    if images is None:
        return None
    sessions: list[int] = []
    for _, files in groupby(images.train, key=lambda entry: entry[1]):
        sessions += stretches(len(list(files)), FOLDER_SESSIONS)
    return Material(root.name, images, tuple(sessions), NOTES.get(root.name, UNKNOWN_NOTE))


def mini(root: Path) -> Material | None:
    """Frames of CORe50 in one folder, by category: too few of an object to tell objects apart."""
    frames = core50.frames_in(root) if root.is_dir() else []
    train = [each for each in frames if each.session not in core50.TEST_SESSIONS]
    test = [each for each in frames if each.session in core50.TEST_SESSIONS]
    if not train or not test:
        return None
    images = ImageSet(
        root.name,
        tuple((root / each.name, each.category_name) for each in train),
        tuple((root / each.name, each.category_name) for each in test),
    )
    note = (
        f"sessions are CORe50's own, each a place and a light; {len(frames)} frames in all, by"
        " category: they show that genuine frames pass through, and nothing about accuracy"
    )
    return Material(root.name, images, tuple(each.session for each in train), note)


def published_core50(root: Path) -> Material | None:
    """CORe50 as published; None where its images are not."""
    folder = root / core50.IMAGES
    if not folder.is_dir():
        return None
    frames = sorted(
        core50.frame(path.name) for path in folder.glob("s*/o*/C_*.png") if path.is_file()
    )
    train = [each for each in frames if each.session not in core50.TEST_SESSIONS]
    test = [each for each in frames if each.session in core50.TEST_SESSIONS]
    images = ImageSet(
        root.name,
        tuple((folder / each.path, each.object_name) for each in train),
        tuple((folder / each.path, each.object_name) for each in test),
    )
    note = (
        "sessions are CORe50's own and batches are those of its lists; validation is every"
        f" {VALIDATION_STRIDE}th frame of the test list, as in the challenge's own program"
    )
    return Material(root.name, images, tuple(each.session for each in train), note, lists=root)


def kinship(grid: NDArray[np.int16], items: Sequence[Item]) -> tuple[float, float]:
    """How often the nearest of a sample's class is of its session, and by chance would be.

    Equal shares say that sessions are no conditions; far more than chance, that they are.
    """
    by_class: dict[str, list[Item]] = {}
    for item in items:
        by_class.setdefault(item.class_name, []).append(item)
    seen, expected = [], []
    for members in by_class.values():
        if len(members) < 2:
            continue
        features = grid[[item.row for item in members]].astype(np.float32)
        likeness = features @ features.T
        np.fill_diagonal(likeness, -np.inf)
        sessions = np.array([item.session for item in members])
        same = sessions[:, None] == sessions[None, :]
        seen += list(same[np.arange(len(members)), likeness.argmax(axis=1)])
        expected += list((same.sum(axis=1) - 1) / (len(members) - 1))
    return float(np.mean(seen or [0.0])), float(np.mean(expected or [0.0]))


def _thinned(
    entries: Sequence[tuple[Path, str]], names: Sequence[str], most: int
) -> tuple[tuple[Path, str], ...]:
    """At most so many images of each class, evenly over its order, so that sessions remain."""
    kept: list[tuple[Path, str]] = []
    for name in names:
        members = [entry for entry in entries if entry[1] == name]
        count = min(most, len(members))
        kept += [members[place * len(members) // count] for place in range(count)]
    return tuple(kept)


def _published(material: Material, root: Path, protocol: str, run: int) -> Plan:
    lists = core50.read_lists(root, protocol, run)
    rows = {
        path.name: row for row, (path, _) in enumerate(material.images.train + material.images.test)
    }
    listed = [frame for batch in (*lists.batches, lists.test) for frame in batch]
    missing = sum(frame.name not in rows for frame in listed)
    if missing:
        print(f"{material.name}: {missing:,} of {len(listed):,} listed frames are not there")
    wanted = core50.PUBLISHED_BATCHES[protocol]
    if len(lists.batches) != wanted:
        print(f"{material.name}: {len(lists.batches)} batches of {protocol} instead of {wanted}")
    batches = [_items(batch, rows) for batch in lists.batches]
    validation = _items(lists.test[::VALIDATION_STRIDE], rows)
    return published_plan(protocol, [batch for batch in batches if batch], validation)


def _items(frames: Sequence[core50.Frame], rows: dict[str, int]) -> list[Item]:
    return [
        Item(rows[frame.name], frame.object_name, frame.session)
        for frame in frames
        if frame.name in rows
    ]
