import json

import numpy as np
import pytest

from active_learning.strategies.registry import STRATEGIES
from benchmarks import label_features, label_loops
from benchmarks.label_cases import CasePool, Cases, PagePool, Plan
from benchmarks.label_efficiency import judged, names_of, table
from benchmarks.label_learners import setting_of
from benchmarks.label_loops import kept_loop, play, strategies_of
from benchmarks.label_peers import PEERS, in_turn
from benchmarks.label_pools import glands, pools
from benchmarks.reader_minutes import minutes_of, times_of
from benchmarks.reader_minutes import play as play_minutes

PLAN = Plan(12, 6, 2)


def case_pool(n=80, test=60):
    """Two heads: a class along the first axis; of its cases alone, another along the second."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n + test, 4)).astype(np.float32)
    first = (points[:, 0] + 0.3 * rng.normal(size=n + test) > 0.3).astype(np.int64)
    second = np.where(first == 1, (points[:, 1] > 0).astype(np.int64), -1)
    targets, ids = np.stack([first, second], axis=1), tuple(f"p{i}" for i in range(n + test))
    parts = (Cases(points[a:b], targets[a:b], ids[a:b]) for a, b in ((0, n), (n, n + test)))
    return CasePool("cases", "case", PLAN, *parts, (None, (0, 1)), "cases")


def page_pool(patients=12, each=2, pixels=40):
    """A structure where the first feature of a pixel is large."""
    rng = np.random.default_rng(1)
    n = patients * each
    maps = rng.normal(size=(n, pixels, 3)).astype(np.float32)
    masks = (maps[:, :, 0] > 0.5).astype(np.uint8)
    ids = tuple(f"p{i // each}" for i in range(n))
    features = rng.normal(size=(n, 3)).astype(np.float32)
    return PagePool("pages", "slice", Plan(2, 2, 2), features, maps, masks, ids, None, "pages")


@pytest.mark.parametrize("strategy", [*STRATEGIES, *PEERS])
def test_every_strategy_plays_a_whole_loop_from_the_same_start(strategy):
    loop, random = (play(case_pool(), name, 3) for name in (strategy, "random"))
    assert loop.labels == (12, 18, 24)
    assert len(set(loop.known.tolist())) == 24
    assert loop.known[:12].tolist() == random.known[:12].tolist()
    assert loop.outcomes.shape == (3, 2, 60)
    assert loop.outcomes[0] == pytest.approx(random.outcomes[0])
    setting = setting_of(case_pool(), 3)
    assert setting.measure(loop.outcomes[-1]).value > 0.8


def test_outlines_are_learnt_and_patients_are_never_in_both_parts():
    pool = page_pool()
    for seed in range(3):
        apart = pool.tested(seed)
        names = np.array(pool.patients)
        assert not set(names[apart]) & set(names[~apart])
    loop = play(pool, "mix", 0)
    assert len(set(loop.known.tolist())) == 6
    assert setting_of(pool, 0).measure(loop.outcomes[-1]).value > 0.8
    assert set(strategies_of(pool)) == {
        *STRATEGIES, "baal_bald", "baal_entropy", "skactiveml_coreset", "skactiveml_typiclust"
    }  # fmt: skip


def test_a_peer_and_the_house_agree_where_the_method_is_the_same():
    assert (
        play(case_pool(), "k_centre", 1).known.tolist()
        == play(case_pool(), "skactiveml_coreset", 1).known.tolist()
    )
    pool = page_pool()
    assert play(pool, "bald", 1).known.tolist() == play(pool, "baal_bald", 1).known.tolist()


def test_rankings_are_taken_in_turn_each_place_once():
    assert in_turn([np.array([4, 1, 2]), np.array([4, 3, 1])], 3).tolist() == [4, 1, 3]


def test_a_loop_is_played_once_and_read_afterwards(tmp_path, monkeypatch):
    first = kept_loop(case_pool(), "entropy", 0, tmp_path)
    monkeypatch.setattr(label_loops, "play", lambda *_: pytest.fail("played again"))
    again = kept_loop(case_pool(), "entropy", 0, tmp_path)
    assert again.known.tolist() == first.known.tolist()
    assert again.outcomes == pytest.approx(first.outcomes)
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_the_settings_of_a_loop_are_its_code_and_data_but_not_its_comments(tmp_path):
    one, other, third = tmp_path / "a.py", tmp_path / "b.py", tmp_path / "c.py"
    one.write_text('"""Said."""\nx = 1\n')
    other.write_text('"""Said otherwise."""\nx = 1  # a comment\n')
    third.write_text('"""Said."""\nx = 2\n')
    assert label_loops.source_of(str(one)) == label_loops.source_of(str(other))
    assert label_loops.source_of(str(one)) != label_loops.source_of(str(third))


def test_the_table_holds_every_strategy_against_random():
    pool = case_pool()
    loops = {
        name: [play(pool, name, seed) for seed in range(2)] for name in ("random", "foreground_random", "mix")
    }
    found = judged(pool, loops, draws=50)
    row = found["strategies"]["random"]
    assert row["gain"] == 0
    assert row["gain_95"] == [0, 0]
    assert row["saved"] == 0
    assert found["strategies"]["foreground_random"]["over_foreground_random_95"] == [0, 0]
    assert found["labels"] == [12, 18, 24]
    assert table("cases", json.loads(json.dumps(found))).count("\n| `") == 3


def test_strange_strategies_are_refused_and_the_baselines_are_always_played():
    assert names_of(case_pool(), ["mix"]) == ["random", "foreground_random", "mix"]
    with pytest.raises(SystemExit, match="no strategy luck"):
        names_of(case_pool(), ["luck"])


def test_glands_are_read_as_medmnist_keeps_them(tmp_path):
    rng = np.random.default_rng(2)
    images = np.zeros((40, 16, 16, 16), np.uint8)
    for place, size in enumerate(rng.integers(4, 12, 40)):
        images[place, 2 : 2 + size, 3:8, 3:9] = 255
    labels = (images.reshape(40, -1).sum(axis=1) > np.median(images.reshape(40, -1).sum(axis=1))).astype(np.uint8)
    path, test = tmp_path / "train.npz", tmp_path / "test.npz"
    np.savez(path, train_images=images[:30], train_labels=labels[:30, None], val_images=images, val_labels=labels)
    np.savez(test, test_images=images[30:], test_labels=labels[30:, None])
    with pytest.raises(SystemExit, match="A pool of 30 is too small: 68"):
        glands(path, test, tmp_path)
    with pytest.raises(SystemExit, match="no train_images"):
        glands(test, None, tmp_path)


def test_a_box_has_the_size_and_sides_that_it_has():
    volume = np.zeros((64, 64, 64), bool)
    volume[10:20, 10:30, 10:15] = True
    shape = label_features.gland(volume)
    assert shape[0] == pytest.approx(np.log(10 * 20 * 5))
    assert shape[-1] == pytest.approx(1)  # it fills its box
    half = label_features.gland(volume[::2, ::2, ::2])
    assert half[0] == pytest.approx(shape[0], abs=0.3)


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"no \.npz file"):
        list(pools([tmp_path], None, tmp_path))
    with pytest.raises(SystemExit, match="one --data"):
        list(pools([tmp_path, tmp_path], tmp_path, tmp_path))


def test_a_minute_budget_spends_no_more_than_it_may_by_what_was_foretold():
    pool = case_pool()
    cases = play(pool, "mix", 0)
    times = times_of(pool, 0, 0.6)
    loop = play_minutes(pool, "mix", 0, 0.6, cases)
    assert loop.known[:12].tolist() == cases.known[:12].tolist()
    assert len(set(loop.known.tolist())) == len(loop.known) == loop.labels[-1]
    spent, allowed = minutes_of(loop, times), minutes_of(cases, times)
    assert spent[0] == allowed[0] == pytest.approx(times.seconds[cases.known[:12]].sum() / 60)
    assert spent[-1] < 1.5 * allowed[-1]


def test_abnormal_cases_and_many_pages_take_longer():
    pool = case_pool(n=400)
    plain, paged = times_of(pool, 0, 0.0), times_of(pool, 0, 0.6)
    abnormal = (pool.pool.targets == 1).any(axis=1)
    assert np.log(paged.seconds / plain.seconds) == pytest.approx(0.6 * paged.pages)
    logs = np.log(plain.seconds)
    assert 0.5 < logs[abnormal].mean() - logs[~abnormal].mean() < 1.1
