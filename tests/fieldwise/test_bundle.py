from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.bundle import (
    MANIFEST_BYTES_MAX,
    FileReference,
    Manifest,
    MapReference,
    Preprocessing,
    Readings,
    Transform,
    Variant,
    View,
    check_digest_text,
    decode_manifest,
    digest_of,
    encode_manifest,
)
from fieldwise.errors import Fault, FieldwiseError

GRAPH, SMALL = FileReference("a" * 64, 1000), FileReference("b" * 64, 500)
GOLDEN, STARTER = FileReference("c" * 64, 10), FileReference("d" * 64, 20)
PIXELS = Preprocessing(size=224, mean=(127.0,) * 3, scale=(128.0,) * 3)
VIEW = View("main", PIXELS, 1280)
MANIFEST = Manifest(
    format=1,
    name="net",
    version="1.2.0",
    epoch=3,
    publisher="A House",
    licence="Apache-2.0",
    source="somewhere",
    views=(VIEW,),
    transform=Transform(),
    variants=(Variant("fp32", (GRAPH,), 0.001), Variant("int8", (SMALL,), 0.2)),
    golden=GOLDEN,
)


def changed(**changes: Any) -> bytes:
    return encode_manifest(msgspec.structs.replace(MANIFEST, **changes))


def refused(content: bytes, words: str) -> None:
    with pytest.raises(FieldwiseError, match=words) as caught:
        decode_manifest(content)
    assert caught.value.fault is Fault.BUNDLE_INVALID


def test_a_manifest_reads_back_as_written() -> None:
    assert decode_manifest(encode_manifest(MANIFEST)) == MANIFEST


def test_the_bytes_of_a_manifest_are_pinned() -> None:
    """They are what is addressed and signed: a change here orphans every bundle in the field."""
    expected = "4222a022ad9f7e81"
    assert digest_of(encode_manifest(MANIFEST))[:16] == expected


def test_any_other_spelling_of_the_same_manifest_is_refused() -> None:
    content = encode_manifest(MANIFEST)
    for other in (content.rstrip(), content + b"\n", content.replace(b":", b": ", 1)):
        refused(other, "canonical")


def test_a_field_of_tomorrow_is_refused() -> None:
    refused(encode_manifest(MANIFEST).replace(b'{"epoch"', b'{"beyond":1,"epoch"'), "beyond")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "format"),
        ({"name": "../net"}, "name"),
        ({"name": "Net"}, "name"),
        ({"name": "n" * 65}, "name"),
        ({"version": "1 2"}, "version"),
        ({"epoch": 0}, "epoch"),
        ({"publisher": "a\nb"}, "publisher"),
        ({"licence": "l" * 513}, "licence"),
        ({"views": (View("main", PIXELS, 1),)}, "width"),
        ({"views": (View("main", PIXELS, 8193),)}, "width"),
        ({"views": ()}, "views"),
        ({"variants": ()}, "variants"),
        ({"variants": (MANIFEST.variants[0],) * 2}, "two variants have the same name"),
        ({"variants": (Variant("fp32", (FileReference("A" * 64, 1),), 0.1),)}, "digest"),
        ({"variants": (Variant("fp32", (FileReference("a" * 64, 0),), 0.1),)}, "size"),
        ({"variants": (Variant("fp32", (GRAPH,), 0.0),)}, "golden_error_max"),
        ({"golden": FileReference("../../etc", 1)}, "digest"),
        ({"views": (View("main", Preprocessing(8, (0.0,) * 3, (1.0,) * 3), 9),)}, "size"),
        ({"views": (View("main", Preprocessing(16, (0.0,) * 3, (1.0, 0.0, 1.0)), 9),)}, "scale"),
        ({"transform": Transform(power=0.0)}, "power"),
        ({"name": "net\n"}, "name"),
        ({"version": "1.2.0\n"}, "version"),
        ({"publisher": "A House\n"}, "publisher"),
        ({"variants": (Variant("fp32\n", (GRAPH,), 0.001),)}, "name"),
        ({"golden": FileReference("c" * 64 + "\n", 10)}, "digest"),
        ({"publisher": "right\u202eleft"}, "do not print"),
        ({"licence": "zero\u200bwidth"}, "do not print"),
        ({"source": "mark\ufeff"}, "do not print"),
        (
            {"variants": (Variant("fp32", (FileReference("a" * 64, 2**29 + 1),), 0.1),)},
            "a graph of 536,870,913 bytes",
        ),
        ({"golden": FileReference("c" * 64, 2**28 + 1)}, "a golden file of 268,435,457 bytes"),
        (
            {"starter": (FileReference("d" * 64, 2**31),), "starter_classes": 3},
            "a starter head of 2,147,483,648 bytes",
        ),
        (
            {"maps": (MapReference("e" * 64, FileReference("f" * 64, 2**30)),)},
            "a map of 1,073,741,824 bytes",
        ),
        ({"starter": (STARTER,)}, "go together"),
        ({"starter_classes": 3}, "go together"),
    ],
    ids=str,
)
def test_a_manifest_out_of_bounds_is_refused(changes: dict[str, Any], words: str) -> None:
    refused(changed(**changes), words)


TWO_VIEWS = changed(
    views=(VIEW, View("small", msgspec.structs.replace(PIXELS, size=128), 1280)),
    variants=(Variant("fp32", (GRAPH, GRAPH), 0.001), Variant("int8", (SMALL, SMALL), 0.2)),
)
READINGS = Readings(2, (1.0, 2.0), (1.0, 0.5))


