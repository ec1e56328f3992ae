"""Fetching where a publisher has to vouch: what is asked first, and what is never read."""

from pathlib import Path

import pytest

from agent.update.events import Wish
from agent.update.fetching import UNLISTED_SECONDS, UNLISTED_TRIES
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed
from tests.agent.update.test_fetching import Published
from tests.fakes.trusted import listed_of

UNLISTED = FieldwiseError(Fault.NOT_VOUCHED, "bundle is not on version 3 of the publisher's list")
BELOW = FieldwiseError(Fault.BELOW_FLOOR, "the publisher withdrew all below 4")


class Vouching:
    """Says what comes next, and the last of it for ever."""

    def __init__(
        self, *answers: Listed | FieldwiseError, later: FieldwiseError | None = None
    ) -> None:
        self.answers = list(answers)
        self.later = later
        self.asked = 0

    async def vouched(self, digest: str) -> Listed | None:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, FieldwiseError):
            raise found
        return found

    def check(self, digest: str, manifest: Manifest) -> None:
        if self.later is not None:
            raise self.later


def published(folder: Path, *answers: int | FieldwiseError) -> tuple[Published, Vouching]:
    """A bundle, and what is said of it; a number is how far the length that was signed is off."""
    made = Published(folder)
    length = len(made.orchestrator.files[made.digest])
    vouching = Vouching(
        *(
            each
            if isinstance(each, FieldwiseError)
            else listed_of(made.digest, made.manifest, length + each)
            for each in answers
        )
    )
    made.fetcher._vouching = vouching
    return made, vouching


async def test_what_is_vouched_for_arrives(tmp_path: Path) -> None:
    made, vouching = published(tmp_path, 0)
    await made.fetch()
    assert made.complete
    assert vouching.asked == 1


async def test_what_is_here_already_has_to_be_vouched_for_as_well(tmp_path: Path) -> None:
    made, vouching = published(tmp_path, 0, BELOW)
    await made.fetch()
    with pytest.raises(FieldwiseError) as raised:
        await made.fetch()
    assert raised.value.fault is Fault.BELOW_FLOOR
    assert vouching.asked == 2


async def test_an_order_that_outran_its_list_waits_for_it(tmp_path: Path) -> None:
    made, _ = published(tmp_path, UNLISTED, UNLISTED, 0)
    await made.fetch()
    assert made.complete
    assert made.waits[:2] == [UNLISTED_SECONDS, UNLISTED_SECONDS]


async def test_what_stays_unlisted_ends_the_update_and_nothing_of_it_is_asked_for(
    tmp_path: Path,
) -> None:
    made, vouching = published(tmp_path, UNLISTED)
    with pytest.raises(FieldwiseError) as raised:
        await made.fetch()
    assert raised.value.fault is Fault.NOT_VOUCHED
    assert vouching.asked == UNLISTED_TRIES
    assert made.orchestrator.offsets == []


@pytest.mark.parametrize(
    "fault", [Fault.METADATA_EXPIRED, Fault.METADATA_INVALID, Fault.UNREACHABLE, Fault.NOT_JOINED]
)
async def test_metadata_that_cannot_be_trusted_now_is_asked_for_again(
    fault: Fault, tmp_path: Path
) -> None:
    trouble = [FieldwiseError(fault, "not now")] * 20
    made, vouching = published(tmp_path, *trouble, 0)
    await made.fetch()
    assert made.complete
    assert vouching.asked == 21


@pytest.mark.parametrize("wrong", [-1, 1])
async def test_a_manifest_of_another_length_than_was_signed_is_never_read(
    wrong: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = published(tmp_path, wrong)
    read: list[str] = []
    monkeypatch.setattr(made.bundles, "manifest", read.append)
    with pytest.raises(FieldwiseError) as raised:
        await made.fetch()
    # Too long breaks off at the length that was signed; too short is whole, and not what was meant.
    assert raised.value.fault is (Fault.DIGEST_MISMATCH if wrong < 0 else Fault.NOT_VOUCHED)
    assert read == []


async def test_what_a_bundle_says_itself_is_looked_at_before_its_files_are_fetched(
    tmp_path: Path,
) -> None:
    made, vouching = published(tmp_path, 0)
    vouching.later = BELOW
    with pytest.raises(FieldwiseError) as raised:
        await made.fetcher.fetch(Wish(made.digest), 0)
    assert raised.value.fault is Fault.BELOW_FLOOR
    assert not made.complete
