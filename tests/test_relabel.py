"""Relabel or label new: against cleanlab's ActiveLab, and outlines by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cleanlab.internal.multiannotator_utils import find_best_temp_scaler, temp_scale_pred_probs
from cleanlab.multiannotator import get_active_learning_scores

from active_learning import relabel
from active_learning.foretold import Foretold
from active_learning.ratings import NOT_READ, Ratings
from active_learning.relabel import MODEL, Trust, by_study, of_new, of_outlines, of_ratings, overlaps
from data.answers import STUDY, Answer, Choice, Form, Mask, MaskValue, Question, Site
from data.blobs import Blobs
from data.records import Prediction, QuestionPrediction

OPTIONS = ("a", "b", "c")


def panel(items: int, readers: int, seed: int, gaps: float = 0.3) -> tuple[Ratings, np.ndarray, np.ndarray]:
    """Ratings by readers who err, a model's probabilities of them, and of new cases."""
    draws = np.random.default_rng(seed)
    truth = draws.integers(0, 3, items)
    wrong = draws.random((items, readers)) < np.linspace(0.05, 0.35, readers)
    given = np.where(wrong, (truth[:, None] + draws.integers(1, 3, (items, readers))) % 3, truth[:, None])
    given[draws.random((items, readers)) < gaps] = NOT_READ
    given[(given == NOT_READ).all(axis=1), 0] = 0
    known = draws.dirichlet(np.ones(3), items) + 1.5 * np.eye(3)[truth]
    new = draws.dirichlet(np.full(3, 0.7), 50)
    table = Ratings(OPTIONS, tuple(f"r{i}" for i in range(readers)), tuple(f"s{i} study" for i in range(items)),
                    tuple(f"p{i}" for i in range(items)), given.astype(np.int16))  # fmt: skip
    return table, known / known.sum(axis=1, keepdims=True), new


def as_cleanlab(ratings: Ratings) -> np.ndarray:
    return np.where(ratings.given == NOT_READ, np.nan, ratings.given)


@pytest.mark.parametrize("seed", range(4))
def test_doubt_is_activelabs_score_turned_round(seed: int) -> None:
    ratings, known, new = panel(200, 5, seed)
    heat = find_best_temp_scaler(as_cleanlab(ratings), known)
    read, unread = get_active_learning_scores(as_cleanlab(ratings), known, new)
    doubts, trust = of_ratings(ratings, temp_scale_pred_probs(known, heat))
    less = np.clip((1 - read) / (1 - 1 / 3), 0, 1) - doubts
    assert less.min() > -1e-9
    assert less.max() < 1e-3  # cleanlab keeps the option that was likeliest before the weights were final
    assert (less < 1e-9).mean() > 0.99
    scaled = temp_scale_pred_probs(new, heat).max(axis=1)
    assert trust.doubt(relabel.above_chance(scaled, 3)) == pytest.approx((1 - unread) / (1 - 1 / 3), abs=1e-9)


def test_single_reads_are_weighed_as_activelab_weighs_them() -> None:
    ratings, known, new = panel(120, 1, 7, gaps=0.0)
    read, unread = get_active_learning_scores(as_cleanlab(ratings), known, new)
    doubts, trust = of_ratings(ratings, known)
    assert trust == Trust(1.0, 1.0)
    assert doubts == pytest.approx(np.clip((1 - read) / (1 - 1 / 3), 0, 1), abs=1e-9)
    assert trust.doubt(relabel.above_chance(new.max(axis=1), 3)) == pytest.approx((1 - unread) * 1.5, abs=1e-9)


def test_a_contested_case_comes_before_a_certain_new_one_and_an_agreed_one_after() -> None:
    given = np.array([[0, 0, 0]] * 20 + [[1, 1, 1]] * 20 + [[0, 1, NOT_READ]], dtype=np.int16)
    ratings = Ratings(("no", "yes"), ("a", "b", "c"), tuple(f"s{i} study" for i in range(41)),
                      tuple(f"p{i}" for i in range(41)), given)  # fmt: skip
    model = np.array([[0.9, 0.1]] * 20 + [[0.1, 0.9]] * 20 + [[0.5, 0.5]])
    doubts, trust = of_ratings(ratings, model)
    certain = float(trust.doubt(np.array(relabel.above_chance(np.array(0.97), 2))))
    assert doubts[:40].max() < certain < doubts[40]


