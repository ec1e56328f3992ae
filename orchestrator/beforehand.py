"""What is done before a server starts, where it may not or need not do it itself.

A server founds its authority and brings its tables up to date as it starts. On a cluster the first
is a secret that every replica is handed, and the second a step of its own: one that fails stops an
upgrade while the older version still serves.
"""

from pathlib import Path

from fieldwise.identity import certificate_pem
from orchestrator.config import OrchestratorSettings
from orchestrator.home import AUTHORITY_FILE, found_apart, made
from orchestrator.storage.sql.stores import migrated
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


async def migrate(settings: OrchestratorSettings) -> str:
    """Bring the tables of the database up to date; return their version.

    Raises:
        FieldwiseError: As ``migrated``.
    """
    if settings.database_url == "":
        made(settings.folder, "data_folder")
    return await migrated(settings.database)
