"""Every method of both ports, called as everybody: who is to get through does, and nobody else.

The table is ``tools.callers``; the methods are those of the descriptors.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import grpc
import pytest

from fieldwise import identity
from orchestrator.people import roles
from orchestrator.rates import Rate
from orchestrator.rpc import interceptors, throttling
from orchestrator.rpc.server import PortLimits
from tests import sites
from tests.methods.callers import (
    REFUSALS,
    Identity,
    calling,
    described,
    everybody,
    request_of,
    service_of,
    tried,
)
from tests.sites import Site, opened
from tools.callers import CALLERS, METHODS, Caller, Port, counts, is_let_in, port_of

ALL = list(described())
UNKNOWN = grpc.StatusCode.UNIMPLEMENTED
SHAKEN = frozenset(
    {Caller.NO_CERTIFICATE, Caller.OTHER_AUTHORITY, Caller.EXPIRED, Caller.NOT_YET}
)  # TLS itself refuses these


def generous(calls: int, age: int, **_limits: object) -> PortLimits:
    """Limits that do not stand in for a refusal."""
    return PortLimits(calls, age, check_ins_per_second=1e6, by_address=False)


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(sites, "PortLimits", generous)
    for rate in ("WRONG_TOKENS_OF_ALL", "OTHERWISE"):
        monkeypatch.setattr(throttling, rate, Rate(1_000_000, 1e6))
    async with opened(tmp_path) as made:
        yield made


@dataclass
class Sweep:
    """What came of calls: how many got through, and which did that should not, or the reverse."""

    through: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


async def sweep(site: Site, port: Port, callers: Sequence[Caller]) -> Sweep:
    """Call every method as some callers."""
    everyone, found = await everybody(site), Sweep()
    for caller, method in product(callers, ALL):
        # A method may be the last that a member calls.
        who = await _member(site) if caller is Caller.MEMBER else everyone[caller]
        async with calling(site, port, who) as made:
            request = await request_of(made, site, caller, method, everyone[Caller.SLEEPER])
            code, details = await tried(made, method, request, who.token)
        got = _is_through(code, details, caller, port)
        found.through, found.refused = found.through + got, found.refused + (not got)
        if got != is_let_in(service_of(method), method.name, port, caller):
            found.wrong.append(f"{caller} at {port}: {method.full_name}: {code.name} {details}")
    return found


@pytest.mark.parametrize("port", Port)
async def test_who_may_gets_through_and_nobody_else(
    port: Port, site: Site, record_property: Callable[[str, object], None]
) -> None:
    found = await sweep(site, port, CALLERS[port])
    assert found.wrong == []
    record_property("through", found.through)
    record_property("refused", found.refused)
    assert found.through + found.refused == len(ALL) * len(CALLERS[port])


async def test_a_gate_that_forgets_a_service_is_noticed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = interceptors.OPERATOR_SERVICES - {"fieldwise.v1alpha1.Identity"}
    monkeypatch.setattr(interceptors, "OPERATOR_SERVICES", kept)
    found = await sweep(site, Port.OPERATOR, [Caller.NO_TOKEN])
    assert len(found.wrong) == len(METHODS["Identity"])
    assert all("Identity" in each for each in found.wrong)


async def test_a_role_that_was_given_too_much_is_noticed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "has", lambda _role, _right: True)
    found = await sweep(site, Port.OPERATOR, [Caller.VIEWER])
    assert len(found.wrong) > 20


async def _member(site: Site) -> Identity:
    key = identity.generate_key()
    return Identity(await site.join(key), identity.key_pem(key))


def _is_through(code: grpc.StatusCode, details: str, caller: Caller, port: Port) -> bool:
    """Whether the method itself was reached; a refusal has one of two words, or none at all."""
    shaken = port is Port.DEVICE and caller in SHAKEN
    if shaken:
        assert code is grpc.StatusCode.UNAVAILABLE, (caller, code, details)
        return False
    assert code is not grpc.StatusCode.DEADLINE_EXCEEDED, (caller, details)
    assert code is not grpc.StatusCode.RESOURCE_EXHAUSTED, (caller, details)
    return code not in REFUSALS and code is not UNKNOWN


def test_the_figures_of_the_documentation_are_those_of_the_table() -> None:
    tried_in_all, through = counts()
    assert tried_in_all == sum(len(ALL) * len(CALLERS[port]) for port in Port)
    assert 0 < through < tried_in_all
    assert {port_of(service) for service in METHODS} == set(Port)
