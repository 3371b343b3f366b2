import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from active_learning.crowd import Estimate, dawid_skene
from active_learning.next_read import By, next_reads
from active_learning.ratings import NOT_READ, Ratings
from active_learning.read_worth import LEAST, Loss, expected_gains
from benchmarks.next_read import ORDERS, entropy, growing, mean_f1, setting_of
from benchmarks.reader_tables import ReaderTable
from data.errors import RatingsError

OPTIONS = ("absent", "present")


def table(rows, options=OPTIONS):
    given_ = np.array(rows, dtype=np.int16)
    readers = tuple("ABCDEFG"[: given_.shape[1]])
    items = tuple(f"case {number}" for number in range(len(given_)))
    return Ratings(tuple(options), readers, items, items, given_)


def reader(sensitivity, specificity):
    return [[specificity, 1 - specificity], [1 - sensitivity, sensitivity]]


def believed(present, *readers):
    present = np.array(present, dtype=float)
    return Estimate(np.column_stack([1 - present, present]), np.array(readers, dtype=float), np.ones(len(readers)))


def shy(probability):
    """What is believed of a probability of an answer, which is never beyond doubt."""
    return probability * (1 - 2 * LEAST) + LEAST


def gains_of(ratings, estimate, **options):
    return expected_gains({"": ratings}, {"": estimate}, **options)[:, :, 0]


def test_a_read_takes_off_what_bayes_says():
    """A case that is present with 0.3 is called absent: 0.3 are wrong now, and then where the reader is."""
    ratings = table([[0, NOT_READ]])
    gains = gains_of(ratings, believed([0.3], reader(0.6, 0.9), reader(0.8, 0.9)), loss=Loss.ERROR)
    assert gains[0, 1] == pytest.approx(0.3 - (0.3 * (1 - shy(0.8)) + 0.7 * (1 - shy(0.9))))
    assert gains[0, 0] == -np.inf


def test_two_reads_are_worth_something_where_one_cannot_turn_the_decision():
    ratings = table([[0, NOT_READ, NOT_READ]])
    estimate = believed([0.1], reader(0.7, 0.9), reader(0.7, 0.9), reader(0.7, 0.9))
    one = gains_of(ratings, estimate, loss=Loss.ERROR, allowed=np.array([[True, True, False]]))
    two = gains_of(ratings, estimate, loss=Loss.ERROR)
    yes, no = shy(0.7), shy(0.1)
    assert one[0, 1] == pytest.approx(0.0)
    assert two[0, 1] == pytest.approx((0.1 * yes**2 - 0.9 * no**2) / 2)


def brute(probabilities, tables, items):
    """The best expected gain a read of all numbers of reads along a path, by counting every answer."""
    best = 0.0
    before = probabilities.max()
    options = range(len(probabilities))
    for reads in range(1, len(tables) + 1):
        after = 0.0
        for said in itertools.product(options, repeat=reads):
            after += max(
                probabilities[t] * np.prod([tables[k][t][s] for k, s in enumerate(said)]) for t in options
            )
        best = max(best, (after - before) / reads / items)
    return best


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 3), st.integers(0, 10_000))
def test_gains_are_those_of_counting_every_answer(options, seed):
    rng = np.random.default_rng(seed)
    known = rng.dirichlet(np.ones(options), size=4)
    confusion = rng.dirichlet(np.ones(options), size=(2, options))
    ratings = table([[NOT_READ, 0]] * 4, [str(n) for n in range(options)])
    gains = gains_of(ratings, Estimate(known, confusion, np.ones(2)), loss=Loss.ERROR)
    shifted = confusion * (1 - options * LEAST) + LEAST
    assert gains[:, 0] == pytest.approx([brute(p, [shifted[0]], 4) for p in known], abs=1e-9)
    both = gains_of(
        table([[NOT_READ] * 2] * 4, ratings.options), Estimate(known, confusion, np.ones(2)), loss=Loss.ERROR
    )
    expected = [[brute(p, [shifted[r], shifted[1 - r]], 4) for r in (0, 1)] for p in known]
    assert both == pytest.approx(np.array(expected), abs=1e-9)


