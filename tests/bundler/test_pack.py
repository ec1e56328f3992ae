import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from bundler import pack as packing
from bundler.assembly import memory_needed
from bundler.extractor import Extractor
from bundler.pack import PackRequest, pack
from fieldwise import affine_file, archive, graph, head_file
from fieldwise.bundle import Manifest, Preprocessing, digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import relative_error, to_grid
from fieldwise.head import empty, learn
from fieldwise.images import load as load_image
from tests.bundles import CLASSES, class_folder, tiny_bundle, tiny_model


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folder(tmp_path_factory.mktemp("images") / "classes")


@pytest.fixture
def request_(tmp_path: Path) -> PackRequest:
    (tmp_path / "Tiny Net.onnx").write_bytes(tiny_model().SerializeToString())
    return PackRequest(
        target=tmp_path / "out.bundle",
        onnx=tmp_path / "Tiny Net.onnx",
        licence="Apache-2.0",
        source="drawn by lot",
    )


def unpacked(path: Path) -> tuple[Manifest, dict[str, bytes]]:
    with path.open("rb") as stream:
        reader = archive.Reader(stream)
        return reader.manifest, {file.digest: b"".join(each) for file, each in reader.files()}


def refused(request: PackRequest, fault: Fault, words: str) -> None:
    with pytest.raises(FieldwiseError, match=words) as caught:
        pack(request)
    assert caught.value.fault is fault
    assert not request.target.exists()


def test_a_bundle_states_what_was_packed(request_: PackRequest) -> None:
    wanted = replace(request_, version="2.1", epoch=7, publisher="Some House")
    packed = pack(wanted)
    manifest, _ = unpacked(packed.path)
    assert manifest == packed.manifest
    assert (manifest.name, manifest.version, manifest.epoch) == ("tiny-net", "2.1", 7)
    assert (manifest.licence, manifest.source) == ("Apache-2.0", "drawn by lot")
    assert (manifest.publisher, manifest.feature_width) == ("Some House", 32)
    assert manifest.image_size == 16
    assert [view.name for view in manifest.views] == ["main"]
    assert [each.name for each in manifest.variants] == ["fp32"]
    assert manifest.requirements.memory_mib == 13
    assert manifest.starter == ()


def test_packing_twice_gives_the_same_digest_and_the_same_bytes(
    request_: PackRequest, images: Path, tmp_path: Path
) -> None:
    whole = replace(request_, int8=True, calibrate=images, starter=images)
    first, again = pack(whole), pack(replace(whole, target=tmp_path / "again.bundle"))
    assert first.digest == again.digest
    assert first.path.read_bytes() == again.path.read_bytes()


def test_the_smallest_variant_decides_what_memory_a_device_needs() -> None:
    mebibyte = 2**20
    assert memory_needed([[bytes(16 * mebibyte)]]) == 68
    assert memory_needed([[bytes(16 * mebibyte)], [bytes(4 * mebibyte)]]) == 26
    assert memory_needed([[b"x"]]) == 13


def test_another_seed_draws_other_golden_images(request_: PackRequest, tmp_path: Path) -> None:
    other = pack(replace(request_, seed=1, target=tmp_path / "other.bundle"))
    assert pack(request_).manifest.golden != other.manifest.golden


def test_every_variant_reproduces_its_golden_features(request_: PackRequest, images: Path) -> None:
    manifest, files = unpacked(pack(replace(request_, int8=True, calibrate=images)).path)
    golden = load(files[manifest.golden.digest])
    assert [each.name for each in manifest.variants] == ["fp32", "int8"]
    for variant in manifest.variants:
        extractor = Extractor(files[variant.graphs[0].digest], manifest.views[0].input)
        error = relative_error(
            extractor.features(golden["images"]), golden[f"features.{variant.name}"]
        )
        assert error < variant.golden_error_max / 10
        facts = graph.inspect(files[variant.graphs[0].digest], manifest.views)
        assert ("QuantizeLinear" in facts.operators) == (variant.name == "int8")


