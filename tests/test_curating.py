"""Curation of a home's studies: from records to a kept set, by function, job, command line and page."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
from typer.testing import CliRunner

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.curation.rule import CurationRule, save_rule
from data.curation.sides import Step
from data.curation.terms import load_terms
from data.errors import ConflictError, CurationError, NotFoundError
from data.home import Home
from data.records import Layout, Part, Prediction, QuestionPrediction, ReferenceLabel, Series, Study
from data.splits import patient
from data.store import Store
from data.tables.reports import Report
from tests.test_faces import APP, words
from workbench import jobs
from workbench.cli import app
from workbench.curating import TASK, curate_store, described, marked_report, new_rule

NORMAL = "Heart size is normal. The aorta is unremarkable. Lungs are clear. Normal chest."
HEART = "The heart is enlarged. Lungs are clear."
REPORTS = {
    0: HEART, 1: HEART, 2: HEART, 3: HEART,
    4: NORMAL, 5: NORMAL, 6: NORMAL, 7: NORMAL,
    8: "The heart is enlarged. Pneumonia in the right lower lobe.",
    9: "Сердце увеличено. Сколиоз грудного отдела позвоночника.",
    10: "Сердце не увеличено. Аорта развернута.",
    11: NORMAL,
    12: NORMAL,
}  # fmt: skip
SECRET = "Ivan Petrovich"
CUT, DARK, LABELLED, TWIN = 11, 12, 13, 14
runner = CliRunner()


@pytest.fixture
def filled(home: Home) -> Store:
    return fill(home)


def fill(home: Home) -> Store:
    """Fifteen studies: one cut off as the champion for quality says, one dark, one with labels alone, one twin."""
    store, blobs, rng = Store.of(home), Blobs.of(home), np.random.default_rng(5)
    key = home.secret("key")
    pixels = np.zeros((64, 64), dtype=np.uint8)
    for number in range(15):
        image = np.kron(rng.normal(120, 40, (8, 8)), np.ones((8, 8))) + rng.normal(0, 4, (64, 64))
        pixels = pixels // 2 + 60 if number == TWIN else np.clip(image, 1, 255).astype(np.uint8)
        if number == DARK:
            pixels = pixels // 20
        name, own = f"study-{number:02d}", LABELLED if number == TWIN else number
        series = Series(f"s{number}", name, "DX", Layout.IMAGE, (64, 64), blobs.put_array(pixels),
                        attributes={"manufacturer": "Example"})  # fmt: skip
        store.studies.add(
            Study(name, patient(key, f"hospital:{own}"), "DX", (series,), view="PA", sex="FM"[number % 2],
                  age_y=40.0 + number), {},
        )  # fmt: skip
    store.reports.put(Report(f"study-{n:02d}", f"{text} {SECRET}.", "reports.csv") for n, text in REPORTS.items())
    for number in (LABELLED, TWIN):
        answer = Answer("findings", STUDY, frozenset({"enlarged_heart"}))
        store.labels.add_references([ReferenceLabel(TASK, f"study-{number:02d}", answer, "labels.csv")])
    _champion(store)
    return store


def _champion(store: Store) -> None:
    version = store.versions.add(task="cxr_quality", profile="demo", manifest="none").version
    store.versions.crown("cxr_quality", version, "test")
    said = {n: "cut_off" if n == CUT else "complete" for n in (0, 1, 4, CUT)}
    store.versions.put_predictions(
        Prediction(
            "cxr_quality", f"study-{n:02d}", version,
            (QuestionPrediction("projection", STUDY, "frontal", {"frontal": 1.0}, 0.0),
             QuestionPrediction("borders_frontal", STUDY, borders, {borders: 1.0}, 0.0)),
        )
        for n, borders in said.items()
    )  # fmt: skip


def rule(name: str = "hearts", **changes: Any) -> CurationRule:
    return new_rule(name, "enlarged_heart", load_terms(), negatives_per_positive=None, **changes)


def quiet(share: float, words_: str) -> None:
    """Progress that nobody follows."""


def test_every_study_meets_its_fate(home: Home, filled: Store) -> None:
    kept = curate_store(home, rule(), progress=quiet)
    curated = kept.curated
    fates = {e.study_id: (e.step, e.reason) for e in curated.exclusions}
    assert fates == {
        "study-08": (Step.CONFOUNDER, "pneumonia"),
        "study-09": (Step.SEVERAL, "scoliosis"),
        "study-10": (Step.NEITHER, "unfolded_aorta"),
        "study-11": (Step.QUALITY, "borders_frontal cut_off"),
        "study-12": (Step.INTENSITY, "too dark"),
        "study-14": (Step.DUPLICATE, "labelled alike"),
    }
    assert curated.positives == ("study-00", "study-01", "study-02", "study-03", "study-13")
    assert curated.negatives == ("study-04", "study-05", "study-06", "study-07")
    by_part = {s.study_id: s.patient.part for s in filled.studies.find()}
    counted = {c.part: c.positives + c.negatives for c in curated.parts}
    assert counted == {part: sum(by_part[s] is part for s in curated.study_ids) for part in Part}


def test_the_same_rule_gives_the_same_set_and_keeps_it_whole(home: Home, filled: Store) -> None:
    first, again = (curate_store(home, rule(), progress=quiet) for _ in range(2))
    assert again.curated == first.curated
    assert [k.curated for k in filled.curations.all(TASK)] == [first.curated]
    assert filled.curations.get(TASK, "hearts").curated == first.curated
    with pytest.raises(ConflictError, match="Another rule"):
        curate_store(home, rule(seed=1), progress=quiet)
    other = curate_store(home, rule("women", sexes=("F",)), progress=quiet)
    assert other.curated.positives == ("study-00", "study-02", "study-14")  # its twin is a man's
    assert other.curated.negatives == ("study-04", "study-06")
    assert [k.name for k in filled.curations.all(TASK)] == ["women", "hearts"]
    with pytest.raises(NotFoundError, match="no such curated set"):
        filled.curations.get(TASK, "lungs")


def test_a_set_holds_no_word_of_a_report(home: Home, filled: Store) -> None:
    curate_store(home, rule(), progress=quiet)
    rows = list(filled.db.query("SELECT rule || result AS kept FROM curations"))
    logged = list(filled.db.query("SELECT detail AS kept FROM log"))
    assert len(rows) == 1
    assert not [row for row in (*rows, *logged) if "Ivan" in row["kept"] or "The heart" in row["kept"]]


def test_an_empty_home_and_a_wrong_finding_are_refused(home: Home) -> None:
    with pytest.raises(CurationError, match="nothing to curate"):
        curate_store(home, rule(), progress=quiet)
    with pytest.raises(CurationError, match="finding"):
        new_rule("x", "pneumonia", load_terms())
    assert new_rule("x", "effusion", load_terms()).finding == "pleural_effusion"


def test_a_report_is_marked(filled: Store) -> None:
    found = marked_report(filled, "study-10")
    assert "".join(segment.text for segment in found.segments) == f"{REPORTS[10]} {SECRET}."
    said = {(s.concept, s.status.value) for s in found.segments if s.concept and s.status}
    assert said == {("enlarged_heart", "absent"), ("unfolded_aorta", "present")}
    with pytest.raises(NotFoundError, match="no report"):
        marked_report(filled, "study-13")


def test_the_work_can_be_done_in_the_background(home: Home, filled: Store) -> None:
    assert "curate" in jobs.kinds()
    job = filled.jobs.add("curate", {"rule": rule().as_json()})
    jobs.run(home, job.job_id)
    done = filled.jobs.get(job.job_id)
    assert (done.state, done.result["positives"], done.result["negatives"]) == ("done", 5, 4)
    assert json.loads(json.dumps(described(filled.curations.get(TASK, "hearts")))) == done.result


def told(*arguments: str, fails: bool = False) -> dict[str, Any]:
    done = runner.invoke(app, ["curate", *arguments, "--json"])
    assert done.exit_code == int(fails), done.output
    (line,) = done.stdout.splitlines()
    return dict(json.loads(line))


def test_the_command_line_draws_lists_and_shows(home: Home, filled: Store) -> None:
    made = told("run", "hearts", "--finding", "enlarged_heart", "--ratio", "0")
    assert (made["name"], made["positives"], made["negatives"]) == ("hearts", 5, 4)
    quality = next(step for step in made["steps"] if step["step"] == "quality")
    assert (quality["given"], quality["left"], quality["reasons"]) == (15, 14, {"borders_frontal cut_off": 1})
    assert told("show", "hearts") == made
    any_quality = told("run", "any", "--finding", "enlarged_heart", "--ratio", "0", "--any-quality")
    assert any_quality["negatives"] == 5
    men = told("run", "men", "--finding", "enlarged_heart", "--sex", "M", "--age-from", "42", "--view", "PA",
               "--device", "example", "--seed", "7", "--ratio", "0")  # fmt: skip
    assert (men["positives"], men["negatives"]) == (2, 2)
    assert (men["rule"]["age_y"], men["rule"]["seed"]) == ([42.0, None], 7)
    listed = told("list")["sets"]
    assert [(s["name"], s["positives"]) for s in listed] == [("men", 2), ("any", 5), ("hearts", 5)]
    shown = runner.invoke(app, ["curate", "show", "hearts"])
    assert "Technical quality" in shown.stdout
    marked = told("report", "study-08")
    assert marked["present"] == ["enlarged_heart", "pneumonia"]
    assert "(pneumonia: present)" in re.sub(
        r"\s+", " ", runner.invoke(app, ["curate", "report", "study-08"]).stdout
    )


def test_a_rule_from_a_file_keeps_its_content_under_the_sets_name(home: Home, filled: Store) -> None:
    path = save_rule(rule("mine", sexes=("F",)), home.path / "rules")
    made = told("run", "women", "--rule", str(path))
    assert (made["rule"]["name"], made["rule"]["sexes"]) == ("women", ["F"])
    wrong = told("run", "women2", "--rule", str(path), "--finding", "scoliosis", fails=True)
    assert wrong["error"] == "The rule is about another finding."
    for arguments in (["run", "none"], ["run", "none", "--finding", "gout"], ["show", "none"], ["report", "none"]):
        assert told(*arguments, fails=True)["do"]


def test_the_page_shows_the_flow_and_a_report_with_its_matches(home: Home, filled: Store) -> None:
    curate_store(home, rule(), progress=quiet)
    page = AppTest.from_file(str(APP), default_timeout=60)
    page._page_hash = calc_hash("curation")
    page.query_params["set"] = "hearts"
    page.query_params["step"] = "confounder"
    page.run()
    assert not page.exception
    said = words(page)
    assert "Technical quality" in said
    assert "borders frontal cut off: 1" in said
    assert re.search(r'c-present">Pneumonia<small>pneumonia: affirmed</small>', said)
