"""What the agent does for its owner: join and leave a fleet, install a backbone, say how it is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from agent.applying import Applying
from agent.checkins import Contact
from agent.fleet import Fleet
from agent.learning.pair import Pair
from agent.observing import Observer
from agent.ports import Bundles, Needs
from agent.reporting import Application, Backbone, DeviceFacts, Membership, Role
from agent.surveying import Surveyor
from agent.update.events import Confirmed, Installed, Pinned, Refused, RolledBack, Unpinned
from agent.update.installer import Installer
from agent.update.signs import BEFORE_SERVING
from agent.update.trusting import Trusting
from fieldwise.answers import Joining, Status
from fieldwise.archive import head_of
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.learning import LearningReport


class Host(Protocol):
    """The machine, as it introduces itself."""

    def facts(self) -> DeviceFacts:
        """What a device says of its hardware when it joins."""
        ...


class Household:
    """The owner's use cases, in the daemon and in a command that works by itself.

    Args:
        fleet: The membership.
        installer: Brings backbones into use.
        bundles: Where their files are.
        observer: Looks at everything.
        surveyor: Reports on learning.
        host: The machine.
        needs: Room that a bundle takes until it is in use.
        trusting: Who vouches for bundles.
        note: Writes down what the owner brought although nobody vouches for it.
    """

    def __init__(
        self,
        fleet: Fleet,
        installer: Installer[Pair],
        bundles: Bundles,
        observer: Observer,
        surveyor: Surveyor,
        host: Host,
        needs: Needs,
        *,
        trusting: Trusting,
        note: Callable[[str], None],
    ) -> None:
        self._trusting = trusting
        self._note = note
        self._fleet = fleet
        self._installer = installer
        self._bundles = bundles
        self._observer = observer
        self._surveyor = surveyor
        self._host = host
        self._needs = needs
        self.contact: Callable[[], Contact] = Contact
        self.wiping = asyncio.Event()
        self.apply = Applying(fleet, host.facts).run

    async def status(self) -> Status:
        """How the agent is."""
        seen = await asyncio.to_thread(
            self._observer.status, self._fleet.membership, self.contact()
        )
        waiting, complaint = self._fleet.application, self._fleet.complaint
        if waiting is None and not complaint:
            return seen
        fleet, key = (waiting.fleet, waiting.fingerprint) if waiting else ("", "")
        return replace(seen, joining=Joining(fleet, key, complaint))

    async def learning_report(self) -> LearningReport:
        """How learning went and goes.

        Raises:
            FieldwiseError: ``GRAPH_FAILED``, ``DISK_FULL``.
        """
        return await asyncio.to_thread(self._surveyor.report)

    async def join(self, ticket: str) -> Membership | Application:
        """Join a fleet, or apply for it where somebody has to say yes first.

        Raises:
            FieldwiseError: ``ALREADY_JOINED``, ``TICKET_INVALID``, ``ADMISSION_REFUSED``,
                ``UNREACHABLE``.
        """
        return await self._fleet.join(ticket, self._host.facts())

    async def leave(self, *, wipe: bool) -> bool:
        """Leave the fleet; returns whether the orchestrator was told.

        With ``wipe`` a device outside a fleet is wiped as well; there is nobody to tell then.

        Raises:
            FieldwiseError: ``NOT_JOINED``.
        """
        alone = wipe and self._fleet.membership is None
        told = False if alone else await self._fleet.leave()
        if wipe:
            self.wiping.set()
        return told

    async def install(self, path: Path, *, unsigned: bool = False) -> tuple[str, Manifest]:
        """Unpack a bundle file and begin to bring it into use.

        Args:
            path: The file.
            unsigned: Whether to ask no publisher; that is written down.

        Raises:
            FieldwiseError: What is wrong with the file, ``DISK_FULL``; ``NOT_VOUCHED``,
                ``BELOW_FLOOR`` or ``METADATA_EXPIRED`` where the device has a publisher who does
                not vouch for it, ``STATE_DAMAGED`` where that cannot be told.
        """
        checked, manifest = await asyncio.to_thread(head_of, path)
        if not unsigned:
            await self._trusting.check_file(checked, manifest)
        try:
            digest, manifest = await asyncio.to_thread(self._bundles.install, path, self._needs)
        except FieldwiseError as error:
            if error.fault is not Fault.DIGEST_MISMATCH:
                raise
            # Nobody fetches an owner's file again by itself, as is done with one from the fleet.
            raise FieldwiseError(
                Fault.BUNDLE_INVALID, f"{path} is damaged: {error.sentence}"
            ) from error
        if digest != checked:
            raise FieldwiseError(Fault.CONFLICT, f"{path} became another file meanwhile")
        if unsigned:
            await asyncio.to_thread(self._note, f"{manifest.title} ({digest[:12]})")
        await self._installer.tell(Installed(digest))
        return digest, manifest

    async def backbones(self) -> list[Backbone]:
        """The backbones on the device: in use, before, wanted."""
        titles = await asyncio.to_thread(self._bundles.titles)
        state = self._installer.state
        found = [
            Backbone(pair.digest, titles.get(pair.digest, ""), pair.variant, role)
            for role, pair in ((Role.IN_USE, state.in_use), (Role.BEFORE, state.before))
            if pair is not None
        ]
        if state.phase in BEFORE_SERVING and state.wanted not in ("", *(b.digest for b in found)):
            title = titles.get(state.wanted, "")
            found.append(Backbone(state.wanted, title, state.variant, Role.WANTED))
        return found

    async def roll_back(self) -> str:
        """Let the backbone from before serve again; returns its title. A second time undoes it.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where there is none; why it cannot be opened.
        """
        if not await self._installer.tell(RolledBack()):
            raise FieldwiseError(Fault.NOT_FOUND, "there is no backbone from before to go back to")
        return (await self.backbones())[0].title

    async def pin(self, *, pinned: bool) -> None:
        """Let only the owner change the backbone from now on, or the fleet as well.

        Raises:
            FieldwiseError: ``NO_BACKBONE`` where there is none to pin.
        """
        if pinned and self._installer.state.in_use is None:
            raise FieldwiseError(Fault.NO_BACKBONE, "this device has no backbone to pin")
        await self._installer.tell(Pinned() if pinned else Unpinned())

    async def answer(self, *, confirmed: bool) -> str:
        """Say yes or no to the backbone that is wanted; returns its digest.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where none waits for it.
        """
        wanted = self._installer.state.wanted
        if not await self._installer.tell(Confirmed() if confirmed else Refused()):
            raise FieldwiseError(Fault.NOT_FOUND, "no backbone waits for the owner's word")
        return wanted
