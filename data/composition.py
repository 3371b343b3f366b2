"""Whom the data are of, counted in the database: patients by part for each sex, age band, modality and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.records import Part
from data.store import Store

BANDS: Sequence[tuple[str, float, float]] = (
    ("0-17", 0, 18), ("18-39", 18, 40), ("40-59", 40, 60), ("60-79", 60, 80), ("80+", 80, 200),
)  # fmt: skip
"""Name, from this age on, below that one; years."""
UNKNOWN = ""


Counted = Mapping[str, Mapping[Part, int]]
"""Value -> patients by part; the empty value is what is not known."""
_PATIENTS = """
SELECT p.patient_id, p.part, min(s.age_y) AS age_y,
    CASE WHEN count(DISTINCT nullif(s.sex, '')) = 1 THEN max(s.sex) ELSE '' END AS sex
FROM patients p JOIN studies s USING (patient_id) GROUP BY p.patient_id
"""
_BY_STUDY = "FROM studies s JOIN patients p USING (patient_id)"
_BY_SERIES = "FROM series x JOIN studies s USING (study_id) JOIN patients p USING (patient_id)"


def by_sex(store: Store) -> Counted:
    """Patients by sex; one whose studies do not agree is not known."""
    sql = f"SELECT sex AS value, part, count(*) AS n FROM ({_PATIENTS}) GROUP BY 1, 2"  # noqa: S608 - constants
    return _counted(store, sql)


def by_age(store: Store) -> Counted:
    """Patients by age at the first study."""
    cases = " ".join(f"WHEN age_y < {below} THEN '{name}'" for name, _, below in BANDS)
    sql = f"""SELECT CASE WHEN age_y IS NULL THEN '' {cases} ELSE '' END AS value, part, count(*) AS n
        FROM ({_PATIENTS}) GROUP BY 1, 2"""  # noqa: S608 - constants
    return _counted(store, sql)


def by_modality(store: Store) -> Counted:
    """Patients by modality; one may have several."""
    return _distinct(store, "s.modality", _BY_STUDY)


def by_view(store: Store) -> Counted:
    """Patients by view of the radiographs; one may have several."""
    return _distinct(store, "s.view", _BY_STUDY)


def by_manufacturer(store: Store) -> Counted:
    """Patients by the maker of the device; one may have several."""
    return _distinct(store, "trim(coalesce(x.attributes ->> 'manufacturer', ''))", _BY_SERIES)


def by_source(store: Store) -> Counted:
    """Patients by the source that was named at import: what stands before the colon of a patient's id."""
    sql = """SELECT substr(patient_id, 1, instr(patient_id, ':') - 1) AS value, part, count(*) AS n
        FROM patients GROUP BY 1, 2"""
    return _counted(store, sql)


def years(store: Store, few: int) -> tuple[str, str]:
    """The first and the last year with studies of so many patients or more; empty where there is none."""
    sql = """SELECT min(year), max(year) FROM (SELECT substr(study_date, 1, 4) AS year FROM studies
        WHERE study_date <> '' GROUP BY 1 HAVING count(DISTINCT patient_id) >= ?)"""
    first, last = store.db.execute(sql, [few]).fetchone()
    return first or "", last or ""


def _distinct(store: Store, value: str, tables: str) -> dict[str, dict[Part, int]]:
    sql = f"SELECT {value} AS value, p.part, count(DISTINCT p.patient_id) AS n {tables} GROUP BY 1, 2"
    return _counted(store, sql)


def _counted(store: Store, sql: str) -> dict[str, dict[Part, int]]:
    found: dict[str, dict[Part, int]] = {}
    for row in store.db.query(sql):
        found.setdefault(row["value"] or UNKNOWN, dict.fromkeys(Part, 0))[Part(row["part"])] += row["n"]
    return dict(sorted(found.items(), key=lambda item: (item[0] == UNKNOWN, item[0])))
