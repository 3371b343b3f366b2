"""The page Data: refusals by reason, leaks, doubtful labels, a folder looked at and taken in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data.errors import HomeError, StoreError
from data.holdings import refusal_groups, same_pixels
from data.home import Home
from data.phantoms.cxr_quality import write
from data.records import JobState, Part, Study
from data.splits import part_of, patient
from data.store import Store
from data.tables.studies import Refusal
from tests.filled_home import TASK
from tests.test_faces import show, words
from workbench import jobs
from workbench.data_card_work import CARD, make_card
from workbench.data_work import LEAKS, LOOK, SUSPECTS, TAKE, checked

OTHER = "other-study"


@pytest.fixture
def store(changed: Store) -> Store:
    """A filled home that its test may change."""
    return changed


def home_of(store: Store) -> Home:
    return Home(store.path.parent)


def done(store: Store, kind: str, **arguments: object) -> dict[str, object]:
    """Do work as the worker does it."""
    job = jobs.enqueue(home_of(store), kind, **arguments)
    jobs.run(home_of(store), job.job_id)
    ended = store.jobs.get(job.job_id)
    assert ended.state == JobState.DONE, ended.error
    return dict(ended.result)


def copied(store: Store, study: Study, part: Part) -> Study:
    """The same pixels under another patient of a part."""
    key = home_of(store).secret("key")
    named = next(f"hospital:copy-{i}" for i in range(1000) if part_of(key, f"hospital:copy-{i}") == part)
    series = replace(study.series[0], series_id="other-series", study_id=OTHER)
    made = replace(study, study_id=OTHER, patient=patient(key, named), series=(series,), held="", ingested_at="")
    store.studies.add(made, {})
    return made


def test_what_is_in_is_counted_by_class_and_part(store: Store) -> None:
    page = show("data")
    said = words(page)
    assert not page.exception
    assert "64 studies · 64 patients" in said
    assert "projection: frontal" in said
    tables = [one for one in said.split("<table") if "Patients, test" in one]
    assert tables, "the plot has no table"


def test_refusals_stand_by_reason_with_what_to_do(store: Store) -> None:
    store.studies.refuse(
        [Refusal(f"/in/x{i:03d}.pdf", f"{i:064d}", "not an image", f"No {i}.") for i in range(70)]
    )
    assert [(g.reason, g.count) for g in refusal_groups(store)] == [("not an image", 71), ("damaged", 1)]
    page = show("data", show="refused")
    said = words(page)
    assert "Refused: 72 of 72 files" in said
    assert "Nothing need be done" in said
    assert "cut.dcm" not in said
    assert "1 to 50 of 71 files" in said
    next(button for button in page.button if button.label == "Older").click().run()
    assert "51 to 71 of 71 files" in words(page)
    opened = words(show("data", show="refused", reason="damaged"))
    assert "The file ends before its pixels do." in opened
    assert "x001.pdf" not in opened


def test_the_list_of_leaks_is_empty_or_red(store: Store) -> None:
    assert "Near-copies were not looked for yet." in words(show("data", show="leaks"))
    clean = done(store, LEAKS, task=TASK)
    assert (clean["found"], clean["moved"], clean["patients"]) == (0, [], 64)
    said = words(show("data", show="leaks"))
    assert "No leak" in said
    assert "Each of 64 patients is in one part" in said
    assert "Side by side" not in said

    first = next(s for s in store.studies.find() if s.patient.part == Part.TEST)
    copy = copied(store, first, Part.TRAIN)
    assert [(c.one, c.other, c.across) for c in same_pixels(store)] == [(OTHER, first.study_id, True)]
    said = words(show("data", show="leaks"))  # before anybody has looked again
    assert "1 leak" in said
    assert "1 study has come in since" in said
    done(store, LEAKS, task=TASK)
    said = words(show("data", show="leaks"))
    assert said.count("the same pixels</span>") == 1
    assert f'href="/study?study={OTHER}&beside={first.study_id}"' in said.replace("&amp;", "&")
    assert copy.label in said
    assert "none: kept out of training" in said


def test_copies_within_a_side_are_doubtful_not_red(store: Store) -> None:
    first = next(s for s in store.studies.find() if s.patient.part == Part.TRAIN)
    copied(store, first, Part.VALIDATION)
    assert [c.across for c in same_pixels(store)] == [False]
    said = words(show("data", show="leaks"))
    assert "One person may have come under two patients" in said
    assert said.count("Side by side") == 1


def test_a_patient_who_was_moved_by_hand_is_named(store: Store) -> None:
    first = next(s for s in store.studies.find() if s.patient.part == Part.TEST)
    with store.write() as db:
        db.execute("UPDATE patients SET part = 'train' WHERE patient_id = ?", [first.patient.patient_id])
    assert done(store, LEAKS, task=TASK)["moved"] == [first.label]
    said = words(show("data", show="leaks"))
    assert "1 patient is in another part than the home" in said
    assert first.label in said


def test_only_the_curator_sees_another_patients_study_beside(store: Store) -> None:
    one, other = (s.study_id for s in store.studies.find()[:2])
    label = f"another patient: {store.studies.get(other).label}"

    def beside(**query: str) -> list[str]:
        boxes = [b for b in show("study", study=one, beside=other, **query).selectbox if b.label == "Beside it"]
        return [option for box in boxes for option in box.options]

    assert any(label in option for option in beside())
    assert not any(label in option for option in beside(reader="reader-1"))


def test_doubtful_labels_are_listed_with_what_the_models_hold(store: Store) -> None:
    assert "Not checked yet." in words(show("data", show="labels"))
    first = store.studies.get("study-003")
    job = store.jobs.add(SUSPECTS, {"task": TASK, "profile": "demo"})
    store.jobs.lease(job.job_id, "test", seconds=60)
    suspect = {
        "study_id": first.study_id, "question": "projection", "site": "study", "label": "",
        "given": "lateral", "likely": "frontal", "probability": 0.031, "reason": "the models disagree",
    }  # fmt: skip
    gone = {**suspect, "study_id": "deleted-since"}
    store.jobs.finish(job.job_id, "test", {"task": TASK, "profile": "demo", "studies": 40, "found": 2,
                                           "suspects": [suspect, gone]})  # fmt: skip
    page = show("data", show="labels")
    said = words(page)
    assert "2 labels are likely wrong" in said
    assert first.label in said
    assert "0.03" in said
    assert "deleted-since" not in said.split("<table")[1]


def test_labels_are_checked_in_the_background(store: Store) -> None:
    found = done(store, SUSPECTS, task=TASK, profile="tiny", max_steps=1)
    assert found["studies"] == sum(
        s.patient.part == Part.TRAIN for s in store.studies.find(study_ids=_labelled(store))
    )
    assert set(found["suspects"][0]) >= {"study_id", "given", "likely"} if found["found"] else True


def _labelled(store: Store) -> list[str]:
    return list(store.labels.standard(TASK, {Part.TRAIN, Part.VALIDATION}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three radiographs, a document, and a table with a label for one of them."""
    place = tmp_path / "images"
    paths = write(3, place)
    (place / "letter.pdf").write_bytes(b"%PDF-1.4 nothing")
    (tmp_path / "labels.csv").write_text(f"path,projection\n{paths[0].name},frontal\n")
    return place


