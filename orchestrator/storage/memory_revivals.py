"""Which key a device uses, and who was revived, in memory."""

from dataclasses import replace

from orchestrator.fleet.device import DeviceKey, denied
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import Contents


class MemoryRevivals:
    """``RevivalStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def revive(self, key: DeviceKey, used: str, asked_at: float) -> None:
        contents, name = self._contents, key.device
        device = contents.present(name)
        if name in contents.denied:
            raise denied(name)
        if used not in (device.key.fingerprint, contents.keys_in_use.get(name)):
            raise refusals.superseded_key(name)
        if contents.revived.get(name, float("-inf")) >= asked_at:
            raise refusals.revived_already(name)
        known = contents.keys.get(key.fingerprint)
        if known is not None and known.device != name:
            raise refusals.key_known()
        kept = replace(key, ticket=known.ticket) if known else key
        contents.revived[name], contents.keys_in_use[name] = asked_at, used
        contents.keys[key.fingerprint] = kept
        contents.devices[name] = replace(device, key=kept)
        needed = (key.fingerprint, used)
        for each in list(contents.keys.values()):
            if each.device == name and each.fingerprint not in needed:
                del contents.keys[each.fingerprint]
