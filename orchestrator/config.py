"""Every setting of the orchestrator, its bounds, and the reason for its default.

``fieldwise serve`` needs none of them. They come from a TOML file, from environment variables
FIELDWISE_NAME and from flags --name, in that order of strength; ``fieldwise settings`` shows what
is in force and why. Times are seconds unless the name says otherwise.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from fieldwise import settings
from fieldwise.logs import LogForm, LogLevel
from fieldwise.settings import Effective, Layers
from orchestrator.leadership import Election
from orchestrator.login_settings import LoginSettings
from orchestrator.rights import OperatorLogin
from orchestrator.setting_rules import NAMESPACE, OBJECT, mistakes_of

PREFIX = "FIELDWISE_"
# Variables of the device program, of the aggregator, of the operator's commands, of the benchmarks
# (the folder of images) and of the demonstration; those that end in _ are prefixes.
FOREIGN = (
    "FIELDWISE_AGENT_",
    "FIELDWISE_AGGREGATOR_",
    "FIELDWISE_ADDRESS",
    "FIELDWISE_TOKEN",
    "FIELDWISE_TOKEN_FILE",
    "FIELDWISE_CA",
    "FIELDWISE_CONFIG",
    "FIELDWISE_DATA",
    "FIELDWISE_DEMO_",
)

BUSY_SECONDS = 10


class OrchestratorSettings(LoginSettings, frozen=True, kw_only=True):
    """What ``fieldwise serve`` runs with."""

    # Empty makes a token on first start; a secret store may give one instead.
    operator_token: Annotated[
        str,
        Meta(
            pattern="^([!-~]{16,256})?\\Z",
            description="Bearer token of operators. Default: the file operator/token, made on "
            "first start.",
            extra={"secret": True},
        ),
    ] = ""

    # One token needs nothing else; a cluster knows people, and takes rights from them one by one.
    operator_login: Annotated[
        OperatorLogin,
        Meta(
            description="Who operators are: token for root, who has operator_token, and accounts; "
            "kubernetes for whom the cluster knows and gives rights to fieldwise.dev; oidc for "
            "whom oidc_issuer knows and oidc_roles gives a role."
        ),
    ] = OperatorLogin.TOKEN
    # Spares the cluster most questions; a right that was taken away ends this much later.
    operator_login_seconds: Annotated[
        float,
        Meta(ge=0, le=300, description="How long the cluster's word about an operator holds."),
    ] = 10.0
    # A token for the cluster itself would let this program act there as its operator.
    kubernetes_audience: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=253,
            description="Audience that tokens of operators must be meant for, as in "
            "`kubectl create token NAME --audience fieldwise`.",
        ),
    ] = "fieldwise"
    # The account of the Pod is there without a word; on a desk the kubeconfig of kubectl is.
    kubernetes_config: Annotated[
        Path | None,
        Meta(
            description="kubeconfig of the cluster that elects leaders or knows operators. "
            "Default: the Pod's account, else what kubectl takes."
        ),
    ] = None
    # Rights within one namespace are enough: fleets of one cluster have operators of their own.
    kubernetes_namespace: Annotated[
        str,
        Meta(
            pattern=f"^({NAMESPACE})?\\Z",
            description="Namespace of the Lease and of operators' rights. Default: the account's.",
        ),
    ] = ""
    kubernetes_lease: Annotated[
        str,
        Meta(pattern=f"^{OBJECT}\\Z", description="Name of the Lease, one for each fleet."),
    ] = "fieldwise"

    # A minute keeps 10,000 devices at 170 check-ins a second; an order reaches a device in half.
    check_in_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="Pace: time between check-ins of a device.")
    ] = 60
    # A device that installs something is watched by someone and holds a start permit.
    busy_check_in_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=86_400)] | None,
        Meta(
            description="Pace of a device with an update before it or under way, at most "
            f"check_in_seconds. Default: {BUSY_SECONDS}, or check_in_seconds where that is less."
        ),
    ] = None
    # Half of what two cores serve, so that the rest of the fleet is answered meanwhile.
    busy_check_ins_per_second: Annotated[
        float,
        Meta(gt=0, le=100_000, description="How many check-ins a second such devices may make."),
    ] = 100.0

    # A copy of a key that its device has replaced is worth nothing after so long. A device renews
    # at 70 to 90 % of it, and has some days for that.
    certificate_days: Annotated[
        float,
        Meta(ge=0.01, le=90, description="Life of a device's certificate, days."),
    ] = 14.0
    # So long may somebody between server and devices hide new metadata from them; signed anew at
    # half of it, the server may be away for half a day.
    timestamp_hours: Annotated[
        float,
        Meta(
            ge=0.01,
            le=720,
            description="For how many hours the timestamp of signed metadata holds.",
        ),
    ] = 24.0

    # Each holds a file open and a quarter of a MiB; at 1 MB/s they fill a gigabit line.
    downloads_max: Annotated[
        int, Meta(ge=1, le=10_000, description="Downloads at the same time; more are put off.")
    ] = 100
    # Beyond it callers are told to come back, before memory is what gives out.
    calls_max: Annotated[
        int, Meta(ge=10, le=100_000, description="Calls under way at the same time on each port.")
    ] = 2000
    # Devices come back to whatever replica the load balancer names; new replicas get their share.
    connection_age_seconds: Annotated[
        int,
        Meta(
            ge=10,
            le=86_400,
            description="Age at which connections end; calls under way get five minutes.",
        ),
    ] = 1800

    # Three variants of a base-size vision transformer in float32 fit.
    bundle_bytes_max: Annotated[
        int,
        Meta(ge=1 << 20, le=1 << 34, description="Largest bundle file that is taken, bytes."),
    ] = 2 * 1024**3

    # A page of figures is scraped every 15 to 60 s; older than that it would mislead.
    metrics_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="Time between two looks at the fleet for metrics.")
    ] = 15
    # Nobody's names are in the metrics unasked; ranking.py bounds what is named.
    metrics_tag: Annotated[
        str, Meta(max_length=63, description="Tag whose values are cohorts in the metrics: site.")
    ] = ""
    metrics_worst_devices: Annotated[
        int, Meta(ge=0, le=20, description="How many of the worst devices the metrics name.")
    ] = 0

    # Rollouts move with check-ins, so looking more often than devices call finds nothing new.
    reconcile_seconds: Annotated[
        float,
        Meta(ge=0.1, le=300, description="Time between two looks at running rollouts."),
    ] = 2.0

    # The database is there anyway; a Lease is what operators of clusters look at and may delete.
    leader_election: Annotated[
        Election,
        Meta(
            description="Who says which replica may lead: database, or kubernetes by a Lease; the "
            "database fences leaders in any case."
        ),
    ] = Election.DATABASE
    # As long as Kubernetes' own leases; a leader that stops gives its lease back at once. A
    # Lease of a cluster lasts two thirds of it, so that another leads within it.
    lease_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=300,
            description="Time after which another replica leads in place of one that is gone.",
        ),
    ] = 15.0

    # Sums of few samples are those samples: nobody is asked before an operator thought of it.
    federation_statistics: Annotated[
        bool,
        Meta(
            description="Whether campaigns may ask devices for statistics, which makes merging "
            "exact. Owners have to agree all the same."
        ),
    ] = False
    # The extra `federation` brings it; its libraries are large, and the server does without them.
    federation_aggregator: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1024,
            description="Program that makes heads of what devices give, a process for each "
            "campaign.",
        ),
    ] = "fieldwise-aggregator"
    # Processes need nothing; on a cluster an image of its own spares every replica the libraries.
    federation_job: Annotated[
        Path | None,
        Meta(
            description="JSON file that says what a Job for a campaign is like; aggregators then "
            "are Jobs of the cluster. Default: none, and they are processes of this machine."
        ),
    ] = None
    federation_address: Annotated[
        str,
        Meta(
            max_length=262,
            description="host:port at which those Jobs reach the operator API. "
            "Default: the address that tickets tell.",
        ),
    ] = ""

    # Years of a busy fleet; its entries have under a kilobyte each.
    audit_entries_max: Annotated[
        int,
        Meta(
            ge=1000,
            le=100_000_000,
            description="Entries of the audit log that are kept; older ones go, and an entry says "
            "so.",
        ),
    ] = 500_000

    # Kubernetes kills after 30 s; calls other than downloads end within one.
    drain_seconds: Annotated[
        float, Meta(ge=0, le=600, description="Time that calls under way get on stopping.")
    ] = 10.0

    log_level: Annotated[
        LogLevel, Meta(description="From which severity on events are logged.")
    ] = LogLevel.INFO
    # People read the first runs; collectors are configured by people who can set this.
    log_form: Annotated[LogForm, Meta(description="How events are logged: text or json.")] = (
        LogForm.TEXT
    )

    def __post_init__(self) -> None:
        if mistakes := mistakes_of(self):
            raise ValueError("\n".join(mistakes))

    @property
    def busy_seconds(self) -> int:
        """Pace in force of a device with an update."""
        return self.busy_check_in_seconds or min(BUSY_SECONDS, self.check_in_seconds)

    @property
    def needs_cluster(self) -> bool:
        """Whether anything is asked of a cluster's API."""
        return (
            self.leader_election is not Election.DATABASE
            or self.operator_login is OperatorLogin.KUBERNETES
            or self.federation_job is not None
        )


def load_settings(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> Effective[OrchestratorSettings]:
    """Put the settings together from every layer.

    Raises:
        FieldwiseError: ``SETTING_INVALID``, one line for each mistake.
    """
    layers = Layers(file, environment, PREFIX, flags, FOREIGN)
    effective = settings.load(OrchestratorSettings, layers)
    folder = effective.settings.data_folder or default_data_folder(environment)
    complete = msgspec.structs.replace(effective.settings, data_folder=folder)
    return Effective(settings=complete, origins=effective.origins)


def default_data_folder(environment: Mapping[str, str]) -> Path:
    """Where a user's programs keep their state, by the XDG base directory specification."""
    base = environment.get("XDG_STATE_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "fieldwise"
    return Path(environment.get("HOME") or Path.home()) / ".local" / "state" / "fieldwise"
