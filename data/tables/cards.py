"""Patient cards: what people write of a patient. Every patient has one; what it says never leaves the store."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors import NotFoundError
from data.records import Part, Patient
from data.seals import RowKey
from data.tables.base import Row, Table, now

_JOIN = """SELECT c.*, p.pseudonym, p.part,
(SELECT count(*) FROM studies s WHERE s.patient_id = c.patient_id) AS studies
FROM cards c JOIN patients p USING (patient_id)"""
_TEXT = "instr(lower(p.pseudonym || ' ' || c.card_id || ' ' || c.name || ' ' || c.description), ?)"


@dataclass(frozen=True, slots=True)
class Written:
    """What people write on a card.

    Parameters
    ----------
    name:
        What they call the patient; it may identify.
    sex:
        ``F``, ``M`` or empty.
    birth_year:
        None where it is not known.
    """

    name: str = ""
    description: str = ""
    sex: str = ""
    birth_year: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A patient's card. ``card_id`` says nothing of the patient; ``studies`` counts the patient's studies."""

    card_id: str
    patient: Patient
    written: Written
    studies: int
    created_at: str
    updated_at: str


class Cards(Table):
    """The patients as the service knows them."""

    def add(self, patient: Patient, written: Written) -> Card:
        """Keep a new patient with a card; of a patient that is here already, the card is written anew."""
        with self._store.write() as db:
            db.execute(
                "INSERT OR IGNORE INTO patients (patient_id, pseudonym, part) VALUES (?, ?, ?)",
                (patient.patient_id, patient.pseudonym, patient.part),
            )
            card = self.of_patient(patient.patient_id)
            row = RowKey("patients", (patient.pseudonym,))
            self._store.log.add("patient.added", patient.pseudonym, [row])
            return self.write(card.card_id, written)

    def write(self, card_id: str, written: Written) -> Card:
        """Write on a card, in the place of what stood there.

        Raises
        ------
        NotFoundError
            There is no such card.
        """
        with self._store.write() as db:
            self.get(card_id)
            db.execute(
                """UPDATE cards SET name = ?, description = ?, sex = ?, birth_year = ?, updated_at = ?
                WHERE card_id = ?""",
                (written.name, written.description, written.sex, written.birth_year, now(), card_id),
            )
            self._store.log.add("card.written", card_id)
            return self.get(card_id)

    def get(self, card_id: str) -> Card:
        """One card.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one(f"{_JOIN} WHERE c.card_id = ?", [card_id])
        if row is None:
            raise NotFoundError(
                "There is no such patient.", given=card_id, expected="the id of a patient's card, pc-...",
                do="list the patients with GET /api/patients",
            )  # fmt: skip
        return _card(row)

    def of_patient(self, patient_id: str) -> Card:
        """The card of a patient, by the patient's own id.

        Raises
        ------
        NotFoundError
            There is no such patient.
        """
        row = self._one("SELECT card_id FROM cards WHERE patient_id = ?", [patient_id])
        return self.get(row["card_id"] if row else "")

    def find(self, *, text: str = "", limit: int = -1, offset: int = 0) -> list[Card]:
        """Cards, the newest first.

        Parameters
        ----------
        text:
            What pseudonym, id, name or description must contain.
        limit, offset:
            The page; no limit below 0.
        """
        where, parameters = (f"WHERE {_TEXT}", [text.lower()]) if text else ("", [])
        sql = f"{_JOIN} {where} ORDER BY c.created_at DESC, c.card_id LIMIT ? OFFSET ?"
        return [_card(row) for row in self._rows(sql, [*parameters, limit, offset])]

    def count(self, *, text: str = "") -> int:
        """How many cards :meth:`find` would give without a page."""
        sql = "SELECT count(*) AS n FROM cards c JOIN patients p USING (patient_id)"
        row = self._one(f"{sql} WHERE {_TEXT}", [text.lower()]) if text else self._one(sql)
        return int(row["n"]) if row else 0


def _card(row: Row) -> Card:
    return Card(
        card_id=row["card_id"],
        patient=Patient(row["patient_id"], row["pseudonym"], Part(row["part"])),
        written=Written(row["name"], row["description"], row["sex"], row["birth_year"]),
        studies=row["studies"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
