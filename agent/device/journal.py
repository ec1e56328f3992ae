"""The journal port: one row a record, in the same file as the heads that must change with it."""

from typing import TypeVar

import msgspec

from agent.device.database import Database
from agent.device.ledger import Tail
from agent.reporting import DiagnosisNote, SteeringRevision
from agent.update.events import UpdateState
from agent.update.probation import Probation
from fieldwise.errors import Fault, FieldwiseError

ValueT = TypeVar("ValueT")


class DatabaseJournal:
    """Where the update stands and the ledger ends, how often it started, what was ordered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def update(self) -> UpdateState:
        return self._read("update", UpdateState) or UpdateState()

    def write_update(self, state: UpdateState) -> None:
        self._write("update", state)

    def probation(self) -> Probation:
        return self._read("probation", Probation) or Probation()

    def write_probation(self, probation: Probation) -> None:
        self._write("probation", probation)

    def next_incarnation(self) -> int:
        number = (self._read("incarnation", int) or 0) + 1
        self._write("incarnation", number)
        return number

    def steering(self) -> SteeringRevision:
        return self._read("steering", SteeringRevision) or SteeringRevision()

    def write_steering(self, revision: SteeringRevision) -> None:
        self._write("steering", revision)

    def diagnosis(self) -> DiagnosisNote | None:
        return self._read("diagnosis", DiagnosisNote)

    def write_diagnosis(self, note: DiagnosisNote) -> None:
        self._write("diagnosis", note)

    def ledger_tail(self) -> Tail | None:
        return self._read("ledger", Tail)

    def write_ledger_tail(self, tail: Tail) -> None:
        self._write("ledger", tail)

    def _read(self, name: str, kind: type[ValueT]) -> ValueT | None:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT content FROM record WHERE name = ?", (name,)
            ).fetchone()
        if row is None:
            return None
        try:
            return msgspec.json.decode(row[0], type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"{self._database.path}: record {name} cannot be read"
            ) from error

    def _write(self, name: str, value: object) -> None:
        with self._database.writing(vital=True) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO record VALUES (?, ?)", (name, msgspec.json.encode(value))
            )
