"""Under which names a server is reached."""

import ipaddress

import pytest

from orchestrator import addresses


def test_the_first_host_that_was_set_stands_in_tickets() -> None:
    assert addresses.advertised(("fleet.example", "10.0.0.1")) == "fleet.example"


def test_without_one_this_machine_s_address_does() -> None:
    assert ipaddress.ip_address(addresses.advertised(()))


def test_a_machine_without_a_network_is_its_own_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "NOWHERE", ("not an address at all", 9))
    assert addresses.outward_address() == "127.0.0.1"


def test_the_certificate_names_all_that_was_set_listened_on_and_loopback() -> None:
    names = addresses.certified(("fleet.example",), ("10.1.2.3:8443", "0.0.0.0:8444", "[::]:1"))
    assert names[:2] == ("fleet.example", "10.1.2.3")
    assert set(addresses.LOOPBACK) <= set(names)
    assert not {"0.0.0.0", "::"} & set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("listen", "near"),
    [
        ("0.0.0.0:8444", "127.0.0.1:9"),
        ("[::]:8444", "[::1]:9"),
        ("10.1.2.3:8444", "10.1.2.3:9"),
        ("[::1]:8444", "[::1]:9"),
    ],
)
def test_this_machine_reaches_a_port_without_the_network(listen: str, near: str) -> None:
    assert addresses.local(listen, 9) == near
