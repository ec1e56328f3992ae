"""What is agreed on about signed backbones: names, paths, floors, reports; rubbish is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise import wire
from fieldwise.bundle import Name, Version
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import (
    BYTES_MAX,
    FLOOR_FIELD,
    TITLE,
    VERSION_MAX,
    Listed,
    PublisherReport,
    PublisherTrouble,
    Role,
    custom_of,
    floor_from,
    listed_from,
    name_of,
    parse_name,
    path_of,
)
from fieldwise.trust_messages import report_from, report_to
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2

DIGEST = "ab" * 32
LISTED = Listed(DIGEST, 512, "lite0", "1.0", 3)


@pytest.mark.parametrize("role", list(Role))
def test_a_name_is_read_as_it_is_written(role: Role) -> None:
    version = 0 if role is Role.TIMESTAMP else 17
    assert parse_name(name_of(role, version)) == (role, version)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "root.json",
        "targets.json",
        "0.root.json",
        "01.root.json",
        "-1.root.json",
        "1.timestamp.json",
        "1.mirrors.json",
        "1.root.json\n",
        "../1.root.json",
        "1.ROOT.json",
        "99999999999999999.root.json",
        "٣.root.json",
    ],
)
def test_what_is_no_name_of_metadata_is_refused(name: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse_name(name)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_every_kind_of_metadata_fits_its_messages() -> None:
    answer = device_pb2.GetMetadataResponse(content=b"x" * max(BYTES_MAX.values()))
    wire.check(answer)
    wire.check(enrolment_pb2.Credentials(publisher_root=b"x" * BYTES_MAX[Role.ROOT]))
    longest = name_of(Role.SNAPSHOT, VERSION_MAX)
    wire.check(device_pb2.GetMetadataRequest(name=longest))
    assert parse_name(longest) == (Role.SNAPSHOT, VERSION_MAX)


def test_a_backbone_is_read_as_it_is_listed() -> None:
    found = listed_from(path_of(DIGEST), 512, {"sha256": DIGEST}, custom_of(LISTED))
    assert found == LISTED


@pytest.mark.parametrize(
    ("path", "hashes", "custom"),
    [
        ("bundles/x.json", {"sha256": DIGEST}, custom_of(LISTED)),
        (f"../{path_of(DIGEST)}", {"sha256": DIGEST}, custom_of(LISTED)),
        (path_of(DIGEST), {"sha256": "cd" * 32}, custom_of(LISTED)),
        (path_of(DIGEST), {"sha256": DIGEST, "md5": "0"}, custom_of(LISTED)),
        (path_of(DIGEST), {}, custom_of(LISTED)),
        (path_of(DIGEST), {"sha256": DIGEST}, None),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"name": 7}),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"name": "x" * 65}),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"name": "lite0\x1b[2J"}),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"version": "1\n2"}),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"version": "1\u202e"}),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"epoch": "3"}),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"epoch": True}),
        (path_of(DIGEST), {"sha256": DIGEST}, custom_of(LISTED) | {"epoch": -1}),
    ],
)
def test_a_target_that_is_no_backbone_is_refused(
    path: str, hashes: dict[str, str], custom: dict[str, Any] | None
) -> None:
    with pytest.raises(FieldwiseError) as caught:
        listed_from(path, 512, hashes, custom)
    assert caught.value.fault is Fault.METADATA_INVALID


def test_a_list_names_backbones_as_manifests_do() -> None:
    for shape, stated in zip(TITLE, (Name, Version), strict=True):
        [meta] = stated.__metadata__
        assert meta.pattern == rf"^{shape.pattern}\Z"


def test_without_a_floor_there_is_none() -> None:
    assert floor_from({}) == 0
    assert floor_from({FLOOR_FIELD: 4}) == 4


@pytest.mark.parametrize("floor", [-1, 1.0, "1", True, None, 2**60, [1]])
def test_a_floor_that_is_no_epoch_is_refused(floor: object) -> None:
    with pytest.raises(FieldwiseError) as caught:
        floor_from({FLOOR_FIELD: floor})
    assert caught.value.fault is Fault.METADATA_INVALID


COUNTS = st.integers(0, VERSION_MAX)


@given(COUNTS, COUNTS, COUNTS, st.sampled_from([None, *PublisherTrouble]))
def test_a_report_survives_the_wire(
    root: int, targets: int, floor: int, trouble: PublisherTrouble | None
) -> None:
    told = PublisherReport(root, targets, floor, trouble)
    message = device_pb2.PublisherReport.FromString(report_to(told).SerializeToString())
    assert report_from(message) == told


def test_a_report_that_means_nothing_is_refused() -> None:
    with pytest.raises(FieldwiseError) as caught:
        report_from(device_pb2.PublisherReport(trouble=99))  # type: ignore[arg-type]  # a newer agent's
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    for field in ("root_version", "targets_version", "floor_epoch"):
        with pytest.raises(FieldwiseError) as caught:
            report_from(device_pb2.PublisherReport(**{field: VERSION_MAX + 1}))
        assert caught.value.fault is Fault.OVER_LIMIT
