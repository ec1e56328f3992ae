"""One family of errors and one catalogue of what each means.

A fault is named from the caller's side. The catalogue gives every fault the gRPC status that
carries it, the exit code of a command that meets it, and the advice a person gets.
``fieldwise.status`` puts a fault on the wire and takes it off again; nothing here knows gRPC, so
that pure rules may raise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    """What can go wrong, as the caller sees it."""

    INVALID_ARGUMENT = "invalid-argument"
    OVER_LIMIT = "over-limit"
    UNKNOWN_FIELD = "unknown-field"
    SETTING_INVALID = "setting-invalid"
    NOT_FOUND = "not-found"
    ALREADY_EXISTS = "already-exists"
    CONFLICT = "conflict"
    ILLEGAL_COMMAND = "illegal-command"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission-denied"
    TICKET_INVALID = "ticket-invalid"
    ADMISSION_REFUSED = "admission-refused"
    DEVICE_REMOVED = "device-removed"
    DEVICE_DENIED = "device-denied"
    DEVICE_UNKNOWN = "device-unknown"
    CERTIFICATE_INVALID = "certificate-invalid"
    BUNDLE_INVALID = "bundle-invalid"
    BUNDLE_UNSUITABLE = "bundle-unsuitable"
    BUNDLE_DECLINED = "bundle-declined"
    NOT_VOUCHED = "not-vouched"
    BELOW_FLOOR = "below-floor"
    METADATA_INVALID = "metadata-invalid"
    METADATA_EXPIRED = "metadata-expired"
    DIGEST_MISMATCH = "digest-mismatch"
    GOLDEN_MISMATCH = "golden-mismatch"
    GRAPH_FAILED = "graph-failed"
    IMAGE_INVALID = "image-invalid"
    READINGS_INVALID = "readings-invalid"
    CAMERA_UNAVAILABLE = "camera-unavailable"
    CLASS_INVALID = "class-invalid"
    TOO_MANY_CLASSES = "too-many-classes"
    NO_BACKBONE = "no-backbone"
    DISK_FULL = "disk-full"
    STATE_LOCKED = "state-locked"
    STATE_DAMAGED = "state-damaged"
    STATE_UNUSABLE = "state-unusable"
    LEDGER_ALTERED = "ledger-altered"
    AUTHORITY_UNUSABLE = "authority-unusable"
    BACKUP_INVALID = "backup-invalid"
    AUDIT_BROKEN = "audit-broken"
    NOT_EMPTY = "not-empty"
    NOT_JOINED = "not-joined"
    ALREADY_JOINED = "already-joined"
    CLOCK_WRONG = "clock-wrong"
    UNREACHABLE = "unreachable"
    PROXY_FAILED = "proxy-failed"
    TLS_INSPECTED = "tls-inspected"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    TOO_SLOW = "too-slow"
    EXTRA_MISSING = "extra-missing"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a fault means to a wire, a shell and a person."""

    status: str  # name of a grpc.StatusCode
    exit_code: (
        int  # 2 usage, 3 refused, 4 missing, 5 device or server state, 6 connection, 70 a defect
    )
    advice: str


