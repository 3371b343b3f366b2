"""From a prediction to the readers behind it, and from a reader to every version that learnt from the reads."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from active_learning.lineage import Lineage, Node
from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.home import HOME_VARIABLE, Home
from data.records import (
    Annotation,
    BatchItem,
    Consensus,
    ConsensusState,
    Mode,
    ModelVersion,
    Origin,
    Part,
    Prediction,
    Purpose,
    Reader,
    RoundState,
)
from data.store import Store
from models.learnt import LearntStudy, read_learnt, write_learnt
from models.task import Example, get_task
from models.training import examples
from tests.radiographs import TASK, fill
from workbench.cli import app

ROUND = f"{TASK}-r1"
READ = "study-train-000"
IMPORTED = "study-train-001"


@pytest.fixture
def lived(home: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A round read by two readers and three versions: before it, of it, and after one answer was settled anew."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    blobs = Blobs.of(home)
    fill(store, blobs, {Part.TRAIN: 4, Part.VALIDATION: 2, Part.TEST: 1})
    for name in ("ahn", "berg"):
        store.reads.add_reader(Reader(name, name.title()))
    first = _version(store, blobs)
    store.versions.crown(TASK, first.version, "the first")
    items = [BatchItem(READ, Purpose.ACQUISITION, Mode.INDEPENDENT, 0.9, "undecided")]
    store.rounds.open(TASK, items, {}, first.version)
    for name in ("ahn", "berg"):
        answers = (Answer("projection", STUDY, "frontal"),)
        store.reads.keep(Annotation(f"an-{name}", TASK, READ, name, Mode.INDEPENDENT, answers, round_id=ROUND))
    _settle(store, ("an-ahn", "an-berg"))
    store.rounds.move(ROUND, RoundState.CANCELLED, expected=[RoundState.OPENED])
    second = _version(store, blobs, parent=first.version, round_id=ROUND)
    store.versions.crown(TASK, second.version, "better")
    _settle(store, ("an-ahn",))
    _version(store, blobs, parent=second.version)
    store.versions.put_predictions([Prediction(TASK, "study-test-000", second.version, ())])
    return store


def _settle(store: Store, annotations: tuple[str, ...]) -> None:
    said = Consensus(
        TASK, READ, ROUND, "projection", STUDY, ConsensusState.AGREED, "frontal", "majority", 1.0, annotations
    )
    store.labels.replace_consensus(TASK, ROUND, {READ: [said]})


def _version(store: Store, blobs: Blobs, **known: str) -> ModelVersion:
    """A version without weights that learnt from the reference standard as it is now."""
    parts = {"training": Part.TRAIN, "validation": Part.VALIDATION}
    by_use = {use: examples(store, get_task(TASK), {part}) for use, part in parts.items()}
    origins = store.labels.origins(TASK, set(parts.values()))
    data = {"learnt_from": write_learnt(blobs, by_use, origins, ())}
    manifest = blobs.put(json.dumps({"format": 1, "task": TASK, "data": data, "stages": {}}).encode())
    return store.versions.add(task=TASK, profile="demo", manifest=manifest, **known)


def told(node: Node) -> list[tuple[str, str]]:
    return [(child.kind, child.id) for child in node.children]


def test_origins_stand_beside_the_answers_of_the_standard(lived: Store) -> None:
    parts = {Part.TRAIN, Part.VALIDATION}
    standard, origins = lived.labels.standard(TASK, parts), lived.labels.origins(TASK, parts)
    assert {s: [(a.question, a.site) for a in answers] for s, answers in standard.items()} == {
        s: [(o.question, o.site) for o in given] for s, given in origins.items()
    }
    by_question = {o.question: o for o in origins[READ]}
    assert by_question["projection"] == Origin("projection", STUDY, ROUND, ("an-ahn",))
    assert by_question["borders_frontal"] == Origin("borders_frontal", STUDY, source="test")


def test_what_was_learnt_comes_back_with_the_answers_that_were_used(lived: Store, home: Home) -> None:
    blobs = Blobs.of(home)
    learnt = read_learnt(blobs, lived.versions.get(f"{TASK}-v2"))
    assert learnt is not None
    assert [s.use for s in learnt.studies] == ["training"] * 4 + ["validation"] * 2
    own = next(s for s in learnt.studies if s.study_id == READ)
    assert own == LearntStudy(
        READ, "P-TRAIN-000", "training",
        (Origin("borders_frontal", STUDY, source="test"),
         Origin("projection", STUDY, ROUND, ("an-ahn", "an-berg"))),
    )  # fmt: skip
    study = lived.studies.get(READ)
    some = Example(study, (Answer("projection", STUDY, "frontal"),))
    kept = json.loads(blobs.get(write_learnt(blobs, {"training": [some]}, {READ: own.origins}, ())))
    assert [o["question"] for o in kept["studies"][0]["origins"]] == ["projection"]


def test_a_prediction_is_followed_to_the_readers(lived: Store, home: Home) -> None:
    found = Lineage(lived, Blobs.of(home), TASK).study("study-test-000")
    (prediction, *labels) = found.children
    assert (prediction.kind, prediction.id) == ("prediction", f"{TASK}-v2/study-test-000")
    (version,) = prediction.children
    assert version.id == f"{TASK}-v2"
    assert version.said.endswith(f"champion, for {ROUND}, to replace {TASK}-v1")
    (training,) = version.children
    assert training.said == "6 studies of 6 patients"
    assert told(training) == [("consensus", ROUND), ("imported labels", "test")]
    consensus, imported = training.children
    assert consensus.said == "1 answer of 1 study"
    assert told(consensus) == [("reader", "ahn"), ("reader", "berg")]
    assert imported.said == "14 answers of 6 studies"
    assert {label.kind for label in labels} == {"imported label"}
    assert all(label.children == () for label in labels)  # a test patient's labels taught nobody


def test_a_reader_is_followed_to_every_version_whatever_became_of_the_consensus(lived: Store, home: Home) -> None:
    lineage = Lineage(lived, Blobs.of(home), TASK)
    ahn, berg = lineage.reader("ahn"), lineage.reader("berg")
    assert [(n.id, n.said) for n in ahn.children if n.kind == "version"] == [
        (f"{TASK}-v2", "champion, learnt from 1 of these reads"),
        (f"{TASK}-v3", "never champion, learnt from 1 of these reads"),
    ]
    assert [n.id for n in berg.children if n.kind == "version"] == [f"{TASK}-v2"]  # it was settled without berg
    (read,) = (n for n in ahn.children if n.kind == "read")
    assert (read.id, told(read)) == ("an-ahn", [("consensus", f"{ROUND}/{READ}/projection@study")])
    assert [n.id for n in read.children[0].children] == [f"{TASK}-v2", f"{TASK}-v3"]
    assert lineage.reign(f"{TASK}-v1") == "was champion"


def test_an_imported_label_is_followed_to_what_it_taught(lived: Store, home: Home) -> None:
    found = Lineage(lived, Blobs.of(home), TASK).study(IMPORTED)
    label = next(n for n in found.children if n.id == f"{IMPORTED}/projection@study")
    assert (label.kind, label.said) == ("imported label", "test")
    assert [n.id for n in label.children] == [f"{TASK}-v{number}" for number in (1, 2, 3)]


def test_a_version_that_did_not_record_its_studies_says_so(lived: Store, home: Home) -> None:
    blobs = Blobs.of(home)
    data = {"training": {"studies": 9, "patients": ["P-A", "P-B"]}}
    manifest = blobs.put(json.dumps({"format": 1, "task": TASK, "data": data, "stages": {}}).encode())
    older = lived.versions.add(task=TASK, profile="demo", manifest=manifest)
    found = Lineage(lived, blobs, TASK).version(older.version)
    assert found.children[0].said == "9 studies of 2 patients; which rounds they are from was not recorded"
    blobs.path(manifest).unlink()
    assert "consilium verify" in Lineage(lived, blobs, TASK).version(older.version).children[0].said
    assert Lineage(lived, blobs, TASK).reader("ahn").find("version")  # the others are followed all the same


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    return result.exit_code, result.stdout


def test_the_command_line_shows_trees(lived: Store) -> None:
    code, out = run("lineage", "version", f"{TASK}-v2", "--json")
    assert code == 0
    assert [c["id"] for c in json.loads(out)["children"][0]["children"]] == [ROUND, "test"]
    code, out = run("lineage", "reader", "ahn", "--task", TASK)
    assert code == 0
    assert f"version {TASK}-v3 never champion" in out
    code, out = run("lineage", "study", "none", "--task", TASK, "--json")
    assert (code, json.loads(out)["error"]) == (1, "There is no such study.")


def test_verifying_and_looking_for_leaks_end_with_1_where_something_is_found(lived: Store) -> None:
    code, out = run("verify", "--json")
    found = json.loads(out)
    assert (code, found["sound"], found["findings"]) == (0, True, [])
    assert found["head"]["sequence"] == found["entries"] == lived.log.head().sequence
    code, out = run("leaks", TASK, "--json")
    assert (code, json.loads(out)["leaks"]) == (0, [])
    with lived.write() as db:
        db.execute("UPDATE consensus SET support = 0.5")
    code, out = run("verify", "--json")
    assert code == 1
    assert [f["kind"] for f in json.loads(out)["findings"]] == ["record"]
    assert "A record was changed without the log" in run("verify")[1].replace("\n", " ")
    pixels = lived.studies.get("study-test-000").series[0].pixels
    with lived.write() as db:
        db.execute("UPDATE series SET pixels = ? WHERE study_id = ?", [pixels, READ])
    code, out = run("leaks", TASK, "--json")
    assert code == 1
    (leak,) = json.loads(out)["leaks"]
    assert (leak["learnt"], leak["rounds"]) == (READ, [ROUND])
    assert leak["versions"] == [f"{TASK}-v{number}" for number in (1, 2, 3)]
