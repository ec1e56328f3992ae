"""Targets that are files: bundles and what is in them, heads, images, backups."""

import asyncio
import gzip
import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from PIL import Image
from safetensors.numpy import save

from agent.learning import golden
from aggregator import keeping
from aggregator.work import Kept
from fieldwise import (
    affine_file,
    archive,
    bundle,
    global_head,
    graph,
    head_file,
    images,
    readings,
)
from fieldwise.errors import Fault
from fieldwise.onnx.v1 import onnx_pb2
from orchestrator import backup_file, backup_format
from orchestrator.storage.sql import copying
from tests.fuzz.choices import Choices
from tests.fuzz.messages import fill
from tests.fuzz.spoiling import patched
from tests.fuzz.target import JSON, TENSORS, Target

SCRATCH = TemporaryDirectory(prefix="fieldwise-fuzz-")
VIEW = bundle.View("main", bundle.Preprocessing(16, (0.0,) * 3, (1.0,) * 3), 8)


def scratch(name: str, content: bytes) -> Path:
    """A file of these bytes, in memory where the machine has such a folder."""
    path = Path(SCRATCH.name) / name
    path.write_bytes(content)
    return path


@cache
def bundled() -> bytes:
    """A small bundle file, of which no byte was made by chance."""
    contents = [b"graph" * 100, b"golden" * 50]
    graph_file, golden_file = (
        bundle.FileReference(bundle.digest_of(each), len(each)) for each in contents
    )
    manifest = bundle.Manifest(
        format=1,
        name="tiny",
        version="1.0.0",
        epoch=1,
        publisher="p",
        licence="l",
        source="s",
        views=(VIEW,),
        transform=bundle.Transform(),
        variants=(bundle.Variant("fp32", (graph_file,), 0.1),),
        golden=golden_file,
    )
    path = Path(SCRATCH.name) / "bundle"
    archive.write(path, manifest, {bundle.digest_of(each): each for each in contents})
    return path.read_bytes()


def manifest() -> bundle.Manifest:
    return archive.Reader(io.BytesIO(bundled())).manifest


def read_archive(content: bytes) -> None:
    for _, pieces in archive.Reader(io.BytesIO(content)).files():
        for _ in pieces:
            pass


def unpack(content: bytes) -> None:
    with TemporaryDirectory(dir=SCRATCH.name) as folder:
        try:
            archive.unpack(scratch("incoming", content), Path(folder) / "bundles")
        finally:
            outside = [each for each in Path(folder).iterdir() if each.name != "bundles"]
            assert outside == []


def model() -> bytes:
    """A graph that is taken: one product with weights of 8 features."""
    weights = onnx_pb2.Tensor(name="mix", dims=[3, 8], data_type=1, raw_data=bytes(96))
    made: Any = onnx_pb2.Model(ir_version=8, opset_import=[onnx_pb2.OperatorSet(version=17)])
    made.graph.initializer.append(weights)
    for operator in ("GlobalAveragePool", "Flatten", "MatMul"):
        made.graph.node.add(op_type=operator)
    for value, sizes in (
        (made.graph.input.add(name="images"), (None, 3, 16, 16)),
        (made.graph.output.add(name="features"), (None, 8)),
    ):
        value.type.tensor_type.elem_type = 1
        for size in sizes:
            dim = value.type.tensor_type.shape.dim.add()
            if size is not None:
                dim.dim_value = size
    return bytes(made.SerializeToString())


def spoiled_model(seed: bytes, choices: Choices) -> bytes:
    """Change messages somewhere inside of a graph."""
    made: Any = onnx_pb2.Model.FromString(seed)
    for _ in range(1 + choices.below(4)):
        place = made
        for _ in range(choices.below(7)):
            children = [value for field, value in place.ListFields() if field.message_type]
            if not children:
                break
            chosen = choices.one_of(children)
            place = chosen[choices.below(len(chosen))] if hasattr(chosen, "add") else chosen
        fill(place, choices, depth=2)
    return bytes(made.SerializeToString())


def pictures() -> Sequence[bytes]:
    made = []
    pixels = np.random.default_rng(1).integers(0, 255, (24, 32, 3)).astype(np.uint8)
    for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, form)
        made.append(stream.getvalue())
    grey, stream = Image.fromarray(pixels[:, :, 0]), io.BytesIO()
    grey.convert("LA").save(stream, "PNG")
    return [*made, stream.getvalue()]


def see(content: bytes) -> None:
    limits = images.Limits(bytes_max=65_536, pixels_max=250_000, whole_pixels_max=250_000)
    pixels = images.decode(content, limits)
    assert pixels.dtype == np.uint8
    images.load(content, bundle.Preprocessing(16, (0.0,) * 3, (1.0,) * 3), limits)


def heads() -> Sequence[bytes]:
    metadata = {"format": 1, "bundle": "a" * 64, "transform": {}, "classes": ["apple", "pear"]}
    tensors = {
        "counts": np.array([3, 2]),
        "sums": np.ones((2, 3)),
        "scatter": np.ones(6),
    }
    return [save(tensors, {"fieldwise": json.dumps(metadata)})]


def global_heads() -> Sequence[bytes]:
    space = {"bundle": "a" * 64, "transform": "b" * 64, "widths": [3]}
    told = {"format": 1, "campaign": "c7", "kind": "means", "level": "weights", "space": space}
    metadata = {"fieldwise": json.dumps({**told, "classes": ["apple", "pear"]})}
    common = {"ids": np.array([1, 4]), "counts": np.array([3, 2])}
    rows = {"rows": np.ones((2, 3), np.float32), "0.factor": np.ones((1, 3), np.float32)}
    exact = {"fieldwise": json.dumps({**told, "level": "statistics", "classes": ["a", "b"]})}
    sums = {"sums": np.ones((2, 3)), "0.scatter": np.ones(6)}
    return [save(common | rows, metadata), save(common | sums, exact)]


