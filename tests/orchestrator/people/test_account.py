"""Accounts and their tokens: what is kept of them, and what opens nothing."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.people import account as rules
from orchestrator.people.account import (
    LIFETIME_SECONDS,
    RESERVED,
    SECRET_BYTES,
    Account,
    Presented,
    presented,
    recognised,
    token_of,
)
from orchestrator.people.roles import Role
from tests.fleet_records import NOW

SECRET = bytes(range(SECRET_BYTES))
ID = "0123456789abcdef"


def made(name: str = "alice", lifetime: int = 3600) -> Account:
    return rules.made(
        name, Role.OPERATOR, lifetime, account_id=ID, secret=SECRET, now=NOW, by="root"
    )


def read(token: str) -> Presented:
    found = presented(token)
    assert found is not None
    return found


GIVEN = read(token_of(ID, SECRET))


def refused(account: Account | None, given: Presented = GIVEN, now: float = NOW) -> FieldwiseError:
    with pytest.raises(FieldwiseError) as raised:
        recognised(account, given, now)
    assert raised.value.fault is Fault.UNAUTHENTICATED
    return raised.value


def test_the_token_of_an_account_is_recognised_until_it_expires() -> None:
    assert recognised(made(), GIVEN, NOW + 3599) == made()
    assert "has expired" in refused(made(), now=NOW + 3600).sentence
    assert recognised(made(lifetime=0), GIVEN, NOW + 1e9).expires_at is None


def test_nothing_that_is_kept_opens_anything() -> None:
    token = token_of(ID, SECRET)
    secret = token.rpartition(".")[2]
    assert secret not in repr(made())
    assert made().token_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert presented(f"{rules.MARK}.{ID}.{made().token_hash}") is None


def test_a_wrong_secret_and_an_account_that_is_not_there_are_told_alike() -> None:
    other = read(token_of(ID, bytes(SECRET_BYTES)))
    assert refused(made(), other).sentence == refused(None).sentence


def test_a_revoked_account_opens_nothing_and_says_so_to_its_owner_alone() -> None:
    revoked = replace(made(), revoked_at=NOW)
    assert "was revoked" in refused(revoked).sentence
    assert "revoked" not in refused(revoked, read(token_of(ID, bytes(SECRET_BYTES)))).sentence


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    recognised(made(), GIVEN, NOW)
    refused(None)
    assert len(compared) == 2
    assert {len(each) for pair in compared for each in pair} == {64}


@pytest.mark.parametrize("name", ["a", "alice", "ci@plant-7", "a.b_c-d", "0" * 64])
def test_names_that_accounts_have(name: str) -> None:
    assert made(name).name == name


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "Alice", "a b", "a\n", "ä", "a" * 65, "a\x00", *sorted(RESERVED)]
)
def test_names_that_no_account_has(name: str) -> None:
    with pytest.raises(FieldwiseError) as raised:
        made(name)
    assert raised.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("lifetime", [1, LIFETIME_SECONDS[0] - 1, LIFETIME_SECONDS[1] + 1, -1])
def test_a_lifetime_out_of_bounds_is_refused(lifetime: int) -> None:
    with pytest.raises(FieldwiseError) as raised:
        made(lifetime=lifetime)
    assert raised.value.fault is Fault.INVALID_ARGUMENT


@given(st.text())
def test_rubbish_is_no_token(text: str) -> None:
    found = presented(text)
    assert found is None or text == f"{rules.MARK}.{found.account_id}.{found.secret}"


@pytest.mark.parametrize("cut", [1, 10, 44])
def test_a_token_that_was_cut_or_has_more_is_none(cut: int) -> None:
    token = token_of(ID, SECRET)
    assert presented(token[:-cut]) is None
    assert presented(token + "x" * cut) is None
    assert presented(f"{token}\n") is None
