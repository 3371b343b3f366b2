"""A table of labels (CSV): which columns mean what, and which row means which study.

Columns: one of ``path``, ``study``, ``patient`` names the study (the first that a row fills in is its key);
``reader`` makes the row that reader's read; ``view``, ``sex``, ``age``, ``source``, ``modality`` describe; a
column named like a question of the task is a label, ``question@site`` (``grade@level:L4/L5``) one at a site. A
blank is no label; ``none`` in a column of findings says that there are none. A column of a mask question names a
file (see :mod:`data.ingest.masks`), relative to the table; ``report`` holds the text of the study's report.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Mask, Measurement, Question, Site, Value
from data.blobs import Blobs
from data.errors import AnswerError, LabelsError
from data.ingest import header
from data.ingest.masks import Shown, all_slices, read_masks
from data.ingest.sources import SEPARATOR

_ALIASES: Mapping[str, str] = {
    "path": "path", "file": "path", "source_path": "path",
    "study": "study", "study_id": "study", "study_uid": "study",
    "patient": "patient", "patient_id": "patient", "patientid": "patient",
    "reader": "reader", "reader_id": "reader",
    "view": "view", "sex": "sex", "age": "age", "age_y": "age", "source": "source", "modality": "modality",
    "report": "report",
}  # fmt: skip
_KEYS = ("path", "study", "patient")
_DELIMITERS = ",;\t"
_HEAD_BYTES = 4096
_MODALITIES = frozenset({"CR", "DX", "CT", "MR", "PT", "US", "MG", "XA", "RF", "NM", "OT"})


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One row: its keys, what describes the study, and the answers; empty where a cell is missing or blank."""

    line: int
    path: str = ""
    study: str = ""
    patient: str = ""
    reader: str = ""
    view: str = ""
    sex: str = ""
    age_y: float | None = None
    source: str = ""
    modality: str = ""
    report: str = ""
    answers: tuple[Answer, ...] = ()

    @property
    def key(self) -> str:
        """The row in words, for reports."""
        return f"line {self.line}: {self.path or self.study or self.patient or 'no key'}"


@dataclass(frozen=True, slots=True)
class LabelsTable:
    """A table that was read.

    Parameters
    ----------
    name:
        The file's name: the source of its labels.
    task:
        The clinical task that the labels answer; empty where only the describing columns count.
    ignored:
        Columns that mean nothing here.
    problems:
        Cells that do not fit, in words; they count as blank.
    mask_files:
        The files of masks that it names, absolute.
    """

    name: str
    task: str
    rows: tuple[LabelRow, ...]
    ignored: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    mask_files: frozenset[Path] = frozenset()


def read_labels(
    path: Path,
    *,
    form: Form | None = None,
    task: str = "",
    blobs: Blobs | None = None,
    folder: Path | None = None,
    shown: Shown = all_slices,
) -> LabelsTable:
    """Read a table of labels.

    Parameters
    ----------
    path:
        A CSV file with a line of column names, in UTF-8; commas, semicolons or tabs part the columns.
    form, task:
        The questions that label columns are checked against, and the task that they belong to.
    blobs:
        Where masks are kept; columns of masks are passed over without it.
    folder:
        Where the relative paths of files of masks start; the table's own folder without it.
    shown:
        Which slices of a stack are the task's pages.

    Raises
    ------
    LabelsError
        The file cannot be read, or no column names a study.
    """
    try:
        content = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise LabelsError(
            "The table of labels cannot be read.",
            given=f"{path}: {error.strerror}",
            expected="a CSV file",
            do="correct the path",
        ) from error
    try:
        reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=_delimiter(content))
        columns = list(reader.fieldnames or ())
        raw_rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise LabelsError("The table of labels is no CSV.", given=error, do="export it again as CSV") from error
    meanings = _meanings(columns, form, masks=blobs is not None)
    if not set(_KEYS) & set(meanings.values()):
        raise LabelsError(
            "No column of the table names a study.",
            given=", ".join(columns) or "no columns",
            expected="a column path, study or patient",
            do="name it in the first line",
        )
    problems: list[str] = []
    masks = _Masks(folder or Path(path).parent, blobs, shown) if blobs is not None else None
    rows = tuple(_row(line, raw, meanings, form, masks, problems) for line, raw in raw_rows)
    ignored = tuple(c for c in columns if c not in meanings)
    files = frozenset(masks.files) if masks is not None else frozenset()
    return LabelsTable(Path(path).name, task, rows, ignored, tuple(problems), files)