def test_for_f1_a_decision_weighs_as_its_option_is_rare():
    """Beside a case at 0.4 there are 9 at 0.01, or 4 at 0.99 and 5 at 0.01, of which the 4 are called so."""
    ratings = table([[0, NOT_READ]] * 10)
    good = reader(0.8, 0.9)
    fewer = 0.4 - (0.4 * (1 - shy(0.8)) + 0.6 * (1 - shy(0.9)))
    rare = gains_of(ratings, believed([0.4] + [0.01] * 9, good, good))
    frequent = gains_of(ratings, believed([0.4] + [0.99] * 4 + [0.01] * 5, good, good))
    assert rare[0, 1] == pytest.approx(fewer / 0.49)
    assert frequent[0, 1] == pytest.approx(fewer / (0.4 + 3.96 + 0.05 + 4))
    assert gains_of(ratings, believed([0.4] + [0.01] * 9, good, good), loss=Loss.ERROR)[0, 1] == pytest.approx(
        fewer / 10
    )


def test_of_several_options_all_but_the_commonest_are_scored():
    """A reader who is sure spares what is missed of the second and third option of a case: the mean of both."""
    known = np.array([[0.5, 0.3, 0.2]] + [[0.9, 0.05, 0.05]] * 4)
    sure = np.stack([np.eye(3)] * 2)
    ratings = table([[0, NOT_READ]] * 5, ("0", "1", "2"))
    gains = gains_of(ratings, Estimate(known, sure, np.ones(2)))
    before = (0.3 / 0.5 + 0.2 / 0.4) / 2
    assert gains[0, 1] == pytest.approx(before, rel=0.03)


def test_reads_of_several_labels_add_up_and_the_reason_names_the_one_that_gains_most():
    ratings = {"effusion": table([[0, NOT_READ], [1, NOT_READ]]), "mass": table([[0, NOT_READ], [0, NOT_READ]])}
    good = reader(0.8, 0.95)
    estimates = {"effusion": believed([0.05, 0.5], good, good), "mass": believed([0.1, 0.02], good, good)}
    gains = expected_gains(ratings, estimates, loss=Loss.ERROR)
    first, second = next_reads(ratings, estimates, 5, loss=Loss.ERROR)
    assert (first.item, first.reader, first.reads) == ("case 1", "B", 1)
    assert first.gain == pytest.approx(gains[1, 1].mean())
    assert first.reason == "read once; effusion: 0.50 absent, 0.50 present"
    assert second.item == "case 0"


def test_who_has_read_a_case_is_not_asked_again_and_no_case_is_named_twice():
    ratings = table([[0, 1, NOT_READ], [0, 0, 0], [NOT_READ, 1, NOT_READ]])
    estimate = believed([0.5, 0.1, 0.6], *[reader(0.8, 0.9)] * 3)
    reads = next_reads({"": ratings}, {"": estimate}, 9)
    assert {(r.item, r.reader, r.reads) for r in reads} == {("case 0", "C", 2), ("case 2", "A", 1)}
    assert len(next_reads({"": ratings}, {"": estimate}, 1)) == 1


def test_a_measured_reader_is_asked_until_there_is_no_time_left():
    ratings = table([[NOT_READ, NOT_READ, 0]] * 4)
    estimate = believed([0.5] * 4, reader(0.6, 0.6), reader(0.9, 0.9), reader(0.7, 0.7))

    def asked(**options):
        return [r.reader for r in next_reads({"": ratings}, {"": estimate}, 4, **options)]

    assert asked() == ["B"] * 4
    assert asked(capacity={"B": 1}) == ["B", "A", "A", "A"]
    assert asked(capacity={"A": 1, "B": 1}) == ["B", "A"]


