import errno
import hashlib
import io
import resource
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise import archive
from fieldwise.bundle import (
    FileReference,
    Manifest,
    Preprocessing,
    Transform,
    Variant,
    View,
    encode_manifest,
)
from fieldwise.errors import Fault, FieldwiseError

GRAPH = bytes(range(256)) * 5000  # 1.28 MB: more than one piece
GOLDEN = b"recorded features"


def reference(content: bytes) -> FileReference:
    return FileReference(hashlib.sha256(content).hexdigest(), len(content))


def manifest_of(graph: FileReference, golden: FileReference) -> Manifest:
    return Manifest(
        format=1,
        name="plain",
        version="1",
        epoch=1,
        publisher="p",
        licence="l",
        source="s",
        views=(View("main", Preprocessing(16, (0.0,) * 3, (1.0,) * 3), 8),),
        variants=(Variant("fp32", (graph,), 0.1),),
        transform=Transform(),
        golden=golden,
    )


MANIFEST = manifest_of(reference(GRAPH), reference(GOLDEN))
CONTENTS = {reference(each).digest: each for each in (GRAPH, GOLDEN)}
HEAD = encode_manifest(MANIFEST)
DIGEST = hashlib.sha256(HEAD).hexdigest()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "plain.bundle"
    assert archive.write(path, MANIFEST, CONTENTS) == DIGEST
    return path.read_bytes()


def read_all(content: bytes) -> dict[str, bytes]:
    reader = archive.Reader(io.BytesIO(content))
    return {file.digest: b"".join(pieces) for file, pieces in reader.files()}


def refused(content: bytes) -> FieldwiseError:
    with pytest.raises(FieldwiseError) as caught:
        read_all(content)
    assert caught.value.fault in {Fault.BUNDLE_INVALID, Fault.DIGEST_MISMATCH}
    return caught.value


def member(title: str, content: bytes, **changes: Any) -> bytes:
    info = tarfile.TarInfo(title)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info.tobuf(format=tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


MEMBERS = [
    ("manifest.json", HEAD),
    (reference(GRAPH).digest, GRAPH),
    (reference(GOLDEN).digest, GOLDEN),
]


def joined(*members: bytes) -> bytes:
    return b"".join(members) + bytes(1024)


def test_what_is_written_is_read_back(whole: bytes) -> None:
    assert read_all(whole) == CONTENTS


def test_equal_bundles_are_equal_bytes(whole: bytes, tmp_path: Path) -> None:
    archive.write(tmp_path / "again", MANIFEST, CONTENTS)
    assert (tmp_path / "again").read_bytes() == whole


def test_every_tar_program_can_list_it(whole: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
        assert [(each.name, each.size) for each in tar] == [(n, len(c)) for n, c in MEMBERS]


def test_contents_that_differ_from_the_manifest_are_not_written(tmp_path: Path) -> None:
    wrong = CONTENTS | {reference(GRAPH).digest: b"other"}
    with pytest.raises(FieldwiseError) as caught:
        archive.write(tmp_path / "b", MANIFEST, wrong)
    assert caught.value.fault is Fault.DIGEST_MISMATCH
    assert not list(tmp_path.iterdir())


def test_no_piece_is_larger_than_promised(whole: bytes) -> None:
    reader = archive.Reader(io.BytesIO(whole))
    sizes = [len(piece) for _, pieces in reader.files() for piece in pieces]
    assert max(sizes) <= archive.CHUNK_BYTES
    assert sum(sizes) == len(GRAPH) + len(GOLDEN)


def test_a_stream_that_trickles_is_read_like_any_other(whole: bytes) -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 4099))

    reader = archive.Reader(Trickle(whole))
    assert {f.digest: b"".join(pieces) for f, pieces in reader.files()} == CONTENTS


def test_a_file_that_nobody_reads_is_verified_all_the_same(whole: bytes) -> None:
    damaged = whole.replace(GOLDEN, b"recorded failures")
    with pytest.raises(FieldwiseError) as caught:
        for _ in archive.Reader(io.BytesIO(damaged)).files():
            pass
    assert caught.value.fault is Fault.DIGEST_MISMATCH


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


def test_a_changed_byte_outside_of_the_manifest_is_refused(whole: bytes) -> None:
    last = len(whole)
    for place in (*range(0, 512, 7), *range(1536, 4096, 61), last // 2, last - 1025, last - 1):
        refused(flipped(whole, place))


def test_a_changed_byte_of_the_manifest_is_refused_or_makes_another_bundle(whole: bytes) -> None:
    others = 0
    for place in range(512, 512 + len(HEAD)):
        with suppress(FieldwiseError):
            others += archive.Reader(io.BytesIO(flipped(whole, place))).digest != DIGEST
    assert 0 < others < len(HEAD)


def test_a_file_cut_short_anywhere_is_refused(whole: bytes) -> None:
    for length in (0, 1, 511, 512, 600, 1024, 1536, 5000, len(whole) - 1024, len(whole) - 1):
        refused(whole[:length])


def test_bytes_behind_the_end_are_refused(whole: bytes) -> None:
    assert "follows" in refused(whole + b"\0").sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "manifest.json"},
        {"type": tarfile.CHRTYPE},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
        {"type": tarfile.GNUTYPE_SPARSE},
        {"mode": 0o4755},
        {"uid": 1000},
        {"mtime": 1},
        {"uname": "root"},
        {"name": "../" + reference(GRAPH).digest[3:]},
        {"name": "/" + reference(GRAPH).digest[1:]},
        {"name": "d/" + reference(GRAPH).digest},
        {"name": reference(GRAPH).digest.upper()},
    ],
    ids=str,
)
def test_a_member_that_is_not_a_plain_file_of_the_manifest_is_refused(
    changes: dict[str, Any],
) -> None:
    head, graph, golden = MEMBERS
    content = joined(member(*head), member(*graph, **changes), member(*golden))
    assert refused(content).fault is Fault.BUNDLE_INVALID