def is_label_table(path: Path) -> bool:
    """Whether a file is a CSV with a column that names a study, by its name and its first line."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace")
        columns = next(csv.reader(io.StringIO(head, newline=""), delimiter=_delimiter(head)), [])
    except (OSError, csv.Error):
        return False
    return any(_ALIASES.get(column.strip().lower()) in _KEYS for column in columns)


def _delimiter(content: str) -> str:
    """What parts the columns of the first line."""
    first = content.partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


@dataclass(frozen=True, slots=True)
class _Masks:
    """Reads the files of masks that cells name."""

    folder: Path
    blobs: Blobs
    shown: Shown
    files: set[Path] = field(default_factory=set)

    def read(self, question: Question, cell: str) -> list[Answer]:
        path = Path(os.path.normpath(self.folder.absolute() / cell))
        self.files.add(path)
        return read_masks(path, question, self.blobs, shown=self.shown)


def _meanings(columns: Iterable[str], form: Form | None, *, masks: bool) -> dict[str, str | tuple[str, Site]]:
    """What each column means: a key or describing column's name, or a question and its site."""
    meanings: dict[str, str | tuple[str, Site]] = {}
    for column in columns:
        name, _, site = column.strip().partition("@")
        if form is not None and name in form and isinstance(form[name].kind, Mask):
            if masks and not site:
                meanings[column] = (name, STUDY)
        elif form is not None and name in form:
            try:
                place = Site(site) if site else STUDY
            except AnswerError:
                continue
            if place in form[name].sites:
                meanings[column] = (name, place)
        elif (meaning := _ALIASES.get(column.strip().lower())) and meaning not in meanings.values():
            meanings[column] = meaning
    return meanings


def _row(
    line: int,
    raw: Mapping[str, str | None],
    meanings: Mapping[str, str | tuple[str, Site]],
    form: Form | None,
    masks: _Masks | None,
    problems: list[str],
) -> LabelRow:
    words: dict[str, str] = {}
    answers: list[Answer] = []
    for column, meaning in meanings.items():
        cell = (raw.get(column) or "").strip()
        if not cell:
            continue
        if isinstance(meaning, str):
            words[meaning] = cell
        elif form is not None:
            question = form[meaning[0]]
            try:
                if isinstance(question.kind, Mask) and masks is not None:
                    answers += masks.read(question, cell)
                else:
                    answers.append(Answer(*meaning, parse(form, meaning[0], cell)))
            except AnswerError as error:
                problems.append(f"Line {line}, {column}: {error}")
    if form is not None and answers:
        try:
            form.check(answers)
        except AnswerError as error:
            problems.append(f"Line {line}: {error}")
            answers = []
    age = words.get("age", "")
    modality = words.get("modality", "").upper()
    return LabelRow(
        line, words.get("path", ""), words.get("study", ""), words.get("patient", ""), words.get("reader", ""),
        header.view(words.get("view", "")), header.sex(words.get("sex", "")), _age(age), words.get("source", ""),
        modality if modality in _MODALITIES else "", words.get("report", ""), tuple(answers),
    )  # fmt: skip


def _age(raw: str) -> float | None:
    try:
        age = float(raw.upper().removesuffix("Y"))
    except ValueError:
        return None
    return age if 0 <= age <= 125 else None


def parse(form: Form, question: str, cell: str) -> Value:
    """A cell as an answer to a question.

    Raises
    ------
    AnswerError
        The question does not admit it.
    """
    kind = form[question].kind
    if isinstance(kind, Choice):
        exact = {option.casefold(): option for option in kind.options}
        return kind.check(exact.get(cell.casefold(), cell))
    if isinstance(kind, Grade):
        names = {level.casefold(): index for index, level in enumerate(kind.levels)}
        return kind.check(names.get(cell.casefold(), int(cell) if cell.isdecimal() else cell))
    if isinstance(kind, Findings):
        empty = cell.casefold() in {"none", "-", "[]"} and cell not in kind.labels
        known = {label.casefold(): label for label in kind.labels}
        parts = [part.strip() for part in cell.split(";") if part.strip() and not empty]
        return kind.check([known.get(part.casefold(), part) for part in parts])
    if isinstance(kind, Measurement):
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        return kind.check(number)
    raise AnswerError("A mask comes from a file that the table names.", given=cell)


class PathMatcher:
    """Which row's path means which file: the whole path, or an end of it that only one file has.

    Parameters
    ----------
    locations:
        Paths as :attr:`data.ingest.sources.Source.location` gives them.
    """

    def __init__(self, locations: Iterable[str]) -> None:
        self._by_name: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for location in locations:
            parts = _parts(location)
            self._by_name.setdefault(parts[-1], []).append((parts, location))

    def match(self, path: str) -> str:
        """The location that a path of the table means; empty where there is none, or several."""
        wanted = _parts(path)
        if not wanted:
            return ""
        near = self._by_name.get(wanted[-1], [])
        exact = [location for parts, location in near if parts == wanted]
        ends = exact or [location for parts, location in near if parts[-len(wanted) :] == wanted]
        return ends[0] if len(ends) == 1 else ""


def _parts(path: str) -> tuple[str, ...]:
    plain = path.replace(SEPARATOR, "/").replace("\\", "/")
    return tuple(part for part in PurePosixPath(plain).parts if part != ".")
