"""The loop played out: paired, apart by patient, nothing of the home changed, and the same after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from active_learning import playing
from active_learning.playing import Played, simulate
from active_learning.playing_heads import Heads
from active_learning.playing_kept import START, Aside, Kept, Turn
from active_learning.playing_material import gather, key_of
from active_learning.playing_measure import measured
from active_learning.playing_outcome import Simulation, kept_simulations
from active_learning.playing_plan import LearnerName, Play, sizes
from active_learning.playing_readers import Panel
from data.answers import STUDY, Answer, Form, Mask, Question
from data.blobs import Blobs
from data.deletion import delete_patient
from data.errors import (
    BlobError,
    BusyError,
    ConfigError,
    ConflictError,
    JobCancelledError,
    TaskError,
    TrainingError,
)
from data.home import Home
from data.records import Part, Patient, Prediction, QuestionPrediction, Study
from data.store import Store
from models.chance import filled
from models.evaluation import evaluate
from models.task import ClinicalTask, Example, get_task
from tests.known_home import PARTS, TASK, fill, truth_of
from tests.shared_homes import copied

WAYS = ("random", "entropy", "typiclust")
PLAY = Play(WAYS, (12, 8, 8, 8), seeds=2, learner=LearnerName.HEAD, error_rate=0.2)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose every answer is known; nothing is to be played in it."""
    home = Home(tmp_path_factory.mktemp("known")).prepare()
    fill(home).close()
    return home


