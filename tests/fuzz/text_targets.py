"""Targets that are texts and records: tickets, names, settings, plans, keys, certificates."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import grpc
import msgspec

import agent.config
import aggregator.config
import orchestrator.config
from agent.device.identity import IdentityFolder
from agent.learning import trial
from agent.reporting import Membership
from agent.rpc import links
from fieldwise import channel, class_name, federation, identity, status, ticket, trust
from fieldwise.federation import Consent, HeadSpace, RowKind
from orchestrator import home, keys, paging, rates, repeats, setting_rules
from orchestrator.cli import plan_file, plan_reading
from orchestrator.connection import CONNECTION_FILE, read_connection
from orchestrator.enrolment.authority import found_authority
from orchestrator.federation import worker_token
from orchestrator.fleet import cohort, tags
from orchestrator.kubernetes import jobs
from orchestrator.rpc import journal
from tests.fuzz.choices import Choices
from tests.fuzz.file_targets import SCRATCH, manifest, scratch
from tests.fuzz.spoiling import patched
from tests.fuzz.target import JSON, Target

NOW = 1_800_000_000.0
SPACE = HeadSpace("a" * 64, "b" * 64, (3, 2))


def text_of(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def texts(*seeds: str) -> Callable[[], Sequence[bytes]]:
    return lambda: [seed.encode() for seed in seeds]


@cache
def authority() -> home.StoredAuthority:
    made = found_authority("plant-7", identity.generate_key(), NOW)
    pem = identity.certificate_pem(made.certificate).decode()
    return home.StoredAuthority("plant-7", pem, identity.key_pem(made.key).decode())


def tickets() -> Sequence[bytes]:
    root = identity.load_pem_certificate(authority().certificate.encode())
    der = identity.certificate_der(root)
    made = ticket.Ticket("127.0.0.1:8444", der, "plant-7", "0" * 16, bytes(32))
    return [ticket.encode_ticket(made).encode()]


def checked_ticket(seed: bytes, choices: Choices) -> bytes:
    """A ticket of another record under a right checksum."""
    raw = base64.urlsafe_b64decode(seed[4:] + b"=" * (-len(seed[4:]) % 4))[4:]
    if choices.below(2):
        record = patched(raw, choices)
    else:
        fields = msgspec.msgpack.decode(raw)
        fields[choices.below(len(fields))] = json.loads(json.dumps(choices.text()))
        record = msgspec.msgpack.encode(fields)
    whole = ticket._checksum(record) + record
    return ticket.PREFIX.encode() + base64.urlsafe_b64encode(whole).rstrip(b"=")


def toml(load: Callable[..., object], *lines: str) -> Target:
    name = load.__module__.partition(".")[0]

    def read(content: bytes) -> None:
        choices = Choices(content)
        if choices.below(2):
            load(scratch("settings.toml", choices.rest()), {}, {})
            return
        names = [line.partition(" ")[0] for line in lines]
        value = json.dumps(choices.value())
        line = f"{choices.one_of(names)} = {value}\n"
        load(scratch("settings.toml", line.encode("utf-8", "replace")), {}, {})

    return Target(f"settings-{name}", read, modules=("fieldwise.settings",), plain=True)


def variables(content: bytes) -> None:
    choices = Choices(content)
    names = [each.upper() for each in orchestrator.config.OrchestratorSettings.__struct_fields__]
    chosen = {f"FIELDWISE_{choices.one_of(names)}": choices.text() for _ in range(4)}
    orchestrator.config.load_settings(None, chosen, {})


def aggregated(content: bytes) -> None:
    choices = Choices(content)
    names = [each.upper() for each in aggregator.config.Settings.__struct_fields__]
    chosen = {f"FIELDWISE_AGGREGATOR_{choices.one_of(names)}": choices.text() for _ in range(6)}
    aggregator.config.load(chosen)


def plan(content: bytes) -> None:
    plan_reading.read_plan(plan_file.read_tree(content))


PLAN = """
backbone: lite0:1.0.0
waves:
  - 10%
  - {share: 25%, promotion: manual}
  - rest
