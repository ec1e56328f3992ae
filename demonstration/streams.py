"""What each device of the demonstration sees: its own classes under its own conditions.

Three devices share one set of images but not one world. Their classes overlap without being the
same, and each has a condition: the first sees images as they are, the second with inverted
brightness, the third turned and noisy. A stream comes class by class, the order that makes ordinary
training forget. The test share is fixed beforehand and never taught.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from fieldwise.errors import Fault, FieldwiseError

Pixels = npt.NDArray[np.uint8]  # height, width, 3
Source = Callable[[], Image.Image]

SIDE_PIXELS = 128  # what the devices' backbones look at, so that nothing larger has to travel
TEST_SHARE = 0.3
TURN_DEGREES = 20
NOISE_LEVELS = 14  # standard deviation, of 255
IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"})
FOLDER_CLASSES_MIN = 3  # each device needs two classes, and not the same two


@dataclass(frozen=True, slots=True)
class Limits:
    """What keeps the demonstration within three minutes: classes a device, images a class."""

    classes: int = 5
    train_images: int = 40
    test_images: int = 30


FOLDER_LIMITS = Limits(classes=12, train_images=30, test_images=12)


@dataclass(frozen=True, slots=True)
class Sample:
    """An image of the stream; ``scene`` is unique, since no two images show the same thing."""

    scene: str
    class_name: str
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Stream:
    """The world of one device."""

    device: str
    condition: str
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(sample.class_name for sample in self.train))


@dataclass(frozen=True, slots=True)
class Collection:
    """Images by class, already divided; nothing is decoded before a stream takes it."""

    train: Mapping[str, Sequence[Source]]
    test: Mapping[str, Sequence[Source]]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(name for name in self.train if name in self.test)


def plain(image: Image.Image, _chance: np.random.Generator) -> Image.Image:
    return image


def inverted(image: Image.Image, _chance: np.random.Generator) -> Image.Image:
    return ImageOps.invert(image)


def turned_and_noisy(image: Image.Image, chance: np.random.Generator) -> Image.Image:
    turned = image.rotate(TURN_DEGREES, Image.Resampling.BILINEAR, fillcolor=image.getpixel((0, 0)))
    noise = chance.normal(0, NOISE_LEVELS, (turned.height, turned.width, 3))
    noisy = np.clip(np.asarray(turned, dtype=np.float64) + noise, 0, 255)
    return Image.fromarray(noisy.astype(np.uint8))


Condition = Callable[[Image.Image, np.random.Generator], Image.Image]
DEVICES: Mapping[str, tuple[str, Condition]] = {
    "north": ("plain", plain),
    "east": ("inverted", inverted),
    "south": ("turned, noisy", turned_and_noisy),
}


def digits() -> Collection:
    """The handwritten digits of scikit-learn: 1,797 scans of 8 by 8 pixels, here drawn large."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - takes a second to import

    bunch = load_digits()
    by_class: dict[str, list[Source]] = {}
    for values, label in zip(bunch.images, bunch.target, strict=True):
        by_class.setdefault(f"digit {label}", []).append(partial(draw, values))
    return divide(by_class)


def draw(values: npt.NDArray[np.float64]) -> Image.Image:
    """A digit as ink on paper; ``values`` are 0 to 16, paper to ink."""
    scan = Image.fromarray((255 - values * (255 / 16)).astype(np.uint8))
    return scan.resize((SIDE_PIXELS, SIDE_PIXELS), Image.Resampling.BICUBIC).convert("RGB")


def folder(path: Path) -> Collection:
    """A folder of class folders, or one with ``train`` and ``test`` of such.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when there are fewer than three classes of images.
    """
    parts = [path / "train", path / "test"]
    if all(part.is_dir() for part in parts):
        found = Collection(*(class_folders(part) for part in parts))
    else:
        found = divide(class_folders(path))
    if len(found.classes) < FOLDER_CLASSES_MIN:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{path} has {len(found.classes)} folders with images; the demonstration needs at "
            f"least {FOLDER_CLASSES_MIN}, one for each class",
        )
    return found


def class_folders(path: Path) -> dict[str, list[Source]]:
    folders = sorted(each for each in path.iterdir() if each.is_dir()) if path.is_dir() else []
    found = {each.name: image_files(each) for each in folders}
    return {name: sources for name, sources in found.items() if len(sources) > 1}


def image_files(path: Path) -> list[Source]:
    files = sorted(each for each in path.iterdir() if each.suffix.lower() in IMAGE_SUFFIXES)
    return [partial(read, file) for file in files]


def read(file: Path) -> Image.Image:
    """Decode a photo, its shorter side at most the backbone's, the middle square of it.

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` when it cannot be decoded.
    """
    try:
        with Image.open(file) as image:
            return ImageOps.fit(image.convert("RGB"), (SIDE_PIXELS, SIDE_PIXELS))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise FieldwiseError(Fault.IMAGE_INVALID, f"{file} cannot be read: {error}") from error


def divide(by_class: Mapping[str, Sequence[Source]]) -> Collection:
    """Set a share of every class aside for the test, at random: a stride would follow series."""
    chance = np.random.default_rng(0)
    train: dict[str, Sequence[Source]] = {}
    test: dict[str, Sequence[Source]] = {}
    for name, sources in by_class.items():
        mixed = [sources[index] for index in chance.permutation(len(sources))]
        cut = max(1, round(len(mixed) * TEST_SHARE))
        test[name], train[name] = mixed[:cut], mixed[cut:]
    return Collection(train, test)


def streams(collection: Collection, limits: Limits) -> tuple[Stream, ...]:
    """Give every device its classes and its condition."""
    shares = class_shares(collection.classes, limits.classes)
    return tuple(
        Stream(
            device,
            condition,
            tuple(samples(collection.train, share, limits.train_images, apply, f"{device}/train")),
            tuple(samples(collection.test, share, limits.test_images, apply, f"{device}/test")),
        )
        for share, (device, (condition, apply)) in zip(shares, DEVICES.items(), strict=True)
    )


def class_shares(classes: Sequence[str], most: int) -> tuple[tuple[str, ...], ...]:
    """Windows over the classes, one a device, that overlap and differ: 0 to 4, 3 to 7, 5 to 9."""
    width = min(most, max(2, len(classes) - 1))
    last = len(classes) - width
    stride = min(max(1, width * 3 // 5), max(1, (last + 1) // 2))
    starts = [min(number * stride, last) for number in range(len(DEVICES))]
    return tuple(tuple(classes[start : start + width]) for start in starts)


def samples(
    sources: Mapping[str, Sequence[Source]],
    classes: Sequence[str],
    most: int,
    condition: Condition,
    place: str,
) -> Iterator[Sample]:
    chance = np.random.default_rng(1)
    for name in classes:
        for number, source in enumerate(sources[name][:most]):
            pixels = np.asarray(condition(source(), chance), dtype=np.uint8)
            yield Sample(f"{place}/{name}/{number}"[:128], name, pixels)