def maps() -> Sequence[bytes]:
    view = {"source": "main", "pairs": 9, "error": 0.25}
    tensors = {
        "0.matrix": np.ones((2, 3), np.float32),
        "0.offset": np.zeros(2, np.float32),
        "0.residual": np.array([1, 0, 1], np.float32),
    }
    return [save(tensors, {"fieldwise": json.dumps({"format": 1, "views": [view]})})]


def goldens() -> Sequence[bytes]:
    samples = np.zeros((2, 16, 16, 3), np.uint8)
    return [save({"images": samples, "features.fp32": np.ones((2, 8), np.float32)}, {"x": "{}"})]


def read_golden(content: bytes) -> None:
    golden.read_golden(scratch("golden", content), manifest(), "fp32")


def kept() -> Sequence[bytes]:
    held = {3: Kept(2, {"momentum_vector": np.ones(4, np.float32)})}
    return [keeping.encode("fedavgm", held)]


HEAD = backup_format.Head(
    format=1,
    program="0.1.0",
    made_at=1_800_000_000.5,
    fleet="bakery",
    database="sqlite",
    tables_version="0001",
    tables=(backup_format.Columns("tickets", ("id", "uses")),),
    with_bundles=True,
)


def backups() -> Sequence[bytes]:
    async def pieces() -> Any:
        yield b"content"

    async def written() -> bytes:
        stream = io.BytesIO()
        writer = backup_file.Writer(stream, HEAD)
        writer.keys(b"{}", "a-token")
        writer.part("tickets", 1, b'["t1",2]\n')
        digest = bundle.digest_of(b"content")
        await writer.content(digest, 7, pieces())
        writer.end((backup_format.Content(digest, 7, included=True),))
        return stream.getvalue()

    return [asyncio.run(written())]


def read_backup(content: bytes) -> None:
    reader = backup_file.Reader(io.BytesIO(content))
    for _ in reader.members():
        pass


def bombs(seed: bytes, choices: Choices) -> bytes:
    """A part of rows that inflates to far more than it is."""
    packed = gzip.compress(bytes(1 << (10 + choices.below(16))), 6, mtime=0)
    name = "rows/tickets/000001.gz"
    start = seed.index(name.encode())
    header = archive.header(name, len(packed), 0o600)
    return seed[:start] + header + packed + archive.padding(len(packed)) + patched(b"", choices)


def rows(content: bytes) -> None:
    choices = Choices(content)
    table = choices.one_of(sorted(copying.metadata.tables))
    names = sorted(copying.metadata.tables[table].c.keys())
    chosen = tuple(dict.fromkeys(choices.one_of(names) for _ in range(1 + choices.below(4))))
    row = json.dumps([choices.value() for _ in chosen]).encode()
    lines = row if choices.below(2) else choices.rest()
    copying.rows_of(backup_format.Columns(table, chosen), lines)


def encoded_readings() -> Sequence[bytes]:
    return [readings.encode(np.ones(3, np.float32))]


TARGETS = (
    Target("archive", read_archive, lambda: [bundled()], ("fieldwise.archive",)),
    Target("archive-unpacked", unpack, lambda: [bundled()], ("fieldwise.archive",)),
    Target(
        "manifest",
        bundle.decode_manifest,
        lambda: [bundle.encode_manifest(manifest())],
        ("fieldwise.bundle",),
        JSON,
    ),
    Target(
        "graph",
        lambda content: graph.inspect(content, (VIEW,)),
        lambda: [model()],
        ("fieldwise.graph", "fieldwise.skim"),
        (spoiled_model,),
    ),
    Target("image", see, pictures, ("fieldwise.images",)),
    Target("image-kept", images.encode_exemplar, pictures, ("fieldwise.images",)),
    Target("readings", readings.decode, encoded_readings, ("fieldwise.readings",)),
    Target(
        "starter-head",
        lambda content: head_file.decode(content, None, Fault.BUNDLE_INVALID),
        heads,
        ("fieldwise.head_file", "fieldwise.tensor_file"),
        TENSORS,
    ),
    Target("global-head", global_head.decode, global_heads, ("fieldwise.global_head",), TENSORS),
    Target(
        "affine-map",
        lambda content: affine_file.decode(content, (2,)),
        maps,
        ("fieldwise.affine_file",),
        TENSORS,
    ),
    Target("golden", read_golden, goldens, ("agent.learning.golden",), TENSORS),
    Target(
        "kept-by-strategy",
        lambda content: keeping.decode(content, "fedavgm"),
        kept,
        ("aggregator.keeping",),
        TENSORS,
    ),
    Target("backup", read_backup, backups, ("orchestrator.backup_file",), (bombs,)),
    Target(
        "backup-head",
        backup_format.decode_head,
        lambda: [msgspec.json.encode(HEAD)],
        ("orchestrator.backup_format",),
        JSON,
    ),
    Target(
        "backup-manifest",
        backup_format.decode_manifest,
        lambda: [b'{"rows":[],"contents":[],"sha256":""}'],
        ("orchestrator.backup_format",),
        JSON,
    ),
    Target("backup-rows", rows, modules=("orchestrator.storage.sql.copying",), plain=True),
)
