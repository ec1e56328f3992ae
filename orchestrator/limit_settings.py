"""What callers may have of an orchestrator: the settings of it, with the reason for each.

``docs/limits.md`` lists these with the limits that are no settings.
"""

from typing import Annotated

from msgspec import Meta

from orchestrator.place_settings import PlaceSettings


class LimitSettings(PlaceSettings, frozen=True, kw_only=True):
    """The part of ``OrchestratorSettings`` that bounds what others may ask."""

    # The fastest pace that can be set is one a second; an agent that works never comes near it.
    device_check_ins_per_second: Annotated[
        float,
        Meta(
            ge=0.1,
            le=10_000,
            description="Check-ins that one device may make a second over time, 120 at once.",
        ),
    ] = 2.0
    # Twice as many as one replica is measured with. Each is a file, and 50 to 100 KiB of memory.
    connections_max: Annotated[
        int,
        Meta(
            ge=100,
            le=1_000_000,
            description="Connections of devices at the same time; the operator port has a tenth.",
        ),
    ] = 20_000
    # Callers without an identity have nothing else to be known by. Where a proxy or a load balancer
    # puts its own address in the place of theirs, one of them would use up what all of them have.
    address_limits: Annotated[
        bool,
        Meta(
            description="Whether callers that have not logged in are limited by their address. "
            "Turn off where a proxy hides addresses."
        ),
    ] = True
