"""Tickets survive a paste, and mangled ones are told apart from foreign ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ticket import TEXT_CHARACTERS_MAX, Ticket, decode_ticket, encode_ticket

TICKET = Ticket("fleet.example:8444", b"\x30" * 400, "plant-7", "0123456789abcdef", b"s" * 32)
TEXT = encode_ticket(TICKET)

tickets = st.builds(
    Ticket,
    address=st.text(min_size=3, max_size=40),
    authority=st.binary(min_size=1, max_size=600),
    fleet=st.text(min_size=1, max_size=16),
    ticket_id=st.text(min_size=1, max_size=16),
    secret=st.binary(min_size=32, max_size=32),
)


@given(tickets)
def test_a_ticket_survives_its_text(ticket: Ticket) -> None:
    text = encode_ticket(ticket)
    assert decode_ticket(text) == ticket
    assert len(text) <= TEXT_CHARACTERS_MAX
    assert text.isascii()


def test_line_breaks_and_blanks_of_a_paste_are_forgiven() -> None:
    middle = len(TEXT) // 2
    assert decode_ticket(f"  {TEXT[:middle]}\r\n {TEXT[middle:]}\n") == TICKET


@given(st.integers(min_value=0, max_value=len(TEXT) - 1))
def test_a_ticket_cut_short_anywhere_is_refused(length: int) -> None:
    with pytest.raises(FieldwiseError) as refused:
        decode_ticket(TEXT[:length])
    assert refused.value.fault is Fault.TICKET_INVALID


@given(st.integers(min_value=4, max_value=len(TEXT) - 2), st.sampled_from("ABab01-_"))
def test_a_ticket_with_one_wrong_character_is_refused(place: int, letter: str) -> None:
    changed = TEXT[:place] + letter + TEXT[place + 1 :]
    if changed == TEXT:
        return
    with pytest.raises(FieldwiseError, match="checksum"):
        decode_ticket(changed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the ticket is empty"),
        (" \n", "the ticket is empty"),
        ("fw9_abc", "begins with fw1_"),
        (TEXT[2:], "begins with fw1_"),
        ("fw1_ab!c", "characters that no ticket has"),
        ("fw1_" + "A" * 3 * TEXT_CHARACTERS_MAX, "far more than any ticket"),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        decode_ticket(text)
    assert reason in refused.value.sentence


@given(st.text(max_size=200))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        decode_ticket("fw1_" + text)
    assert refused.value.fault is Fault.TICKET_INVALID


def test_a_refusal_never_shows_the_secret() -> None:
    for length in range(len(TEXT)):
        with pytest.raises(FieldwiseError) as refused:
            decode_ticket(TEXT[:length])
        assert "sss" not in refused.value.sentence
        assert TEXT[-20:] not in refused.value.sentence
