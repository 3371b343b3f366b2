import numpy as np
import pytest

from active_learning.agreement import Scale
from active_learning.crowd import Estimate, dawid_skene
from active_learning.ratings import NOT_READ, Ratings
from active_learning.suspicion import ambiguity, spread, suspicions
from data.errors import RatingsError

GRADES = ("0", "1", "2")


def table(rows, options, readers=("A", "B", "C")):
    given = np.array(rows, dtype=np.int16)
    items = tuple(f"case {number}" for number in range(len(given)))
    return Ratings(tuple(options), tuple(readers), items, items, given)


def believed(probabilities, confusion):
    return Estimate(
        np.array(probabilities, dtype=float), np.array(confusion, dtype=float), np.ones(len(confusion))
    )


def test_grades_are_told_in_words_with_the_readers_habit():
    """Of 100 cases that are 0, 1 and 2 in the shares 0.5, 0.3 and 0.2, B calls 38% and 40% one step too high."""
    higher = [[0.62, 0.38, 0.0], [0.0, 0.6, 0.4], [0.0, 0.0, 1.0]]
    share = [[0.5, 0.3, 0.2]]
    estimate = believed(share, [np.eye(3), higher, np.eye(3)])
    ratings = table([[0, 1, 1]], GRADES)
    (one,) = suspicions(
        ratings, estimate, np.array([[0.91, 0.06, 0.03]]), scale=Scale.ORDINAL, names={"B": "reader B"}
    )
    assert one.reason == (
        "2 of 3 readers grade 1, the model 0.91 on 0; "
        "reader B grades one step higher than the panel on 31% of cases"
    )
    assert one.likely == "0"
    assert one.model_wrong == pytest.approx(0.5)
    assert one.readers_wrong == (("B", pytest.approx(0.7)), ("C", pytest.approx(0.7)), ("A", pytest.approx(0.5)))
    assert one.score == pytest.approx((0.5 + 0.7 + 0.7 + 0.5) / 4)


def test_a_reader_who_grades_lower_is_told_so():
    lower = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    estimate = believed([[0.1, 0.2, 0.7]], [lower, np.eye(3), np.eye(3)])
    (one,) = suspicions(table([[1, 2, 2]], GRADES), estimate, scale=Scale.ORDINAL)
    assert (
        one.reason == "2 of 3 readers grade 2, 1 1; reader A grades one step lower than the panel on 45% of cases"
    )
    assert one.model_wrong is None


def test_two_options_are_told_as_what_the_panel_does_not_see():
    over = [[0.75, 0.25], [0.0, 1.0]]
    estimate = believed([[0.8, 0.2], [0.8, 0.2]], [np.eye(2), over, np.eye(2)])
    ratings = table([[0, 1, 0], [0, 0, 0]], ("absent", "present"))
    first, second = suspicions(ratings, estimate)
    assert first.reason == (
        "2 of 3 readers say absent, 1 present; reader B says present where the panel says absent on 20% of cases"
    )
    assert second.reason == "all 3 readers say absent"
    assert (first.score, second.score) == (pytest.approx((0.8 + 0.2 + 0.2) / 3), pytest.approx(0.2))


def test_a_rare_habit_is_not_worth_a_word():
    estimate = believed([[0.9, 0.1]], [np.eye(2)] * 3)
    (one,) = suspicions(table([[0, 1, 0]], ("absent", "present")), estimate)
    assert one.reason == "2 of 3 readers say absent, 1 present"


def test_items_without_a_read_are_left_out_and_gaps_are_no_voices():
    estimate = believed([[0.9, 0.1], [np.nan, np.nan]], [np.eye(2)] * 3)
    ratings = table([[0, NOT_READ, NOT_READ], [NOT_READ] * 3], ("absent", "present"))
    (one,) = suspicions(ratings, estimate, np.array([[np.nan, np.nan], [0.5, 0.5]]))
    assert (one.item, one.readers_wrong, one.model_wrong) == ("case 0", (("A", pytest.approx(0.1)),), None)
    assert one.reason == "the reader says absent"


def test_without_two_reads_of_a_case_the_ambiguity_is_the_panels_usual_one():
    """Two readers who say what is not there in 1 of 5 cases differ there with 2 x 0.2 x 0.8."""
    reader = [[0.8, 0.2], [0.0, 1.0]]
    ratings = table([[0, NOT_READ], [NOT_READ, 1]], ("absent", "present"), ("A", "B"))
    doubt = ambiguity(ratings, believed([[1.0, 0.0], [0.0, 1.0]], [reader, reader]))
    assert doubt == pytest.approx([0.32, 0.0], abs=0.003)


def test_a_split_case_is_more_ambiguous_than_one_on_which_all_agree():
    rows = [[0] * 6] * 40 + [[1] * 6] * 20 + [[0, 0, 0, 1, 1, 1]] * 6
    ratings = table(rows, ("absent", "present"), tuple("ABCDEF"))
    doubt = ambiguity(ratings, dawid_skene(ratings, smoothing=1.0))
    assert doubt[60:].min() > 0.4
    assert doubt[:60].max() < 0.15


@pytest.mark.parametrize("concentration", [2.0, 10.0])
def test_the_spread_of_the_cases_is_found(concentration):
    rng = np.random.default_rng(0)
    true = (rng.random(4000) < 0.4).astype(int)
    usual = np.array([[0.8, 0.2], [0.3, 0.7]])
    share = rng.beta(concentration * usual[true, 1], concentration * usual[true, 0])
    ratings = table((rng.random((4000, 6)) < share[:, None]).astype(int), ("no", "yes"), tuple("ABCDEF"))
    estimate = believed(np.eye(2)[true], [usual] * 6)
    assert spread(ratings, estimate) == pytest.approx(concentration, rel=0.15)


def test_probabilities_of_other_items_are_refused():
    ratings = table([[0, 1, 0]], ("absent", "present"))
    with pytest.raises(RatingsError, match="not of these ratings"):
        suspicions(ratings, believed([[0.5, 0.5]], [np.eye(2)] * 3), np.zeros((2, 2)))