def test_a_folder_is_looked_at_before_it_is_taken_in(home: Home, store: Store, folder: Path) -> None:
    there = done(store, LOOK, path=str(folder))
    assert (there["files"], there["formats"], there["refused"], there["known"]) == (
        4, {"DICOM": 3}, {"not an image": 1}, 0,
    )  # fmt: skip
    assert there["bytes"] == sum(path.stat().st_size for path in folder.glob("*.dcm"))
    assert store.studies.count() == 64
    page = show("data", show="take")
    assert not page.exception
    assert "DICOM 3" in words(page)
    next(one for one in page.text_input if one.label.startswith("Table of labels")).input(
        str(folder.parent / "labels.csv")
    )
    next(button for button in page.button if button.label == "Take 3 files in").click().run()
    job = next(job for job in store.jobs.all() if job.kind == TAKE)
    assert dict(job.arguments) == {
        "path": str(folder), "labels": str(folder.parent / "labels.csv"), "source": "", "task": TASK,
    }  # fmt: skip
    jobs.run(home_of(store), job.job_id)
    result = store.jobs.get(job.job_id).result
    assert (result["ingested"], result["studies"], result["refused"]) == (3, 3, {"not an image": 1})
    assert (result["label_rows"], result["label_rows_matched"], result["references"]) == (1, 1, 1)
    assert store.studies.count() == 67
    said = words(show("data", show="take"))
    assert "Taken in" in said
    assert "1 of 1 rows of the table found their study; 1 labels kept" in said
    assert done(store, LOOK, path=str(folder))["known"] == 3


