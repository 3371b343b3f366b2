"""Tables of labels: columns, values, and which study a row means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data.answers import STUDY, Choice, Findings, Form, Grade, Measurement, Question, Site
from data.errors import LabelsError
from data.home import Home
from data.ingest import IngestReport, ingest, read_labels
from data.ingest.labels import PathMatcher, is_label_table
from data.records import Mode, ReaderKind
from data.store import Store

LEVELS = (Site.level("L4/L5"), Site.level("L5/S1"))
FORM = Form(
    (
        Question("quality", "Is it good?", Choice(("good", "bad"))),
        Question("grade", "How severe?", Grade(("none", "mild", "severe"))),
        Question("signs", "What is there?", Findings(("Mass", "Effusion"))),
        Question("size", "How large?", Measurement("mm", 0, 100)),
        Question("disc", "How is the disc?", Grade(("0", "1", "2")), sites=LEVELS),
    )
)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for number in range(4):
        (folder / f"p{number // 2}").mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(number)
        Image.fromarray(rng.integers(0, 255, (8, 8)).astype(np.uint8)).save(
            folder / f"p{number // 2}" / f"{number}.png"
        )
    return folder


def bring(home: Home, folder: Path, table: Path, **more: Any) -> IngestReport:
    return ingest(home, [folder], labels=read_labels(table, form=FORM, task="t"), workers=1, **more)


def test_values_by_kind(tmp_path: Path) -> None:
    table = read_labels(
        write(
            tmp_path / "l.csv",
            "file,quality,grade,signs,size,disc@level:L4/L5,disc,note",
            "a.png,GOOD,severe,mass; Effusion,12.5,2,1,x",
            "b.png,,1,none,,,,y",
        ),
        form=FORM,
        task="t",
    )
    first, second = ({(a.question, a.site.key): a.value for a in row.answers} for row in table.rows)
    assert first == {
        ("quality", "study"): "good",
        ("grade", "study"): 2,
        ("signs", "study"): frozenset({"Mass", "Effusion"}),
        ("size", "study"): 12.5,
        ("disc", "level:L4/L5"): 2,
    }
    assert second == {("grade", "study"): 1, ("signs", "study"): frozenset()}
    assert table.ignored == ("disc", "note")
    assert table.problems == ()


def test_values_that_do_not_fit_are_told_and_left_out(tmp_path: Path) -> None:
    path = write(
        tmp_path / "l.csv", "path,quality,grade,signs,size", "a.png,fair,7,Fracture,large", "b.png,bad,,,500"
    )
    table = read_labels(path, form=FORM, task="t")
    assert [len(row.answers) for row in table.rows] == [0, 1]
    assert [problem.split(":")[0] for problem in table.problems] == [
        "Line 2, quality", "Line 2, grade", "Line 2, signs", "Line 2, size", "Line 3, size",
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_parts_the_columns_is_seen_in_the_first_line(tmp_path: Path, delimiter: str) -> None:
    lines = (("path", "quality", "note"), ("a.png", "good", "x"), ("b.png", "bad", "y"))
    path = write(tmp_path / "l.csv", *(delimiter.join(line) for line in lines))
    table = read_labels(path, form=FORM, task="t")
    assert [(row.path, [a.value for a in row.answers]) for row in table.rows] == [
        ("a.png", ["good"]), ("b.png", ["bad"]),
    ]  # fmt: skip
    assert is_label_table(path)


def test_what_names_no_study_is_no_table_of_labels(tmp_path: Path) -> None:
    assert is_label_table(write(tmp_path / "L.CSV", "\ufeffPatient_ID;age", "1;50"))
    assert not is_label_table(write(tmp_path / "doses.csv", "day,dose", "1,2"))
    assert not is_label_table(write(tmp_path / "labels.txt", "path,quality", "a.png,good"))
    assert not is_label_table(write(tmp_path / "empty.csv", ""))
    assert not is_label_table(tmp_path / "missing.csv")


def test_tables_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="names a study"):
        read_labels(write(tmp_path / "l.csv", "quality,grade", "good,1"), form=FORM)
    with pytest.raises(LabelsError, match="cannot be read"):
        read_labels(tmp_path / "missing.csv")


def test_paths_match_whole_or_by_an_end_that_one_file_has() -> None:
    matcher = PathMatcher(["/data/a/1.png", "/data/b/1.png", "/data/z.zip!/x/2.png", "/1.png"])
    assert matcher.match("a/1.png") == "/data/a/1.png"
    assert matcher.match("./b/1.png") == "/data/b/1.png"
    assert matcher.match("/1.png") == "/1.png"
    assert matcher.match("1.png") == ""
    assert matcher.match("2.png") == "/data/z.zip!/x/2.png"
    assert matcher.match("z.zip/x/2.png") == "/data/z.zip!/x/2.png"
    assert matcher.match("3.png") == matcher.match("") == ""


def test_patients_views_and_reference_labels(home: Home, store: Store, pictures: Path, tmp_path: Path) -> None:
    table = write(
        tmp_path / "l.csv",
        "path,patient_id,view,sex,age,modality,quality,url",
        "p0/0.png,anna,PA,F,51,CR,good,x",
        "p0/1.png,anna,AP Supine,F,52,CR,bad,x",
        "p1/2.png,bert,L,m,,CR,,x",
        "nowhere.png,carl,PA,,,CR,good,x",
    )
    report = bring(home, pictures, table, source="clinic")
    assert (report.ingested, report.pictures, report.held) == (4, 4, 0)
    assert report.labels is not None
    assert (report.labels.rows, report.labels.matched, report.labels.references) == (4, 3, 2)
    assert report.labels.unmatched == ("line 5: nowhere.png",)
    assert report.labels.ignored == ("url",)
    studies = {Path(s.series[0].source_paths[0]).name: s for s in store.studies.find()}
    first, second, third, fourth = (studies[f"{n}.png"] for n in range(4))
    assert first.patient == second.patient
    assert first.patient.patient_id == "clinic:anna"
    assert (first.view, first.sex, first.age_y, first.modality) == ("PA", "F", 51, "CR")
    assert (second.view, third.view, third.sex) == ("AP SUPINE", "LATERAL", "M")
    assert fourth.patient.patient_id.startswith("file:")
    assert (fourth.view, fourth.modality) == ("", "OT")
    assert {r.study_id: r.answer.value for r in store.labels.references("t")} == {
        first.study_id: "good",
        second.study_id: "bad",
    }
    assert {r.source for r in store.labels.references("t")} == {"l.csv"}


def test_reads_of_named_readers(home: Home, store: Store, pictures: Path, tmp_path: Path) -> None:
    lines = ("path,reader,quality", "0.png,Dr. Ada,good", "0.png,Bo,bad", "1.png,Bo,good")
    table = write(tmp_path / "l.csv", *lines)
    report = bring(home, pictures, table)
    assert report.labels is not None
    assert (report.labels.annotations, report.labels.references) == (3, 0)
    assert [(r.reader_id, r.name, r.kind) for r in store.reads.readers()] == [
        ("dr-ada", "Dr. Ada", ReaderKind.PERSON),
        ("bo", "Bo", ReaderKind.PERSON),
    ]
    kept = store.reads.annotations("t")
    assert len(kept) == 3
    assert {a.mode for a in kept} == {Mode.INDEPENDENT}
    assert {a.answers[0].site for a in kept} == {STUDY}
    again = bring(home, pictures, table)
    assert again.duplicates == 4
    assert {(a.annotation_id, a.revision) for a in store.reads.annotations("t", every_revision=True)} == {
        (a.annotation_id, 1) for a in kept
    }
    bring(home, pictures, write(tmp_path / "l.csv", lines[0], "0.png,Bo,good"))
    changed = [a for a in store.reads.annotations("t") if a.revision == 2]
    assert [(a.reader_id, a.answers[0].value) for a in changed] == [("bo", "good")]


def test_by_study_and_patient_and_contradictions(home: Home, store: Store, pictures: Path, tmp_path: Path) -> None:
    paths = write(tmp_path / "p.csv", "path,patient", "0.png,anna", "1.png,anna", "2.png,bert")
    bring(home, pictures, paths)
    study = next(s for s in store.studies.find() if s.patient.patient_id == "file:bert")
    table = write(
        tmp_path / "l.csv",
        "study,patient,grade,view",
        f"{study.study_id},,mild,PA",
        ",anna,severe,",
        ",anna,none,",
        ",nobody,none,",
    )
    report = ingest(home, [], labels=read_labels(table, form=FORM, task="t"), workers=1).labels
    assert report is not None
    assert (report.matched, report.references, report.unmatched) == (3, 3, ("line 5: nobody",))
    assert len([p for p in report.problems if "contradicts" in p]) == 2
    values = {r.study_id: r.answer.value for r in store.labels.references("t")}
    assert sorted(values.values()) == [1, 2, 2]
    assert store.studies.get(study.study_id).view == "PA"


def test_a_table_that_comes_later_cannot_move_a_study(
    home: Home, store: Store, pictures: Path, tmp_path: Path
) -> None:
    ingest(home, [pictures], workers=1)
    before = {s.study_id: s.patient.patient_id for s in store.studies.find()}
    table = write(tmp_path / "l.csv", "path,patient,view", "0.png,anna,PA")
    report = ingest(home, [], labels=read_labels(table), workers=1).labels
    assert report is not None
    assert report.matched == 1
    assert "another patient" in report.problems[0]
    assert {s.study_id: s.patient.patient_id for s in store.studies.find()} == before
    assert sorted(s.view for s in store.studies.find()) == ["", "", "", "PA"]
