"""The fleet and its publisher put together: what an agent has by being a member.

They are apart from the agent itself for their number alone.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from agent.config import AgentSettings
from agent.device.clock import SystemClock
from agent.device.database import Database
from agent.device.folder import StateFolder
from agent.device.identity import IdentityFolder
from agent.device.ledger import LedgerFile
from agent.device.trust import DatabasePublisher
from agent.fleet import Fleet
from agent.rpc import summaries
from agent.rpc.client import Departures, connected, enrol
from agent.rpc.reviving import revive
from agent.update.trusting import Trusting
from fieldwise import retry

UNSIGNED = "unsigned backbone"  # what the ledger calls it


def fleet_and_publisher(
    settings: AgentSettings,
    folder: StateFolder,
    database: Database,
    ledger: LedgerFile,
    clock: SystemClock,
    chance: Random,
    ahead: Callable[[], int],
) -> tuple[Fleet, Trusting]:
    """The membership that a state folder keeps with its connection, and who asks the publisher."""
    departures, proxy = Departures(ledger, clock), settings.proxy
    connect = partial(connected, departures, link_hosts=settings.link_hosts, proxy=proxy)
    joining = partial(enrol, departures=departures, proxy=proxy)
    publisher = DatabasePublisher(database, folder.metadata, clock)
    reviving = partial(revive, departures=departures, proxy=proxy)
    fleet = Fleet(IdentityFolder(folder.identity), connect, joining, publisher, reviving)
    return fleet, Trusting(publisher, fleet, clock, ahead, partial(retry.delays, chance))


def unsigned_noted(ledger: LedgerFile, clock: SystemClock) -> Callable[[str], None]:
    """What writes down that the owner asked no publisher about a bundle."""

    def note(bundle: str) -> None:
        ledger.append(UNSIGNED, 0, summaries.unsigned(bundle), clock.wall())

    return note
