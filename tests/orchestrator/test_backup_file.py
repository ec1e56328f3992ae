"""What is no backup, or one no more, is refused before anybody believes a byte of it."""

import gzip
import io
import random
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.backup_file import Inside, Part, Reader, Writer
from orchestrator.backup_format import (
    KEYS_BYTES_MAX,
    PART_BYTES_MAX,
    Columns,
    Content,
    Head,
    Manifest,
)

CONTENT = bytes(range(256)) * 1500  # more than a piece
DIGEST = digest_of(CONTENT)
TABLES = (Columns("devices", ("id", "rows")), Columns("tickets", ("number",)), Columns("x", ("y",)))
HEAD = Head(
    format=1,
    program="0.1.0",
    made_at=1_800_000_000.5,
    fleet="bakery",
    database="sqlite",
    tables_version="0001",
    tables=TABLES,
    with_bundles=True,
)
PARTS = (
    Part("devices", b'["a",1]\n["b",2]\n'),
    Part("devices", b'["c",3]\n'),
    Part("tickets", b"[1]\n"),
)
LACKING = digest_of(b"lacking")
CONTENTS = (Content(DIGEST, len(CONTENT), included=True), Content(LACKING, 7, included=False))


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def written(head: Head = HEAD, parts: tuple[Part, ...] = PARTS) -> bytes:
    stream = io.BytesIO()
    writer = Writer(stream, head)
    writer.keys(b"authority", "a-token")
    for each in parts:
        writer.part(each.table, each.lines.count(b"\n"), each.lines)
    await writer.content(DIGEST, len(CONTENT), pieces(CONTENT))
    writer.end(CONTENTS)
    return stream.getvalue()


def read(content: bytes) -> tuple[Reader, list[Part], dict[str, bytes]]:
    reader = Reader(io.BytesIO(content))
    parts, inside = [], {}
    for each in reader.members():
        if isinstance(each, Part):
            parts.append(each)
        else:
            inside[each.digest] = b"".join(each.pieces)
    return reader, parts, inside


def refused(content: bytes) -> str:
    with pytest.raises(FieldwiseError) as caught:
        read(content)
    assert caught.value.fault is Fault.BACKUP_INVALID
    return caught.value.sentence


def member(name: str, content: bytes, form: int = tarfile.USTAR_FORMAT, **fields: Any) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    for field, value in fields.items():
        setattr(info, field, value)
    header = info.tobuf(format=form)
    return header + content + bytes(-len(content) % 512)


def beginning() -> bytes:
    keys = member("authority.json", b"authority") + member("operator-token", b"a-token")
    return member("backup.json", msgspec.json.encode(HEAD)) + keys


async def test_what_was_written_is_read_again() -> None:
    reader, parts, inside = read(await written())
    assert reader.head == HEAD
    assert (reader.authority, reader.token) == (b"authority", "a-token")
    assert tuple(parts) == PARTS
    assert inside == {DIGEST: CONTENT}
    assert reader.manifest is not None
    assert reader.manifest.devices == 3
    assert reader.manifest.contents == CONTENTS


async def test_keys_of_publishers_are_inside_where_there_are_any() -> None:
    stream = io.BytesIO()
    writer = Writer(stream, HEAD)
    writer.keys(b"authority", "a-token", b"publisher")
    for each in PARTS:
        writer.part(each.table, each.lines.count(b"\n"), each.lines)
    writer.end(())
    reader, parts, _ = read(stream.getvalue())
    assert (reader.token, reader.publisher) == ("a-token", b"publisher")
    assert tuple(parts) == PARTS
    assert read(await written())[0].publisher == b""


async def test_it_is_a_tar_that_other_tools_read() -> None:
    with tarfile.open(fileobj=io.BytesIO(await written())) as found:
        names = found.getnames()
        assert names == [
            "backup.json",
            "authority.json",
            "operator-token",
            "rows/devices/000001.gz",
            "rows/devices/000002.gz",
            "rows/tickets/000001.gz",
            f"bundles/{DIGEST}",
            "manifest.json",
        ]
        rows = found.extractfile(names[3])
        assert rows is not None
        assert gzip.decompress(rows.read()) == PARTS[0].lines


async def test_the_same_rows_are_the_same_bytes() -> None:
    assert await written() == await written()


async def test_content_that_nobody_looks_at_is_proved_all_the_same() -> None:
    content = await written()
    at = content.index(CONTENT[:256]) + 300_000
    spoiled = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    reader = Reader(io.BytesIO(spoiled))
    with pytest.raises(FieldwiseError, match=DIGEST[:12]):
        for _ in reader.members():
            pass
    assert reader.manifest is None


async def test_a_file_that_was_cut_off_anywhere_is_refused() -> None:
    content = await written()
    edges = set(range(0, len(content), 512)) | {len(content) - 1}
    dice = random.Random(7)
    for length in edges | {dice.randrange(len(content)) for _ in range(50)}:
        refused(content[:length])