def test_views_share_a_row_and_their_files() -> None:
    manifest = decode_manifest(TWO_VIEWS)
    assert manifest.feature_width == 2560
    assert manifest.columns == (slice(0, 1280), slice(1280, 2560))
    assert manifest.image_size == 224
    assert manifest.variant("fp32").files == (GRAPH,)
    assert manifest.variant("fp32").graph_bytes == 1000
    assert manifest.files == (GRAPH, SMALL, GOLDEN)


def test_readings_are_a_view_too() -> None:
    manifest = decode_manifest(changed(views=(View("main", READINGS, 64),)))
    assert manifest.views[0].input == READINGS
    assert manifest.image_size == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"views": (VIEW, VIEW)}, "two views have the same name"),
        ({"views": (VIEW, View("b", PIXELS, 8000))}, "9,280 features"),
        ({"views": (VIEW, View("b", READINGS, 64))}, "same kind of sample"),
        ({"views": (VIEW,) * 9}, "views"),
        ({"views": (View("../a", PIXELS, 9),)}, "name"),
        ({"views": (View("a", PIXELS, 9, ""),)}, "output"),
        ({"views": (VIEW, View("b", PIXELS, 9, "deep"))}, "1 graphs for 2 views"),
        (
            {
                "views": (VIEW, View("b", PIXELS, 1280)),
                "variants": (Variant("fp32", (GRAPH, GRAPH), 0.1),),
            },
            "two views of variant fp32 are the same",
        ),
        ({"variants": (Variant("fp32", (GRAPH, GRAPH), 0.1),)}, "2 graphs for 1 views"),
        ({"variants": (Variant("fp32", (), 0.1),)}, "graphs"),
        ({"starter": (STARTER, STARTER), "starter_classes": 2}, "2 starter heads for 1 views"),
        ({"views": (View("a", Readings(0, (), ()), 9),)}, "width"),
        ({"views": (View("a", Readings(2, (1.0,), (1.0, 1.0)), 9),)}, "1 means and 2 scales"),
        ({"views": (View("a", Readings(1, (1.0,), (0.0,)), 9),)}, "scale that is not above 0"),
        ({"views": (View("a", Readings(1, (1.0,), (-1.0,)), 9),)}, "scale that is not above 0"),
        ({"views": (View("a", Readings(1025, (1.0,), (1.0,)), 9),)}, "width"),
        ({"views": (View("a", Readings(1024, (1.0,) * 1025, (1.0,)), 9),)}, "mean"),
    ],
)
def test_views_that_do_not_fit_together_are_refused(changes: dict[str, Any], words: str) -> None:
    refused(changed(**changes), words)


@pytest.mark.parametrize("number", [b"1e999", b"NaN", b"-1e999"])
def test_a_scale_without_end_is_refused(number: bytes) -> None:
    content = changed(views=(View("main", READINGS, 64),))
    for field in (b'"mean":[1.0', b'"scale":[1.0'):
        refused(content.replace(field, field[:-3] + number), "manifest|view main")


def test_a_manifest_over_the_size_limit_is_refused() -> None:
    refused(b" " * (MANIFEST_BYTES_MAX + 1), "bytes long")


def test_a_deeply_nested_manifest_is_refused() -> None:
    refused(b"[" * 50_000, "not valid")


@given(st.binary(max_size=300))
def test_rubbish_is_refused(content: bytes) -> None:
    refused(content, "manifest")


def test_files_come_once_each_in_the_order_of_transport() -> None:
    shared = tuple(
        Variant(name, (file,), 0.1) for name, file in (("a", GRAPH), ("b", GRAPH), ("c", SMALL))
    )
    whole = msgspec.structs.replace(
        MANIFEST, variants=shared, starter=(STARTER,), starter_classes=2
    )
    assert whole.files == (GRAPH, SMALL, GOLDEN, STARTER)
    assert MANIFEST.files == (GRAPH, SMALL, GOLDEN)


def test_a_variant_is_found_by_name_or_its_absence_said() -> None:
    assert MANIFEST.variant("int8").graphs == (SMALL,)
    with pytest.raises(FieldwiseError, match=r"net:1\.2\.0 has no variant fp16") as caught:
        MANIFEST.variant("fp16")
    assert caught.value.fault is Fault.BUNDLE_UNSUITABLE


@pytest.mark.parametrize("text", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n", "../" * 20])
def test_a_text_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError, match="64 hexadecimal digits"):
        check_digest_text(text)


def test_a_digest_passes_as_it_is() -> None:
    assert check_digest_text("0123456789abcdef" * 4) == "0123456789abcdef" * 4


def test_maps_from_other_bundles_are_files_of_the_bundle_like_all_others() -> None:
    maps = (MapReference("e" * 64, STARTER), MapReference("f" * 64, SMALL))
    manifest = decode_manifest(changed(maps=maps))
    assert manifest.carriers == maps
    assert STARTER in manifest.files
    assert MANIFEST.carriers == ()


def test_two_maps_from_one_bundle_are_refused() -> None:
    maps = (MapReference("e" * 64, STARTER), MapReference("e" * 64, SMALL))
    refused(changed(maps=maps), "same bundle")
    refused(changed(maps=()), "maps")
    refused(changed(maps=tuple(MapReference(f"{n:064x}", STARTER) for n in range(9))), "maps")
