"""What the fuzzer found stays mended, what is right is read, and no parser is without a target.

No fuzzer is needed for it: the corpus that is kept is read again, with some inputs drawn by chance.
"""

import ast
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldwise import archive
from fieldwise.errors import Fault, FieldwiseError
from tests.fuzz.choices import Choices
from tests.fuzz.messages import made
from tests.fuzz.spoiling import patched, spoiled_header, spoiled_json
from tests.fuzz.target import Target, TooSlowError
from tests.fuzz.targets import TARGETS
from tests.fuzz.wire_targets import kinds

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
DRAWN = 25  # inputs of each target, the same in every run
CORPUS_BYTES_MAX = 1024**2
PROGRAMS = ("agent", "aggregator", "fieldwise", "orchestrator")

# Calls that turn bytes or texts into something: who makes one reads what somebody else wrote.
READING = {
    "b64decode",
    "decode_lines",
    "deserialize",
    "frombuffer",
    "FromString",
    "load_der_x509_certificate",
    "load_der_x509_csr",
    "load_pem_private_key",
    "load_pem_x509_certificate",
    "loads",
    "ParseFromString",
    "urlsplit",
}
OF_MODULES = {
    ("json", "decode"),
    ("json", "Decoder"),
    ("msgpack", "decode"),
    ("yaml", "parse"),
    ("Metadata", "from_bytes"),
}

# What is read from where this program alone writes: its own database, or its own child's memory.
OWN = "the program's own database"
WITHOUT: dict[str, str] = {
    "agent.device.forgetting": OWN,
    "agent.device.predictions": OWN,
    "agent.device.records": OWN,
    "agent.device.rows": OWN,
    "agent.device.samples": OWN,
    "agent.device.trust": OWN,
    "agent.learning.heads.contest": OWN,
    "agent.learning.heads.decayed": OWN,
    "agent.learning.heads.gradient": OWN,
    "agent.learning.heads.rehearsal": OWN,
    "agent.learning.heads.replay": OWN,
    "agent.learning.measures.track_record": OWN,
    "agent.learning.restoring": OWN,
    "fieldwise.client": "pixels of the agent on the same machine, by its own socket",
    "orchestrator.enrolment.succession": OWN,
    "orchestrator.storage.sql.applicants": OWN,
    "orchestrator.storage.sql.campaign_rows": OWN,
    "orchestrator.storage.sql.diagnoses": OWN,
    "orchestrator.storage.sql.migrations.versions.v0002_waves_gates_and_ways_back": OWN,
    "orchestrator.storage.sql.rollout_rows": OWN,
    "orchestrator.storage.sql.rows": OWN,
}


def corpus() -> list[tuple[str, Path]]:
    return [(path.parent.name, path) for path in sorted(CORPUS.glob("*/*"))]


@pytest.mark.parametrize(("name", "path"), corpus(), ids=lambda each: getattr(each, "name", each))
def test_what_was_kept_is_read_or_refused(name: str, path: Path) -> None:
    TARGETS[name].run(path.read_bytes())


def test_the_corpus_stays_small() -> None:
    assert sum(path.stat().st_size for _, path in corpus()) <= CORPUS_BYTES_MAX


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_is_right_is_read_and_what_chance_makes_is_read_or_refused(name: str) -> None:
    target, chance = TARGETS[name], random.Random(name)
    if not target.plain:
        target.read(target.seeds()[0])
    for _ in range(DRAWN):
        target.run(chance.randbytes(chance.choice((6, 30, 120, 600))))


def test_every_parser_has_a_target() -> None:
    stood_for = {module for target in TARGETS.values() for module in target.modules}
    assert set(parsers()) - stood_for - WITHOUT.keys() == set()


def test_nothing_is_excused_that_parses_no_more_or_has_a_target() -> None:
    stood_for = {module for target in TARGETS.values() for module in target.modules}
    assert WITHOUT.keys() - set(parsers()) == set()
    assert WITHOUT.keys() & stood_for == set()


def parsers() -> Iterator[str]:
    """Every module of ours that makes something of bytes or texts."""
    for program in PROGRAMS:
        for path in sorted((ROOT / program).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            generated = name.startswith(("fieldwise.v1alpha1", "fieldwise.onnx"))
            if not generated and any(map(reads, ast.walk(ast.parse(path.read_text())))):
                yield name


def reads(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in READING
    if not isinstance(called, ast.Attribute):
        return False
    owner = called.value
    of = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return called.attr in READING or (of, called.attr) in OF_MODULES


def test_whatever_is_no_refusal_is_a_finding() -> None:
    def careless(content: bytes) -> None:
        if content == b"refuse":
            raise FieldwiseError(Fault.BUSY, "later")
        {}[content]

    target = Target("careless", careless, plain=True)
    target.run(b"refuse")
    with pytest.raises(KeyError):
        target.run(b"anything else")


def test_an_input_that_takes_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 3.5))
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    with pytest.raises(TooSlowError):
        Target("slow", len, plain=True).run(b"x")


def test_a_seed_is_spoiled_in_every_way_that_a_target_has() -> None:
    target = Target("t", len, lambda: [b'{"a": 1}'], spoils=(spoiled_json,))
    assert target.input_of(b"\x00as it is") == b"as it is"
    assert target.input_of(b"\x01\x00\x00") != b'{"a": 1}'
    assert target.input_of(b"\x02" + bytes(range(200))) != b'{"a": 1}'


def test_spoiling_changes_something_nearly_always() -> None:
    chance, header = random.Random(1), b'\x0e\0\0\0\0\0\0\0{"x":{"y":[]}}rest'
    for spoil, seed in ((patched, b"seed"), (spoiled_json, b'{"x":1}'), (spoiled_header, header)):
        made_of = [spoil(seed, Choices(chance.randbytes(80))) for _ in range(50)]
        assert len(set(made_of)) > 20


def test_messages_are_made_of_every_kind() -> None:
    chance = random.Random(2)
    assert len(kinds()) > 100
    for kind in kinds():
        sizes = {made(kind, Choices(chance.randbytes(300))).ByteSize() for _ in range(40)}
        assert not kind.DESCRIPTOR.fields or len(sizes) > 1


def test_a_header_that_climbs_out_is_no_header_of_a_bundle() -> None:
    """What the archive's target looks for: nothing lands beside the folder."""
    whole = bytearray(TARGETS["archive-unpacked"].seeds()[0])
    whole[: len(b"../out")] = b"../out"
    with pytest.raises(FieldwiseError) as raised:
        TARGETS["archive-unpacked"].read(bytes(whole))
    assert raised.value.fault is Fault.BUNDLE_INVALID
    assert archive.MANIFEST_NAME == "manifest.json"
