import numpy as np
import pytest
from cleanlab.filter import find_label_issues

from active_learning.label_errors import NO_LABEL, confident_options, label_errors
from data.errors import RatingsError

OPTIONS = ("absent", "present")


def found(given, present, patients=None, folds=None, options=OPTIONS):
    n = len(given)
    probabilities = np.column_stack([1 - np.array(present), present])
    return label_errors(
        [f"case {i}" for i in range(n)], options, np.array(given), probabilities,
        patients=patients or [f"p{i}" for i in range(n)], folds=folds or [i % 2 for i in range(n)],
    )  # fmt: skip


def test_a_small_table_by_hand():
    """Absent is held confidently from (0.9 + 0.8 + 0.1) / 3 = 0.6, present from (0.9 + 0.7 + 0.35) / 3 = 0.65."""
    errors = found([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.9, 0.9, 0.7, 0.35])
    assert [(e.item, e.given, e.likely) for e in errors] == [
        ("case 2", "absent", "present"), ("case 5", "present", "absent"),
    ]  # fmt: skip
    assert errors[0].probability == pytest.approx(0.1)
    assert errors[0].reason == "the label says absent, a model trained on other patients 0.90 present"


@pytest.mark.parametrize("options", [2, 3, 5])
def test_the_errors_are_cleanlabs(options):
    rng = np.random.default_rng(options)
    true = rng.integers(options, size=400)
    given = np.where(rng.random(400) < 0.2, rng.integers(options, size=400), true)
    scores = rng.normal(size=(400, options)) + 2.0 * np.eye(options)[true]
    held = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = tuple(f"option {n}" for n in range(options))
    items = [str(n) for n in range(400)]
    errors = label_errors(items, names, given, held, patients=items, folds=[n % 5 for n in range(400)])
    peers = find_label_issues(given, held, filter_by="confident_learning", n_jobs=1)
    assert {int(e.item) for e in errors} == set(np.flatnonzero(peers))
    assert len(errors) > 20
    assert [e.probability for e in errors] == sorted(e.probability for e in errors)


def test_items_without_label_or_probability_are_passed_over():
    errors = found([0, 0, NO_LABEL, 1, 1, 0], [0.1, 0.2, 0.9, 0.9, 0.8, np.nan])
    assert errors == ()


def test_an_option_that_no_label_says_is_never_held():
    held = np.array([[0.1, 0.9], [0.6, 0.4]])
    assert confident_options(np.array([0, 0]), held).tolist() == [NO_LABEL, 0]


@pytest.mark.parametrize("folds", [[0, 1, 0, 1], [0, 0, 0, 0]])
def test_folds_that_share_a_patient_or_are_one_are_refused(folds):
    with pytest.raises(RatingsError, match="not exclusive by patient"):
        found([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], patients=["a", "a", "b", "c"], folds=folds)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(RatingsError, match="do not fit together"):
        found([0, 2], [0.1, 0.2])
