"""What is done before a server starts, where it may not or need not do it itself.

A server founds its authority and brings its tables up to date as it starts. On a cluster the first
is a secret that every replica is handed, and the second a step of its own: one that fails stops an
upgrade while the older version still serves.
"""

import asyncio
from pathlib import Path

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_pem
from orchestrator.config import OrchestratorSettings
from orchestrator.enrolment.succession import Step, Succession, unsealed
from orchestrator.home import AUTHORITY_FILE, found_apart, made, read_authority, store_apart
from orchestrator.storage.sql.stores import migrated, sql_stores
from orchestrator.world import SystemClock

ROOT_FILE = "authority.pem"


def create_authority(folder: Path, fleet: str) -> tuple[Path, Path]:
    """Found a fleet's authority in a folder.

    Returns:
        The file with key and certificate, and that with the certificate alone.

    Raises:
        FieldwiseError: As ``found_apart``.
    """
    secret, public = folder / AUTHORITY_FILE, folder / ROOT_FILE
    authority = found_apart(secret, fleet, SystemClock().now())
    public.write_bytes(certificate_pem(authority.certificate))
    return secret, public


def export_successor(settings: OrchestratorSettings, path: Path) -> None:
    """Write the successor of a fleet's authority, for a secret store.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where there is none that signs, ``ALREADY_EXISTS`` for
            a file that is there, ``AUTHORITY_UNUSABLE``, ``UNAVAILABLE``.
    """
    path_held = settings.authority_file or settings.folder / AUTHORITY_FILE
    held = read_authority(path_held, SystemClock().now())
    kept = asyncio.run(_succession(settings))
    if kept is None or not kept.successor:
        raise FieldwiseError(Fault.ILLEGAL_COMMAND, "no rotation of the authority was begun")
    if kept.step is Step.BEGUN:  # no replica would start with it
        raise FieldwiseError(
            Fault.ILLEGAL_COMMAND,
            "the successor does not sign yet: `authority rotate switch` first",
        )
    store_apart(path, unsealed(held, kept.successor, kept.sealed))


async def _succession(settings: OrchestratorSettings) -> Succession | None:
    async with sql_stores(settings.database) as stores:
        return await stores.succession.kept()


async def migrate(settings: OrchestratorSettings) -> str:
    """Bring the tables of the database up to date; return their version.

    Raises:
        FieldwiseError: As ``migrated``.
    """
    if settings.database_url == "":
        made(settings.folder, "data_folder")
    return await migrated(settings.database)