CATALOGUE: Mapping[Fault, Entry] = MappingProxyType(
    {
        Fault.INVALID_ARGUMENT: Entry("INVALID_ARGUMENT", 2, "Correct the value and try again."),
        Fault.OVER_LIMIT: Entry(
            "INVALID_ARGUMENT", 2, "Send less; docs/reference.md lists the limits."
        ),
        Fault.UNKNOWN_FIELD: Entry(
            "INVALID_ARGUMENT", 2, "The other side speaks a newer version: update this one."
        ),
        Fault.SETTING_INVALID: Entry(
            "INVALID_ARGUMENT",
            2,
            "See `settings` for every setting, its bounds and where it came from.",
        ),
        Fault.NOT_FOUND: Entry(
            "NOT_FOUND",
            4,
            "Check the name or id: `list`, `status` and their like show what there is.",
        ),
        Fault.ALREADY_EXISTS: Entry("ALREADY_EXISTS", 5, "Choose another name or version."),
        Fault.CONFLICT: Entry(
            "ABORTED", 5, "Someone else changed it meanwhile: look again and repeat."
        ),
        Fault.ILLEGAL_COMMAND: Entry(
            "FAILED_PRECONDITION", 5, "Look at its present phase with the `show` command."
        ),
        Fault.UNAUTHENTICATED: Entry(
            "UNAUTHENTICATED", 3, "Pass the operator token with --token or FIELDWISE_TOKEN."
        ),
        Fault.PERMISSION_DENIED: Entry("PERMISSION_DENIED", 3, "Ask whoever owns it."),
        Fault.TICKET_INVALID: Entry(
            "UNAUTHENTICATED", 3, "Ask the operator for a new one: `fieldwise ticket create`."
        ),
        Fault.ADMISSION_REFUSED: Entry(
            "PERMISSION_DENIED",
            3,
            "Ask the operator why; where it was a mistake, join again.",
        ),
        Fault.DEVICE_REMOVED: Entry(
            "PERMISSION_DENIED",
            3,
            "To come back: `fieldwise-agent leave`, then join with a new ticket.",
        ),
        Fault.DEVICE_DENIED: Entry(
            "PERMISSION_DENIED", 3, "Ask the operator, who can `fieldwise device undeny` it."
        ),
        Fault.DEVICE_UNKNOWN: Entry(
            "PERMISSION_DENIED",
            3,
            "Was the orchestrator's database restored? Then leave and join with a new ticket.",
        ),
        Fault.CERTIFICATE_INVALID: Entry(
            "UNAUTHENTICATED",
            3,
            "Check this machine's clock; then leave and join with a new ticket.",
        ),
        Fault.BUNDLE_INVALID: Entry(
            "INVALID_ARGUMENT", 2, "Pack it again with `fieldwise backbone pack`."
        ),
        Fault.BUNDLE_UNSUITABLE: Entry(
            "FAILED_PRECONDITION",
            5,
            "Pack a variant that this device can run, or update its agent.",
        ),
        Fault.BUNDLE_DECLINED: Entry(
            "FAILED_PRECONDITION",
            5,
            "The backbone from before serves. `fieldwise-agent status` shows what was compared.",
        ),
        Fault.NOT_VOUCHED: Entry(
            "FAILED_PRECONDITION",
            3,
            "Its publisher has to list it (`fieldwise trust sign`, `fieldwise trust publish`), "
            "or the owner of the device says `backbone install FILE --unsigned`.",
        ),
        Fault.BELOW_FLOOR: Entry(
            "FAILED_PRECONDITION",
            3,
            "The publisher has withdrawn it for good: pack it again with a higher epoch.",
        ),
        Fault.METADATA_INVALID: Entry(
            "FAILED_PRECONDITION", 3, "Nothing of it was kept; docs/trust.md says how it is signed."
        ),
        Fault.METADATA_EXPIRED: Entry(
            "FAILED_PRECONDITION",
            3,
            "Check the clock of the machine that is named; then the publisher has to sign anew.",
        ),
        Fault.DIGEST_MISMATCH: Entry(
            "DATA_LOSS", 5, "The bytes were damaged on the way: it is tried again by itself."
        ),
        Fault.GOLDEN_MISMATCH: Entry(
            "FAILED_PRECONDITION",
            5,
            "This machine computes the backbone differently: see the device's log.",
        ),
        Fault.GRAPH_FAILED: Entry(
            "FAILED_PRECONDITION", 5, "The graph does not run on this device: see the device's log."
        ),
        Fault.IMAGE_INVALID: Entry(
            "INVALID_ARGUMENT",
            2,
            "Send a whole JPEG, PNG, WebP, BMP or GIF of at most 32 MiB and 24 megapixels "
            "(JPEG: 50).",
        ),
        Fault.READINGS_INVALID: Entry(
            "INVALID_ARGUMENT",
            2,
            "Send as many finite numbers as the backbone takes, in the order that it states.",
        ),
        Fault.CAMERA_UNAVAILABLE: Entry(
            "UNAVAILABLE", 6, "Check its cable or address, and that no other program uses it."
        ),
        Fault.CLASS_INVALID: Entry(
            "INVALID_ARGUMENT",
            2,
            "Use 1 to 128 printable characters without leading or trailing blanks.",
        ),
        Fault.TOO_MANY_CLASSES: Entry(
            "RESOURCE_EXHAUSTED",
            5,
            "Raise the setting that is named, in the agent's own settings, or forget a class.",
        ),
        Fault.NO_BACKBONE: Entry(
            "FAILED_PRECONDITION",
            5,
            "Join a fleet that rolls one out, or `fieldwise-agent backbone install FILE`.",
        ),
        Fault.DISK_FULL: Entry(
            "RESOURCE_EXHAUSTED",
            5,
            "Raise the setting that is named, or free space where the state folder lies.",
        ),
        Fault.STATE_LOCKED: Entry(
            "FAILED_PRECONDITION",
            5,
            "Another process uses this state folder: stop it or choose another.",
        ),
        Fault.STATE_UNUSABLE: Entry(
            "FAILED_PRECONDITION",
            5,
            "Leave the files where they are: mend what is named (rights, a disk that is read-only "
            "or fails, too many open files) and start again.",
        ),
        Fault.STATE_DAMAGED: Entry(
            "DATA_LOSS",
            5,
            "Restore the named file from a backup; without one, move it away and start again: "
            "only what it held is lost.",
        ),
        Fault.LEDGER_ALTERED: Entry(
            "DATA_LOSS",
            5,
            "Keep the files as they are and compare with an earlier export: what stands before the "
            "place that is named is whole, what follows is not.",
        ),
        Fault.AUTHORITY_UNUSABLE: Entry(
            "DATA_LOSS",
            5,
            "Restore authority.json from a backup; without it every device must join again, "
            "a new fleet in an empty data folder and database.",
        ),
        Fault.AUDIT_BROKEN: Entry(
            "DATA_LOSS", 5, "Somebody wrote to the database itself; see docs/operators.md."
        ),
        Fault.BACKUP_INVALID: Entry(
            "INVALID_ARGUMENT", 2, "Nothing was written: restore another backup."
        ),
        Fault.NOT_EMPTY: Entry(
            "FAILED_PRECONDITION",
            5,
            "Nothing was changed: restore into an empty database and an empty data folder.",
        ),
        Fault.NOT_JOINED: Entry(
            "FAILED_PRECONDITION", 5, "Run `fieldwise-agent join TICKET` first."
        ),
        Fault.ALREADY_JOINED: Entry("FAILED_PRECONDITION", 5, "Run `fieldwise-agent leave` first."),
        Fault.CLOCK_WRONG: Entry(
            "FAILED_PRECONDITION",
            5,
            "Set this machine's clock, as docs/identity.md says; the agent goes on by itself.",
        ),
        Fault.UNREACHABLE: Entry(
            "UNAVAILABLE", 6, "Check the address, the network and that the server runs."
        ),
        Fault.PROXY_FAILED: Entry(
            "UNAVAILABLE",
            6,
            "Correct the setting `proxy`, https_proxy or no_proxy, or what the proxy allows: "
            "docs/proxies.md.",
        ),
        Fault.TLS_INSPECTED: Entry(
            "UNAVAILABLE",
            6,
            "Have whoever runs the proxy except the address; where there is none, another server "
            "answers at the address: docs/proxies.md.",
        ),
        Fault.UNAVAILABLE: Entry("UNAVAILABLE", 6, "Try again in a moment."),
        Fault.BUSY: Entry("RESOURCE_EXHAUSTED", 6, "Too much at once: try again in a moment."),
        Fault.TOO_SLOW: Entry(
            "DEADLINE_EXCEEDED", 6, "Check the network between the two, then try again."
        ),
        Fault.EXTRA_MISSING: Entry(
            "UNIMPLEMENTED", 5, "Install the named extra: pip install 'fieldwise[EXTRA]'."
        ),
        Fault.INTERNAL: Entry(
            "INTERNAL", 70, "This is a defect of fieldwise: please report it with the log."
        ),
    }
)


class FieldwiseError(Exception):
    """A fault and one sentence that says what happened, fit for a person to read.

    Args:
        fault: Which entry of the catalogue it is.
        sentence: What went wrong with which value, without secrets and without advice.
    """

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault
        self.sentence = sentence

    @property
    def entry(self) -> Entry:
        return CATALOGUE[self.fault]
