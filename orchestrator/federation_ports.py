"""What campaigns need from the world; the terms of ``ports`` hold."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from fieldwise.federation import Consent, FederationReport, HeadOutcome
from orchestrator.federation.campaign import Campaign, Candidate, HeadVersion, Round, Tally
from orchestrator.federation.contribution import Answer, Contribution, Part, UpdateHead
from orchestrator.paging import Page, PageRequest


class CampaignStore(Protocol):
    """Campaigns with their rounds and heads."""

    async def add(self, campaign: Campaign) -> Campaign:
        """Keep a fresh campaign under a number above every other, or return what its request made.

        Of two that are added with one request the second is dropped, on any replica.
        """

    async def requested(self, request: str) -> Campaign | None:
        """Return what a request has started, by its fingerprint."""

    async def get(self, number: int) -> Campaign:
        """Return a campaign.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """

    async def list(self, page: PageRequest) -> Page[Campaign]: ...

    async def working(self) -> Sequence[str]:
        """Return the ids of the campaigns that run, the oldest first."""

    async def offering(self) -> Sequence[Campaign]:
        """Return campaigns that run or have a head, newest first.

        Of more than ``OFFERING_MAX`` the newest of those that run, then the newest others: one that
        runs for months asks its devices however many have come and gone since.
        """

    async def save(
        self,
        campaign: Campaign,
        asked: Sequence[str] = (),
        head: HeadVersion | None = None,
        term: int | None = None,
    ) -> Campaign:
        """Keep a campaign, its newest round among its rounds; return it with its next revision.

        Args:
            campaign: As it is to be.
            asked: The devices that its newest round asks, where that is just opened.
            head: A version that is new.
            term: In which this replica leads; None for what others than the leader ask for.

        Raises:
            FieldwiseError: ``CONFLICT`` where the stored revision is not the campaign's, or a
                leader's ``term`` is not the newest.
        """

    async def rounds(self, number: int, page: PageRequest) -> Page[Round]:
        """Return a campaign's rounds.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for the campaign.
        """

    async def heads(self, number: int, page: PageRequest) -> Page[HeadVersion]:
        """Return a campaign's heads.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for the campaign.
        """

    async def head(self, number: int, version: int) -> HeadVersion:
        """Return a version.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for the campaign or the version.
        """

    async def head_requested(self, number: int, request: str) -> HeadVersion | None:
        """Return the version that a request has made, by its fingerprint."""

    async def outcomes(self, number: int) -> Mapping[int, Mapping[HeadOutcome, int]]:
        """Count by version the members whose newest judged head it is, by what came of it."""

    async def judged(self, number: int, version: int) -> Sequence[FederationReport]:
        """Return the newest reports of the members that have judged this version last."""

    async def candidates(self, campaign: Campaign, now: float) -> Sequence[Candidate]:
        """Return the members that its selector takes, by id."""

    async def tally(self, number: int, round_number: int) -> Tally:
        """Count how the devices that a campaign's newest round asked stand to it.

        Devices that were removed or do not agree any more count as declined, whatever they sent.
        Of means, one that declines and of which an earlier update stands counts as unchanged.
        """

    async def keep_worker_token(self, campaign: str, digest: str, term: int) -> None:
        """Let one token of a campaign, by id, be in force, and no other.

        Raises:
            FieldwiseError: ``CONFLICT`` where a leader's ``term`` is not the newest, ``NOT_FOUND``.
        """

    async def worker_token(self, campaign: str) -> str | None:
        """Return the digest of the token in force; None for none, or without such a campaign."""


OFFERING_MAX = 32
"""Campaigns that check-ins look at; devices of older ones keep the heads that they have."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A member as campaigns see it: its tags, and how it stands to each by number."""

    tags: Mapping[str, str]
    parts: Mapping[int, Part]


@dataclass(frozen=True, slots=True)
class Discarded:
    """An update that is not needed any more, or that never came through, with its content."""

    number: int
    round: int
    device: str
    digest: str


class ContributionStore(Protocol):
    """How devices stand to campaigns, and what they gave."""

    async def partner(self, device_id: str) -> Partner:
        """Return a member's affairs.

        Raises:
            FieldwiseError: ``DEVICE_REMOVED`` where it is not a member.
        """

    async def tell(self, device_id: str, report: FederationReport) -> None:
        """Keep what a report says of a round and of a head.

        A device that says it will not answer the round has declined it; that it was answered says
        nothing here, since then the update is here already or nowhere.
        """

    async def withdraw(self, device_id: str, consent: Consent) -> None:
        """Discard all that a device gave and that its consent does not cover any more."""

    async def expect(
        self, number: int, round_number: int, device_id: str, update: UpdateHead, now: float
    ) -> Part:
        """Note that content is about to come, so that it is found where it comes to nothing.

        Of a device one is expected at a time: what else it announced to the campaign and never
        brought is discarded.

        Returns:
            How the device stands to the campaign. Where the round is not the newest that asked it,
            or has this very update already, nothing is noted.
        """

    async def take(
        self,
        number: int,
        round_number: int,
        device_id: str,
        update: UpdateHead,
        classes: frozenset[int],
    ) -> bool:
        """Take an update whose content is kept, in place of an earlier one of this round.

        Of the device's earlier updates those are discarded that it replaces: at ``STATISTICS`` all,
        of means those whose every class came again since.

        Args:
            number: Of the campaign.
            round_number: Of its round.
            device_id: A member.
            update: That was expected.
            classes: Ids of its rows.

        Returns:
            False, with nothing changed, where the round does not take updates any more or has not
            asked the device, or the device is not a member. Once a save that ends or closes the
            round has returned, nothing is taken, on any replica.
        """

    async def answer(self, number: int, round_number: int, device_id: str, answer: Answer) -> None:
        """Note an answer that is no update, where the round has asked and nothing was taken."""

    async def standing(self, number: int) -> Sequence[Contribution]:
        """Return what a campaign's head is made of, by alias, then by round.

        That is what was taken of members whose owners agree to the level still: of means in any
        round, at ``STATISTICS`` the newest of each device; of weights in the newest round only.
        """

    async def discard(self, expected_before: float, limit: int) -> Sequence[Discarded]:
        """Mark updates that are not needed any more; return those that are marked.

        They are those that others replaced, that were withdrawn or whose devices were removed, that
        are of weights in a round that is over, those of campaigns that have ended, and those that
        were expected before a moment and never taken. None of them is taken any more.
        """

    async def needs(self, digest: str) -> bool:
        """Tell whether content belongs to an update that is not discarded."""

    async def forget(self, gone: Sequence[Discarded]) -> None:
        """Forget updates whose content is gone."""


class UpdateFiles(Protocol):
    """Content of updates and states of strategies, each under its digest.

    Devices get none of it: it lies apart from what they may download.
    """

    async def put(self, digest: str, content: AsyncIterable[bytes]) -> int:
        """Keep content, as ``BundleStore.put``."""

    async def size(self, digest: str) -> int | None:
        """Return the size in bytes, None where there is no such content."""

    def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield content, as ``BundleStore.read``."""

    async def drop(self, digest: str) -> None:
        """Take content away; none is no error."""
