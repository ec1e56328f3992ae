"""Targets of signed metadata and of the keys that sign it."""

from collections.abc import Callable, Sequence
from functools import cache

from fieldwise.errors import FieldwiseError
from fieldwise.trust import Listed, Role
from orchestrator import publisher_file
from orchestrator.trust import documents, signing_keys
from orchestrator.trust.documents import Document
from orchestrator.trust.drafting import signed
from orchestrator.trust.upkeep import Lifetimes, PublisherKeys, Wanted, upkeep
from tests.fuzz.target import JSON, Target

NOW = 1_800_000_000.0
LISTED = Listed("a" * 64, 100, "tiny", "1.0.0", 1)


@cache
def stored() -> publisher_file.StoredPublisher:
    return publisher_file.all_online()


def keys() -> PublisherKeys:
    return publisher_file.keys_of(stored(), "publisher.json")


@cache
def state() -> dict[Role, Document]:
    """What a server that is its own publisher has signed at first."""
    made = upkeep({}, keys(), Wanted((LISTED,)), NOW, Lifetimes())
    return {each.role: each for each in made}


def metadata(role: Role) -> Callable[[bytes], None]:
    """Read metadata of a role, and everything that others ask of it."""

    def read(content: bytes) -> None:
        document = documents.read(role, content)
        assert document.version > 0
        _ = (document.expires_at, document.signers)
        if role is Role.TARGETS:
            _ = (document.listed, document.floor)
        root = document if role is Role.ROOT else state()[Role.ROOT]
        documents.signatures_missing(document, root)
        documents.check_signed(document, root)

    return read


def seed(role: Role) -> Callable[[], Sequence[bytes]]:
    return lambda: [state()[role].content]


def re_signed(content: bytes) -> None:
    """A root that anybody may propose is read, signed and read again."""
    document = documents.read(Role.ROOT, content)
    try:
        again = signed(document, keys().root.values())
    except FieldwiseError:
        return
    documents.read(Role.ROOT, again.content)


DRAFTED = ("orchestrator.trust.documents", "orchestrator.trust.drafting")
TARGETS = (
    *(
        Target(
            f"metadata-{role}", metadata(role), seed(role), ("orchestrator.trust.documents",), JSON
        )
        for role in Role
    ),
    Target("metadata-signed", re_signed, seed(Role.ROOT), DRAFTED, JSON),
    Target(
        "publisher-file",
        lambda content: publisher_file.decode_publisher(content, "publisher.json"),
        lambda: [publisher_file.encode_publisher(stored())],
        ("orchestrator.publisher_file",),
        JSON,
    ),
    Target(
        "signing-key",
        lambda content: signing_keys.load(content, "key.pem"),
        lambda: [stored().root[0].encode()],
        ("orchestrator.trust.signing_keys",),
    ),
)