def test_a_map_from_an_older_bundle_leads_to_the_new_features(
    request_: PackRequest, images: Path, tmp_path: Path
) -> None:
    older = pack(replace(request_, target=tmp_path / "older.bundle", name="older"))
    wanted = replace(request_, map_from=older.path, map_images=images)
    manifest, files = unpacked(pack(wanted).path)
    (carrier,) = manifest.carriers
    assert carrier.before == older.digest
    (found,) = affine_file.decode(files[carrier.file.digest], [32])
    assert found.source == "main"
    assert found.through.pairs == sum(1 for _ in images.rglob("*.png"))
    preprocessing = manifest.views[0].input
    assert isinstance(preprocessing, Preprocessing)
    extractor = Extractor(files[manifest.variants[0].graphs[0].digest], preprocessing)
    path = next(images.rglob("*.png"))
    pixels = load_image(path.read_bytes(), preprocessing)
    row = to_grid(extractor.features(pixels[None]), manifest.transform)[0] / 4096
    moved = found.through.matrix @ row + found.through.offset
    assert np.linalg.norm(moved - row) < 0.1


def test_a_map_needs_an_older_bundle_and_enough_images(
    request_: PackRequest, images: Path, tmp_path: Path
) -> None:
    older = pack(replace(request_, target=tmp_path / "older.bundle")).path
    few = tmp_path / "few"
    few.mkdir()
    Image.new("RGB", (20, 20)).save(few / "one.png")
    request_.target.unlink(missing_ok=True)
    invalid = Fault.INVALID_ARGUMENT
    refused(replace(request_, map_from=older), invalid, "go together")
    refused(replace(request_, map_images=images), invalid, "go together")
    refused(replace(request_, map_from=older, map_images=few), invalid, "holds 1 images")
    rubbish = tmp_path / "rubbish.bundle"
    rubbish.write_bytes(b"rubbish" * 100)
    refused(replace(request_, map_from=rubbish, map_images=images), Fault.BUNDLE_INVALID, ".")


def test_a_starter_head_holds_the_statistics_of_its_images(
    request_: PackRequest, images: Path
) -> None:
    manifest, files = unpacked(pack(replace(request_, starter=images)).path)
    assert manifest.starter
    found = head_file.decode(files[manifest.starter[0].digest])
    graph_digest = manifest.variants[0].graphs[0].digest
    preprocessing = manifest.views[0].input
    assert isinstance(preprocessing, Preprocessing)
    expected = empty(graph_digest, manifest.transform, 32)
    extractor = Extractor(files[graph_digest], preprocessing)
    for name in reversed(CLASSES):
        for path in (images / name).iterdir():
            pixels = load_image(path.read_bytes(), preprocessing)
            grid = to_grid(extractor.features(pixels[None]), manifest.transform)
            expected = learn(expected, grid, [name])
    assert found.same_as(expected)
    assert manifest.starter_classes == len(CLASSES)


def test_progress_is_told_before_each_step(request_: PackRequest, images: Path) -> None:
    told: list[str] = []
    pack(replace(request_, int8=True, calibrate=images, starter=images), told.append)
    beginnings = ["loading", "computing", "quantising", "int8", "learning", "writing"]
    assert [sentence.split()[0] for sentence in told] == beginnings


def test_other_weights_are_another_bundle_and_names_do_not_matter_to_files(
    tmp_path: Path,
) -> None:
    one, _ = unpacked(tiny_bundle(tmp_path / "1", seed=1))
    two, _ = unpacked(tiny_bundle(tmp_path / "2", seed=2))
    renamed, _ = unpacked(tiny_bundle(tmp_path / "3", seed=1, name="other"))
    assert one.variants[0].graphs != two.variants[0].graphs
    assert one.variants == renamed.variants


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone": "efficientnet-lite0"}, "either"),
        ({"onnx": None}, "either"),
        ({"int8": True}, "go together"),
        ({"calibrate": Path()}, "go together"),
        ({"licence": None}, "licence and source"),
        ({"source": None}, "licence and source"),
        ({"onnx": None, "backbone": "efficientnet-lite0", "size": None}, "needs the side"),
        ({"version": "not a version"}, "version"),
        ({"name": "Upper Case"}, "name"),
        ({"epoch": 0}, "epoch"),
        ({"publisher": "two\nlines"}, "publisher"),
        ({"scale": (1.0, 0.0, 1.0)}, "scale"),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_met_is_refused(
    request_: PackRequest, changes: dict[str, object], words: str
) -> None:
    refused(replace(request_, **changes), Fault.INVALID_ARGUMENT, words)  # type: ignore[arg-type]  # one of many fields


