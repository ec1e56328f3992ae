from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors.numpy import load

from bundler import pack as packing
from bundler.pack import PackRequest, pack
from bundler.views import ViewRequest, parse, settled
from fieldwise import archive, graph, head_file
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import CLASSES, class_folder, deep_model, tiny_model, viewed_bundle

REQUEST = PackRequest(target=Path("t"), licence="l", source="s")


def unpacked(path: Path) -> tuple[Manifest, dict[str, bytes]]:
    with path.open("rb") as stream:
        reader = archive.Reader(stream)
        return reader.manifest, {file.digest: b"".join(each) for file, each in reader.files()}


def test_a_view_is_stated_in_words() -> None:
    assert parse("size=128") == ViewRequest(size=128)
    assert parse("backbone=efficientnet-lite1,size=128,depth=5,name=other") == ViewRequest(
        backbone="efficientnet-lite1", size=128, depth=(5,), name="other"
    )
    assert parse("depth=4+end") == ViewRequest(depth=(4, 0))
    assert parse("depth=end") == ViewRequest()
    assert parse("onnx=a/b.onnx,output=pooled") == ViewRequest(
        onnx=Path("a/b.onnx"), output="pooled"
    )


@pytest.mark.parametrize(
    "text",
    ["", ",", "=1", "size", "size=", "size=1,size=2", "size=-1", "size=12345", "side=1", "title=x"],
)
def test_a_view_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse(text)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("text", ["", "0", "12", "+4", "4+", "4 end", "ends"])
def test_a_depth_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse(f"depth={text}")
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_views_take_from_the_whole_request_what_they_do_not_state() -> None:
    views = (
        ViewRequest(),
        ViewRequest(size=224),
        ViewRequest(backbone="b", depth=(5,)),
        ViewRequest(depth=(4, 0)),
    )
    found = settled(views, "a", None, 128)
    assert [(each.backbone, each.size, each.name) for each in found] == [
        ("a", 128, "a-128"),
        ("a", 224, "a-224"),
        ("b", 128, "b-128-stage5"),
        ("a", 128, "a-128-stage4-end"),
    ]
    assert settled((), "a", None, 128) == (ViewRequest(backbone="a", size=128, name="main"),)
    assert settled((ViewRequest(size=64),), "a", None, None)[0].name == "main"


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ((ViewRequest(size=64), ViewRequest(size=64)), "the same"),
        ((ViewRequest(name="x"), ViewRequest(size=1, name="x")), "the same"),
        ((ViewRequest(),) * 9, "limit is 8"),
        ((ViewRequest(backbone="b", onnx=Path("o")),), "either"),
        ((ViewRequest(output="x"),), "say a depth"),
        ((ViewRequest(onnx=Path("o"), depth=(3,)),), "say an output"),
        ((ViewRequest(depth=()),), "no depth"),
        ((ViewRequest(depth=(4, 0, 4)),), "one twice"),
    ],
    ids=str,
)
def test_views_that_contradict_themselves_are_refused(
    views: tuple[ViewRequest, ...], words: str
) -> None:
    with pytest.raises(FieldwiseError, match=words) as caught:
        settled(views, "a", None, 128)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_views_of_one_file_share_it_and_every_one_has_a_starter(tmp_path: Path) -> None:
    manifest, files = unpacked(viewed_bundle(tmp_path / "b", starter=True))
    assert [(view.name, view.width) for view in manifest.views] == [
        ("small", 32),
        ("large", 32),
        ("shallow", 16),
    ]
    (file,) = manifest.variants[0].files
    assert graph.inspect(files[file.digest], manifest.views).output_names == ("features", "pooled")
    assert load(files[manifest.golden.digest])["images"].shape == (4, 32, 32, 3)
    assert len(manifest.starter) == 3
    for reference, view in zip(manifest.starter, manifest.views, strict=True):
        starter = head_file.decode(files[reference.digest])
        assert (starter.width, starter.classes) == (view.width, CLASSES)


def test_two_backbones_become_one_bundle(tmp_path: Path) -> None:
    for seed in (0, 1):
        (tmp_path / f"net{seed}.onnx").write_bytes(tiny_model(seed=seed).SerializeToString())
    views = tuple(ViewRequest(onnx=tmp_path / f"net{seed}.onnx") for seed in (0, 1))
    packed = pack(replace(REQUEST, target=tmp_path / "t", views=views))
    manifest, files = unpacked(packed.path)
    assert manifest.name == "net0-net1"
    assert [view.name for view in manifest.views] == ["net0", "net1"]
    assert len(manifest.variants[0].files) == 2
    assert manifest.requirements.memory_mib > 24, "both are loaded"
    features = load(files[manifest.golden.digest])["features.fp32"]
    assert features.shape == (4, 64)
    assert not np.allclose(features[:, :32], features[:, 32:])


def test_int8_has_every_view_too(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(deep_model().SerializeToString())
    request = replace(
        REQUEST,
        target=tmp_path / "t",
        onnx=tmp_path / "net.onnx",
        views=tuple(ViewRequest(size=size, output="features") for size in (16, 32)),
        int8=True,
        calibrate=class_folder(tmp_path / "classes", size=40),
    )
    manifest, files = unpacked(pack(request).path)
    (file,) = manifest.variant("int8").files
    facts = graph.inspect(files[file.digest], manifest.views)
    assert "QuantizeLinear" in facts.operators
    model = onnx.load_from_string(files[file.digest])
    assert [each.name for each in model.graph.output] == ["features"], "no more than is looked at"


def test_an_output_that_the_graph_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(deep_model().SerializeToString())
    for output, words in (("deep", "no output deep"), (None, "2 outputs instead of one")):
        view = ViewRequest(onnx=tmp_path / "net.onnx", size=16, output=output)
        with pytest.raises(FieldwiseError, match=words) as caught:
            pack(replace(REQUEST, target=tmp_path / "t", views=(view,)))
        assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 16}, "no size"),
        ({"views": (ViewRequest(),)}, "no size, views"),
        ({"starter": Path("s")}, "starter"),
        ({"features": 1}, "1 features"),
        ({"features": 8193}, "8,193 features"),
        ({"backbone": "b"}, "either"),
    ],
    ids=str,
)
def test_readings_take_no_part_of_an_image(
    changes: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "import_module", lambda _name: pytest.fail("began"))
    wanted = replace(REQUEST, readings=Path("r.csv"), **changes)  # type: ignore[arg-type]  # one of many fields
    with pytest.raises(FieldwiseError, match=words) as caught:
        pack(wanted)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
