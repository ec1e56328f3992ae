"""The journal port: one row a record, in the same file as the heads that must change with it."""

from agent.device.database import Database
from agent.device.ledger_chain import Tail
from agent.device.records import Records
from agent.reporting import DiagnosisNote, SteeringRevision
from agent.update.events import UpdateState
from agent.update.probation import Probation


class DatabaseJournal:
    """Where the update stands and the ledger ends, how often it started, what was ordered."""

    def __init__(self, database: Database) -> None:
        self._records = Records(database)

    def update(self) -> UpdateState:
        return self._records.read("update", UpdateState) or UpdateState()

    def write_update(self, state: UpdateState) -> None:
        self._records.write("update", state)

    def probation(self) -> Probation:
        return self._records.read("probation", Probation) or Probation()

    def write_probation(self, probation: Probation) -> None:
        self._records.write("probation", probation)

    def next_incarnation(self) -> int:
        number = (self._records.read("incarnation", int) or 0) + 1
        self._records.write("incarnation", number)
        return number

    def steering(self) -> SteeringRevision:
        return self._records.read("steering", SteeringRevision) or SteeringRevision()

    def write_steering(self, revision: SteeringRevision) -> None:
        self._records.write("steering", revision)

    def diagnosis(self) -> DiagnosisNote | None:
        return self._records.read("diagnosis", DiagnosisNote)

    def write_diagnosis(self, note: DiagnosisNote) -> None:
        self._records.write("diagnosis", note)

    def ledger_tail(self) -> Tail | None:
        return self._records.read("ledger", Tail)

    def write_ledger_tail(self, tail: Tail) -> None:
        self._records.write("ledger", tail)
