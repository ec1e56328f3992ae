"""The sentences with which stores refuse, the same from every one of them."""

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role


def can_be(key: str) -> bool:
    """Tell whether there can be anything under a key: not every database can even look for NUL."""
    return "\0" not in key


def no_ticket(ticket_id: str) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"there is no ticket {ticket_id[:40]!r}")


def no_applicant(device_id: str) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"no device {device_id[:70]!r} waits to be accepted")


def too_many_wait(most: int) -> FieldwiseError:
    return FieldwiseError(
        Fault.BUSY, f"{most:,} devices wait to be accepted, and no more may: try again later"
    )


def no_device(device_id: str) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"there is no device {device_id[:70]!r}")


def unknown_device(device_id: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.DEVICE_UNKNOWN, f"this orchestrator does not know the device {device_id[:70]!r}"
    )


def foreign_key(device_id: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.CERTIFICATE_INVALID, f"the key is not known as one of the device {device_id[:70]}"
    )


def key_known() -> FieldwiseError:
    return FieldwiseError(Fault.ALREADY_EXISTS, "this key belongs to a device of the fleet")


def superseded_key(device_id: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.CERTIFICATE_INVALID, f"the device {device_id[:70]} has used a newer key than this one"
    )


def revived_already(device_id: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.CONFLICT, f"the device {device_id[:70]} was revived since this nonce was given"
    )


def rotated_meanwhile() -> FieldwiseError:
    return FieldwiseError(Fault.CONFLICT, "the rotation of the authority went on meanwhile")


def too_many_denied(most: int) -> FieldwiseError:
    return FieldwiseError(
        Fault.OVER_LIMIT,
        f"{most:,} devices are denied already; `device remove` those that never come back",
    )


def no_backbone() -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, "there is no such backbone")


def backbone_named(title: str) -> FieldwiseError:
    return FieldwiseError(Fault.ALREADY_EXISTS, f"{title} is published already, with other content")


def digests_begin_so(prefix: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.INVALID_ARGUMENT, f"several backbones have a digest that begins with {prefix}"
    )


def no_rollout(number: int) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"there is no rollout r{number}")


def rollout_changed(number: int) -> FieldwiseError:
    return FieldwiseError(Fault.CONFLICT, f"the rollout r{number} was changed meanwhile")


def term_over(term: int) -> FieldwiseError:
    return FieldwiseError(Fault.CONFLICT, f"another replica leads now: the term {term} is over")


def check_metadata(role: Role, version: int, newest: int | None) -> None:
    """Let metadata pass that comes after the newest of its kind: a root right after it.

    Raises:
        FieldwiseError: ``CONFLICT``.
    """
    follows = version == (newest or version - 1) + 1 if role is Role.ROOT else True
    if newest is not None and (version <= newest or not follows):
        raise FieldwiseError(
            Fault.CONFLICT, f"version {version} of {role} does not follow the version {newest}"
        )


def metadata_known() -> FieldwiseError:
    return FieldwiseError(Fault.CONFLICT, "somebody else has kept metadata of that version")


def no_campaign(number: int) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"there is no campaign c{number}")


def campaign_changed(number: int) -> FieldwiseError:
    return FieldwiseError(Fault.CONFLICT, f"the campaign c{number} was changed meanwhile")


def no_head(number: int, version: int) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"c{number} has no head of version {version}")


def account_named(name: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.ALREADY_EXISTS, f"there is an account {name} already; revoke it, or take another name"
    )


def no_account(name: str) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"there is no account {name[:80]!r}")
