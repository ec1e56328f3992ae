"""CORe50 as its authors publish it: frames by session and object, and batches as text lists.

The published archives unpack into one folder:

    core50_128x128/s1/o1/C_01_01_000.png    11 sessions, 50 objects, 164,866 frames
    batches_filelists/NI_inc/run0/          train_batch_00_filelist.txt ..., test_filelist.txt
    batches_filelists/NC_inc/run0/          the same
    NIC_v2_391/run0/                        the same, numbered 00 ... 99, 100 ... 390

A line of a list is a frame and its label, ``s1/o1/C_01_01_000.png 0``. The lists of NC number the
objects anew in order of appearance, so a class here is the object of the path, and a label is only
required to mean one object throughout a run. Objects come in ten categories of five.

The authors also publish ``paths.pkl``, ``LUP.pkl`` and ``labels.pkl``, the same lists as pickles.
They are never read: unpickling runs what a file says, and the text says all of it.

A list may name what is not on the disk; those frames are counted and left out, so that a part of
the set can be run, and never silently.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from fieldwise.errors import Fault, FieldwiseError

IMAGES = "core50_128x128"
TEST_SESSIONS = (3, 7, 10)
OBJECTS_OF_CATEGORY = 5
SESSIONS, OBJECTS = 11, 50
CATEGORIES = (
    "plug adapter",
    "mobile phone",
    "scissors",
    "light bulb",
    "can",
    "glasses",
    "ball",
    "marker",
    "cup",
    "remote control",
)

FOLDERS = {
    "ni": ("batches_filelists/NI_inc",),
    "nc": ("batches_filelists/NC_inc",),
    "multi-task-nc": ("batches_filelists/NC_inc",),
    "nic": ("NIC_v2_391", "batches_filelists/NIC_v2_391"),
}
"""Where the lists of a protocol are; NICv2 has an archive of its own."""

PUBLISHED_BATCHES = {"ni": 8, "nc": 9, "multi-task-nc": 9, "nic": 391}
LIST_BYTES_MAX = 64 * 1024**2  # all 164,866 frames take 4.5 MB
NAME = re.compile(r"C_(\d{2})_(\d{2})_(\d{3,4})\.png")
LINE = re.compile(r"s(\d{1,2})/o(\d{1,2})/(C_\d{2}_\d{2}_\d{3,4}\.png) (\d{1,3})")
BATCH = re.compile(r"train_batch_(\d{2,3})_filelist\.txt")


@dataclass(frozen=True, slots=True, order=True)
class Frame:
    """One frame, by what its name says; ``session`` 1..11, ``thing`` 1..50 is the object."""

    session: int
    thing: int
    number: int
    name: str

    @property
    def path(self) -> str:
        """Where it is under the folder of images."""
        return f"s{self.session}/o{self.thing}/{self.name}"

    @property
    def object_name(self) -> str:
        """The class when objects are told apart: ``cup 3``."""
        return f"{self.category_name} {(self.thing - 1) % OBJECTS_OF_CATEGORY + 1}"

    @property
    def category_name(self) -> str:
        """The class when categories are told apart: ``cup``."""
        return CATEGORIES[(self.thing - 1) // OBJECTS_OF_CATEGORY]


@dataclass(frozen=True, slots=True)
class Lists:
    """The batches of one run of a protocol, and its test list."""

    batches: tuple[tuple[Frame, ...], ...]
    test: tuple[Frame, ...]


def frame(name: str) -> Frame:
    """Read a frame's name, ``C_SS_OO_FFF.png``.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for any other name.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise _refused(f"{name[:60]!r} is not the name of a CORe50 frame")
    session, thing, number = map(int, found.groups())
    if not (1 <= session <= SESSIONS and 1 <= thing <= OBJECTS):
        raise _refused(f"{name} has a session or an object that CORe50 has not")
    return Frame(session, thing, number, name)


def frames_in(folder: Path) -> list[Frame]:
    """Frames that lie in a folder by themselves, sorted; other files are passed over."""
    return sorted(frame(path.name) for path in folder.glob("C_*.png"))


def read_lists(root: Path, protocol: str, run: int) -> Lists:
    """The batches and the test list of a run, as published.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where the lists are missing, leave a number out, are
            not such lists or contradict themselves.
    """
    folder = _folder(root, protocol, run)
    numbered = {
        int(found[1]): path
        for path in folder.iterdir()
        if (found := BATCH.fullmatch(path.name)) is not None
    }
    if sorted(numbered) != list(range(len(numbered))) or not numbered:
        raise _refused(f"the batches in {folder} are not numbered from 0 without a gap")
    things: dict[str, int] = {}
    batches = tuple(_read_list(numbered[place], things) for place in range(len(numbered)))
    test = _read_list(folder / "test_filelist.txt", things)
    return Lists(batches, test)


def _folder(root: Path, protocol: str, run: int) -> Path:
    places = [root / name / f"run{run}" for name in FOLDERS[protocol]]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise _refused(f"no lists of {protocol} in {' or '.join(map(str, places))}")
    return found


def _read_list(path: Path, things: dict[str, int]) -> tuple[Frame, ...]:
    """Read one list; ``things`` holds what each label of the run has meant so far."""
    if not path.is_file():
        raise _refused(f"{path} is missing")
    if path.stat().st_size > LIST_BYTES_MAX:
        raise _refused(f"{path} has more than {LIST_BYTES_MAX:,} bytes")
    try:
        lines = path.read_text("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise _refused(f"{path} is not a list of frames") from error
    return tuple(
        _read_line(line, f"{path.name}, line {number}", things)
        for number, line in enumerate(lines, 1)
        if line.strip()
    )


def _read_line(line: str, where: str, things: dict[str, int]) -> Frame:
    found = LINE.fullmatch(line.strip())
    if found is None:
        raise _refused(f"{where}: {line[:60]!r} is not a frame and a label")
    session, thing, name, label = found.groups()
    read = frame(name)
    if (read.session, read.thing) != (int(session), int(thing)):
        raise _refused(f"{where}: {name} does not belong to s{session}/o{thing}")
    if things.setdefault(label, read.thing) != read.thing:
        raise _refused(f"{where}: label {label} means two objects")
    return read


def _refused(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
