from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.enrolment.ticket import check_secret, check_stands, is_open, mint
from tests.fleet_records import NOW, SECRET, ticket


def test_a_ticket_holds_no_secret() -> None:
    assert SECRET.hex() not in repr(ticket())


@pytest.mark.parametrize(
    ("uses", "lifetime", "tags"),
    [(0, 60, {}), (100_001, 60, {}), (1, 59, {}), (1, 90 * 86_400 + 1, {}), (1, 60, {"": "x"})],
)
def test_a_ticket_out_of_bounds_is_not_minted(
    uses: int, lifetime: int, tags: dict[str, str]
) -> None:
    with pytest.raises(FieldwiseError) as caught:
        mint("t1", SECRET, uses=uses, lifetime_seconds=lifetime, tags=tags, now=NOW)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_a_genuine_ticket_passes_until_it_expires() -> None:
    assert check_secret(ticket(), SECRET) == ticket()
    check_stands(ticket(), NOW + 3599)


@pytest.mark.parametrize("secret", [b"", bytes(32), SECRET[:-1], SECRET + b"\0"])
def test_a_wrong_secret_looks_like_an_unknown_ticket(secret: bytes) -> None:
    told = []
    for known in (ticket(), None):
        with pytest.raises(FieldwiseError) as caught:
            check_secret(known, secret)
        assert caught.value.fault is Fault.TICKET_INVALID
        told.append(caught.value.sentence)
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("stored", "now"), [(ticket(), NOW + 3600), (replace(ticket(), revoked=True), NOW)]
)
def test_a_ticket_that_stands_no_more_is_refused(stored: object, now: float) -> None:
    with pytest.raises(FieldwiseError) as caught:
        check_stands(stored, now)  # type: ignore[arg-type]  # parametrize loses it
    assert caught.value.fault is Fault.TICKET_INVALID


def test_a_ticket_is_open_while_a_use_is_left() -> None:
    assert is_open(ticket(uses=2), NOW)
    assert not is_open(replace(ticket(uses=2), uses=2), NOW)
    assert not is_open(ticket(), NOW + 3600)
