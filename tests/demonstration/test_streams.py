from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demonstration import streams
from fieldwise.errors import Fault, FieldwiseError


@pytest.fixture(scope="module")
def worlds() -> tuple[streams.Stream, ...]:
    limits = streams.Limits(classes=4, train_images=6, test_images=3)
    return streams.streams(streams.digits(), limits)


def photos(folder: Path, classes: int, images: int) -> None:
    for label in range(classes):
        (folder / f"class {label}").mkdir(parents=True)
        for number in range(images):
            picture = Image.new("RGB", (60, 40), (label * 20, number, 0))
            picture.save(folder / f"class {label}" / f"{number}.png")


def test_every_device_has_classes_of_its_own(worlds: tuple[streams.Stream, ...]) -> None:
    classes = [set(world.classes) for world in worlds]
    assert all(len(each) == 4 for each in classes)
    assert classes[0] != classes[1] != classes[2]
    assert classes[0] & classes[1]


def test_a_stream_comes_class_by_class(worlds: tuple[streams.Stream, ...]) -> None:
    for world in worlds:
        labels = [sample.class_name for sample in world.train]
        assert labels == sorted(labels, key=world.classes.index)


def test_no_test_image_is_ever_taught(worlds: tuple[streams.Stream, ...]) -> None:
    for world in worlds:
        taught = {sample.pixels.tobytes() for sample in world.train}
        assert not taught & {sample.pixels.tobytes() for sample in world.test}


def test_no_two_samples_are_one_scene(worlds: tuple[streams.Stream, ...]) -> None:
    scenes = [each.scene for world in worlds for each in (*world.train, *world.test)]
    assert len(set(scenes)) == len(scenes)


def test_the_same_images_come_every_time(worlds: tuple[streams.Stream, ...]) -> None:
    limits = streams.Limits(classes=4, train_images=6, test_images=3)
    again = streams.streams(streams.digits(), limits)
    assert all(
        np.array_equal(one.pixels, other.pixels)
        for world, same in zip(worlds, again, strict=True)
        for one, other in zip(world.train, same.train, strict=True)
    )


def test_conditions_differ_on_the_same_image() -> None:
    chance = np.random.default_rng(0)
    image = Image.new("RGB", (32, 32), (200, 200, 200))
    seen = [np.asarray(apply(image, chance)).tobytes() for _, apply in streams.DEVICES.values()]
    assert len(set(seen)) == 3


def test_a_folder_of_class_folders_is_divided(tmp_path: Path) -> None:
    photos(tmp_path, classes=4, images=10)
    collection = streams.folder(tmp_path)
    assert collection.classes == ("class 0", "class 1", "class 2", "class 3")
    assert [len(collection.train[name]) for name in collection.classes] == [7] * 4
    assert [len(collection.test[name]) for name in collection.classes] == [3] * 4


def test_a_folder_that_is_divided_already_stays_so(tmp_path: Path) -> None:
    photos(tmp_path / "train", classes=3, images=4)
    photos(tmp_path / "test", classes=3, images=2)
    collection = streams.folder(tmp_path)
    assert [len(collection.train[name]) for name in collection.classes] == [4] * 3
    assert [len(collection.test[name]) for name in collection.classes] == [2] * 3


def test_a_photo_becomes_the_square_that_a_backbone_sees(tmp_path: Path) -> None:
    photos(tmp_path, classes=3, images=4)
    world = streams.streams(streams.folder(tmp_path), streams.Limits())[0]
    assert world.train[0].pixels.shape == (128, 128, 3)


@pytest.mark.parametrize("classes", [0, 2])
def test_too_few_classes_are_refused(tmp_path: Path, classes: int) -> None:
    photos(tmp_path, classes=classes, images=4)
    with pytest.raises(FieldwiseError, match=f"has {classes} folders with images"):
        streams.folder(tmp_path)


def test_a_photo_that_is_none_is_named(tmp_path: Path) -> None:
    photos(tmp_path, classes=3, images=2)
    for rubbish in tmp_path.rglob("*.png"):
        rubbish.write_bytes(b"no image")
    with pytest.raises(FieldwiseError, match="cannot be read") as caught:
        streams.streams(streams.folder(tmp_path), streams.Limits())
    assert caught.value.fault is Fault.IMAGE_INVALID
