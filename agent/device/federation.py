"""Federation's records in ``state.sqlite``: the owner's consent, where things stand, what left.

What left is kept by a keyed mark of the class, not by its name: a class that is forgotten leaves no
name behind, and its mark goes on saying how large it was when it left.
"""

from collections.abc import Mapping

from agent.device.database import Database
from agent.device.records import Records
from agent.federation.sharing import Departure
from agent.federation.standing import ConsentNote, Standing


class DatabaseFederation:
    """The port ``FederationNotes`` on the device's one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._records = Records(database)

    def consent(self) -> ConsentNote:
        return self._records.read("consent", ConsentNote) or ConsentNote()

    def write_consent(self, note: ConsentNote) -> None:
        self._records.write("consent", note)

    def standing(self) -> Standing:
        return self._records.read("federation", Standing) or Standing()

    def write_standing(self, standing: Standing) -> None:
        self._records.write("federation", standing)

    def departures(self, bundle: str) -> dict[str, Departure]:
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT mark, samples, most, sequence, digest, delivered FROM departure
                WHERE bundle = ?""",
                (bundle,),
            ).fetchall()
        return {mark: Departure(*values) for mark, *values in rows}

    def note_departures(self, bundle: str, departures: Mapping[str, Departure]) -> None:
        rows = [
            (bundle, mark, each.samples, each.most, each.sequence, each.digest, each.delivered)
            for mark, each in departures.items()
        ]
        with self._database.writing(rows=len(rows) + 1) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO departure VALUES (?, ?, ?, ?, ?, ?, ?)", rows
            )

    def forget_deliveries(self) -> None:
        with self._database.reading() as connection:
            (rows,) = connection.execute(
                "SELECT count(*) FROM departure WHERE delivered != ''"
            ).fetchone()
        if rows:
            with self._database.writing(rows=int(rows), vital=True) as connection:
                connection.execute("UPDATE departure SET delivered = '' WHERE delivered != ''")

    def bare(self) -> frozenset[str]:
        return frozenset(self._records.read("bare", list[str]) or ())

    def add_bare(self, marks: frozenset[str]) -> None:
        known = self.bare()
        if not marks <= known:
            self._records.write("bare", sorted(known | marks))
