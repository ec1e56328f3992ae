import asyncio
from pathlib import Path
from random import Random

import grpc
import pytest

from benchmarks import checkin, checkin_fleet
from benchmarks.checkin_devices import Papers, Played, patiently, report_of
from fieldwise import wire
from orchestrator.rpc import translate


class Refusing:
    """A check-in that fails so many times before it is answered."""

    def __init__(self, failures: int) -> None:
        self.left = failures

    async def __call__(self, *_: object, **__: object) -> object:
        if self.left:
            self.left -= 1
            empty = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, empty, empty, "away")
        return "answered"


def played(generation: int = 0, digest: bytes = b"") -> Played:
    return Played(Papers(1, "127.0.0.1:1", b"", b"", b""), generation, digest, sequence=1)


@pytest.mark.parametrize("device", [played(), played(3, b"d" * 32)], ids=["new", "settled"])
def test_a_played_device_reports_what_an_orchestrator_takes(device: Played) -> None:
    report = report_of(device)
    wire.check(report)
    assert translate.report_from(report).sequence == 1
    assert translate.report_from(report).generation == device.generation


async def test_a_call_that_is_put_off_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_seconds: float) -> None:
        return None

    monkeypatch.setattr(asyncio, "sleep", at_once)
    assert await patiently(Refusing(2)) == "answered"
    with pytest.raises(grpc.aio.AioRpcError):
        await patiently(Refusing(1_000))


async def test_a_device_that_comes_back_counts_its_refusals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing, device = Refusing(2), played()

    async def check_in(_device: Played) -> None:
        await refusing()

    monkeypatch.setattr(Played, "check_in", check_in)
    await device.check_in_until_heard(Random(0))
    assert (device.tries, device.refused) == (3, 2)


@pytest.mark.parametrize("database", checkin.DATABASES)
def test_a_check_in_is_measured_beside_an_empty_call(database: str) -> None:
    found = checkin.figures_of_call((database,), calls=320, rounds=1)
    assert found["check_in_us"] > 0
    assert found["ratio_to_empty_mtls"] == found["check_in_us"] / found["empty_mtls_us"]
    # SQLite is in the server's process; PostgreSQL's processes have a time of their own.
    if database == "sqlite":
        assert found["check_in_database_us"] == 0


def test_a_fleet_is_measured_at_its_pace_and_on_its_return(tmp_path: Path) -> None:
    found = checkin_fleet.figures(devices=12, pace_seconds=1, minutes=0.05)
    assert found["fleet.devices"] == 12
    assert found["fleet.check_ins_per_s"] > 1
    assert found["back.calls"] - found["back.calls_that_failed"] == 12
    assert found["back.orchestrator.s"] > 0
    assert found["fleet.mb"] > found["fleet.orchestrator.rss_mb"] > 50