async def test_a_file_with_any_byte_changed_is_refused() -> None:
    content = await written()
    dice = random.Random(11)
    # Every byte of what is small, and some of what is large.
    inside = content.index(CONTENT[:256])
    places = [*range(inside), *range(len(content) - 3000, len(content))]
    places += [dice.randrange(len(content)) for _ in range(100)]
    for at in places[:: max(1, len(places) // 700)]:
        changed = bytes([content[at] ^ (1 << dice.randrange(8))])
        refused(content[:at] + changed + content[at + 1 :])


async def test_nothing_may_follow_the_end() -> None:
    content = await written()
    assert "follows its end" in refused(content + b"\0")
    assert "follows its end" in refused(content + member("more", b"x"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"rubbish" * 1000,
        bytes(10_240),
        member("manifest.json", b"{}"),
        member("backup.json", b""),
        member("backup.json", b"{}"),
        member("backup.json", b"[" * 100_000),
        member("backup.json", b'{"format": "1"}'),
        member("../backup.json", b"{}"),
        member("backup.json", b"{}", type=tarfile.SYMTYPE),
        member("backup.json", b"{}", uid=1),
        member("backup.json", b"{}", tarfile.PAX_FORMAT, pax_headers={"path": "x" * 200}),
        member("a" * 200, b"{}", tarfile.GNU_FORMAT),
        gzip.compress(member("backup.json", b"{}"), mtime=0),
    ],
)
def test_what_does_not_begin_as_a_backup_is_none(content: bytes) -> None:
    refused(content)


def test_members_that_are_too_large_are_not_read() -> None:
    huge = tarfile.TarInfo("backup.json")
    huge.size, huge.mode = 8**11 - 1, 0o600
    assert "the limit is" in refused(huge.tobuf(format=tarfile.USTAR_FORMAT) + b"x")
    authority = member("authority.json", b"x" * (KEYS_BYTES_MAX + 1))
    head = member("backup.json", msgspec.json.encode(HEAD))
    assert "the limit is" in refused(head + authority)
    part = tarfile.TarInfo("rows/devices/000001.gz")
    part.size, part.mode = PART_BYTES_MAX + 1, 0o600
    assert "the limit is" in refused(beginning() + part.tobuf(format=tarfile.USTAR_FORMAT))
    end = tarfile.TarInfo("manifest.json")
    end.size, end.mode = 2**30, 0o600
    assert "the limit is" in refused(beginning() + end.tobuf(format=tarfile.USTAR_FORMAT))


def test_rows_that_would_unpack_without_end_are_not_unpacked() -> None:
    bomb = gzip.compress(bytes(PART_BYTES_MAX + 1), mtime=0)
    assert len(bomb) < 100_000
    told = refused(beginning() + member("rows/devices/000001.gz", bomb))
    assert "unpack to more than" in told


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"rubbish",
        gzip.compress(b"", mtime=0),
        gzip.compress(b"no line end", mtime=0),
        gzip.compress(b"[1]\n", mtime=0)[:-1],
        gzip.compress(b"[1]\n", mtime=0) + b"x",
        gzip.compress(b"[1]\n", mtime=0) * 2,
    ],
)
def test_rows_that_are_not_packed_whole_and_alone_are_refused(packed: bytes) -> None:
    assert "damaged" in refused(beginning() + member("rows/devices/000001.gz", packed))


@pytest.mark.parametrize(
    "name",
    [
        "rows/devices/000002.gz",
        "rows/unknown/000001.gz",
        "rows/x/000001.gz/../../../etc/passwd",
        "bundles/../../etc/passwd",
        f"bundles/{DIGEST.upper()}",
        "bundles/",
        "backup.json",
    ],
)
def test_a_member_that_does_not_belong_where_it_stands_is_refused(name: str) -> None:
    refused(beginning() + member(name, gzip.compress(b"[1]\n", mtime=0)))


async def test_a_table_of_the_head_stands_in_its_place() -> None:
    swapped = (PARTS[2], PARTS[0], PARTS[1])
    assert "does not belong where it stands" in refused(await written(parts=swapped))


async def test_a_manifest_that_says_otherwise_is_refused() -> None:
    content = await written()
    at = content.rindex(member("manifest.json", b"")[:100].rstrip(b"\0"))
    end = content[at + 512 :]
    manifest = msgspec.json.decode(end[: end.rindex(b"}") + 1], type=Manifest)
    changes: tuple[Callable[[Manifest], Manifest], ...] = (
        lambda each: msgspec.structs.replace(each, rows=each.rows[1:]),
        lambda each: msgspec.structs.replace(each, contents=()),
        lambda each: msgspec.structs.replace(each, sha256="0" * 64),
    )

    def ended(said: Manifest) -> bytes:
        return content[:at] + member("manifest.json", msgspec.json.encode(said)) + bytes(1024)

    assert read(ended(manifest))[0].manifest == manifest
    for change in changes:
        refused(ended(change(manifest)))


def test_a_backup_of_a_newer_format_says_so() -> None:
    head = {**msgspec.to_builtins(HEAD), "format": 2, "colour": "blue"}
    told = refused(member("backup.json", msgspec.json.encode(head)))
    assert "format 2" in told
    assert "update" in told


def test_a_table_is_named_once() -> None:
    head = msgspec.structs.replace(HEAD, tables=(TABLES[0], TABLES[0]))
    assert "twice" in refused(member("backup.json", msgspec.json.encode(head)) + member("x", b""))


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"x", CONTENT[:-1] + b"x"])
async def test_content_that_was_spoiled_in_the_store_ends_a_backup(content: bytes) -> None:
    writer = Writer(io.BytesIO(), HEAD)
    writer.keys(b"authority", "a-token")
    with pytest.raises(FieldwiseError) as caught:
        await writer.content(DIGEST, len(CONTENT), pieces(content))
    assert caught.value.fault is Fault.DIGEST_MISMATCH


async def test_a_reader_holds_a_part_and_no_more() -> None:
    class Asked(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            self.largest = max(self.largest, size)
            return super().read(size)

    content = await written()
    stream = Asked(content)
    members: Iterator[Part | Inside] = Reader(stream).members()
    for _ in members:
        pass
    assert stream.largest <= 256 * 1024