def test_without_a_model_readers_alone_are_weighed() -> None:
    ratings, _, _ = panel(100, 4, 3)
    doubts, _ = of_ratings(ratings, np.full((100, 3), np.nan))
    lone = (ratings.given != NOT_READ).sum(axis=1)
    agreed = np.array([len(set(row[row != NOT_READ])) == 1 for row in ratings.given])
    assert doubts[agreed & (lone == 4)].max() < doubts[~agreed].min()
    one = Ratings(("no", "yes"), ("a",), ("s study",), ("p",), np.zeros((1, 1), dtype=np.int16))
    assert of_ratings(one, np.full((1, 2), np.nan))[0] == pytest.approx([1 / 2])  # 1 - W / (W + w), both are 1


FORM = Form((Question("shape", "Outline it.", Mask(("disc", "cord"))),
             Question("kind", "Which?", Choice(("no", "yes")))))  # fmt: skip


def drawn(blobs: Blobs, page: int, **rows: slice) -> Answer:
    """Of each label so many whole rows of a page of 10 x 10."""
    masks = []
    for label, marked in rows.items():
        mask = np.zeros((10, 10), dtype=bool)
        mask[marked] = True
        masks.append((label, blobs.put_mask(mask)))
    return Answer("shape", Site.page(page), MaskValue((10, 10), tuple(sorted(masks))))


def test_overlaps_are_dice_over_pages_and_labels(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    answers = {
        "a": [drawn(blobs, 0, disc=slice(0, 4)), drawn(blobs, 1, cord=slice(0, 2))],
        "b": [drawn(blobs, 0, disc=slice(2, 6)), drawn(blobs, 2, cord=slice(0, 2))],
        "c": [Answer("kind", STUDY, "no")],
        "d": [],
    }
    found = overlaps(answers, [FORM["shape"]], blobs)
    assert found["a"]["b"] == found["b"]["a"] == pytest.approx(2 * 20 / (60 + 60))
    assert found["a"]["c"] == 0.0
    assert found["c"]["d"] == 1.0
    assert set(found["d"]) == {"a", "b", "c"}


def test_outlines_are_weighed_by_how_far_they_overlap() -> None:
    def pair(d: float, model: float) -> dict[str, dict[str, float]]:
        return {"a": {"b": d, MODEL: model}, "b": {"a": d, MODEL: model}, MODEL: {"a": model, "b": model}}

    doubts, trust = of_outlines({"clear": pair(0.9, 0.8), "torn": pair(0.3, 0.2)})
    assert trust.reader == pytest.approx(0.6)
    assert trust.model == pytest.approx(0.5 * 2**0.5)
    total = 1.2 + trust.model
    for name, dice, model in (("clear", 0.9, 0.8), ("torn", 0.3, 0.2)):
        agreed = (1.2 * dice + trust.model * model) / total
        assert doubts[name] == pytest.approx(1 - total * agreed / (total + 0.6))
    assert doubts["clear"] < float(trust.doubt(np.array(0.5))) < doubts["torn"]


def test_a_new_case_is_as_doubtful_as_its_most_doubtful_answer() -> None:
    foretold = Foretold(FORM, 4)
    kind = {"no": 0.9, "yes": 0.1}
    results = (
        QuestionPrediction("kind", STUDY, "no", kind, 0.47),
        QuestionPrediction("shape", Site.page(3), MaskValue((4, 4)), {"disc": 0.8, "cord": 0.6}, 0.3),
        QuestionPrediction("shape", Site.page(5), MaskValue((4, 4)), {"disc": 0.6}, 0.5),
    )
    foretold.put(0, Prediction("t", "s0", "v", results))
    foretold.put(1, Prediction("t", "s1", "v", results[:1]))
    foretold.put(2, Prediction("t", "s2", "v", ()))
    kind_doubt = 1 - 2 * 0.8 / 3
    expected = 1 - 3 * 0.5 / 4  # of the outlines the page that is least certain
    assert expected > kind_doubt
    found = of_new(foretold, {("kind", ""): Trust(2.0, 1.0)}, Trust(3.0, 1.0))
    assert found == pytest.approx([expected, kind_doubt, 1.0, 1.0])


def test_doubts_are_gathered_by_study() -> None:
    items = ("s1 level:L1/L2", "s1 level:L2/L3", "s2 study")
    assert by_study(items, np.array([0.1, 0.2, 0.3])) == {"s1": 0.2, "s2": 0.3}