gate: {margin: 2%, alpha: 5%}
window: 22:00-06:00 mon-fri UTC
"""
LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: !!python/object:os.system [*c]\n"


def requests() -> Sequence[bytes]:
    return [identity.certificate_request(identity.generate_key())]


@cache
def device_certificate() -> bytes:
    signer = found_authority("plant-7", identity.generate_key(), NOW)
    issued = signer.sign_device(identity.generate_key().public_key(), "d-abc", NOW)
    return identity.certificate_der(issued.certificate)


def certificates() -> Sequence[bytes]:
    return [device_certificate()]


def certificate(content: bytes) -> None:
    found = identity.load_certificate(content)
    identity.check_validity(found, datetime.fromtimestamp(NOW, UTC))
    identity.identity_of(found)


def certificate_text(content: bytes) -> None:
    identity.identity_of(identity.load_pem_certificate(content))


def record(name: str, read: Callable[[], object]) -> Callable[[bytes], object]:
    def run(content: bytes) -> object:
        scratch(name, content)
        return read()

    return run


def folder() -> Any:
    from pathlib import Path

    return Path(SCRATCH.name)


def connected(content: bytes) -> object:
    path = folder() / CONNECTION_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return read_connection(folder())


def member(content: bytes) -> object:
    scratch("membership.json", content)
    return IdentityFolder(folder()).read()


def memberships() -> Sequence[bytes]:
    key = authority().key.encode()
    return [msgspec.json.encode(Membership("d-abc", "plant-7", "127.0.0.1:1", key, b"c", (b"r",)))]


def job(content: bytes) -> object:
    return jobs.read_form(scratch("job.json", content), "fieldwise")


def page(content: bytes) -> None:
    asked = paging.PageRequest(10, text_of(content))
    _ = (asked.after, asked.after_number)


class Refusal(grpc.RpcError, grpc.Call):  # type: ignore[misc]  # what a peer says, as gRPC tells it
    """What another program ended a call with."""

    def __init__(self, choices: Choices) -> None:
        self._code = choices.one_of(list(grpc.StatusCode))
        self._details = choices.text()
        self._metadata = tuple(
            (choices.one_of((status.METADATA_KEY, "x")), choices.text()) for _ in range(3)
        )

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return self._metadata


def refused(content: bytes) -> None:
    error = status.from_rpc_error(Refusal(Choices(content)))
    assert error.sentence.isprintable()
    assert len(error.sentence) <= 2 * status.SENTENCE_CHARACTERS_MAX


def said_in_log(content: bytes) -> None:
    told = journal.clean(text_of(content))
    assert told.isprintable()
    assert len(told) <= journal.TEXT_CHARACTERS_MAX


def named(content: bytes) -> None:
    name = text_of(content)
    class_name.check_class_name(name)
    assert name.isprintable()


def tagged(content: bytes) -> None:
    text = text_of(content)
    tags.check_tags({text[:4]: text[4:]})


def read_content(content: bytes) -> None:
    choices = Choices(content)
    kind, level = choices.one_of(list(RowKind)), choices.one_of(list(Consent))
    federation.read_content(choices.rest(), SPACE, kind, level, choices.below(3))


def trial_reply(content: bytes) -> None:
    import subprocess

    trial._read(subprocess.CompletedProcess([], 0, content, b""), manifest())


def addresses(content: bytes) -> None:
    text = text_of(content)
    rates.address_of(text)
    if not setting_rules.is_endpoint(text) and not text.startswith("ipv"):
        channel.split_address(text)


def retried(content: bytes) -> None:
    text = text_of(content)
    repeats.request_fingerprint(text)
    repeats.ticket_secret(text)


def worker(content: bytes) -> None:
    text = text_of(content)
    worker_token.campaign_of(text)
    worker_token.is_in_force(text, "0" * 64)


def metadata_name(content: bytes) -> None:
    trust.parse_name(text_of(content))


def stored(content: bytes) -> object:
    return keys.keys_from(content, "", NOW)


TARGETS = (
    Target(
        "ticket",
        lambda content: ticket.decode_ticket(text_of(content)),
        tickets,
        ("fieldwise.ticket",),
        (checked_ticket,),
    ),
    Target("class-name", named, texts("apple", "\u00e7ilek"), ("fieldwise.class_name",)),
    Target(
        "selector",
        lambda content: cohort.parse_selector(text_of(content)),
        texts("site=berlin,old,ring!=3"),
        ("orchestrator.fleet.cohort",),
    ),
    Target("tags", tagged, texts("siteberlin"), ("orchestrator.fleet.tags",)),
    Target("page-token", page, texts("NDI="), ("orchestrator.paging",)),
    Target("request-id", retried, texts("0f" * 16), ("orchestrator.repeats",)),
    Target("worker-token", worker, texts("c7.abc"), ("orchestrator.federation.worker_token",)),
    Target(
        "addresses",
        addresses,
        texts("127.0.0.1:8443", "[::1]:1", "ipv6:%5B::1%5D:1", "https://store:9000"),
        ("fieldwise.channel", "orchestrator.rates", "orchestrator.setting_rules"),
    ),
    Target(
        "link",
        lambda content: links.allowed_host(text_of(content), ("store.example", ".cdn.example")),
        texts("https://store.example/bundles/x?sig=1", "https://a.cdn.example/x"),
        ("agent.rpc.links",),
    ),
    Target("peer-words", refused, modules=("fieldwise.status",), plain=True),
    Target("log-words", said_in_log, texts("a\nb"), ("orchestrator.rpc.journal",)),
    Target("plan", plan, texts(PLAN, LAUGHS), ("orchestrator.cli.plan_file",)),
    Target("update-content", read_content, modules=("fieldwise.federation",), plain=True),
    Target("trial-reply", trial_reply, texts("{}", '{"fault":"busy"}'), (trial.__name__,), JSON),
    Target("certificate-request", identity.requested_key, requests, ("fieldwise.identity",)),
    Target("certificate", certificate, certificates, ("fieldwise.identity",)),
    Target(
        "certificate-text",
        certificate_text,
        lambda: [channel.pem_of(device_certificate())],
        ("fieldwise.identity", "orchestrator.rpc.interceptors"),
    ),
    Target(
        "private-key",
        identity.load_key,
        lambda: [authority().key.encode()],
        ("fieldwise.identity",),
    ),
    Target(
        "authority",
        stored,
        lambda: [msgspec.json.encode(authority())],
        ("orchestrator.keys", "orchestrator.home"),
        JSON,
    ),
    Target(
        "connection",
        connected,
        texts('{"address":"127.0.0.1:1","authority":"x","token":"y"}'),
        ("orchestrator.connection",),
        JSON,
    ),
    Target("membership", member, memberships, ("agent.device.identity",), JSON),
    Target(
        "job-form",
        job,
        texts(
            '{"owner":"Deployment/f","spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}'
        ),
        ("orchestrator.kubernetes.jobs",),
        JSON,
    ),
    Target("metadata-name", metadata_name, texts("3.root.json"), ("fieldwise.trust",)),
    toml(agent.config.load_settings, "classes_max = 10", 'heads = "discriminant"'),
    toml(orchestrator.config.load_settings, "check_in_seconds = 60", 'fleet = "plant-7"'),
    Target("settings-variables", variables, modules=("fieldwise.settings",), plain=True),
    Target("settings-aggregator", aggregated, modules=("fieldwise.settings",), plain=True),
)
