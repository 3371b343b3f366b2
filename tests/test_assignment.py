from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from active_learning.assignment import Seat, assign, queues, rereads
from data.answers import STUDY, Answer
from data.records import Annotation, Mode, Purpose

SEATS = [Seat("a"), Seat("b"), Seat("c"), Seat("d")]
STUDIES = [f"s{n}" for n in range(12)]


def read(study, reader, *, at="2026-01-01", purpose=Purpose.ACQUISITION, mode=Mode.INDEPENDENT, skipped=False):
    answers = (Answer("grade", STUDY, 1),)
    name = f"an-{study}-{reader}-{purpose}"
    return Annotation(name, "t", study, reader, mode, answers, purpose=purpose, skipped=skipped, created_at=at)


def test_cases_go_to_those_who_have_the_least_to_do():
    even = Counter(reader for _, reader in assign(STUDIES, SEATS, 2))
    assert set(even.values()) == {6}
    loaded = [Seat("a", load_s=180.0), Seat("b"), Seat("c")]
    few = Counter(reader for _, reader in assign(STUDIES, loaded, 1))
    assert few == {"b": 6, "c": 6}  # 180 s are six cases of 30 s: only then it is the turn of the first
    slow = [Seat("a", case_s=60.0), Seat("b", case_s=30.0)]
    assert Counter(reader for _, reader in assign(STUDIES, slow, 1)) == {"a": 4, "b": 8}


def test_each_case_gets_its_readers_once_and_nobody_who_is_barred():
    pairs = assign(STUDIES, SEATS, 3, barred={("s3", "a"), ("s3", "b")})
    assert len(pairs) == len(set(pairs))
    by_study = {study: {r for s, r in pairs if s == study} for study in STUDIES}
    assert by_study["s3"] == {"c", "d"}
    assert all(len(readers) == 3 for study, readers in by_study.items() if study != "s3")


def test_who_has_read_a_case_before_comes_last():
    pairs = assign(["s0"], SEATS, 2, seen={("s0", "a"), ("s0", "b"), ("s0", "c")})
    assert ("s0", "d") in pairs
    assert assign(["s0"], [Seat("a"), Seat("b", load_s=900)], 1, seen={("s0", "a")}) == [("s0", "b")]


@given(st.integers(0, 99), st.integers(1, 4))
def test_the_same_seed_gives_the_same_and_nobody_gets_two_more_than_another(seed, per_case):
    pairs = assign(STUDIES, SEATS, per_case, seed=seed)
    assert pairs == assign(STUDIES, SEATS, per_case, seed=seed)
    counts = Counter(reader for _, reader in pairs)
    assert max(counts.values()) - min(counts.get(seat.reader_id, 0) for seat in SEATS) <= 1


def test_second_reads_are_of_old_first_independent_reads_and_none_twice():
    earlier = [
        read("old", "a"),
        read("fresh", "a", at="2026-03-01"),
        read("assisted", "a", mode=Mode.ASSISTED),
        read("skipped", "a", skipped=True),
        read("decided", "a", purpose=Purpose.ADJUDICATION),
        read("again", "a"),
        read("again", "a", purpose=Purpose.REREAD),
        read("batch", "a"),
        read("old", "b"),
    ]
    chosen = rereads(earlier, {"a": 10, "b": 2, "c": 10}, share=0.2, batch={"batch"}, before="2026-02-01")
    assert chosen == [("old", "a")]  # b has two cases: a fifth of them is none
    assert rereads(earlier, {"b": 3}, share=0.2, batch=(), before="2026-02-01") == [("old", "b")]
    assert rereads(earlier, {"a": 10}, share=0.0, batch=(), before="2026-02-01") == []


@given(st.integers(0, 99))
def test_a_second_read_stands_anywhere_in_the_queue(seed):
    places = queues([("s1", "a"), ("s2", "a"), ("s1", "b")], [("old", "a")], seed=seed)
    assert sorted(place for (_, reader), place in places.items() if reader == "a") == [0, 1, 2]
    assert places["s1", "b"] == 0
    assert places["s1", "a"] < places["s2", "a"]


def test_the_place_of_a_second_read_differs():
    seen = {queues([("s1", "a"), ("s2", "a")], [("old", "a")], seed=n)["old", "a"] for n in range(20)}
    assert seen == {0, 1, 2}
