"""Where an orchestrator that has started is found."""

from dataclasses import dataclass
from pathlib import Path

from fieldwise.channel import join_address
from orchestrator import addresses
from orchestrator.config import OrchestratorSettings


@dataclass(frozen=True, slots=True)
class Started:
    """What whoever started it is told; addresses are host:port.

    ``near_address`` is that of the operator API on this machine itself, ``signs_backbones`` whether
    this server has the keys with which backbones are listed.
    """

    fleet: str
    folder: Path
    device_address: str
    operator_address: str
    metrics_address: str
    near_address: str
    health_address: str = ""
    signs_backbones: bool = False


def started_at(
    settings: OrchestratorSettings, fleet: str, device_port: int, operator_port: int
) -> Started:
    """Return where it is found, but for the metrics, which are opened last."""
    host = addresses.advertised(settings.advertise_hosts)
    return Started(
        fleet=fleet,
        folder=settings.folder,
        device_address=settings.device_address or join_address(host, device_port),
        operator_address=settings.operator_address or join_address(host, operator_port),
        metrics_address="",
        near_address=addresses.local(settings.operator_listen, operator_port),
    )
