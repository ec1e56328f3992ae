"""A database opened as the product's stores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestrator.storage.sql.accounts import SqlAccounts
from orchestrator.storage.sql.applicants import SqlApplicants
from orchestrator.storage.sql.audit import SqlAudit
from orchestrator.storage.sql.campaigns import SqlCampaigns
from orchestrator.storage.sql.contributions import SqlContributions
from orchestrator.storage.sql.database import CONNECTIONS_MAX, Database
from orchestrator.storage.sql.denials import SqlDenials
from orchestrator.storage.sql.diagnoses import SqlDiagnoses
from orchestrator.storage.sql.fleet import SqlCheckIns, SqlDevices
from orchestrator.storage.sql.membership import SqlMembers, SqlTickets
from orchestrator.storage.sql.migrate import migrate, version
from orchestrator.storage.sql.replicas import SqlInstallation, SqlLeadership
from orchestrator.storage.sql.revivals import SqlRevivals
from orchestrator.storage.sql.rollouts import SqlBackbones, SqlRollouts
from orchestrator.storage.sql.succession import SqlSuccession
from orchestrator.storage.sql.trust import SqlTrust
from orchestrator.storage.stores import Stores


@asynccontextmanager
async def sql_stores(url: str, connections_max: int = CONNECTIONS_MAX) -> AsyncIterator[Stores]:
    """Open ``sqlite:///FILE`` or ``postgresql://...``, with its tables brought up to date.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` for another URL, ``UNAVAILABLE`` where the database does
            not answer, ``STATE_DAMAGED`` where a newer version has written it.
    """
    database = Database(url, connections_max)
    try:
        await migrate(database)
        yield stores_over(database)
    finally:
        await database.dispose()


async def migrated(url: str) -> str:
    """Bring the tables of a database up to date; return their version.

    Raises:
        FieldwiseError: As ``sql_stores``.
    """
    database = Database(url)
    try:
        await migrate(database)
        return await version(database)
    finally:
        await database.dispose()


def stores_over(database: Database) -> Stores:
    """Make the stores of a database whose tables are there."""
    return Stores(
        tickets=SqlTickets(database),
        applicants=SqlApplicants(database),
        members=SqlMembers(database),
        devices=SqlDevices(database),
        check_ins=SqlCheckIns(database),
        backbones=SqlBackbones(database),
        revivals=SqlRevivals(database),
        succession=SqlSuccession(database),
        rollouts=SqlRollouts(database),
        denials=SqlDenials(database),
        diagnoses=SqlDiagnoses(database),
        campaigns=SqlCampaigns(database),
        contributions=SqlContributions(database),
        leadership=SqlLeadership(database),
        installation=SqlInstallation(database),
        trust=SqlTrust(database),
        accounts=SqlAccounts(database),
        audit=SqlAudit(database),
    )
