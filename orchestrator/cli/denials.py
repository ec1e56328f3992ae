"""``fieldwise device deny``, ``undeny`` and ``denied``: keeping a member out for a while."""

from orchestrator.cli.devices import DeviceId
from orchestrator.cli.output import Shown, facts, local, table
from orchestrator.rpc.client import OperatorClient


async def deny(client: OperatorClient, device: DeviceId) -> Shown:
    """Refuse whatever a device calls, within seconds and until `device undeny`.

    What it has under way ends, too. The device goes on by itself, with what it has.
    """
    denial = await client.identities.deny(device)
    rows = [("denied", denial.device), ("since", local(denial.denied_at))]
    return Shown(denial, lambda: facts(rows))


async def undeny(client: OperatorClient, device: DeviceId) -> Shown:
    """Let a device that was denied call again."""
    changed = await client.identities.allow(device)
    told = "may call again" if changed else "was not denied"
    value = {"device": device, "changed": changed}
    return Shown(value, lambda: facts([("device", device), ("now", told)]))


async def denied(client: OperatorClient) -> Shown:
    """List the devices that are denied, the newest first."""
    found = await client.identities.denials()
    rows = [(each.device, local(each.denied_at)) for each in found]
    return Shown(found, lambda: table(("device", "denied"), rows))
