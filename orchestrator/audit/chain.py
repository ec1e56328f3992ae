"""Whether a log is the one that was written: whole, in order, and as long as somebody saw it be.

``Verifying`` takes the entries one after the other, each as stored, and holds no more than it
needs. What it finds:

- an entry whose text or digest was changed, and one that was put in or moved, as the digest does
  not follow from the text and the digest before;
- entries that are missing, as numbers are left out;
- a beginning that was cut off without an entry that says so: pruning leaves one, and its cut is the
  digest from which the rest goes on;
- an end that was cut off, where the log says itself that it ends later, or where somebody noted
  down a head, as ``audit verify`` prints it and the server's log tells it: without such a head
  nobody can tell a log that was cut short, and whose record of its end was changed along, from a
  shorter one;
- a chain that was written anew from some entry on, by such a head alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.audit.entry import Entry, Head, Kept, Kind, digest_after, read

FINDINGS_MAX = 100  # more of them tell nobody more
PRUNE = "PruneAudit"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and at which entry."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of looking at a whole log.

    ``open_deeds`` are the numbers of beginnings without an end: a server died then, or the deed is
    under way.
    """

    cut: Head
    head: Head
    entries: int
    open_deeds: tuple[int, ...]
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        return not self.findings


class Verifying:
    """Takes the entries of a log in their order.

    Args:
        cut: Behind which entry the log says that it begins.
        seen: Heads that somebody noted down earlier.
    """

    def __init__(self, cut: Head, seen: Iterable[Head] = ()) -> None:
        self._cut = cut
        self._last = cut
        self._entries = 0
        self._seen = {head.number: head for head in seen}
        self._claimed: set[Head] = set()
        self._open: set[int] = set()
        self._findings: list[Finding] = []
        self._compare(cut)

    def take(self, kept: Kept) -> None:
        """Look at the next entry."""
        self._entries += 1
        expected = self._last.number + 1
        if kept.number > expected:
            self._find(expected, f"{_entries(expected, kept.number - 1)} missing")
        elif kept.number < expected:
            self._find(kept.number, f"entry {kept.number} stands after entry {self._last.number}")
        entry = read(kept.content)
        if entry is None:
            self._find(kept.number, f"the text of entry {kept.number} is none of ours")
        elif entry.number != kept.number:
            told = f"entry {kept.number} was moved: it says that it is entry {entry.number}"
            self._find(kept.number, told)
        else:
            self._note(entry)
        if not self._follows(kept):
            told = f"entry {kept.number} does not follow from what is before it: it was changed, "
            self._find(kept.number, told + "or put in, or something before it was taken out")
        self._last = kept.head
        self._compare(kept.head)

    def end(self, head: Head) -> Verdict:
        """Return what was found.

        Args:
            head: Where the log says that it ends.
        """
        if self._last != head:
            self._find(
                self._last.number,
                f"the log ends with entry {self._last.number}, and says that it ends with entry "
                f"{head.number}: its end was cut off or changed",
            )
        if self._cut != Head() and self._cut not in self._claimed:
            self._find(
                self._cut.number,
                f"the log begins after entry {self._cut.number}, and no entry tells that it was "
                "pruned there: its beginning was taken away",
            )
        for each in sorted(self._seen.values()):
            self._missed(each)
        return Verdict(
            cut=self._cut,
            head=self._last,
            entries=self._entries,
            open_deeds=tuple(sorted(self._open)),
            findings=tuple(self._findings),
        )

    def _note(self, entry: Entry) -> None:
        if entry.kind is Kind.BEGUN:
            self._open.add(entry.number)
        elif entry.kind is Kind.ENDED:
            self._open.discard(entry.of)
        if entry.method == PRUNE and entry.kind is Kind.HAPPENED:
            self._claimed.add(_cut_in(entry.after or {}))

    def _follows(self, kept: Kept) -> bool:
        try:
            return digest_after(self._last.digest, kept.content) == kept.digest
        except (ValueError, UnicodeError):
            return False

    def _compare(self, head: Head) -> None:
        seen = self._seen.pop(head.number, None)
        if seen is not None and seen.digest != head.digest:
            self._find(
                head.number,
                f"entry {head.number} is another than the one whose digest was noted down: the log "
                "was written anew up to there or before it",
            )

    def _missed(self, seen: Head) -> None:
        if seen.number > self._last.number:
            told = f"the log ended with entry {seen.number} once, and ends with {self._last.number}"
            self._find(self._last.number, f"{told} now: its end was cut off")
        elif 0 < seen.number < self._cut.number:
            told = f"entry {seen.number}, whose digest was noted down, is pruned"
            self._find(seen.number, f"{told}: it cannot be compared with this log")

    def _find(self, number: int, sentence: str) -> None:
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(Finding(number, sentence))


def cut_told(cut: Head) -> Mapping[str, object]:
    """Return what an entry says of a cut."""
    return {"cut_number": cut.number, "cut_digest": cut.digest}


def _cut_in(told: Mapping[str, object]) -> Head:
    number, digest = told.get("cut_number"), told.get("cut_digest")
    known = isinstance(number, int) and isinstance(digest, str)
    return Head(number, digest) if known else Head()  # type: ignore[arg-type]  # known says so


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