def test_without_the_extra_a_sentence_names_it(
    request_: PackRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "find_spec", lambda name: None if name == "onnx" else sys)
    refused(request_, Fault.EXTRA_MISSING, r"extra \[pack\]: onnx is missing")


def test_importing_the_door_imports_nothing_heavy() -> None:
    code = "import sys, bundler.pack; print({'onnx', 'torch', 'onnxruntime'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_an_empty_calibration_folder_is_named(request_: PackRequest, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    wanted = replace(request_, int8=True, calibrate=tmp_path / "empty")
    refused(wanted, Fault.INVALID_ARGUMENT, "empty holds no images")


def test_a_calibration_folder_that_is_not_there_is_named(request_: PackRequest) -> None:
    wanted = replace(request_, int8=True, calibrate=Path("nowhere"))
    refused(wanted, Fault.INVALID_ARGUMENT, "nowhere is not a folder")


def test_an_unreadable_image_is_named(request_: PackRequest, tmp_path: Path) -> None:
    folder = class_folder(tmp_path / "damaged", count=2)
    (folder / "blue" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    for wanted in (
        replace(request_, int8=True, calibrate=folder),
        replace(request_, starter=folder),
    ):
        refused(wanted, Fault.IMAGE_INVALID, r"blue/1\.png")


def test_a_starter_needs_two_classes_with_images(request_: PackRequest, tmp_path: Path) -> None:
    folder = tmp_path / "classes"
    (folder / "only").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    Image.new("RGB", (20, 20)).save(folder / "only" / "1.png")
    wanted = replace(request_, starter=folder)
    refused(wanted, Fault.INVALID_ARGUMENT, "1 class folders instead of 2")
    (folder / "void").mkdir()
    refused(wanted, Fault.INVALID_ARGUMENT, "void holds no images")


def test_folders_that_a_mac_spelled_are_the_same_class(
    request_: PackRequest, tmp_path: Path
) -> None:
    folder = class_folder(tmp_path / "classes", count=1)
    (folder / "red").rename(folder / "Äpfel")
    (folder / "blue").rename(folder / "A\u0308pfel")
    manifest, files = unpacked(pack(replace(request_, starter=folder)).path)
    assert manifest.starter
    found = head_file.decode(files[manifest.starter[0].digest])
    assert found.classes == ("amber", "green", "Äpfel")
    assert found.counts.tolist() == [1, 1, 2]


def test_an_unacceptable_graph_is_refused_before_the_long_steps(
    request_: PackRequest, images: Path
) -> None:
    assert request_.onnx
    model = tiny_model()
    model.opset_import[0].version = 12
    request_.onnx.write_bytes(model.SerializeToString())
    told: list[str] = []
    with pytest.raises(FieldwiseError, match="operator set 12") as caught:
        pack(replace(request_, int8=True, calibrate=images), told.append)
    assert caught.value.fault is Fault.BUNDLE_INVALID
    assert not any("quantising" in sentence for sentence in told)


def test_a_place_that_cannot_be_written_is_named(request_: PackRequest, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "full").touch()
    refused(
        replace(request_, target=tmp_path / "missing" / "out.bundle"),
        Fault.INVALID_ARGUMENT,
        "missing is not a folder",
    )
    with pytest.raises(FieldwiseError, match="folder cannot be written") as caught:
        pack(replace(request_, target=tmp_path / "folder"))
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("name", ["two\nlines", " leading", "x" * 129])
def test_a_class_folder_with_an_odd_name_is_refused(
    request_: PackRequest, tmp_path: Path, name: str
) -> None:
    folder = class_folder(tmp_path / "classes", count=1)
    (folder / name).mkdir()
    refused(replace(request_, starter=folder), Fault.CLASS_INVALID, "class name")


def test_a_bundle_that_was_there_survives_a_failure(request_: PackRequest, tmp_path: Path) -> None:
    before = pack(request_).path.read_bytes()
    with pytest.raises(FieldwiseError):
        pack(replace(request_, starter=tmp_path / "nowhere"))
    assert request_.target.read_bytes() == before


def test_the_digest_is_that_of_the_manifest_in_the_file(request_: PackRequest) -> None:
    packed = pack(request_)
    content = packed.path.read_bytes()
    assert packed.digest == digest_of(content[512 : content.index(b"}\n") + 2])
