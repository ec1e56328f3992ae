"""The one door to python-tuf: its client over our call for metadata.

The client works on a folder. It is given a fresh one with what is kept, and what it has verified
is read back and kept in ``state.sqlite`` (``agent.device.trust``), where a loss of power cannot
tear it: the client itself replaces its files without bringing them to the disk first. Of the chain
of roots only the newest is kept. It is what the client begins from the next time.

Whoever can answer the calls can send anything. Sizes are bounded by the call before anything is
read, by the client for each kind, and the chain of roots by its number of steps; every way in which
what was sent can be wrong ends as one fault and leaves what was trusted before.

Importing this takes 2 MB of memory, so ``agent.device.trust`` does it when a device that has a
publisher hears of new metadata.
"""

import shutil
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
)
from tuf.api.metadata import (
    Metadata,
    Root,
)
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from agent.device.files import disk_faults
from agent.trust_ports import FetchMetadata
from agent.update.vouched import read_signed
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import BYTES_MAX, Role

ROTATIONS_MAX = 32  # of roots at one time; what is beyond comes with the next refresh
CONFIG = UpdaterConfig(
    max_root_rotations=ROTATIONS_MAX,
    max_delegations=0,
    root_max_length=BYTES_MAX[Role.ROOT],
    timestamp_max_length=BYTES_MAX[Role.TIMESTAMP],
    snapshot_max_length=BYTES_MAX[Role.SNAPSHOT],
    targets_max_length=BYTES_MAX[Role.TARGETS],
)
WORDS_MAX = 200  # of the client's, which may repeat what was sent


class _Wire(FetcherInterface):
    """Gets metadata by our call; what the client reads is never more than it asked for."""

    def __init__(self, fetch: FetchMetadata) -> None:
        self._call = fetch
        self.received: dict[Role, bytes] = {}  # the newest of each kind, trusted or not

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """As the client's own, which would use a temporary file of the system."""
        name = url.rpartition("/")[2]
        try:
            content = self._call(name)
        except FieldwiseError as error:
            if error.fault is not Fault.NOT_FOUND:
                raise
            raise DownloadHTTPError(f"there is no {name}", HTTPStatus.NOT_FOUND) from error
        if len(content) > max_length:
            raise DownloadLengthMismatchError(
                f"{name} has {len(content):,} bytes; at most {max_length:,} belong there"
            )
        self.received[Role(name.split(".")[-2])] = content
        return content

    def _fetch(self, url: str) -> Iterator[bytes]:
        yield self.download_bytes(url, max(BYTES_MAX.values()))


def check_root(root: bytes) -> None:
    """Make sure that a root can be begun from.

    Raises:
        FieldwiseError: ``METADATA_INVALID``.
    """
    try:
        _verify_root(root)
    except Exception as error:
        raise _refused(error) from error


def _verify_root(content: bytes) -> None:
    found: Metadata[Root] = Metadata.from_bytes(content)
    if not isinstance(found.signed, Root):
        raise RepositoryError(f"no root, but {found.signed.type} metadata")
    found.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)


def refreshed(
    kept: dict[Role, bytes], fetch: FetchMetadata, folder: Path, now: str
) -> tuple[dict[Role, bytes], FieldwiseError | None]:
    """Take the client through its workflow.

    Args:
        kept: Metadata that is trusted, a root among it.
        fetch: Gets metadata by its file name.
        folder: Where the client may work; emptied before and removed after.
        now: What this device's clock says, for a person. The client looks at the same one.

    Returns:
        What is trusted now, and why it went no further; None where all of it is fresh.

    Raises:
        FieldwiseError: ``DISK_FULL``, ``STATE_UNUSABLE`` of the folder; what ``fetch`` raises.
    """
    wire = _Wire(fetch)
    with disk_faults(folder):
        try:
            _lay_out(kept, folder)
            fault = _run(kept[Role.ROOT], wire, folder, now)
            return _gathered(kept, folder), fault
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _lay_out(kept: dict[Role, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for role, content in kept.items():
        if role is not Role.ROOT:
            (folder / f"{role}.json").write_bytes(content)


def _run(root: bytes, wire: _Wire, folder: Path, now: str) -> FieldwiseError | None:
    """Refresh; why it did not end well, where that is not the folder's fault."""
    try:
        Updater(str(folder), "", fetcher=wire, config=CONFIG, bootstrap=root).refresh()
    except FieldwiseError as error:
        return error
    except ExpiredMetadataError as error:
        return _expired(str(error), wire, folder, now)
    except DownloadHTTPError as error:
        return FieldwiseError(Fault.UNAVAILABLE, f"of the publisher's metadata {_words(error)}")
    except (RepositoryError, DownloadError) as error:
        return _refused(error)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - what was sent may break python-tuf in any way
        return _refused(error)
    return None


def _gathered(kept: dict[Role, bytes], folder: Path) -> dict[Role, bytes]:
    """What the client left: only what it has verified gets a name there."""
    found = dict(kept)
    for role in Role:
        path = folder / f"{role}.json"
        if role is not Role.ROOT and path.exists():
            found[role] = path.read_bytes()
    roots = sorted((folder / "root_history").glob("*.root.json"), key=_number)
    if roots:
        found[Role.ROOT] = roots[-1].read_bytes()
    return found


def _number(path: Path) -> int:
    return int(path.name.split(".")[0])


def _expired(said: str, wire: _Wire, folder: Path, now: str) -> FieldwiseError:
    role = next((role for role in Role if role in said), Role.TIMESTAMP)
    content = wire.received.get(role)
    if content is None and (folder / f"{role}.json").exists():
        content = (folder / f"{role}.json").read_bytes()
    ended = f"expired at {read_signed(content).expires}" if content else "has expired"
    return FieldwiseError(
        Fault.METADATA_EXPIRED,
        f"the publisher's {role} metadata {ended} by this device's clock, which says {now}",
    )


def _refused(error: Exception) -> FieldwiseError:
    return FieldwiseError(
        Fault.METADATA_INVALID, f"the publisher's metadata is refused: {_words(error)}"
    )


def _words(error: Exception) -> str:
    """A person's words of an error; control characters in them would reach a terminal."""
    said = f"{error}" or type(error).__name__
    return "".join(each if each.isprintable() else " " for each in said)[:WORDS_MAX]
