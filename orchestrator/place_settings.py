"""Where an orchestrator is and keeps what it has: the settings of it, with the reason for each.

``orchestrator.config`` has all others, and puts them together.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from fieldwise.identity import FLEET_PATTERN
from orchestrator.setting_rules import BUCKET

Listen = Annotated[str, Meta(min_length=3, max_length=262)]


class PlaceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The part of ``OrchestratorSettings`` that says where things are."""

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

    # Keys of its own need nothing; replicas share one file, and publishers keep theirs offline.
    publisher_file: Annotated[
        Path | None,
        Meta(
            description="File with the keys that this server signs metadata of backbones with, as "
            "`fieldwise trust init` makes it; it is only read. Default: publisher.json in the data "
            "folder, made on first start with every key there is."
        ),
    ] = None

    @property
    def folder(self) -> Path:
        """The data folder; ``load_settings`` has always filled it in."""
        assert self.data_folder is not None
        return self.data_folder

    @property
    def database(self) -> str:
        """URL of the database in force."""
        return self.database_url or f"sqlite:///{self.folder / 'fieldwise.sqlite'}"

    @property
    def bundles(self) -> Path:
        """Folder of bundles in force."""
        return self.bundle_folder or self.folder / "bundles"

    @property
    def bucket(self) -> tuple[str, str] | None:
        """Name of the bucket of bundles and what its names begin with; None for a folder."""
        if not self.bundle_url:
            return None
        name, _, prefix = self.bundle_url.removeprefix("s3://").partition("/")
        return name, prefix.strip("/")
