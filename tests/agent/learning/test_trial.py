import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load, save

from agent.learning.embedder import OnnxEmbedder
from agent.learning.stopping import Stopped
from agent.learning.trial import TrialLimits, TrialResult, try_bundle
from fieldwise import archive
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import readings_bundle, viewed_bundle
from tests.fakes.children import children_of
from tests.fakes.embedder import SIZE, manifest_of

BUNDLE = "a" * 64
TOLERANCE = 1e-3
WIDTH = 3
MANIFEST = manifest_of("colours", WIDTH)
IMAGES = np.random.default_rng(5).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)


def averages(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return ((images - 127.0) / 128.0).mean((1, 2)).astype(np.float32)


def graph(nodes: list[onnx.NodeProto], constants: dict[str, NDArray[np.generic]]) -> bytes:
    built = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    return model.SerializeToString()


def averaging(scale: float = 1.0) -> bytes:
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["features"]),
    ]
    return graph(nodes, {"axes": np.array([2, 3]), "scale": np.array(scale, np.float32)})


def endless() -> bytes:
    """A loop that goes on for longer than anyone lives."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Sin", ["carried"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("Loop", ["steps", "", "mean"], ["features"], body=body),
    ]
    return graph(nodes, {"axes": np.array([2, 3]), "steps": np.array(2**60)})


def greedy() -> bytes:
    """Asks for four terabytes; the shape hangs on the image, so that it cannot be folded away."""
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Mul", ["shape", "many"], ["huge"]),
        helper.make_node("ReduceProd", ["huge"], ["size"], keepdims=1),
        helper.make_node("Min", ["size", "limit"], ["length"]),
        helper.make_node("ConstantOfShape", ["length"], ["features"]),
    ]
    return graph(nodes, {"many": np.array([2**10]), "limit": np.array([2**40])})


def attempt(
    tmp_path: Path,
    content: bytes,
    limits: TrialLimits | None = None,
    golden: bytes | None = None,
) -> TrialResult:
    (tmp_path / "graph").write_bytes(content)
    recorded = golden or save({"images": IMAGES, "features.fp32": averages(IMAGES)})
    (tmp_path / "golden").write_bytes(recorded)
    return try_bundle([tmp_path / "graph"], tmp_path / "golden", BUNDLE, MANIFEST, "fp32", limits)


def refusal(tmp_path: Path, content: bytes, limits: TrialLimits | None = None) -> FieldwiseError:
    with pytest.raises(FieldwiseError) as caught:
        attempt(tmp_path, content, limits)
    return caught.value


def test_a_sound_graph_reproduces_its_golden_features(tmp_path: Path) -> None:
    result = attempt(tmp_path, averaging())
    assert result.golden_error < 1e-5
    assert result.sample_seconds > 0


def test_a_namesake_in_the_folder_of_the_caller_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "__init__.py").write_text("raise SystemExit('another agent')")
    monkeypatch.chdir(tmp_path)
    assert attempt(tmp_path, averaging()).golden_error < 1e-5


def test_other_features_than_the_recorded_are_refused(tmp_path: Path) -> None:
    assert attempt(tmp_path, averaging(1 + TOLERANCE / 2)).golden_error < TOLERANCE
    error = refusal(tmp_path, averaging(1 + TOLERANCE * 2))
    assert error.fault is Fault.GOLDEN_MISMATCH
    assert "differ by 0.002" in error.sentence


def test_a_graph_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    error = refusal(tmp_path, endless(), TrialLimits(wall_seconds=4))
    assert error.fault is Fault.GRAPH_FAILED
    assert "within 4 seconds" in error.sentence


def test_a_graph_that_kills_its_process_leaves_the_agent_alive(tmp_path: Path) -> None:
    error = refusal(tmp_path, endless(), TrialLimits(cpu_seconds=2))
    assert error.fault is Fault.GRAPH_FAILED
    assert "killed its trial process (SIG" in error.sentence


def test_a_trial_that_should_stop_ends_its_process_at_once(tmp_path: Path) -> None:
    (tmp_path / "graph").write_bytes(endless())
    (tmp_path / "golden").write_bytes(save({"images": IMAGES, "features.fp32": averages(IMAGES)}))
    before, seen = children_of(os.getpid()), set()

    def after_the_child_has_begun() -> bool:
        seen.update(children_of(os.getpid()) - before)
        return bool(seen)

    with pytest.raises(Stopped):
        try_bundle(
            [tmp_path / "graph"],
            tmp_path / "golden",
            BUNDLE,
            MANIFEST,
            "fp32",
            should_stop=after_the_child_has_begun,
        )
    assert len(seen) == 1
    assert children_of(os.getpid()) == before


def test_a_graph_that_takes_all_memory_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, greedy())
    assert error.fault is Fault.GRAPH_FAILED


def ring() -> bytes:
    """Two operators that wait for each other."""
    nodes = [
        helper.make_node("Add", ["image", "second"], ["first"]),
        helper.make_node("Identity", ["first"], ["second"]),
        helper.make_node("ReduceMean", ["second", "axes"], ["features"], keepdims=0),
    ]
    return graph(nodes, {"axes": np.array([2, 3])})


def swelling() -> bytes:
    """Doubles the image until it would fill any memory."""
    places = range(40)
    nodes = [
        helper.make_node("Concat", [f"at{place}"] * 2, [f"at{place + 1}"], axis=2)
        for place in places
    ]
    begin = helper.make_node("Identity", ["image"], ["at0"])
    end = helper.make_node("ReduceMean", [f"at{len(places)}", "axes"], ["features"], keepdims=0)
    return graph([begin, *nodes, end], {"axes": np.array([2, 3])})


@pytest.mark.parametrize("make", [ring, swelling])
def test_a_graph_that_no_order_or_no_memory_suffices_for_is_refused(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    error = refusal(tmp_path, make())
    assert error.fault is Fault.GRAPH_FAILED


def test_features_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, averaging(np.inf))
    assert error.fault is Fault.GRAPH_FAILED
    assert "finite" in error.sentence


def test_features_of_another_width_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("ReduceMean", ["image", "axes"], ["features"], keepdims=0)]
    error = refusal(tmp_path, graph(nodes, {"axes": np.array([1, 3])}))
    assert error.fault is Fault.GRAPH_FAILED
    assert "instead of (1, 3)" in error.sentence


@pytest.mark.parametrize("content", [b"", b"rubbish", averaging()[:-40]])
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content).fault is Fault.GRAPH_FAILED


@pytest.mark.parametrize(
    "golden",
    [
        b"rubbish",
        save({"images": IMAGES}),
        save({"images": IMAGES[:, :5], "features.fp32": averages(IMAGES)}),
        save({"images": IMAGES, "features.fp32": averages(IMAGES)[:2]}),
        save({"images": IMAGES[:0], "features.fp32": averages(IMAGES)[:0]}),
    ],
)
def test_a_golden_file_that_is_not_what_it_should_be_is_refused(
    tmp_path: Path, golden: bytes
) -> None:
    with pytest.raises(FieldwiseError) as caught:
        attempt(tmp_path, averaging(), golden=golden)
    assert caught.value.fault is Fault.BUNDLE_INVALID


def test_each_view_must_reproduce_its_own_golden_features(tmp_path: Path) -> None:
    digest, manifest = archive.unpack(viewed_bundle(tmp_path / "b"), tmp_path / "parts")
    graphs = [tmp_path / "parts" / file.digest for file in manifest.variants[0].graphs]
    golden = tmp_path / "parts" / manifest.golden.digest
    assert try_bundle(graphs, golden, digest, manifest, "fp32").golden_error < TOLERANCE
    recorded = load(golden.read_bytes())
    recorded["features.fp32"][:, manifest.columns[2]] *= 1 + 2 * TOLERANCE
    (tmp_path / "other").write_bytes(save(recorded))
    with pytest.raises(FieldwiseError, match=r"differ by 0\.002") as caught:
        try_bundle(graphs, tmp_path / "other", digest, manifest, "fp32")
    assert caught.value.fault is Fault.GOLDEN_MISMATCH


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("yes 0123456789012345678901234567890123456789", "within 2 seconds"),
        ("head -c 50000000 /dev/zero", "broke down"),
        ("head -c 50000000 /dev/zero >&2", "gave no answer"),
        ("printf '\\377\\376'", "gave no answer"),
        ("printf '%0100d' 0 | tr 0 '['", "gave no answer"),
        ("exit 7", "broke down"),
    ],
)
def test_whatever_a_child_says_the_agent_holds_little_of_it_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    """A graph may have taken its process over by then."""
    taken_over(tmp_path, monkeypatch, script)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = refusal(tmp_path, averaging(), TrialLimits(wall_seconds=2))
    assert error.fault is Fault.GRAPH_FAILED
    assert words in error.sentence
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # KiB


def test_what_a_child_leaves_running_is_neither_waited_for_nor_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_over(tmp_path, monkeypatch, f"sleep 1000 & echo $! > {tmp_path}/pid; printf '{{}}'")
    assert attempt(tmp_path, averaging()) == TrialResult()
    left = int((tmp_path / "pid").read_text())
    for _ in range(500):
        if not Path(f"/proc/{left}").exists() or "\nState:\tZ" in status_of(left):
            break
        time.sleep(0.01)
    assert "\nState:\tS" not in status_of(left)


def status_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return ""


def taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let the trial be a script instead of our own module."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def test_the_child_is_bounded_in_all_that_is_told_and_first_to_go_where_memory_is_short(
    tmp_path: Path,
) -> None:
    """As the kernel tells it of the child, while a graph runs that never ends."""
    limits = TrialLimits(memory_bytes=2 << 30, cpu_seconds=50, wall_seconds=100, files=40)
    wanted = {
        "Max address space": limits.memory_bytes,
        "Max cpu time": limits.cpu_seconds,
        "Max open files": limits.files,
        "Max core file size": 0,
        "Max file size": 0,
    }
    (tmp_path / "graph").write_bytes(endless())
    (tmp_path / "golden").write_bytes(save({"images": IMAGES, "features.fp32": averages(IMAGES)}))
    before, seen = children_of(os.getpid()), set()

    def bounded() -> bool:
        for child in children_of(os.getpid()) - before:
            lines = Path(f"/proc/{child}/limits").read_text().splitlines()
            told = {line[:26].strip(): line[26:].split()[:2] for line in lines}
            first = Path(f"/proc/{child}/oom_score_adj").read_text().strip() == "1000"
            if first and all(told[name] == [str(most)] * 2 for name, most in wanted.items()):
                seen.add(child)
        return bool(seen)

    with pytest.raises(Stopped):
        try_bundle(
            [tmp_path / "graph"],
            tmp_path / "golden",
            BUNDLE,
            MANIFEST,
            "fp32",
            limits,
            should_stop=bounded,
        )


def test_readings_are_tried_like_images(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,5\n")
    path = readings_bundle(tmp_path / "b", tmp_path / "t.csv")
    digest, manifest = archive.unpack(path, tmp_path / "parts")
    graphs = [tmp_path / "parts" / file.digest for file in manifest.variants[0].graphs]
    golden = tmp_path / "parts" / manifest.golden.digest
    assert try_bundle(graphs, golden, digest, manifest, "fp32").golden_error < TOLERANCE
    recorded = load(golden.read_bytes())
    (tmp_path / "narrow").write_bytes(save({**recorded, "readings": recorded["readings"][:, :1]}))
    with pytest.raises(FieldwiseError, match="golden samples are float32") as caught:
        try_bundle(graphs, tmp_path / "narrow", digest, manifest, "fp32")
    assert caught.value.fault is Fault.BUNDLE_INVALID


def test_an_unknown_variant_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError, match="no variant int8"):
        try_bundle([tmp_path / "no"], tmp_path / "no", BUNDLE, MANIFEST, "int8")


def test_an_embedder_takes_any_number_of_images(tmp_path: Path) -> None:
    (tmp_path / "graph").write_bytes(averaging())
    embedder = OnnxEmbedder([tmp_path / "graph"], BUNDLE, MANIFEST, "fp32")
    fitted = [embedder.fit(image) for image in IMAGES]
    assert np.allclose(embedder.embed(fitted), averages(IMAGES), atol=1e-6)
    assert embedder.embed(fitted[:1]).shape == (1, WIDTH)