def test_missing_extra_repeated_and_swapped_members_are_refused() -> None:
    head, graph, golden = (member(*each) for each in MEMBERS)
    for members in (
        (head, graph),
        (head, golden, graph),
        (head, graph, graph, golden),
        (head, graph, golden, member("more", b"x")),
        (graph, golden),
        (graph, head, golden),
    ):
        refused(joined(*members))


def test_extended_headers_are_refused() -> None:
    head, graph, golden = MEMBERS
    info = tarfile.TarInfo(graph[0])
    info.size = len(GRAPH)
    info.pax_headers = {"path": "../escaped"}
    pax = info.tobuf(format=tarfile.PAX_FORMAT) + GRAPH
    refused(joined(member(*head), pax, member(*golden)))


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_long_names_as_gnu_writes_them_are_refused(kind: bytes) -> None:
    head, graph, golden = MEMBERS
    name = b"../" * 60 + b"escaped\0"
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = kind, len(name)
    long = info.tobuf(format=tarfile.USTAR_FORMAT) + name.ljust(512, b"\0")
    refused(joined(member(*head), long + member(*graph), member(*golden)))


def test_a_manifest_of_absurd_size_is_refused_before_it_is_read() -> None:
    info = tarfile.TarInfo("manifest.json")
    info.size = 8**11 - 1
    assert "does not begin" in refused(info.tobuf(format=tarfile.USTAR_FORMAT)).sentence


@given(st.binary(max_size=2000))
def test_rubbish_is_refused(content: bytes) -> None:
    refused(content)


@given(st.binary(max_size=700))
def test_rubbish_behind_a_true_manifest_is_refused(content: bytes) -> None:
    refused(member(*MEMBERS[0]) + content)


def test_unpacking_lays_every_file_under_its_digest(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plain.bundle"
    path.write_bytes(whole)
    digest, manifest = archive.unpack(path, tmp_path / "store")
    assert (digest, manifest) == (DIGEST, MANIFEST)
    found = {each.name: each.read_bytes() for each in (tmp_path / "store").iterdir()}
    assert found == CONTENTS | {DIGEST: HEAD}


def test_unpacking_twice_changes_nothing(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plain.bundle"
    path.write_bytes(whole)
    first = archive.unpack(path, tmp_path / "store")
    assert archive.unpack(path, tmp_path / "store") == first
    assert len(list((tmp_path / "store").iterdir())) == 3


def test_a_damaged_bundle_leaves_the_folder_as_it_was(whole: bytes, tmp_path: Path) -> None:
    path, store = tmp_path / "plain.bundle", tmp_path / "store"
    path.write_bytes(whole.replace(GOLDEN, b"recorded failures"))
    store.mkdir()
    (store / "other").write_text("kept")
    with pytest.raises(FieldwiseError) as caught:
        archive.unpack(path, store)
    assert caught.value.fault is Fault.DIGEST_MISMATCH
    assert [each.name for each in store.iterdir()] == ["other"]


@pytest.fixture
def small_files_only() -> Iterator[None]:
    """The kernel refuses to let any file grow beyond 1 MB, as a full disk or a quota would."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_full_disk_leaves_the_folder_as_it_was(
    whole: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path, store = tmp_path / "plain.bundle", tmp_path / "store"
    path.write_bytes(whole)
    store.mkdir()
    request.getfixturevalue("small_files_only")
    with pytest.raises(FieldwiseError) as caught:
        archive.unpack(path, store)
    assert caught.value.fault is Fault.DISK_FULL
    assert not list(store.iterdir())


def test_a_full_disk_keeps_the_bundle_that_was_there(
    tmp_path: Path, small_files_only: None
) -> None:
    path = tmp_path / "plain.bundle"
    path.write_bytes(b"the old one")
    with pytest.raises(FieldwiseError) as caught:
        archive.write(path, MANIFEST, CONTENTS)
    assert caught.value.fault is Fault.DISK_FULL
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"the old one"]


def test_other_failures_of_the_disk_are_not_called_full(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "broken disk")

    path = tmp_path / "plain.bundle"
    path.write_bytes(whole)
    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="broken disk"):
        archive.unpack(path, tmp_path / "store")
    assert not list((tmp_path / "store").iterdir())


@pytest.mark.parametrize("fatal", range(1, 6))
def test_killed_at_any_flush_no_half_file_has_a_final_name(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    """Flushes: graph, golden, manifest, the folder with the files, the folder with the manifest."""
    path, store = tmp_path / "plain.bundle", tmp_path / "store"
    path.write_bytes(whole)
    flushes = iter(range(1, 100))
    monkeypatch.setattr("os.fsync", lambda _: kill() if next(flushes) == fatal else None)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)  # the dead tidy nothing up
    with pytest.raises(Killed):
        archive.unpack(path, store)
    monkeypatch.undo()
    named = {each.name: each.read_bytes() for each in store.iterdir() if each.is_file()}
    assert named.items() <= (CONTENTS | {DIGEST: HEAD}).items()
    assert DIGEST not in named or len(named) == 3
    archive.sweep(store)
    assert all(each.is_file() for each in store.iterdir())
    assert archive.unpack(path, store)[0] == DIGEST


class Killed(BaseException):
    pass


def kill() -> None:
    raise Killed


def test_a_bundle_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError, match=r"absent\.bundle cannot be read") as caught:
        archive.unpack(tmp_path / "absent.bundle", tmp_path / "store")
    assert caught.value.fault is Fault.NOT_FOUND
