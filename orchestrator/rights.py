"""What an operator's call needs a right to, in the words of Kubernetes: a verb and a resource.

The resources exist in no cluster. They are a group of names, ``fieldwise.dev``, that a ClusterRole
may mention as it mentions ``apps``, and that is all that an authorizer needs to say yes or no.

There is one table, and a method that is missing in it nobody may call. Rights are to kinds and not
to single rollouts or devices. A look that changes nothing is ``get`` or ``list``, even where it is
one at the devices of a rollout; what steers a rollout that runs is ``update``, and what begins one
is ``create``, a preview and a way back included, as both say what would or will happen to devices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

GROUP = "fieldwise.dev"


class OperatorLogin(StrEnum):
    """How the orchestrator knows who operates it."""

    TOKEN = "token"  # noqa: S105 - the name of a way, not a secret
    KUBERNETES = "kubernetes"
    OIDC = "oidc"


class Login(StrEnum):
    """By which way somebody was let in: people, programs, devices, or the orchestrator itself."""

    ROOT = "root"
    ACCOUNT = "account"
    OIDC = "oidc"
    KUBERNETES = "kubernetes"
    DEVICE = "device"
    TICKET = "ticket"
    ITSELF = "itself"


@dataclass(frozen=True, slots=True)
class Operator:
    """Whose call it is.

    ``name`` is for people; ``subject`` is what the way calls them for good, where it has a word for
    it: an account's id, an issuer's subject, a cluster's uid.
    """

    name: str
    login: Login
    subject: str = ""


class Verb(StrEnum):
    GET = "get"
    LIST = "list"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Resource(StrEnum):
    ACCOUNTS = "accounts"
    APPLICANTS = "applicants"
    AUDIT = "audit"
    BACKBONES = "backbones"
    CAMPAIGNS = "campaigns"
    DEVICES = "devices"
    DIAGNOSES = "diagnoses"
    FLEETS = "fleets"
    ROLLOUTS = "rollouts"
    SETTINGS = "settings"
    TICKETS = "tickets"
    TRUST = "trust"


@dataclass(frozen=True, slots=True)
class Right:
    """To do something to a kind of things."""

    verb: Verb
    resource: Resource

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


# By the method of every service for operators; no name is in two of them.
RIGHTS: Mapping[str, Right] = MappingProxyType(
    {
        "CreateTicket": Right(Verb.CREATE, Resource.TICKETS),
        "ListTickets": Right(Verb.LIST, Resource.TICKETS),
        "RevokeTicket": Right(Verb.DELETE, Resource.TICKETS),
        "ListApplicants": Right(Verb.LIST, Resource.APPLICANTS),
        "AcceptDevice": Right(Verb.UPDATE, Resource.APPLICANTS),
        "RejectDevice": Right(Verb.UPDATE, Resource.APPLICANTS),
        "ListDevices": Right(Verb.LIST, Resource.DEVICES),
        "GetDevice": Right(Verb.GET, Resource.DEVICES),
        "ExplainDevice": Right(Verb.GET, Resource.DEVICES),
        "UpdateDeviceTags": Right(Verb.UPDATE, Resource.DEVICES),
        "DeleteDevice": Right(Verb.DELETE, Resource.DEVICES),
        "DenyDevice": Right(Verb.UPDATE, Resource.DEVICES),
        "AllowDevice": Right(Verb.UPDATE, Resource.DEVICES),
        "GetRotation": Right(Verb.GET, Resource.FLEETS),
        # What every device trusts: whoever tags and denies devices need not be let.
        "BeginRotation": Right(Verb.UPDATE, Resource.FLEETS),
        "SwitchRotation": Right(Verb.UPDATE, Resource.FLEETS),
        "FinishRotation": Right(Verb.UPDATE, Resource.FLEETS),
        "ListDenials": Right(Verb.LIST, Resource.DEVICES),
        "AskDiagnosis": Right(Verb.CREATE, Resource.DIAGNOSES),
        "ListDiagnoses": Right(Verb.LIST, Resource.DIAGNOSES),
        "PushBackbone": Right(Verb.CREATE, Resource.BACKBONES),
        "ListBackbones": Right(Verb.LIST, Resource.BACKBONES),
        "GetBackbone": Right(Verb.GET, Resource.BACKBONES),
        # Rare and drastic: whoever steers rollouts need not be let.
        "RecallBackbone": Right(Verb.DELETE, Resource.BACKBONES),
        "StartRollout": Right(Verb.CREATE, Resource.ROLLOUTS),
        "ListPreviewedDevices": Right(Verb.CREATE, Resource.ROLLOUTS),
        "UndoRollout": Right(Verb.CREATE, Resource.ROLLOUTS),
        "ListRollouts": Right(Verb.LIST, Resource.ROLLOUTS),
        "GetRollout": Right(Verb.GET, Resource.ROLLOUTS),
        "ListRolloutEvents": Right(Verb.GET, Resource.ROLLOUTS),
        "ListRolloutDevices": Right(Verb.GET, Resource.ROLLOUTS),
        "PauseRollout": Right(Verb.UPDATE, Resource.ROLLOUTS),
        "ResumeRollout": Right(Verb.UPDATE, Resource.ROLLOUTS),
        "PromoteRollout": Right(Verb.UPDATE, Resource.ROLLOUTS),
        "AbortRollout": Right(Verb.UPDATE, Resource.ROLLOUTS),
        "HoldRollout": Right(Verb.UPDATE, Resource.ROLLOUTS),
        "RetryRollout": Right(Verb.UPDATE, Resource.ROLLOUTS),
        "StartCampaign": Right(Verb.CREATE, Resource.CAMPAIGNS),
        "ListCampaigns": Right(Verb.LIST, Resource.CAMPAIGNS),
        "GetCampaign": Right(Verb.GET, Resource.CAMPAIGNS),
        "ListCampaignRounds": Right(Verb.GET, Resource.CAMPAIGNS),
        "ListHeadVersions": Right(Verb.GET, Resource.CAMPAIGNS),
        "StopCampaign": Right(Verb.UPDATE, Resource.CAMPAIGNS),
        "RollBackHead": Right(Verb.UPDATE, Resource.CAMPAIGNS),
        # What devices gave is in a head: whoever looks at campaigns need not be let take it away.
        "ExportHead": Right(Verb.UPDATE, Resource.CAMPAIGNS),
        "GetTrust": Right(Verb.GET, Resource.TRUST),
        "ExportMetadata": Right(Verb.GET, Resource.TRUST),
        # What is published is believed for its signatures; whoever sends it may hand over keys.
        "PublishMetadata": Right(Verb.UPDATE, Resource.TRUST),
        "ApplySettings": Right(Verb.UPDATE, Resource.SETTINGS),
        "GetFleetStatus": Right(Verb.GET, Resource.FLEETS),
        "CreateAccount": Right(Verb.CREATE, Resource.ACCOUNTS),
        "ListAccounts": Right(Verb.LIST, Resource.ACCOUNTS),
        "RevokeAccount": Right(Verb.DELETE, Resource.ACCOUNTS),
        "ListAuditEntries": Right(Verb.LIST, Resource.AUDIT),
        "ExportAudit": Right(Verb.GET, Resource.AUDIT),
        "PruneAudit": Right(Verb.DELETE, Resource.AUDIT),
    }
)
