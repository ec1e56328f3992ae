"""Commands that keep a device out, against a client without a server."""

import json
from typing import Any

from tests.fakes.operator_client import CannedClient


def test_a_device_is_denied_and_allowed_again(run: Any, client: CannedClient) -> None:
    assert "d-1" in run("device", "deny", "d-1").stdout
    assert "may call again" in run("device", "undeny", "d-1").stdout
    client.identities.changed = False
    assert "was not denied" in run("device", "undeny", "d-1").stdout
    assert client.identities.asked == [("deny", "d-1"), ("allow", "d-1"), ("allow", "d-1")]


def test_denials_are_told_to_programs_as_well(run: Any, client: CannedClient) -> None:
    told = json.loads(run("device", "denied", "--json").stdout)
    assert [each["device"] for each in told] == ["d-1"]
    assert json.loads(run("device", "undeny", "d-1", "--json").stdout)["changed"] is True
    assert "d-1" in run("device", "denied").stdout
