"""How a thing is, in the few facts that operators change: what stands before and after a deed."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import msgspec

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role
from orchestrator.federation.campaign import campaign_number
from orchestrator.federation_ports import CampaignStore
from orchestrator.fleet.cohort import parse_selector
from orchestrator.operator_ports import AccountStore
from orchestrator.paging import PageRequest
from orchestrator.ports import BackboneStore, DeviceStore, RolloutStore, TicketStore
from orchestrator.rollout.backbone import parse_reference
from orchestrator.rollout.operations import rollout_number
from orchestrator.trust_ports import TrustStore

DEVICES_MAX = 1000  # of a cohort, whose settings are counted
NAMES_NOTHING = frozenset({Fault.NOT_FOUND, Fault.INVALID_ARGUMENT})

Facts = Mapping[str, Any]


class ThingKind(StrEnum):
    """What a deed is about."""

    ACCOUNT = "account"
    APPLICANT = "applicant"
    BACKBONE = "backbone"
    CAMPAIGN = "campaign"
    COHORT = "cohort"
    DEVICE = "device"
    ROLLOUT = "rollout"
    TICKET = "ticket"
    TRUST = "trust"


@dataclass(frozen=True, slots=True)
class Thing:
    """What a deed is about, as the caller names it."""

    kind: ThingKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Looking:
    """Looks at things.

    Args:
        devices: Members.
        tickets: Tickets.
        backbones: Published ones.
        rollouts: Rollouts.
        campaigns: Campaigns.
        accounts: Accounts of operators.
        trust: Metadata of backbones.
    """

    def __init__(
        self,
        *,
        devices: DeviceStore,
        tickets: TicketStore,
        backbones: BackboneStore,
        rollouts: RolloutStore,
        campaigns: CampaignStore,
        accounts: AccountStore,
        trust: TrustStore,
    ) -> None:
        self._devices = devices
        self._tickets = tickets
        self._backbones = backbones
        self._rollouts = rollouts
        self._campaigns = campaigns
        self._accounts = accounts
        self._trust = trust
        self._looks: Mapping[ThingKind, Callable[[str], Awaitable[Facts | None]]] = {
            ThingKind.ACCOUNT: self._account,
            ThingKind.APPLICANT: _nothing,
            ThingKind.BACKBONE: self._backbone,
            ThingKind.CAMPAIGN: self._campaign,
            ThingKind.COHORT: self._cohort,
            ThingKind.DEVICE: self._device,
            ThingKind.ROLLOUT: self._rollout,
            ThingKind.TICKET: self._ticket,
            ThingKind.TRUST: self._metadata,
        }

    async def look(self, thing: Thing) -> Facts | None:
        """Return how a thing is; None where there is none of that name.

        Raises:
            FieldwiseError: As the stores, while they are away.
        """
        try:
            return await self._looks[thing.kind](thing.name)
        except FieldwiseError as error:
            if error.fault not in NAMES_NOTHING:
                raise
            return None

    async def _metadata(self, _name: str) -> Facts:
        newest = await self._trust.newest((Role.ROOT, Role.TARGETS))
        return {role.value: each.version for role, each in newest.items()}

    async def _device(self, name: str) -> Facts:
        device = await self._devices.get(name)
        denied = device.denied_at is not None
        return {"tags": dict(device.tags), "denied": denied, "enrolled_at": device.enrolled_at}

    async def _ticket(self, name: str) -> Facts | None:
        ticket = await self._tickets.get(name)
        if ticket is None:
            return None
        return {
            "uses": ticket.uses,
            "uses_allowed": ticket.uses_allowed,
            "expires_at": ticket.expires_at,
            "revoked": ticket.revoked,
            "tags": dict(ticket.tags),
        }

    async def _backbone(self, name: str) -> Facts:
        backbone = await self._backbones.find(parse_reference(name))
        title = backbone.manifest.title
        return {
            "title": title,
            "digest": backbone.digest,
            "recalled": backbone.recalled_at is not None,
        }

    async def _rollout(self, name: str) -> Facts:
        rollout = await self._rollouts.get(rollout_number(name))
        return {
            "backbone": rollout.title,
            "cohort": rollout.cohort,
            "phase": rollout.phase,
            "wave": rollout.wave + 1,
            "revision": rollout.revision,
        }

    async def _campaign(self, name: str) -> Facts:
        campaign = await self._campaigns.get(campaign_number(name))
        return {
            "phase": campaign.phase,
            "cohort": campaign.plan.cohort,
            "head": campaign.head.version if campaign.head else 0,
            "revision": campaign.revision,
        }

    async def _account(self, name: str) -> Facts | None:
        account = await self._accounts.named(name)
        if account is None:
            return None
        return {
            "id": account.id,
            "role": account.role,
            "expires_at": account.expires_at,
            "revoked": account.revoked_at is not None,
        }

    async def _cohort(self, name: str) -> Facts:
        page = await self._devices.list(parse_selector(name), PageRequest(DEVICES_MAX))
        settings = Counter(
            msgspec.json.encode(asdict(each.settings.settings)).decode() if each.settings else ""
            for each in page.items
        )
        more = {"more_devices": True} if page.next_token else {}
        told = [{"settings": text, "devices": count} for text, count in settings.most_common(8)]
        return {"devices": len(page.items), "settings": told, **more}


async def _nothing(_name: str) -> None:
    """Who waits has nothing but what the answer tells."""
