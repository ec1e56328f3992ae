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
from fieldwise.identity import FLEET_PATTERN
from fieldwise.logs import LogForm, LogLevel
from fieldwise.settings import Effective, Layers
from orchestrator.leadership import Election
from orchestrator.rights import OperatorLogin
from orchestrator.setting_rules import BUCKET, NAMESPACE, OBJECT, mistakes_of

PREFIX = "FIELDWISE_"
# Variables of the device program, of the operator's commands, of the benchmarks (the folder of
# images) and of the demonstration; those that end in _ are prefixes.
FOREIGN = (
    "FIELDWISE_AGENT_",
    "FIELDWISE_ADDRESS",
    "FIELDWISE_TOKEN",
    "FIELDWISE_TOKEN_FILE",
    "FIELDWISE_CA",
    "FIELDWISE_CONFIG",
    "FIELDWISE_DATA",
    "FIELDWISE_DEMO_",
)

BUSY_SECONDS = 10

Listen = Annotated[str, Meta(min_length=3, max_length=262)]


class OrchestratorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``fieldwise serve`` runs with."""

    # Under the home folder, so that a newcomer needs no rights; a service sets its own.
    data_folder: Annotated[
        Path | None,
        Meta(
            description="Folder for everything that is kept: keys, database, bundles, token. "
            "Default: $XDG_STATE_HOME/fieldwise, or ~/.local/state/fieldwise."
        ),
    ] = None

    # A name is part of every certificate for good; empty makes one up, so that two fleets differ.
    fleet: Annotated[
        str,
        Meta(
            pattern=f"^({FLEET_PATTERN})?\\Z",
            description="Name of the fleet, the trust domain of device identities. "
            "Chosen on first start, and then fixed; empty makes one up.",
        ),
    ] = ""

    # Devices come from elsewhere, and this port talks to nobody without a certificate of the fleet.
    device_listen: Annotated[
        Listen, Meta(description="Where the device API listens (mutual TLS).")
    ] = "0.0.0.0:8443"
    # Joining and operating happen from elsewhere too; a ticket or the token is needed for anything.
    operator_listen: Annotated[
        Listen, Meta(description="Where enrolment and the operator API listen (server TLS).")
    ] = "0.0.0.0:8444"
    # Metrics have no login, so other machines see them only when somebody says so.
    metrics_listen: Annotated[
        Listen,
        Meta(description="Where /metrics, /healthz and /readyz listen (plain HTTP, no login)."),
    ] = "127.0.0.1:9464"
    # For kubelets, who speak gRPC without TLS alone; everybody else has the port of metrics.
    health_listen: Annotated[
        str,
        Meta(
            max_length=262,
            description="Where gRPC probes are answered (no TLS, no login). Default: nowhere.",
        ),
    ] = ""

    # Empty takes this machine's address, which is right for a first try on one network.
    advertise_hosts: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=253)], ...],
        Meta(
            max_length=16,
            description="Names and addresses under which devices and operators reach this server; "
            "the first stands in tickets, all stand in the server's certificate.",
        ),
    ] = ()

    # Behind a load balancer the port outside is another one; else it is where the server listens.
    device_address: Annotated[
        str,
        Meta(
            max_length=262,
            description="host:port of the device API as devices are told it. "
            "Default: the first advertised host and the port of device_listen.",
        ),
    ] = ""
    operator_address: Annotated[
        str,
        Meta(
            max_length=262,
            description="host:port of enrolment as tickets tell it. "
            "Default: the first advertised host and the port of operator_listen.",
        ),
    ] = ""

    # SQLite needs nothing and carries a few thousand devices; PostgreSQL is for more, or replicas.
    database_url: Annotated[
        str,
        Meta(
            max_length=1024,
            description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME. "
            "Default: fieldwise.sqlite in the data folder.",
        ),
    ] = ""
    # PostgreSQL takes 100 by default; five replicas fit.
    database_connections_max: Annotated[
        int,
        Meta(ge=2, le=1000, description="Connections to PostgreSQL at the same time."),
    ] = 20
    # Bundles are large and change seldom, so they may lie on another disk than the database.
    bundle_folder: Annotated[
        Path | None,
        Meta(description="Folder for the content of bundles. Default: bundles in the data folder."),
    ] = None
    # Replicas share what they serve: a bucket needs no disk that many machines write to.
    bundle_url: Annotated[
        str,
        Meta(
            pattern=f"^({BUCKET})?\\Z",
            description="s3://BUCKET/PREFIX for the content of bundles, in place of a folder.",
        ),
    ] = ""
    # Plain http is fit for a cluster's own network: requests are signed and content is checked.
    bundle_endpoint: Annotated[
        str,
        Meta(
            max_length=1024,
            description="https://HOST:PORT, or http, of the object store. Default: Amazon's.",
        ),
    ] = ""
    # Spares the replicas the bytes; devices take links only to hosts that their owners named.
    bundle_public_endpoint: Annotated[
        str,
        Meta(
            max_length=1024,
            description="https://HOST:PORT under which devices reach the object store themselves. "
            "Default: none; content goes through the orchestrator.",
        ),
    ] = ""
    bundle_region: Annotated[
        str,
        Meta(
            pattern="^([a-z0-9-]{1,63})?\\Z",
            description="Region of the bucket. Default: that of AWS_REGION, or us-east-1.",
        ),
    ] = ""
    # Without them the variables AWS_... or the machine's own role open the bucket.
    bundle_access_key: Annotated[
        str,
        Meta(
            max_length=256,
            description="Access key of the bucket. Default: what AWS_ACCESS_KEY_ID and the like "
            "say.",
        ),
    ] = ""
    bundle_secret_key: Annotated[
        str,
        Meta(
            max_length=1024,
            description="Secret that belongs to the access key.",
            extra={"secret": True},
        ),
    ] = ""

    # Founded in the data folder on first start; where that does not last, a secret store keeps it.
    authority_file: Annotated[
        Path | None,
        Meta(
            description="File with the key and certificate of the fleet's authority, as "
            "`fieldwise authority create` makes it; it is only read. "
            "Default: authority.json in the data folder, founded on first start."
        ),
    ] = None

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
            description="Who operators are: token for whoever has operator_token, kubernetes for "
            "whom the cluster knows and gives rights to fieldwise.dev."
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
    def folder(self) -> Path:
        """The data folder; ``load_settings`` has always filled it in."""
        assert self.data_folder is not None
        return self.data_folder

    @property
    def busy_seconds(self) -> int:
        """Pace in force of a device with an update."""
        return self.busy_check_in_seconds or min(BUSY_SECONDS, self.check_in_seconds)

    @property
    def database(self) -> str:
        """URL of the database in force."""
        return self.database_url or f"sqlite:///{self.folder / 'fieldwise.sqlite'}"

    @property
    def bundles(self) -> Path:
        """Folder of bundles in force."""
        return self.bundle_folder or self.folder / "bundles"

    @property
    def needs_cluster(self) -> bool:
        """Whether anything is asked of a cluster's API."""
        chosen = (self.leader_election, self.operator_login)
        return chosen != (Election.DATABASE, OperatorLogin.TOKEN)

    @property
    def bucket(self) -> tuple[str, str] | None:
        """Name of the bucket of bundles and what its names begin with; None for a folder."""
        if not self.bundle_url:
            return None
        name, _, prefix = self.bundle_url.removeprefix("s3://").partition("/")
        return name, prefix.strip("/")


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
