import numpy as np
import pytest

from active_learning.suspect_labels import suspect_labels
from data.answers import STUDY, Answer, Choice, Findings, Form, Question
from data.blobs import Blobs
from data.errors import TrainingError
from data.records import Part, Patient, Prediction, QuestionPrediction, Study
from models.crossfit import OutOfFold, fold_of, out_of_fold
from models.task import Example, get_task
from tests.reading_home import reading, standard
from workbench import embedded
from workbench.report import Report

FORM = Form(
    (
        Question("borders", "Cut off?", Choice(("complete", "cut_off"))),
        Question("signs", "Signs?", Findings(("scoliosis", "dense_aorta"))),
    )
)


def planted():
    """Sixty studies, one a patient, whose models are right; three labels were changed."""
    examples, predictions, folds = [], {}, {}
    for n in range(60):
        name, cut, bent = f"s{n:02d}", n % 2 == 1, n % 3 == 0
        label_cut = not cut if n in (4, 7) else cut
        label_bent = not bent if n == 9 else bent
        answers = (
            Answer("borders", STUDY, "cut_off" if label_cut else "complete"),
            Answer("signs", STUDY, frozenset({"scoliosis"} if label_bent else ())),
        )
        examples.append(Example(Study(name, Patient(f"p{n}", f"P{n}", Part.TRAIN), "DX"), answers))
        p, q = (0.95 if cut else 0.05), (0.9 if bent else 0.1)
        results = (
            QuestionPrediction(
                "borders", STUDY, "cut_off" if cut else "complete", {"complete": 1 - p, "cut_off": p}, 0
            ),
            QuestionPrediction("signs", STUDY, frozenset(), {"scoliosis": q}, 0),
        )
        predictions[name] = Prediction("t", name, "out-of-fold", results)
        folds[name] = n % 3
    return OutOfFold(tuple(examples), folds, predictions)


def test_changed_labels_are_found_and_no_others():
    found = suspect_labels(planted(), FORM)
    assert {(s.study_id, s.question, s.label, s.given, s.likely) for s in found} == {
        ("s04", "borders", "", "cut_off", "complete"),
        ("s07", "borders", "", "complete", "cut_off"),
        ("s09", "signs", "scoliosis", "absent", "present"),
    }
    assert [round(s.probability, 2) for s in found] == [0.05, 0.05, 0.10]
    assert "a model trained on other patients" in found[0].reason


def test_a_finding_that_no_model_has_learnt_is_left_out():
    assert "dense_aorta" not in {s.label for s in suspect_labels(planted(), FORM)}


def test_a_patient_is_in_one_fold():
    folds = np.array([fold_of(f"site:{n}", 4) for n in range(400)])
    assert fold_of("site:7", 4) == folds[7]
    assert np.bincount(folds, minlength=4).min() > 70


def test_too_few_labelled_patients_are_refused(home, tmp_path):
    made = reading(home, None, count=3)
    standard(made)
    with pytest.raises(TrainingError, match="too few"):
        out_of_fold(made.store, made.loop.blobs, made.loop.task, "tiny", folds=4, scratch=tmp_path)


def test_every_training_study_is_predicted_by_a_model_that_has_not_seen_it(home, tmp_path):
    task = get_task("cxr_quality")
    embedded.bring_in(home, task, 60, report=Report(as_json=True))
    made = reading(home, None, count=0)
    trained: list[set[str]] = []
    original = type(task).train

    def watched(self, run):
        trained.append({e.study.patient.patient_id for e in run.training})
        return original(self, run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(task), "train", watched)
        found = out_of_fold(made.store, Blobs.of(home), task, "tiny", folds=2, scratch=tmp_path, max_steps=1)
    assert set(found.predictions) == {e.study.study_id for e in found.examples}
    assert {e.study.patient.part for e in found.examples} == {Part.TRAIN}
    for example in found.examples:
        assert example.study.patient.patient_id not in trained[found.folds[example.study.study_id]]
    assert made.store.versions.all("cxr_quality") == []
    assert list(tmp_path.glob("cxr_quality-fold-*")) == []
