"""A reading study equals what is computed directly from what the scripted readers were told to answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix, recall_score, roc_auc_score
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_of_counts

from active_learning.drift import ReadCase, drift
from active_learning.mrmc import Merit
from active_learning.ratings import NOT_READ, Ratings
from active_learning.reading_material import Material, views
from active_learning.reading_model import said
from active_learning.reading_study import ReadingStudy, reading_study
from active_learning.reading_topic import Answerer
from active_learning.reference import Reference, Source, standing
from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, MaskValue, Question, Site
from data.blobs import Blobs
from data.errors import ConfigError, NotFoundError, RatingsError
from data.home import Home
from data.records import (
    Annotation,
    Consensus,
    ConsensusState,
    Mode,
    Part,
    Patient,
    Prediction,
    QuestionPrediction,
    Reader,
    ReferenceLabel,
    Study,
)
from data.store import Store
from models.task import Trained, get_task
from models.versions import save
from tests import panel_home
from tests.panel_home import ADJUDICATOR, LEVELS, READERS, TASK, Told

SIGNIFICANT = 2
"""The first grade of those that count as positive."""


@pytest.fixture(scope="module")
def told() -> Told:
    return panel_home.tell()


@pytest.fixture(scope="module")
def store(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return panel_home.fill(Home(tmp_path_factory.mktemp("home")), told)


@pytest.fixture(scope="module")
def study(store: Store) -> ReadingStudy:
    return study_of(store)


def study_of(store: Store, *, round_id: str = "", draws: int = 40) -> ReadingStudy:
    blobs = Blobs.of(Home(store.path.parent))
    return reading_study(store, blobs, get_task(TASK), round_id=round_id, draws=draws)


def one(study: ReadingStudy, name: str) -> Answerer:
    return next(a for a in study.topics[0].answerers if a.name == name)


def values(figures: object) -> dict[str, float]:
    return {name: figure.value for name, figure in dict(figures).items()}  # type: ignore[call-overload]


def test_each_reader_against_the_reference_without_the_own_vote(told: Told, study: ReadingStudy) -> None:
    for row, reader in enumerate(READERS):
        truth = told.without(row)
        kept = truth >= 0
        right, said = truth[kept], told.readers[row][kept]
        found = one(study, reader)
        positive, called = right >= SIGNIFICANT, said >= SIGNIFICANT
        assert values(found.binary) == pytest.approx(
            {
                "accuracy": accuracy_score(positive, called),
                "sensitivity": recall_score(positive, called),
                "specificity": recall_score(~positive, ~called),
                "auc": roc_auc_score(positive, said),
                "kappa": cohen_kappa_score(positive, called),
            }
        )
        specificity = [np.mean(said[right != c] != c) for c in range(4)]
        share = np.bincount(right, minlength=4)
        steps = [roc_auc_score(right >= c, said) for c in (1, 2, 3)]
        assert values(found.several) == pytest.approx(
            {
                "accuracy": accuracy_score(right, said),
                "sensitivity": recall_score(right, said, average="weighted"),
                "specificity": np.average(specificity, weights=share),
                "auc": np.average(steps, weights=share[1:]),
                "kappa": cohen_kappa_score(right, said),
                "kappa_quadratic": cohen_kappa_score(right, said, weights="quadratic"),
            }
        )
        assert np.array_equal(found.confusion, confusion_matrix(right, said, labels=range(4)))
        assert found.items == kept.sum()
        decided = sum(kept[item] for item in told.adjudicated)
        assert found.sources == {
            Source.ADJUDICATED: decided, Source.OTHERS: int(kept.sum()) - decided
        }  # fmt: skip


def test_the_model_against_the_consensus(told: Told, study: ReadingStudy) -> None:
    found = one(study, f"{TASK}-v1")
    kept = told.consensus >= 0
    right, said, held = told.consensus[kept], told.model[kept].argmax(axis=1), told.model[kept]
    positive, called = right >= SIGNIFICANT, said >= SIGNIFICANT
    binary = values(found.binary)
    assert binary["sensitivity"] == pytest.approx(recall_score(positive, called))
    assert binary["specificity"] == pytest.approx(recall_score(~positive, ~called))
    assert binary["auc"] == pytest.approx(roc_auc_score(positive, held[:, 2] + held[:, 3]))
    steps = [roc_auc_score(right >= c, held[:, c:].sum(axis=1)) for c in (1, 2, 3)]
    assert values(found.several)["auc"] == pytest.approx(np.average(steps, weights=np.bincount(right)[1:]))
    assert found.sources == {Source.AGREED: int(kept.sum()) - len(told.adjudicated),
                             Source.ADJUDICATED: len(told.adjudicated)}  # fmt: skip


def test_the_mean_of_the_readers(study: ReadingStudy) -> None:
    readers = [one(study, reader) for reader in READERS]
    middle = one(study, "mean of the readers")
    for name, figure in middle.binary.items():
        assert figure.value == pytest.approx(np.mean([r.binary[name].value for r in readers]))
        assert figure.low is not None
        assert figure.low < figure.value < figure.high
    assert np.array_equal(middle.confusion, np.sum([r.confusion for r in readers], axis=0))


def test_the_panel(told: Told, study: ReadingStudy) -> None:
    figures = study.topics[0].panel.figures
    assert figures["fleiss_kappa"].value == pytest.approx(fleiss_of_counts(aggregate_raters(told.readers.T)[0]))
    assert figures["krippendorff_alpha"].value == pytest.approx(
        krippendorff.alpha(told.readers, level_of_measurement="ordinal")
    )


def test_the_model_beside_the_readers(told: Told, study: ReadingStudy) -> None:
    found = study.topics[0].beside
    assert found is not None
    assert (found.readers, found.left_out, found.items, found.patients) == (READERS, (), 120, 40)
    sensitivity = next(r for r in found.results if r.merit is Merit.SENSITIVITY)
    models, readers = [], []
    for row in range(len(READERS)):
        positive = told.without(row) >= SIGNIFICANT
        models.append(np.mean(told.model[positive].argmax(axis=1) >= SIGNIFICANT))
        readers.append(np.mean(told.readers[row][positive] >= SIGNIFICANT))
    assert sensitivity.readers == pytest.approx(readers)
    assert sensitivity.model == pytest.approx(np.mean(models))
    gap = sensitivity.difference
    assert gap.value == pytest.approx(np.mean(models) - np.mean(readers))
    assert gap.low < gap.value < gap.high


def test_readers_with_the_models_answer_in_view_are_reported_apart(told: Told, study: ReadingStudy) -> None:
    (topic,), (helped,) = study.assisted, study.assistance
    assert [a.kind for a in topic.answerers] == ["reader"] * 7 + ["mean"]
    truth = told.without(2)
    kept = truth >= 0
    assert topic.answerers[2].several["accuracy"].value == pytest.approx(
        np.mean(told.shown[2][kept] == truth[kept])
    )
    specificity = next(r for r in helped.results if r.merit is Merit.SPECIFICITY)
    for row in range(len(READERS)):
        negative = (told.without(row) < SIGNIFICANT) & (told.without(row) >= 0)
        for kind, grades in enumerate((told.readers, told.shown)):
            assert specificity.merits[kind][row] == pytest.approx(np.mean(grades[row][negative] < SIGNIFICANT))


def test_levels_apart(told: Told, study: ReadingStudy) -> None:
    found = {level.name: level for level in study.topics[0].levels}
    assert sorted(found) == sorted(LEVELS)
    here = np.array([item.endswith("L4/L5") for item in told.items])
    truth = told.without(3)[here]
    accuracy = np.mean(told.readers[3][here][truth >= 0] == truth[truth >= 0])
    assert found["L4/L5"].answerers[3].several["accuracy"].value == pytest.approx(accuracy)


def test_second_reads(told: Told, study: ReadingStudy) -> None:
    (found,) = study.rereads
    read = told.again[0] >= 0
    first, second = told.readers[0][read], told.again[0][read]
    assert (found.reader, found.topic, found.items) == (READERS[0], "central", int(read.sum()))
    assert values(found.figures) == pytest.approx(
        {
            "percent_agreement": np.mean(first == second),
            "kappa": cohen_kappa_score(first, second),
            "kappa_quadratic": cohen_kappa_score(first, second, weights="quadratic"),
        }
    )


def test_drift_and_times(told: Told, study: ReadingStudy) -> None:
    assert [d.reader for d in study.drifts] == list(READERS)
    found = study.drifts[1]
    truth = told.without(1)
    shares, right = [], []
    for number in range(40):
        rows = [r for r in range(3 * number, 3 * number + 3) if truth[r] >= 0]
        right.append([told.readers[1][r] == truth[r] for r in rows])
        shares += [np.mean(right[-1])] if rows else []
    assert found.cases == len(shares)
    assert found.tau == pytest.approx(kendalltau(range(len(shares)), shares).statistic)
    kept = [r for r in right if r]
    assert len(found.periods) == (4 if len(kept) >= 40 else 3)
    first = np.concatenate(kept[: found.periods[0].last])
    assert found.periods[0].agreement.value == pytest.approx(first.mean())
    time = next(p.time for p in study.participants if p.reader_id == READERS[4])
    assert time is not None
    assert [time.low_s, time.median_s, time.high_s] == pytest.approx(np.percentile(told.seconds[4], [25, 50, 75]))


def test_who_took_part_and_how_the_reference_came(told: Told, study: ReadingStudy) -> None:
    assert [p.reader_id for p in study.readers] == list(READERS)
    assert {p.kind.value for p in study.participants} == {"scripted"}
    assert (study.participants[0].independent, study.participants[0].again) == (40, 12)
    central = study.standards[0]
    assert central.sources == {
        "agreed": int((told.consensus >= 0).sum()) - len(told.adjudicated), "adjudicated": len(told.adjudicated)
    }  # fmt: skip
    assert central.disputed == int((told.consensus < 0).sum())
    assert ADJUDICATOR not in {p.reader_id for p in study.readers}


def test_a_reader_who_read_less_is_left_out_of_the_comparison(told: Told, tmp_path: Path) -> None:
    few = replace(told, readers=told.readers.copy(), again=np.full_like(told.again, -1))
    few.readers[6, 9:] = -1
    few.readers[5, :3] = -1
    store = panel_home.fill(Home(tmp_path), few)
    found = study_of(store, draws=0).topics[0].beside
    assert found is not None
    assert (found.readers, found.left_out) == (READERS[:6], (READERS[6],))
    assert (found.items, found.items_left_out, found.patients) == (117, 3, 39)


def test_the_model_is_not_measured_on_patients_that_it_has_learnt_from(told: Told, tmp_path: Path) -> None:
    store = panel_home.fill(Home(tmp_path), told)
    blobs = Blobs.of(Home(tmp_path))
    learnt = {
        "training": {"patients": [f"P-{n:010}" for n in range(10)]},
        "validation": {"patients": ["P-0000000010"]},
    }
    version = store.versions.add(
        task=TASK, profile="demo", manifest=save(blobs, TASK, Trained({}, {}, ()), data=learnt)
    )
    said = store.versions.predictions(f"{TASK}-v1")
    store.versions.put_predictions(replace(p, version=version.version) for p in said.values())
    store.versions.crown(TASK, version.version, "better")
    found = study_of(store, draws=0)
    model = one(found, version.version)
    truth = told.consensus[33:]
    assert (found.version, found.unseen, model.items) == (version.version, 29, int((truth >= 0).sum()))
    assert found.topics[0].beside is not None
    assert found.topics[0].beside.items == 87


def test_reads_of_a_round_alone(store: Store) -> None:
    with pytest.raises(NotFoundError):
        study_of(store, round_id=f"{TASK}-r9")


def test_nothing_was_read(tmp_path: Path) -> None:
    with pytest.raises(RatingsError, match="Nobody has read"):
        study_of(Store.of(Home(tmp_path)))


def test_lesions_that_readers_number_otherwise(tmp_path: Path) -> None:
    """The first reader draws left, then right, the second and the model the other way round."""
    home, task = Home(tmp_path), get_task("adrenal_ct")
    store, blobs = Store.of(home), Blobs.of(home)
    left, right = np.zeros((2, 8, 8), dtype=bool)
    left[1:4, 1:4], right[4:7, 4:7] = True, True
    kinds = {"left": "malignant", "right": "benign"}

    def drawn(*order: str) -> tuple[Answer, ...]:
        pixels = {"left": left, "right": right}
        masks = tuple((f"lesion_{n}", blobs.put_mask(pixels[side])) for n, side in enumerate(order, start=1))
        named = (Answer("phenotype", Site.lesion(n), kinds[side]) for n, side in enumerate(order, start=1))
        return (
            Answer("finding", STUDY, "lesion"),
            Answer("lesions", Site.page(0), MaskValue((8, 8), masks)),
            *named,
        )

    study = Study("s", Patient("x:1", "P-1", Part.TEST), "CT", ingested_at="2026-03-01T08:00:00+00:00")
    store.studies.add(study, {})
    for name, order in (("a", ("left", "right")), ("b", ("right", "left")), ("c", ("left", "right"))):
        store.reads.add_reader(Reader(name, name))
        store.reads.keep(Annotation(f"an-{name}", task.name, "s", name, Mode.INDEPENDENT, drawn(*order)))
    store.labels.put_consensus(
        Consensus(
            task.name, "s", "", a.question, a.site, ConsensusState.ADJUDICATED, a.value, "adjudication", 1.0, ()
        )
        for a in drawn("left", "right")
    )
    version = store.versions.add(
        task=task.name, profile="demo", manifest=save(blobs, task.name, Trained({}, {}, ()))
    )
    shares = {"malignant": {"malignant": 0.8, "benign": 0.1, "indeterminate": 0.1},
              "benign": {"malignant": 0.2, "benign": 0.7, "indeterminate": 0.1}}  # fmt: skip
    results = [
        QuestionPrediction(a.question, a.site, a.value, shares.get(str(a.value), {}), 0.1)
        for a in drawn("right", "left")
    ]
    store.versions.put_predictions([Prediction(task.name, "s", version.version, tuple(results))])
    store.versions.crown(task.name, version.version, "first")
    found = reading_study(store, blobs, task, draws=0)
    (phenotype,) = [topic for topic in found.topics if topic.view.question == "phenotype"]
    assert phenotype.panel.figures["percent_agreement"].value == 1
    right_of_all = ((1, 0, 0), (0, 1, 0), (0, 0, 0))
    assert [a.name for a in phenotype.answerers if a.confusion == right_of_all] == ["a", "b", "c", version.version]
    assert found.notes == ("Outlines and measurements are not part of this report: lesions.",)


def test_references_with_and_without_a_vote() -> None:
    ratings = Ratings.of(
        [("s1 study", r, v) for r, v in (("a", "no"), ("b", "yes"), ("c", "yes"))]
        + [("s2 study", r, v) for r, v in (("a", "no"), ("b", "yes"), ("c", "no"))],
        ("no", "yes"),
    )
    votes = ("v-a", "v-b", "v-c")
    consensus = [
        Consensus("t", "s1", "", "q", STUDY, ConsensusState.AGREED, "yes", "majority", 0.7, votes),
        Consensus("t", "s2", "", "q", STUDY, ConsensusState.DISPUTED, None, "majority", 0.0, votes),
        Consensus("t", "s3", "", "q", STUDY, ConsensusState.ADJUDICATED, "no", "adjudication", 0.0, votes),
    ]
    labels = [ReferenceLabel("t", s, Answer("q", STUDY, "yes"), "labels.csv") for s in ("s3", "s4")]
    found = standing(consensus, labels)
    names = {f"v-{r}": r for r in "abc"}
    reference = Reference.of(Choice(("no", "yes")), "q", "", ratings, found, names)
    items = ["s1 study", "s2 study", "s3 study", "s4 study"]
    stands = reference.stands(items)
    assert stands.truth.tolist() == [1, NOT_READ, 0, 1]
    assert stands.sources == ("agreed", "", "adjudicated", "imported")
    without = reference.without("b", items)
    assert without.truth.tolist() == [NOT_READ, 0, 0, 1]  # a against c in the first; both say no in the second
    assert without.sources == ("", Source.OTHERS, "adjudicated", "imported")
    assert reference.without("a", items).truth.tolist() == [1, NOT_READ, 0, 1]
    late = reference.without("d", items)  # d had no vote in the first; in the second a and c are more than half
    assert late.truth.tolist() == [1, 0, 0, 1]
    assert late.sources == ("agreed", Source.OTHERS, "adjudicated", "imported")


def test_what_counts_as_positive() -> None:
    form = Form(
        (
            Question("view", "Which?", Choice(("frontal", "lateral"))),
            Question("kind", "Which?", Choice(("malignant", "benign", "unclear"))),
            Question("grade", "How much?", Grade(("none", "mild", "severe"))),
            Question("seen", "What?", Findings(("mass", "nodule"))),
        )
    )
    found = {view.name: view.positive for view in views(form, {"grade": ("mild", "severe")})}
    assert found == {"view": (1,), "kind": (), "grade": (1, 2), "seen.mass": (1,), "seen.nodule": (1,)}
    assert [view.ordered for view in views(form, {})] == [False, False, True, False, False]
    for wrong in ({"grade": ("huge",)}, {"size": ("big",)}, {"view": ("frontal", "lateral")}, {"seen": ("mass",)}):
        with pytest.raises(ConfigError):
            views(form, wrong)


def test_what_a_model_says_of_findings() -> None:
    form = Form((Question("seen", "What?", Findings(("mass", "nodule"))),))
    mass, nodule = views(form, {})
    of = {
        study: Prediction(
            "t", study, "t-v1", (QuestionPrediction("seen", STUDY, frozenset(named), {"mass": p}, 0.1),)
        )
        for study, named, p in (("s1", {"mass"}, 0.8), ("s2", set(), 0.3), ("s3", {"mass"}, 0.9))
    }
    given = Material(form, (), {}, {}, {}, frozenset(), "t-v1", of, frozenset({"s1", "s2"}), {}, ())
    read = [(f"{study} study", "a", "present") for study in ("s1", "s2", "s3", "s4")]
    ratings = Ratings.of(read, ("absent", "present"))
    found = said(mass, ratings, given)
    assert found is not None
    assert found.given.tolist() == [1, 0, NOT_READ, NOT_READ]  # from s3 it may have learnt; of s4 it says nothing
    assert found.score(mass)[:2] == pytest.approx([0.8, 0.3])
    untaught = said(nodule, ratings, given)
    assert untaught is not None
    assert set(untaught.given.tolist()) == {NOT_READ}
    assert said(mass, ratings, replace(given, version="")) is None


def test_every_task_names_positive_options_that_its_form_has() -> None:
    lumbar = get_task(TASK)
    named = [view.positive for view in views(lumbar.form, lumbar.config.reading.positive)]
    assert named == [(2, 3)] * 3
    adrenal = get_task("adrenal_ct")
    found = {view.name: view.positive for view in views(adrenal.form, adrenal.config.reading.positive)}
    assert found == {"finding": (1,), "phenotype": (0,)}


def test_drift_of_a_reader_who_gets_worse() -> None:
    worse = [ReadCase(f"p{n}", max(0, 10 - n), 10, 30.0 + n) for n in range(11)]
    found = drift("a", "q", worse, draws=0)
    assert found is not None
    assert (found.tau, [p.agreement.value for p in found.periods]) == (-1, pytest.approx([0.85, 0.45, 0.1]))
    assert [(p.first, p.last, p.median_s) for p in found.periods] == [(1, 4, 31.5), (5, 8, 35.5), (9, 11, 39.0)]
    assert found.p is not None
    assert found.p < 0.001
    assert drift("a", "q", worse[:5]) is None
    steady = drift("a", "q", [ReadCase(f"p{n}", 1, 1) for n in range(8)], draws=0)
    assert steady is not None
    assert (steady.tau, steady.p) == (None, None)
