"""Tampering with a log shows: whatever is changed, taken out, put in, moved or cut off."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.audit import entry
from orchestrator.audit.chain import FINDINGS_MAX, Verifying
from orchestrator.audit.entry import NO_DIGEST, Head, Kept, digest_after
from tests.audits import ALICE, chained, deed, judged, log, pruned
from tests.fleet_records import NOW

LOG = log(6)


def with_content(kept: Kept, content: str) -> Kept:
    return Kept(kept.number, content, kept.digest)


def relinked(kept: list[Kept], first: int) -> list[Kept]:
    """The same numbers and texts with digests that follow from each other from an index on."""
    made = kept[:first]
    last = made[-1].digest if made else NO_DIGEST
    for each in kept[first:]:
        last = digest_after(last, each.content)
        made.append(Kept(each.number, each.content, last))
    return made


def changed(kept: list[Kept], at: int) -> list[Kept]:
    text = kept[at].content.replace("alice", "mallory")
    return [*kept[:at], with_content(kept[at], text), *kept[at + 1 :]]


TAMPERED: dict[str, Callable[[list[Kept], int], list[Kept]]] = {
    "changed": changed,
    "changed with its digest": lambda kept, at: [
        *kept[:at],
        relinked(changed(kept, at), at)[at],
        *kept[at + 1 :],
    ],
    "taken out": lambda kept, at: [*kept[:at], *kept[at + 1 :]],
    "taken out, numbers closed": lambda kept, at: [
        *kept[:at],
        *(Kept(each.number - 1, each.content, each.digest) for each in kept[at + 1 :]),
    ],
    "put in": lambda kept, at: [*kept[:at], kept[at], *kept[at:]],
    "put in, numbers opened": lambda kept, at: [
        *kept[: at + 1],
        *(Kept(each.number + 1, each.content, each.digest) for each in kept[at:]),
    ],
    "moved": lambda kept, at: [*kept[:at], kept[at + 1], kept[at], *kept[at + 2 :]],
    "texts exchanged": lambda kept, at: [
        *kept[:at],
        with_content(kept[at], kept[at + 1].content),
        with_content(kept[at + 1], kept[at].content),
        *kept[at + 2 :],
    ],
    "no text of ours": lambda kept, at: [
        *kept[:at],
        with_content(kept[at], "[]"),
        *kept[at + 1 :],
    ],
    "no digest": lambda kept, at: [
        *kept[:at],
        Kept(kept[at].number, kept[at].content, "zz"),
        *kept[at + 1 :],
    ],
}


def test_a_log_that_nobody_touched_is_whole() -> None:
    verdict = judged(LOG)
    assert verdict.is_whole
    assert (verdict.entries, verdict.head, verdict.cut) == (6, LOG[-1].head, Head())
    assert judged([]).is_whole


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_with_an_entry_shows_at_that_entry(how: str, at: int) -> None:
    tampered = TAMPERED[how](LOG, at)
    assert tampered != LOG
    verdict = judged(tampered, LOG[-1].head)
    assert not verdict.is_whole
    # The first entry that is not what it was, or the one that should have followed it.
    assert at + 1 <= verdict.findings[0].number <= at + 2


def test_an_end_that_was_cut_off_shows_by_the_log_s_own_record_of_it() -> None:
    verdict = judged(LOG[:4], LOG[-1].head)
    assert "its end was cut off" in verdict.findings[0].sentence


def test_an_end_that_was_cut_off_with_its_record_shows_by_a_head_that_was_noted_down() -> None:
    assert judged(LOG[:4]).is_whole  # nothing in the log itself can show it, and that is said
    verdict = judged(LOG[:4], None, None, LOG[5].head)
    assert "ended with entry 6 once, and ends with 4 now" in verdict.findings[0].sentence


@pytest.mark.parametrize("at", range(6))
def test_a_log_that_was_written_anew_shows_by_a_head_that_was_noted_down(at: int) -> None:
    anew = relinked(changed(LOG, at), at)
    assert judged(anew).is_whole
    for seen in LOG[at:]:
        assert "written anew" in judged(anew, None, None, seen.head).findings[0].sentence
    for seen in LOG[:at]:
        assert judged(anew, None, None, seen.head).is_whole


def test_heads_that_were_noted_down_are_in_the_log_that_was_only_continued() -> None:
    assert judged(LOG, None, None, *(each.head for each in LOG), Head()).is_whole


class TestPruning:
    CUT = LOG[2].head
    REST = (*LOG[3:], *chained(pruned(CUT), after=LOG[-1].head))

    def test_a_log_that_was_pruned_is_whole(self) -> None:
        assert judged(self.REST, None, self.CUT).is_whole

    def test_a_beginning_that_was_taken_away_without_an_entry_shows(self) -> None:
        verdict = judged(LOG[3:], None, self.CUT)
        assert "its beginning was taken away" in verdict.findings[0].sentence

    def test_more_that_was_taken_away_than_the_entry_says_shows(self) -> None:
        verdict = judged(self.REST[1:], None, LOG[3].head)
        assert "its beginning was taken away" in verdict.findings[0].sentence

    def test_a_cut_that_is_not_told_of_shows(self) -> None:
        assert "missing" in judged(self.REST, None, Head()).findings[0].sentence

    def test_an_earlier_cut_is_covered_by_the_later_one(self) -> None:
        again = chained(pruned(self.REST[0].head), after=self.REST[-1].head)
        assert judged([*self.REST[1:], *again], None, self.REST[0].head).is_whole

    def test_a_head_before_the_cut_cannot_be_compared_and_that_is_said(self) -> None:
        verdict = judged(self.REST, None, self.CUT, LOG[0].head)
        assert "is pruned" in verdict.findings[0].sentence
        assert judged(self.REST, None, self.CUT, self.CUT).is_whole

    def test_a_caller_cannot_make_an_entry_pass_for_a_cut(self) -> None:
        """What somebody asks for or begins is no word of the log itself about a cut."""
        told = {"cut_number": self.CUT.number, "cut_digest": self.CUT.digest}
        asked = entry.begun(ALICE, "PruneAudit", "", told, told, NOW)
        forged = [*LOG[3:], *chained(asked, after=LOG[-1].head)]
        assert not judged(forged, None, self.CUT).is_whole


def test_deeds_without_an_end_are_told() -> None:
    begun = deed()
    ended = entry.ended(begun, 1, NOW, "ok")
    assert judged(chained(begun, deed(), ended)).open_deeds == (2,)


def test_findings_are_bounded() -> None:
    rubbish = [Kept(1, "", "") for _ in range(10 * FINDINGS_MAX)]
    assert len(judged(rubbish).findings) == FINDINGS_MAX


@given(st.lists(st.tuples(st.integers(-5, 10), st.text(max_size=40), st.text(max_size=70))))
def test_rubbish_is_a_finding_and_no_error(rubbish: list[tuple[int, str, str]]) -> None:
    verifying = Verifying(Head())
    for number, content, digest in rubbish:
        verifying.take(Kept(number, content, digest))
    assert verifying.end(Head()).is_whole is not bool(rubbish)


@given(st.integers(0, 5), st.data())
def test_any_other_byte_in_any_text_shows(at: int, data: st.DataObject) -> None:
    text = LOG[at].content
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda each: each != text[place]))
    changed_text = text[:place] + other + text[place + 1 :]
    tampered = [*LOG[:at], with_content(LOG[at], changed_text), *LOG[at + 1 :]]
    assert not judged(tampered).is_whole


def test_the_digest_is_of_the_word_the_digest_before_and_the_text() -> None:
    """Anyone may check a log with a few lines of their own: this is all there is to it."""
    import hashlib

    previous = bytes(32)
    for each in LOG:
        whole = b"fieldwise audit entry\n" + previous + each.content.encode()
        assert hashlib.sha256(whole).hexdigest() == each.digest
        assert msgspec.json.decode(each.content)["number"] == each.number
        previous = bytes.fromhex(each.digest)
