"""What counts as pathology, and what becomes of an unread study: clear, read or adjudicate, with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from active_learning.triage import Unread, decide
from active_learning.triage_target import score, shows, target_of
from data.answers import STUDY, Answer, Form, Site
from data.errors import ConfigError
from data.records import (
    Annotation,
    ConformalSets,
    Metric,
    Mode,
    Part,
    Patient,
    Prediction,
    QuestionPrediction,
    Study,
    TriagePolicy,
    Way,
)
from models.config import Triage
from models.task import get_task
from tests.triage_home import TASK, predicted

POLICY = TriagePolicy(
    "tp-1", TASK, f"{TASK}-v1", {"norm": ("pathology",)}, 0.02, 0.95, 0.2, 400, 160, 0, 0, 0.0186, 0.4,
    Metric(0.3, 0.25, 0.35, 400), None, 0.4, False, None, 0.1,
    (ConformalSets("norm", "", ("normal", "pathology"), (0.3, 0.25), (240, 160), 0.95),),
)  # fmt: skip
FORM = get_task(TASK).form


def study(**known: object) -> Study:
    given = {"patient": Patient("hospital:1", "P-1", Part.TRAIN), **known}
    return Study("study-1", modality="CT", **given)  # type: ignore[arg-type]


def unread(probability: float = 0.1, **known: object) -> Unread:
    return Unread(study(), predicted("study-1", f"{TASK}-v1", probability), **known)  # type: ignore[arg-type]


def read(value: str, reader: str = "r1") -> Annotation:
    return Annotation(f"an-{reader}", TASK, "study-1", reader, Mode.INDEPENDENT, (Answer("norm", STUDY, value),))


# -- what counts as pathology ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "questions"),
    [
        ("chest_ct_norm", {"norm": ("pathology",)}),
        ("adrenal_ct", {"finding": ("lesion",)}),
        ("cxr_quality", {"borders_frontal": ("cut_off",), "borders_lateral": ("cut_off",),
                         "rotation_lateral": ("rotated",)}),
    ],
)  # fmt: skip
def test_what_counts_as_pathology(task: str, questions: dict[str, tuple[str, ...]]) -> None:
    assert dict(target_of(get_task(task))) == questions


def test_any_finding_and_any_significant_stenosis_count() -> None:
    findings = get_task("cxr_findings")
    assert set(target_of(findings)["findings"]) == set(findings.config.findings)  # type: ignore[attr-defined]
    assert set(target_of(get_task("lumbar_stenosis"))) == {"central", "recess", "foraminal"}


def configured(monkeypatch: pytest.MonkeyPatch, task: str, **triage: object) -> None:
    """The task with another ``[triage]``."""
    config = get_task(task).config.model_copy(update={"triage": Triage(**triage)})  # type: ignore[arg-type]
    monkeypatch.setattr(type(get_task(task)), "config", config)


def test_a_form_that_leaves_doubt_asks_for_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch, "lumbar_stenosis")
    with pytest.raises(ConfigError, match="does not say what counts") as refused:
        target_of(get_task("lumbar_stenosis"))
    assert "[triage.positive]" in refused.value.do


@pytest.mark.parametrize("positive", [{"norm": ("ill",)}, {"normal": ("pathology",)}, {"norm": ()}])
def test_what_the_form_does_not_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, positive: dict[str, tuple[str, ...]]
) -> None:
    configured(monkeypatch, TASK, positive=positive)
    with pytest.raises(ConfigError, match="counts as pathology"):
        target_of(get_task(TASK))


def said(form: Form, **answers: object) -> tuple[Answer, ...]:
    return form.check(Answer(name, STUDY, value) for name, value in answers.items())  # type: ignore[arg-type]


def test_whether_a_radiograph_is_inadequate_stays_open_until_all_is_answered() -> None:
    task = get_task("cxr_quality")
    target = target_of(task)
    assert shows(target, task.form, ()) is None
    assert shows(target, task.form, said(task.form, projection="lateral")) is None
    half = {"projection": "lateral", "borders_lateral": "complete"}
    assert shows(target, task.form, said(task.form, **half)) is None
    assert shows(target, task.form, said(task.form, **half, rotation_lateral="straight")) is False
    assert shows(target, task.form, said(task.form, **half, rotation_lateral="rotated")) is True
    assert shows(target, task.form, said(task.form, projection="frontal", borders_frontal="complete")) is False


def test_a_spine_is_without_stenosis_only_if_every_level_is() -> None:
    task = get_task("lumbar_stenosis")
    target = target_of(task)
    every = [Answer(q.name, site, 1) for q in task.form.questions[:3] for site in q.sites]
    assert shows(target, task.form, every) is False
    assert shows(target, task.form, every[1:]) is None
    assert shows(target, task.form, [*every[1:], replace(every[0], value=2)]) is True


def test_the_score_is_the_largest_over_all_that_may_show_it() -> None:
    task = get_task("lumbar_stenosis")
    levels = ("absent", "mild", "moderate", "severe")

    def at(question: str, site: str, *shares: float) -> QuestionPrediction:
        return QuestionPrediction(question, Site(site), 0, dict(zip(levels, shares, strict=True)), 0.5)

    given = Prediction("lumbar_stenosis", "s", "v", (
        at("central", "level:L4/L5", 0.7, 0.1, 0.15, 0.05), at("recess", "level:L4/L5:left", 0.2, 0.2, 0.35, 0.25),
    ))  # fmt: skip
    assert score(target_of(task), task.form, given) == pytest.approx(0.6)
    assert score({"central": ("severe",)}, task.form, given) == pytest.approx(0.05)
    assert score(target_of(task), task.form, None) is None
    findings = get_task("cxr_findings")
    shares = {"scoliosis": 0.2, "effusion": 0.7}
    both = Prediction("cxr_findings", "s", "v", (QuestionPrediction("findings", STUDY, frozenset(), shares, 0.5),))
    assert score(target_of(findings), findings.form, both) == pytest.approx(0.7)
    assert score({"findings": ("scoliosis",)}, findings.form, both) == pytest.approx(0.2)
    assert score({"findings": ("nodule",)}, findings.form, both) is None


# -- what becomes of a study -------------------------------------------------------------------------------


def test_a_study_below_the_operating_point_is_cleared_with_its_set() -> None:
    found = decide(unread(0.1), FORM, POLICY)
    assert (found.way, found.score) == (Way.CLEAR, pytest.approx(0.1))
    assert found.reason == "its probability of pathology lies below the operating point"
    assert [one.options for one in found.sets] == [("normal",)]


def test_at_the_operating_point_it_is_read() -> None:
    found = decide(unread(0.2), FORM, POLICY)
    assert (found.way, found.reason) == (Way.READ, "its probability of pathology reaches the operating point")
    assert decide(unread(0.5), FORM, POLICY).sets[0].options == ("normal", "pathology")


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"reading": True}, "an open round asks for it"),
        ({"learnt": True}, "the champion has learnt from the patient"),
        ({"unlike": "its picture looks like none before"}, "its picture looks like none before"),
        ({"study": study(held="text on it")}, "it is held: text on it"),
        *[({"study": study(patient=Patient("h:1", "P-1", part))},
           f"the patient belongs to those drawn at random for the {part.value} set")
          for part in (Part.TEST, Part.CALIBRATION, Part.VALIDATION)],
    ],
)  # fmt: skip
def test_what_is_read_however_low_its_score(known: dict[str, object], reason: str) -> None:
    found = decide(replace(unread(0.01), **known), FORM, POLICY)  # type: ignore[arg-type]
    assert (found.way, found.reason) == (Way.READ, reason)


def test_nothing_is_cleared_without_a_policy_a_prediction_or_while_an_alarm_stands() -> None:
    assert decide(unread(), FORM, None).reason == "no operating point holds for the champion"
    bare = decide(Unread(study()), FORM, POLICY)
    assert (bare.way, bare.reason) == (Way.READ, "the champion has not predicted it")
    held = decide(unread(), FORM, POLICY, stopped="the scores are others.")
    assert (held.way, held.reason) == (Way.READ, "clearing is stopped: the scores are others.")
    silent = Prediction(TASK, "study-1", f"{TASK}-v1", ())
    assert decide(Unread(study(), silent), FORM, POLICY).reason == "the champion says nothing of pathology in it"


def test_a_reader_whom_the_set_contradicts_sends_it_to_an_adjudicator() -> None:
    found = decide(unread(0.1, reads=[read("pathology")]), FORM, POLICY)
    assert (found.way, found.reason) == (
        Way.ADJUDICATE, "the reader says pathology on norm, where the model leaves normal alone",
    )  # fmt: skip
    two = decide(unread(0.9, reads=[read("normal"), read("normal", "r2")]), FORM, POLICY)
    assert two.reason == "2 readers say normal on norm, where the model leaves pathology alone"


def test_readers_who_differ_or_whom_the_set_allows_do_not() -> None:
    assert decide(unread(0.1, reads=[read("pathology"), read("normal", "r2")]), FORM, POLICY).way == Way.CLEAR
    assert decide(unread(0.5, reads=[read("pathology")]), FORM, POLICY).way == Way.READ


def test_an_answer_that_fits_no_calibration_patient_goes_to_an_adjudicator() -> None:
    sure = replace(POLICY, sets=(replace(POLICY.sets[0], thresholds=(0.95, 0.8)),))
    found = decide(unread(0.5), FORM, sure)
    assert (found.way, found.reason) == (
        Way.ADJUDICATE, "the model's answer on norm fits none of the calibration patients",
    )  # fmt: skip