def test_otherwise_the_case_is_chosen_by_what_any_reader_tells_and_work_is_shared():
    ratings = table([[NOT_READ, NOT_READ, 0]] * 4 + [[0, NOT_READ, NOT_READ]])
    estimate = believed([0.5] * 4 + [0.01], reader(0.6, 0.6), reader(0.9, 0.9), reader(0.7, 0.7))
    reads = next_reads({"": ratings}, {"": estimate}, 5, by=By.WORKLOAD)
    assert [r.reader for r in reads] == ["B", "A", "B", "A", "B"]
    gains = gains_of(ratings, estimate)
    assert reads[0].gain == pytest.approx(gains[0, :2].mean())
    assert {r.item for r in reads[:4]} == {f"case {n}" for n in range(4)}
    shared = next_reads({"": ratings}, {"": estimate}, 5, by=By.WORKLOAD, capacity={"B": 0, "C": 0})
    assert [r.reader for r in shared] == ["A"] * 4


def test_a_case_that_nobody_read_is_as_the_model_says():
    ratings = table([[0, NOT_READ], [0, NOT_READ], [NOT_READ, NOT_READ], [NOT_READ, NOT_READ]])
    estimate = believed([0.02, 0.02, np.nan, np.nan], reader(0.8, 0.9), reader(0.8, 0.9))
    model = np.array([[np.nan] * 2, [np.nan] * 2, [0.5, 0.5], [0.99, 0.01]])
    first = next_reads({"": ratings}, {"": estimate}, 1, model={"": model})[0]
    assert (first.item, first.reads, first.reason) == ("case 2", 0, "not read yet")
    gains = gains_of(ratings, estimate, model={"": model})
    assert gains[2].max() > 10 * gains[3].max()


def test_labels_of_other_items_are_refused():
    good = reader(0.8, 0.9)
    with pytest.raises(RatingsError, match="cannot be weighed together"):
        next_reads({"a": table([[0, 1]]), "b": table([[0, 1, 1]])}, {"a": believed([0.5], good, good)}, 1)


def simulated(seed):
    """200 cases, 15% present, of five readers who differ in skill and in how readily they see it."""
    rng = np.random.default_rng(seed)
    true = rng.random(200) < 0.15
    sensitivity, specificity = rng.uniform(0.6, 0.9, 5), rng.uniform(0.85, 0.98, 5)
    return true, (rng.random((200, 5)) < np.where(true[:, None], sensitivity, 1 - specificity)).astype(np.int16)


@pytest.mark.parametrize("spent", [80, 160])
def test_reads_of_simulated_readers_are_spent_better_than_evenly(spent):
    """From one read a case, with the readers known: the F1 of the decisions at even chances, over ten panels."""
    apart = []
    for seed in range(10):
        true, said = simulated(seed)
        whole = dawid_skene(table(said), smoothing=1.0)
        rng = np.random.default_rng(seed)
        start = np.zeros(said.shape, dtype=bool)
        start[np.arange(200), rng.integers(5, size=200)] = True
        f1 = []
        for wisely in (True, False):
            made = start.copy()
            while made.sum() < 200 + spent:
                known = posterior(np.where(made, said, NOT_READ), whole)
                if wisely:
                    reads = next_reads({"": table(np.where(made, said, NOT_READ))}, {"": known}, 20)
                    places = [(int(r.item.split()[1]), "ABCDE".index(r.reader)) for r in reads]
                else:
                    few = np.lexsort((rng.random(200), made.sum(axis=1)))[:20]
                    places = [(i, rng.choice(np.flatnonzero(~made[i]))) for i in few]
                for place in places:
                    made[place] = True
            present = posterior(np.where(made, said, NOT_READ), whole).probabilities[:, 1] > 0.5
            f1.append(2 * (present & true).sum() / (present.sum() + true.sum()))
        apart.append(f1[0] - f1[1])
    assert np.mean(apart) > 0.1


