"""What ``fieldwise trust`` prints."""

from datetime import datetime

from rich.console import Group
from rich.table import Table

from fieldwise.trust import Role
from orchestrator.cli.output import Shown, facts, local, table
from orchestrator.trust.documents import Document, signed_by
from orchestrator.trust_views import DeviceTrustView, MetadataView, TrustView
from orchestrator.views import moment
from orchestrator.workshop import Workshop

KEY_CHARACTERS = 8
HELD = (
    (Role.ROOT, "root"),
    (Role.TARGETS, "list"),
    (Role.SNAPSHOT, "snapshot"),
    (Role.TIMESTAMP, "timestamp"),
)
LACKING = (
    "this server lacks the online key that the root names, and can sign nothing: put the right "
    "publisher.json in its place, or hand over with the one before"
)


def shown_workshop(known: Workshop) -> Shown:
    """Show a publisher's folder."""
    root, targets = known.root, known.targets
    value = {
        "root": _document(known, Role.ROOT),
        "list": _document(known, Role.TARGETS) if targets else None,
        "floor_epoch": targets.floor if targets else 0,
        "online_key_ids": list(root.key_ids(Role.TIMESTAMP)),
        "listed": [each.title for each in targets.listed.values()] if targets else [],
    }
    rows = [("folder", str(known.folder)), ("root", _told(known, Role.ROOT, root.expires_at))]
    if targets:
        rows.append(("list", _told(known, Role.TARGETS, targets.expires_at)))
        rows.append(("floor", f"epoch {targets.floor}"))
        rows += [
            ("may be installed", f"{each.title}, epoch {each.epoch}, {each.digest[:12]}")
            for each in targets.listed.values()
        ]
    rows += [(f"signs the {word}", _holders(root, role)) for role, word in HELD]
    missing = known.missing(Role.ROOT) + known.missing(Role.TARGETS)
    note = "" if missing else "Everything is signed: `fieldwise trust publish` sends it."
    return Shown(value, lambda: facts(rows), note=note)


def shown_trust(view: TrustView) -> Shown:
    """Show what a server has, and what devices made of it."""
    return Shown(view, lambda: Group(*_screens(view)))


def _screens(view: TrustView) -> list[Table]:
    root = view.of(Role.ROOT)
    if root is None:
        return [facts([("now", "There is no metadata yet: devices install nothing.")])]
    signer = view.of(Role.TARGETS)
    online = signer is not None and signer.is_online
    newest = view.of(Role.TIMESTAMP)
    signs = newest is None or newest.is_online
    told = _keys_told(online=online) if signs else LACKING
    rows = [("keys", told), ("floor", f"epoch {view.floor_epoch}")]
    rows += [
        ("waits for a signature", f"{each.waits} of {each.name}:{each.version}")
        for each in view.backbones
        if each.waits and not online
    ]
    rows += _ahead(view, root, signer)
    screens = [facts(rows)]
    columns = ("metadata", "version#", "holds until", "signed by")
    screens.append(table(columns, map(_row, view.metadata)))
    if view.devices:
        named = ("root#", "list#", "floor#", "trouble", "devices#")
        screens.append(table(named, map(_device_row, view.devices)))
    return screens


def _keys_told(*, online: bool) -> str:
    if online:
        return "all online: this server decides what devices install, and whoever gets hold of it"
    return "those of the list are elsewhere; this server signs snapshot and timestamp alone"


def _device_row(each: DeviceTrustView) -> tuple[str, ...]:
    numbers = (each.root_version, each.targets_version, each.floor_epoch)
    return (*map(str, numbers), each.trouble or "", f"{each.devices:,}")


def _ahead(
    view: TrustView, root: MetadataView, signer: MetadataView | None
) -> list[tuple[str, str]]:
    """What devices know that this server does not: its database is older than they are."""
    newest = max((each.root_version for each in view.devices), default=0)
    rows = []
    if newest > root.version:
        rows.append(("devices are ahead", f"they know root {newest}: publish that again"))
    newest = max((each.targets_version for each in view.devices), default=0)
    if signer and newest > signer.version and not signer.is_online:
        rows.append(("devices are ahead", f"they know the list {newest}: publish that again"))
    return rows


def _row(each: MetadataView) -> tuple[str, ...]:
    keys = ", ".join(one[:KEY_CHARACTERS] for one in each.key_ids)
    return (
        "list" if each.role is Role.TARGETS else each.role.value,
        f"{each.version}",
        local(each.expires_at),
        f"{each.threshold} of {keys}" + (" (online)" if each.is_online else ""),
    )


def _holders(root: Document, role: Role) -> str:
    """Who may sign a role by a root, before somebody signs that root."""
    ids = ", ".join(each[:KEY_CHARACTERS] for each in root.key_ids(role))
    return f"{root.threshold(role)} of {ids}"


def _told(known: Workshop, role: Role, expires_at: float) -> str:
    document = known.root if role is Role.ROOT else known.targets
    assert document is not None
    missing = known.missing(role)
    state = f"lacks {missing} signatures" if missing else "signed"
    return f"version {document.version}, holds until {local(moment(expires_at))}, {state}"


def _document(known: Workshop, role: Role) -> dict[str, object]:
    document = known.root if role is Role.ROOT else known.targets
    assert document is not None
    expires: datetime = moment(document.expires_at)
    return {
        "version": document.version,
        "expires_at": expires,
        "key_ids": list(known.root.key_ids(role)),
        "threshold": known.root.threshold(role),
        "signed_by": sorted(signed_by(document, known.root)),
        "missing": known.missing(role),
    }
