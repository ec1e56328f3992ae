import pytest

from orchestrator.federation.worker_token import (
    campaign_of,
    is_in_force,
    token_digest,
    worker_token,
)

SECRET = bytes(range(32))
TOKEN = worker_token("c7", SECRET)


def test_a_token_says_what_it_is_for_and_nothing_of_its_secret_is_kept() -> None:
    assert campaign_of(TOKEN) == "c7"
    assert TOKEN.partition(".")[2] not in token_digest(TOKEN)
    assert is_in_force(TOKEN, token_digest(TOKEN))


def test_another_secret_of_the_same_campaign_opens_nothing() -> None:
    assert not is_in_force(worker_token("c7", bytes(32)), token_digest(TOKEN))


def test_the_secret_of_another_campaign_opens_nothing() -> None:
    assert not is_in_force(worker_token("c8", SECRET), token_digest(TOKEN))


def test_where_no_token_is_in_force_none_is_right() -> None:
    assert not is_in_force(TOKEN, None)
    assert not is_in_force(TOKEN, "")


@pytest.mark.parametrize(
    "text",
    ["", "c7", "c7.", f"c0.{'a' * 43}", f"r7.{'a' * 43}", TOKEN + "a", TOKEN[:-1], f"{TOKEN}\n"],
)
def test_what_is_no_token_is_for_no_campaign(text: str) -> None:
    assert campaign_of(text) is None