@pytest.fixture(scope="module")
def played(known: Home, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Two loops of three ways to choose, with linear heads."""
    return simulate(copied(known, tmp_path_factory.mktemp("played")), get_task(TASK), PLAY)


@pytest.fixture
def task() -> ClinicalTask:
    return get_task(TASK)


def turns_of(played: Played) -> Iterator[tuple[str, int, int, Turn]]:
    for way, loops in played.turns.items():
        for seed, loop in enumerate(loops):
            for place, turn in enumerate(loop):
                yield way, seed, place, turn


# -- settings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"budget": 96}, (16,) * 6),
        ({"budget": 97, "rounds": 4}, (17, 20, 20, 20, 20)),
        ({"budget": 50, "batch": 8}, (10, 8, 8, 8, 8, 8)),
        ({"budget": 48, "batch": 8}, (8, 8, 8, 8, 8, 8)),
        ({"budget": 50, "batch": 8, "start": 20}, (20, 8, 8, 8, 6)),
        ({"budget": 50, "start": 20}, (20, 6, 6, 6, 6, 6)),
        ({"budget": 50, "rounds": 3, "batch": 10}, (20, 10, 10, 10)),
        ({"budget": 30, "rounds": 2, "batch": 10, "start": 10}, (10, 10, 10)),
    ],
)
def test_what_is_not_named_follows_and_the_budget_is_used(asked: dict[str, int], given: tuple[int, ...]) -> None:
    assert sizes(**asked) == given
    assert sum(given) == asked["budget"]


@pytest.mark.parametrize(
    "asked",
    [
        {"budget": 5},
        {"budget": 50, "start": 50},
        {"budget": 50, "rounds": 0},
        {"budget": 50, "rounds": 3, "batch": 20},
        {"budget": 50, "rounds": 3, "batch": 10, "start": 10},
        {"budget": 50, "batch": 0},
    ],
)
def test_settings_that_do_not_fit_together_are_refused(asked: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="do not fit together"):
        sizes(**asked)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"strategies": ("random", "by_guess")}, "no such way to choose"),
        ({"strategies": ("random", "random")}, "not one or more different ones"),
        ({"strategies": ()}, "not one or more different ones"),
        ({"profile": "huge"}, "no such profile"),
        ({"error_rate": 0.5}, "cannot be"),
        ({"seeds": 0}, "cannot be"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(PLAY, **changed)
    with pytest.raises(ConfigError, match="no such learner"):
        Play.of(["random"], 40, learner="oracle")


def test_settings_survive_json() -> None:
    assert Play.from_dict(PLAY.as_dict()) == PLAY
    assert PLAY.budget == 36
    assert PLAY.labels == (12, 20, 28, 36)


# -- material --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "play", "message"),
    [
        (PARTS, replace(PLAY, sizes=(24, 24)), "48 training patients"),
        ({**PARTS, Part.VALIDATION: 0}, PLAY, "no validation patient"),
        ({**PARTS, Part.TEST: 0}, PLAY, "0 test patients"),
        ({**PARTS, Part.TEST: 1}, PLAY, "1 test patients"),
    ],
)
def test_too_few_known_cases_are_refused(
    home: Home, task: ClinicalTask, parts: dict[Part, int], play: Play, message: str
) -> None:
    store = fill(home, parts=parts)
    with pytest.raises(TrainingError) as error:
        simulate(home, task, play)
    assert message in str(error.value)
    store.close()


def test_a_case_with_an_open_question_cannot_be_chosen(known: Home, task: ClinicalTask, tmp_path: Path) -> None:
    home = copied(known, tmp_path)
    store = Store.of(home)
    with store.write() as db:
        db.execute("DELETE FROM reference_labels WHERE study_id = 'study-001' AND question = 'borders_frontal'")
    store.studies.update("study-002", held="text in the picture")
    pool = {e.study.study_id for e in gather(store, Blobs.of(home), task, PLAY).pool}
    assert pool == {f"study-{n:03d}" for n in range(PARTS[Part.TRAIN])} - {"study-001", "study-002"}
    store.close()


def test_the_key_follows_data_and_settings_but_not_ways_and_seeds(known: Home, task: ClinicalTask) -> None:
    material = gather(Store.of(known), Blobs.of(known), task, PLAY)
    key = key_of(task, material, PLAY)
    assert key == key_of(task, material, replace(PLAY, strategies=("random",), seeds=9))
    assert key == key_of(task, material, replace(PLAY, profile="tiny"))  # heads have no profile
    changed = [replace(PLAY, error_rate=0.3), replace(PLAY, sizes=(12, 12, 12)), replace(PLAY, readers=1)]
    others = {key_of(task, material, play) for play in changed}
    answers = (Answer("projection", STUDY, "lateral"),)
    others.add(key_of(task, replace(material, references={**material.references, "study-080": answers}), PLAY))
    assert len(others | {key}) == 5


# -- readers ---------------------------------------------------------------------------------------------------


def cases(count: int) -> list[Example]:
    found = []
    for index in range(count):
        answers = tuple(Answer(name, STUDY, value) for name, value in truth_of(index).items())
        patient = Patient(f"p{index}", f"P-{index}", Part.TRAIN)
        found.append(Example(Study(f"study-{index:03d}", patient, "DX"), answers))
    return found


def test_readers_err_as_often_as_they_are_told_to(task: ClinicalTask, tmp_path: Path) -> None:
    """Of a frontal case two questions are asked; a wrong projection opens other ones, answered at random."""
    given, panel = cases(300), Panel.of(0, 3, 0.2, 15.0)
    wrong, answers = 0, 0
    for case in given:
        for script in panel.readers:
            said = {a.question: a.value for a in script.answers(task.form, case.study.study_id, case.answers)}
            wrong += said["projection"] != case.value("projection")
            answers += 1
    assert wrong / answers == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / answers) ** 0.5)
    reading = panel.read(task, given, [], Blobs(tmp_path), predictions={})
    by_hand = sum(
        set(script.answers(task.form, case.study.study_id, case.answers)) != set(case.answers)
        for case in given
        for script in panel.readers
    )
    assert (reading.reads, reading.wrong_reads) == (900, by_hand)
    assert 0 < reading.wrong_cases < reading.wrong_reads / 3
    assert reading.wrong_cases == sum(set(reading.answers[c.study.study_id]) != set(c.answers) for c in given)
    times = sum(script.lead_time_s(case.study.study_id) for case in given for script in panel.readers)
    assert reading.seconds > times  # the adjudicator's are added
    assert reading.seconds / (900 + reading.disputed) == pytest.approx(15.0, rel=0.1)


def test_readers_without_errors_give_the_reference_standard(task: ClinicalTask, tmp_path: Path) -> None:
    given = cases(30)
    reading = Panel.of(0, 2, 0.0, 15.0).read(task, given, [], Blobs(tmp_path), predictions={})
    assert {s: set(a) for s, a in reading.answers.items()} == {c.study.study_id: set(c.answers) for c in given}
    assert (reading.wrong_reads, reading.wrong_cases, reading.disputed) == (0, 0, 0)


def test_two_loops_have_readers_with_other_errors(task: ClinicalTask, tmp_path: Path) -> None:
    read = [Panel.of(seed, 1, 0.3, 15.0).read(task, cases(40), [], Blobs(tmp_path), predictions={}) for seed in
            (0, 0, 1)]  # fmt: skip
    assert read[0] == read[1]
    assert read[0].answers != read[2].answers


# -- chance ----------------------------------------------------------------------------------------------------


def test_what_a_model_was_not_asked_counts_as_chance(task: ClinicalTask) -> None:
    """The projection is always right; the two questions of lateral views were never learnt."""
    references = {case.study.study_id: case.answers for case in cases(60)}
    patients = {study_id: study_id for study_id in references}
    predictions = {}
    for index, study_id in enumerate(references):
        right = truth_of(index)["projection"]
        shares = {option: float(option == right) for option in ("frontal", "lateral")}
        result = QuestionPrediction("projection", STUDY, right, shares, 0.0)
        predictions[study_id] = Prediction(TASK, study_id, "v", (result,))
    found = evaluate(task.form, filled(task, "v", predictions, references), references, patients, n_bootstrap=0)
    value = {name: metric.value for name, metric in found.metrics.items()}
    assert value["projection.auc"] == 1.0
    assert {value[f"{name}.auc"] for name in ("borders_frontal", "borders_lateral", "rotation_lateral")} == {0.5}
    assert {value[f"{question.name}.coverage"] for question in task.form.questions} == {1.0}
    assert value["mean_auc"] == pytest.approx(0.625)
    assert evaluate(task.form, predictions, references, patients, n_bootstrap=0).metrics["mean_auc"].value == 1.0


# -- loops -----------------------------------------------------------------------------------------------------


def test_loops_are_paired_and_use_the_budget(played: Played) -> None:
    starts = [{loops[seed][0].cases for loops in played.turns.values()} for seed in range(PLAY.seeds)]
    assert [len(found) for found in starts] == [1, 1]
    assert starts[0] != starts[1]
    answers: dict[tuple[int, str], set[tuple[Answer, ...]]] = {}
    for _, seed, place, turn in turns_of(played):
        assert len(turn.cases) == len(turn.why) == len(set(turn.cases)) == PLAY.sizes[place]
        for study_id in turn.cases:
            answers.setdefault((seed, study_id), set()).add(turn.answers[study_id])
    assert {len(found) for found in answers.values()} == {1}  # whichever way brought a case, it was read alike
    for loops in played.turns.values():
        for loop in loops:
            assert len({study_id for turn in loop for study_id in turn.cases}) == PLAY.budget
    chosen = {way: [turn.cases for turn in loops[0][1:]] for way, loops in played.turns.items()}
    assert chosen["random"] != chosen["entropy"] != chosen["typiclust"]


def test_the_most_doubtful_are_chosen(played: Played, task: ClinicalTask) -> None:
    """After the start entropy takes the cases that the start's model is least sure of."""
    said = played.kept.pool(START, 0, 0)
    first = played.turns["entropy"][0][:2]
    left = [study_id for study_id in said if study_id not in first[0].cases]
    doubts = sorted((said[study_id].uncertainty for study_id in left), reverse=True)
    assert [said[study_id].uncertainty for study_id in first[1].cases] == pytest.approx(doubts[:8], abs=1e-6)
    assert "undecided" in first[1].why[0] or "certain" in first[1].why[0]


def test_readers_errors_reach_the_training_sets(played: Played) -> None:
    material = {e.study.study_id: set(e.answers) for e in played.material.pool}
    for _, _, _, turn in turns_of(played):
        assert turn.wrong_cases == sum(set(turn.answers[s]) != material[s] for s in turn.cases)
        assert 0 < turn.wrong_reads < turn.reads == 3 * len(turn.cases)
    assert sum(turn.wrong_cases for _, _, _, turn in turns_of(played)) > 0


def test_no_patient_is_both_learnt_from_and_measured_on(
    known: Home, task: ClinicalTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[list[Example]] = []
    fit = Heads.fit

    def spied(self: Heads, training: list[Example], **named: object) -> object:
        learnt.append([*training, *self.validation])
        return fit(self, training, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Heads, "fit", spied)
    found = simulate(copied(known, tmp_path), task, replace(PLAY, seeds=1))
    assert len(learnt) == 1 + 3 * 3
    assert {e.study.patient.part for given in learnt for e in given} == {Part.TRAIN, Part.VALIDATION}
    measured_on = {study.patient.patient_id for study in found.material.test}
    assert len(measured_on) == PARTS[Part.TEST]
    assert {study.patient.part for study in found.material.test} == {Part.TEST}
    assert not measured_on & {e.study.patient.patient_id for given in learnt for e in given}
    sizes_learnt = sorted(len([e for e in given if e.study.patient.part == Part.TRAIN]) for given in learnt)
    assert all(later >= earlier for earlier, later in pairwise(sizes_learnt))
    assert sizes_learnt[-1] <= PLAY.budget


def test_nothing_of_the_records_changes(known: Home, task: ClinicalTask, tmp_path: Path) -> None:
    home = copied(known, tmp_path)
    store = Store.of(home)
    before = list(store.db.conn.iterdump()), sorted(p for p in home.blobs.rglob("*") if p.is_file())
    simulate(home, task, replace(PLAY, seeds=1))
    assert (list(store.db.conn.iterdump()), sorted(p for p in home.blobs.rglob("*") if p.is_file())) == before
    store.close()


def test_the_same_seeds_give_the_same_curves(
    known: Home, played: Played, task: ClinicalTask, tmp_path: Path
) -> None:
    again = simulate(copied(known, tmp_path), task, PLAY)
    assert again.kept.key == played.kept.key
    assert again.turns == played.turns
    assert measured(again).as_dict() == measured(played).as_dict()


def test_asked_again_nothing_is_played_and_more_loops_go_on(
    known: Home, task: ClinicalTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, small = copied(known, tmp_path), replace(PLAY, strategies=("random",), seeds=1)
    first = simulate(home, task, small)
    counted: list[tuple[str, int]] = []
    play = playing._Table._play

    def spied(self: object, way: str, seed: int, before: object) -> object:
        counted.append((way, seed))
        return play(self, way, seed, before)  # type: ignore[arg-type]

    monkeypatch.setattr(playing._Table, "_play", spied)
    assert simulate(home, task, small).turns == first.turns
    assert counted == []
    more = simulate(home, task, replace(small, strategies=("random", "entropy"), seeds=2))
    assert more.turns["random"][0] == first.turns["random"][0]
    assert counted == [*[("entropy", 0)] * 3, (START, 1), *[("random", 1)] * 3, *[("entropy", 1)] * 3]


# -- cut off ---------------------------------------------------------------------------------------------------

NETWORKS = Play(("random", "entropy"), (16, 8, 8), seeds=1, profile="tiny", error_rate=0.1)
KILLED = """
import os, signal, sys
from pathlib import Path
from active_learning.playing import simulate
from data.home import Home
from models import loop
from models.task import get_task
from tests.test_playing import NETWORKS

def progress(share, words):
    if "entropy, round 1" in words and "epoch 2" in words:
        os.kill(os.getpid(), signal.SIGKILL)

simulate(Home(Path(sys.argv[1])), get_task("cxr_quality"), NETWORKS, progress=progress)
"""


def same(one: Turn | None, other: Turn) -> bool:
    """Whether two turns are the same; probabilities up to the rounding of another process's libraries."""
    if one is None or replace(one, tested={}) != replace(other, tested={}):
        return False
    shares = [[p for said in turn.tested.values() for r in said.results for p in r.probabilities.values()]
              for turn in (one, other)]  # fmt: skip
    return one.tested.keys() == other.tested.keys() and shares[0] == pytest.approx(shares[1], abs=1e-6)


def test_killed_in_a_training_it_goes_on_to_the_same_end(known: Home, task: ClinicalTask, tmp_path: Path) -> None:
    """The task's own networks, killed with nothing flushed; a cancelled job in the next round as well."""
    unbroken = simulate(copied(known, tmp_path / "a"), task, NETWORKS)
    home = copied(known, tmp_path / "b")
    root = Path(__file__).parent.parent
    killed = subprocess.run([sys.executable, "-c", KILLED, str(home.path)], cwd=root, check=False, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    kept = Kept(home, unbroken.kept.key)
    assert same(kept.turn("random", 0, 2), unbroken.turns["random"][0][2])
    assert kept.turn("entropy", 0, 1) is None

    def called_off(share: float, words: str) -> None:
        if "entropy, round 2" in words:
            raise JobCancelledError("The job was called off.")

    with pytest.raises(JobCancelledError):
        simulate(home, task, NETWORKS, progress=called_off)
    resumed = simulate(home, task, NETWORKS)
    for way, seed, place, turn in turns_of(resumed):
        assert same(turn, unbroken.turns[way][seed][place])
    assert measured(resumed) == measured(unbroken)
    assert not list((home.path / "simulations").rglob(".*"))


def test_one_process_plays_at_a_time(played: Played) -> None:
    home = Home(played.kept.folder.parent.parent)
    with FileLock(played.kept.folder / "lock"), pytest.raises(BusyError):
        simulate(home, played.task, PLAY)


def test_a_damaged_turn_is_named(known: Home, task: ClinicalTask, tmp_path: Path) -> None:
    home, small = copied(known, tmp_path), replace(PLAY, strategies=("random",), seeds=1)
    found = simulate(home, task, small)
    (found.kept.folder / "random" / "seed-0" / "turn-2.json").write_text('{"cases": [')
    with pytest.raises(BlobError, match=r"turn-2\.json"):
        simulate(home, task, small)
    (found.kept.folder / "random" / "seed-0" / "turn-2.json").write_text('{"cases": []}')
    with pytest.raises(BlobError, match=r"turn-2\.json"):
        simulate(home, task, small)


def test_a_deleted_patient_takes_simulations_along(known: Home, task: ClinicalTask, tmp_path: Path) -> None:
    """Those that were played, and the one that is being played then."""
    home, small = copied(known, tmp_path), replace(PLAY, strategies=("random",), seeds=1)
    found = simulate(home, task, small)
    store = Store.of(home)
    delete_patient(store, Blobs.of(home), store.cards.of_patient("hospital:003").card_id)
    assert not home.simulations.exists()
    assert key_of(task, gather(store, Blobs.of(home), task, small), small) != found.kept.key

    def deleted_meanwhile(share: float, words: str) -> None:
        if "random, round 2" in words and store.studies.find(study_ids=["study-004"]):
            delete_patient(store, Blobs.of(home), store.cards.of_patient("hospital:004").card_id)

    with pytest.raises(ConflictError, match="removed while it was played"):
        simulate(home, task, small, progress=deleted_meanwhile)
    assert not home.simulations.exists()
    store.close()


def test_figures_of_another_version_are_measured_anew(played: Played) -> None:
    first, home = measured(played), Home(played.kept.folder.parent.parent)
    played.kept.write("simulation.json", {"key": played.kept.key, "curves": []})
    assert kept_simulations(home, TASK) == []
    assert measured(played) == first
    assert kept_simulations(home, TASK) == [first]


def test_new_blobs_lie_aside(tmp_path: Path) -> None:
    base = Blobs(tmp_path / "base")
    there = base.put(b"there")
    aside = Aside(tmp_path / "aside", base)
    new = aside.put(b"new")
    assert (aside.put(b"there"), aside.get(there), aside.get(new)) == (there, b"there", b"new")
    assert new not in base
    assert not list((tmp_path / "aside").rglob(there))
    assert aside.remove(new)
    assert not aside.remove(there)
    assert there in base


# -- figures ---------------------------------------------------------------------------------------------------


def test_curves_are_of_the_turns_and_random_is_its_own_measure(played: Played) -> None:
    found = measured(played)
    assert found.labels == (12, 20, 28, 36)
    assert (found.pool, found.test_patients) == (PARTS[Part.TRAIN], PARTS[Part.TEST])
    for one in found.outcomes:
        loops = played.turns[one.name]
        assert one.values == tuple(tuple(turn.value for turn in loop) for loop in loops)
        seconds = [[turn.seconds for turn in loop] for loop in loops]
        assert np.array(one.minutes) == pytest.approx(np.cumsum(seconds, axis=1) / 60)
        mean = np.array(one.values).mean(axis=0)
        assert one.aulc.value == pytest.approx((mean[0] / 2 + mean[1] + mean[2] + mean[3] / 2) / 3)
        assert one.final.value == pytest.approx(mean[-1])
        assert one.cases == PLAY.seeds * PLAY.budget
        assert one.against is not None
        usual = found.outcome("random")
        assert one.against.aulc_gain.value == pytest.approx(one.aulc.value - usual.aulc.value, abs=1e-12)
    itself = found.outcome("random").against
    assert itself is not None
    assert (itself.aulc_gain.value, itself.labels_saved.value) == (0.0, 0.0)
    assert Simulation.from_dict(found.as_dict()) == found
    assert kept_simulations(Home(played.kept.folder.parent.parent), TASK) == [found]
    assert kept_simulations(Home(played.kept.folder.parent.parent), "adrenal_ct") == []


def test_a_start_that_is_too_small_counts_as_chance(known: Home, task: ClinicalTask, tmp_path: Path) -> None:
    """Two cases teach nothing; the first batch is chosen without a model."""
    found = simulate(copied(known, tmp_path), task, replace(PLAY, sizes=(1, 20, 8), seeds=1))
    start, first, _ = found.turns["entropy"][0]
    assert (start.trained, start.value, first.trained) == (False, 0.5, True)
    assert measured(found).outcome("entropy").untrained == 1
    with pytest.raises(TrainingError, match="No turn had enough cases"):
        simulate(copied(known, tmp_path / "none"), task, replace(PLAY, sizes=(1, 1), seeds=1))


def test_heads_learn_what_can_be_seen(played: Played) -> None:
    """The projection is two lungs or one: almost every test patient is told apart by 36 cases with errors."""
    last = played.turns["random"][0][-1]
    found = evaluate(
        played.task.form, last.tested, played.material.references, played.material.patients, n_bootstrap=0
    )
    assert found.metrics["projection.auc"].value > 0.9


def test_heads_refuse_a_task_that_they_cannot_answer(
    played: Played, task: ClinicalTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(task), "form", Form((Question("lungs", "Where?", Mask(("lung",))),)))
    with pytest.raises(TaskError, match="linear head"):
        Heads(task, lambda: None, ())  # type: ignore[arg-type]
