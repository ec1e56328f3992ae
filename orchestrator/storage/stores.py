"""All stores of one database, as the composition root hands them on."""

from dataclasses import dataclass

from orchestrator.applicant_ports import ApplicantStore
from orchestrator.audit_ports import AuditStore
from orchestrator.check_in_ports import CheckInStore
from orchestrator.diagnosis_ports import DiagnosisStore
from orchestrator.federation_ports import CampaignStore, ContributionStore
from orchestrator.identity_ports import DenialStore, RevivalStore, SuccessionStore
from orchestrator.operator_ports import AccountStore
from orchestrator.ports import (
    BackboneStore,
    DeviceStore,
    MembershipStore,
    RolloutStore,
    TicketStore,
)
from orchestrator.replica_ports import InstallationStore, LeadershipStore
from orchestrator.trust_ports import TrustStore


@dataclass(frozen=True, slots=True)
class Stores:
    tickets: TicketStore
    applicants: ApplicantStore
    members: MembershipStore
    devices: DeviceStore
    check_ins: CheckInStore
    backbones: BackboneStore
    rollouts: RolloutStore
    diagnoses: DiagnosisStore
    campaigns: CampaignStore
    contributions: ContributionStore
    leadership: LeadershipStore
    installation: InstallationStore
    trust: TrustStore
    accounts: AccountStore
    audit: AuditStore
    denials: DenialStore
    revivals: RevivalStore
    succession: SuccessionStore