def posterior(given_, whole):
    """What the reads say where the readers are known."""
    logs = np.log(whole.probabilities.mean(axis=0)) + np.zeros((len(given_), 1))
    for number, answers in enumerate(given_.T):
        read = answers != NOT_READ
        logs[read] += np.log(whole.confusion[number][:, answers[read]]).T
    known = np.exp(logs - logs.max(axis=1, keepdims=True))
    return Estimate(known / known.sum(axis=1, keepdims=True), whole.confusion, whole.quality)


@pytest.fixture
def real_like():
    """30 cases of 15 patients with two findings, read by four readers, who skipped some."""
    rng = np.random.default_rng(0)
    cases = tuple(f"case {number:02d}" for number in range(30))
    patients = tuple(f"patient {number // 2:02d}" for number in range(30))
    skipped = rng.random((30, 4)) < 0.1
    skipped[:, 0] = False
    ratings, truth = {}, {}
    for label in ("effusion", "mass"):
        true = (rng.random(30) < 0.4).astype(np.int16)
        said = np.where(rng.random((30, 4)) < 0.2, 1 - true[:, None], true[:, None])
        given_ = np.where(skipped, NOT_READ, said).astype(np.int16)
        ratings[label] = Ratings(("NO", "YES"), tuple("ABCD"), cases, patients, given_)
        truth[label] = true
    return ReaderTable(cases, patients, tuple("ABCD"), ratings, truth)


@pytest.mark.parametrize("order", ORDERS)
def test_the_benchmark_adds_reads_that_the_table_holds_from_one_a_case_to_all(real_like, order):
    setting = setting_of(real_like, real_like.labels, {}, "dawid_skene", steps=5)
    there = setting.there()

    def believe(made):
        return {label: dawid_skene(one, smoothing=1.0) for label, one in setting.known(made).items()}

    made = list(growing(setting, order, 0, believe))
    assert [int(one.sum()) for one in made] == list(setting.targets)
    assert (setting.targets[0], setting.targets[-1]) == (30, there.sum())
    assert round(0.6 * there.sum()) in setting.targets
    assert (made[0].sum(axis=1) == 1).all()
    assert all((later | earlier == later).all() for earlier, later in itertools.pairwise(made))
    assert not (made[-1] & ~there).any()
    if order == "evenly":
        assert all(np.ptp(one[there.all(axis=1)].sum(axis=1)) <= 1 for one in made)


def test_the_benchmarks_figure_is_scikit_learns_f1_over_findings_and_starts(real_like):
    rng = np.random.default_rng(1)
    said = (rng.random((3, 2, 30)) < 0.5).astype(np.int8)
    setting = setting_of(real_like, real_like.labels, {}, "majority")
    measure = mean_f1(real_like, setting, said)
    truths = [real_like.truth[label] for label in real_like.labels]
    expected = np.mean([[f1_score(t, run[n]) for n, t in enumerate(truths)] for run in said])
    assert measure.value == pytest.approx(expected)
    twice = np.arange(15) % 3
    rows = np.repeat(twice, 2)
    again = np.mean([[f1_score(t, run[n], sample_weight=rows) for n, t in enumerate(truths)] for run in said])
    assert measure.statistic(twice[None].astype(float))[0] == pytest.approx(again)
    macro = np.mean([[f1_score(t, run[n], average="macro") for n, t in enumerate(truths)] for run in said])
    assert mean_f1(real_like, setting, said, macro=True).value == pytest.approx(macro)


def test_the_entropy_of_votes_by_hand():
    votes = entropy(table([[1, 0, NOT_READ], [1, 1, 1], [NOT_READ] * 3, [0, 0, 1]]))
    assert votes == pytest.approx([np.log(2), 0, 0, np.log(3) - 2 / 3 * np.log(2)])