@pytest.mark.parametrize("given", ["", "images", "/no/such/folder"])
def test_what_is_no_folder_is_refused_with_what_to_do(given: str, store: Store) -> None:
    page = show("data", show="take")
    next(one for one in page.text_input if one.label.startswith("Folder")).input(given)
    next(button for button in page.button if button.label == "See what is there").click().run()
    assert "There is no such folder on this machine." in words(page)
    assert not [job for job in store.jobs.all() if job.kind == LOOK]


def test_the_one_table_of_a_folder_is_proposed(store: Store, folder: Path) -> None:
    (folder / "mine.csv").write_text("patient;projection\nP1;frontal\n")
    (folder / "doses.csv").write_text("day,dose\n1,2\n")
    assert done(store, LOOK, path=str(folder))["tables"] == [str(folder / "mine.csv")]
    field = next(one for one in show("data", show="take").text_input if one.label.startswith("Table of labels"))
    assert field.value == str(folder / "mine.csv")
    (folder / "more.csv").write_text("path,projection\n")
    assert len(done(store, LOOK, path=str(folder))["tables"]) == 2
    field = next(one for one in show("data", show="take").text_input if one.label.startswith("Table of labels"))
    assert field.value == ""


def test_the_home_itself_is_not_taken_in(store: Store) -> None:
    with pytest.raises(HomeError, match="home of the records"):
        checked(home_of(store), str(store.path.parent))


def test_files_over_the_page_come_in(store: Store, folder: Path) -> None:
    page = show("data", show="take")
    page.file_uploader[0].upload("scan", next(folder.glob("*.dcm")).read_bytes(), "application/dicom")
    next(button for button in page.button if button.label == "Take in").click().run()
    job = next(job for job in store.jobs.all() if job.kind == "ingest")
    assert set(job.arguments) == {"paths"}
    jobs.run(home_of(store), job.job_id)
    assert store.jobs.get(job.job_id).state == JobState.DONE
    assert store.studies.count() == 65
    assert "Last: 1 of 1 files came in" in words(show("data", show="take"))


def test_the_card_is_made_in_the_background_and_stands_on_the_page(store: Store) -> None:
    page = show("data", show="card")
    assert not page.exception
    assert "Not made yet." in words(page)
    assert not page.get("download_button")
    page.button(key="card make").click().run()
    (job,) = (job for job in store.jobs.all() if job.kind == CARD)
    said = words(show("data", show="card"))
    assert "making the data card" in said
    assert "consilium worker" in said  # nobody works
    shares: list[tuple[float, str]] = []
    work = jobs.Work(home_of(store), lambda share, words: shares.append((share, words)))
    make_card(work, language="en")
    assert [share for share, _said in shares] == sorted(share for share, _said in shares)
    assert shares[0] == (0.0, f"0 of {len(shares)} chapters")
    jobs.run(home_of(store), job.job_id)
    page = show("data", show="card")
    said = words(page)
    assert "Cells count patients." in said
    assert "Known limits" in said
    assert "hospital:" not in said
    assert "made just now" in said
    assert "written to the log since" not in said
    assert [button.label for button in page.get("download_button")] == ["Data card (HTML)", "Data card (Markdown)"]
    assert "Not made yet." not in said
    assert "Ещё не создана" in words(show("data", show="card", lang="ru"))  # a card has one language

    with store.write():
        store.log.add("study.held", "study-003")
    page = show("data", show="card")
    assert "1 entry was written to the log since: make it anew." in words(page)
    page.button(key="card make").click().run()
    again = next(job for job in store.jobs.all() if job.kind == CARD)
    assert again.job_id != job.job_id
    assert "Known limits" in words(show("data", show="card"))  # the last one stays meanwhile
    jobs.run(home_of(store), again.job_id)
    assert "written to the log since" not in words(show("data", show="card"))


def test_a_card_that_cannot_be_made_says_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(opened: Store, progress: object) -> None:
        raise StoreError(
            "The database is busy.", given="no turn", expected="a turn", do="see which process holds it"
        )

    monkeypatch.setattr("workbench.data_card_work.data_card", broken)
    jobs.run(home_of(store), jobs.enqueue(home_of(store), CARD, language="en").job_id)
    page = show("data", show="card")
    said = words(page)
    assert "The database is busy." in said
    assert "see which process holds it" in said
    assert "Try again" in [button.label for button in page.button]
