"""Commands: what they ask the server for, and what they print of its answer."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result, _NamedTextIOWrapper
from typer.testing import CliRunner

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.cli.root import app
from orchestrator.fleet.device import DeviceState, Facts, Target
from orchestrator.fleet.report import LearningCounters, Report, UpdateReport
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.paging import Page
from orchestrator.rollout.machine import Phase, Place
from orchestrator.rpc.client import CreatedTicket, Pushed
from orchestrator.views import (
    BackboneView,
    DeviceView,
    FleetView,
    LookView,
    RolloutView,
    StopView,
    TicketView,
    VariantView,
)

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DIGEST = "ab" * 32
TICKET = TicketView("t1", THEN, THEN + timedelta(days=1), 3, 1, revoked=False, tags={"a": "b"})
BACKBONE = BackboneView(
    digest=DIGEST,
    name="lite0",
    version="1.0.0",
    epoch=1,
    publisher="us",
    licence="Apache-2.0",
    source="here",
    feature_width=1280,
    image_size=224,
    variants=(VariantView("fp32", 5 << 20), VariantView("int8", 2 << 20)),
    starter_classes=0,
    created_at=THEN,
    devices=1,
    looks=(LookView("small", 224, 0, 1280), LookView("probe", 0, 13, 64)),
)
REPORT = Report(
    1,
    2,
    bundle_in_use=DIGEST,
    variant_in_use="fp32",
    update=UpdateReport(1, DIGEST, UpdatePhase.REVERTED, UpdateFailure.DISK_FULL),
    learning=LearningCounters(samples=1234, classes=7, window_samples=200, window_correct=150),
)
DEVICE = DeviceView(
    id="d-1",
    tags={"site": "berlin"},
    state=DeviceState.FAILED,
    enrolled_at=THEN,
    seen_at=None,
    certificate_expires_at=THEN,
    facts=Facts("0.1.0", "aarch64", 1 << 30, 4),
    report=REPORT,
    target=Target(3, DIGEST),
    settings=None,
)
ROLLOUT = RolloutView(
    id="r1",
    digest=DIGEST,
    title="lite0:1.0.0",
    cohort="",
    phase=Phase.RUNNING,
    created_at=THEN,
    ended_at=None,
    counts={Place.HEALTHY: 2, Place.OFFLINE: 1},
)
FLEET = FleetView("0.1.0", "plant-7", {"healthy": 2, "offline": 0}, {"lite0:1.0.0": 2}, 1, 4)


class CannedClient:
    """Answers every call with one canned record, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.error: FieldwiseError | None = None
        self.answers: dict[str, Any] = {
            "create_ticket": CreatedTicket(TICKET, "fw1_" + "x" * 500),
            "list_tickets": Page((TICKET,) * 3, "more"),
            "revoke_ticket": TICKET,
            "list_devices": Page((DEVICE,)),
            "get_device": DEVICE,
            "update_tags": DEVICE,
            "remove_device": None,
            "list_backbones": Page((BACKBONE,)),
            "get_backbone": BACKBONE,
            "start_rollout": ROLLOUT,
            "list_rollouts": Page((ROLLOUT,)),
            "get_rollout": ROLLOUT,
            "stop_rollout": StopView(ROLLOUT, 5, 90),
            "apply_settings": 3,
            "fleet": FLEET,
        }

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            self.asked.append((name, *arguments))
            if self.error is not None:
                raise self.error
            return self.answers[name]

        return call

    async def push_backbone(self, pieces: AsyncIterator[bytes]) -> Pushed:
        content = b"".join([piece async for piece in pieces])
        self.asked.append(("push_backbone", content))
        return Pushed(BACKBONE, created=True)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> CannedClient:
    canned = CannedClient()

    @asynccontextmanager
    async def connect(*connection: object) -> AsyncIterator[CannedClient]:
        yield canned

    monkeypatch.setattr("orchestrator.cli.remote.connect", connect)
    return canned


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text("PEM")
    return tmp_path / "ca.pem"


@pytest.fixture
def run(client: CannedClient, ca: Path) -> Any:
    given = {"FIELDWISE_ADDRESS": "h:1", "FIELDWISE_TOKEN": "t", "FIELDWISE_CA": str(ca)}

    def call(*arguments: str, asked: str | None = None) -> Result:
        return CliRunner(env=given).invoke(app, arguments, input=asked)

    return call


COMMANDS = [
    (("ticket", "create"), "fw1_"),
    (("ticket", "list"), "1 of 3"),
    (("ticket", "revoke", "t1"), "revoked"),
    (("device", "list"), "75.0 %"),
    (("device", "show", "d-1"), "reverted: disk-full"),
    (("device", "tag", "d-1", "a=b"), "site=berlin"),
    (("device", "remove", "d-1", "--yes"), "removed"),
    (("backbone", "list"), "fp32, int8"),
    (("backbone", "show", "lite0"), "fp32 5.0 MiB, int8 2.0 MiB"),
    (("backbone", "show", "lite0"), "small: 224 px, 1,280 features"),
    (("backbone", "show", "lite0"), "probe: 13 readings, 64 features"),
    (("rollout", "start", "lite0"), "lite0:1.0.0"),
    (("rollout", "list"), "2 healthy, 1 offline"),
    (("rollout", "show", "r1"), "running"),
    (("rollout", "stop", "r1"), "running"),
    (("settings", "apply", "shrinkage=0.5"), "3"),
    (("status",), "plant-7"),
]


@pytest.mark.parametrize(("arguments", "shown"), COMMANDS, ids=lambda value: " ".join(value[:2]))
def test_a_command_shows_people_what_matters(
    run: Any, arguments: tuple[str, ...], shown: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert shown in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("arguments", [each for each, _ in COMMANDS], ids=" ".join)
def test_with_json_a_command_prints_one_document_and_nothing_else(
    run: Any, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) is not None
    assert result.stderr == ""


@pytest.mark.parametrize("arguments", [each for each, _ in COMMANDS], ids=" ".join)
def test_an_error_is_a_sentence_with_advice_and_an_exit_status(
    run: Any, client: CannedClient, arguments: tuple[str, ...]
) -> None:
    client.error = FieldwiseError(Fault.NOT_FOUND, "there is no such thing")
    result = run(*arguments)
    assert result.exit_code == 4
    assert result.stdout == ""
    assert result.stderr == (
        "error: there is no such thing\n"
        "Check the name or id: `list`, `status` and their like show what there is.\n"
    )
    told = json.loads(run(*arguments, "--json").stderr)["error"]
    assert told["fault"] == "not-found"
    assert told["message"] == "there is no such thing"
    assert told["advice"]


def test_a_ticket_is_alone_on_its_line_however_long(run: Any, client: CannedClient) -> None:
    result = run("ticket", "create", "--uses=3", "--lifetime=12h", "--tag=site=berlin")
    assert result.stdout == "fw1_" + "x" * 500 + "\n"
    assert client.asked == [("create_ticket", 3, 43_200, {"site": "berlin"})]
    assert "t1 for 3 devices" in result.stderr


def test_a_list_that_was_cut_off_says_so(run: Any) -> None:
    result = run("ticket", "list", "--limit=2")
    assert result.stdout.count("t1") == 2
    assert "Only the first 2" in result.stderr


def test_tags_are_written_and_dropped(run: Any, client: CannedClient) -> None:
    assert run("device", "tag", "d-1", "site=berlin", "line-", "a=b-").exit_code == 0
    assert client.asked == [("update_tags", "d-1", {"site": "berlin", "a": "b-"}, ["line"])]


@pytest.mark.parametrize("wrong", ["site", "=berlin", "site=a site=b"])
def test_a_tag_that_is_none_is_refused_before_the_server_is_asked(
    run: Any, client: CannedClient, wrong: str
) -> None:
    assert run("device", "tag", "d-1", *wrong.split()).exit_code == 2
    assert client.asked == []


def test_a_device_is_removed_only_when_a_person_agrees(
    run: Any, client: CannedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _self: True)
    assert run("device", "remove", "d-1", asked="n\n").exit_code == 2
    assert client.asked == []
    assert run("device", "remove", "d-1", asked="y\n").exit_code == 0
    assert client.asked == [("remove_device", "d-1")]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_program_that_removes_a_device_has_to_say_yes(
    run: Any, client: CannedClient, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _self: bool(flags))
    refused = run("device", "remove", "d-1", *flags, asked="y\n")
    assert refused.exit_code == 2
    assert "needs --yes" in refused.stderr
    assert refused.stdout == ""
    assert client.asked == []
    assert run("device", "remove", "d-1", "--yes", *flags).exit_code == 0


EVIL = "\x1b]0;owned\x07\x9b31m\u202etxt"


def test_nothing_that_a_device_reports_reaches_the_terminal_as_a_command(
    run: Any, client: CannedClient
) -> None:
    evil = replace(
        DEVICE,
        facts=Facts(EVIL, EVIL, 1 << 30, 4),
        report=replace(REPORT, agent_version=EVIL, variant_in_use=EVIL),
        tags={"site": EVIL},
    )
    client.answers["get_device"] = evil
    client.answers["list_devices"] = Page((evil,))
    for arguments in (("device", "show", "d-1"), ("device", "list")):
        for flags in ((), ("--json",)):
            answer = run(*arguments, *flags)
            assert answer.exit_code == 0
            assert "owned" in answer.stdout
            assert all(each.isprintable() or each == "\n" for each in answer.output)
    assert json.loads(run("device", "show", "d-1", "--json").stdout)["tags"]["site"] == EVIL


def test_what_a_server_says_in_an_error_is_cleaned(run: Any, client: CannedClient) -> None:
    client.error = FieldwiseError(Fault.NOT_FOUND, EVIL)
    for flags in ((), ("--json",)):
        told = run("device", "show", "d-1", *flags).stderr
        assert "owned" in told
        assert all(each.isprintable() or each == "\n" for each in told)


def test_a_device_without_a_backbone_is_pointed_at(run: Any, client: CannedClient) -> None:
    idle = replace(
        DEVICE,
        state=DeviceState.HEALTHY,
        report=replace(REPORT, bundle_in_use=None, variant_in_use=""),
    )
    client.answers["get_device"] = idle
    client.answers["list_devices"] = Page((idle, DEVICE))
    listed = run("device", "list")
    assert " none " in listed.stdout
    assert "One device has no backbone yet" in listed.stderr
    assert "fieldwise rollout start" in run("device", "show", "d-1").stdout
    client.answers["list_devices"] = Page((DEVICE,))
    assert run("device", "list").stderr == ""


def test_a_cohort_reaches_the_server(run: Any, client: CannedClient) -> None:
    run("device", "list", "--cohort=site=berlin")
    run("rollout", "start", "lite0:1.0.0", "--cohort=line!=3")
    assert client.asked[0] == ("list_devices", "site=berlin", "")
    assert client.asked[-1] == ("start_rollout", "lite0:1.0.0", "line!=3")


def test_a_stop_tells_how_many_may_still_start(run: Any) -> None:
    assert (
        "5 devices may still start on it, for 90 s at most." in run("rollout", "stop", "r1").stderr
    )


def test_device_settings_are_read_as_what_they_are(run: Any, client: CannedClient) -> None:
    run("settings", "apply", "--cohort=a=b", "learning_paused=true", "retention_days=0")
    wanted = DeviceSettings(learning_paused=True, retention_days=0)
    assert client.asked == [("apply_settings", "a=b", wanted)]


@pytest.mark.parametrize("wrong", ["consent=weights", "shrinkage=x", "shrinkage=99", "shrinkage"])
def test_device_settings_that_are_none_are_refused(
    run: Any, client: CannedClient, wrong: str
) -> None:
    assert run("settings", "apply", wrong).exit_code == 2
    assert client.asked == []


def test_a_bundle_is_pushed_whole_in_pieces(run: Any, client: CannedClient, tmp_path: Path) -> None:
    path = tmp_path / "a.bundle"
    path.write_bytes(bytes(range(256)) * 10_000)
    assert "published" in run("backbone", "push", str(path)).stdout
    assert client.asked == [("push_backbone", path.read_bytes())]
    assert run("backbone", "push", str(tmp_path / "missing")).exit_code == 2
