"""The loop played out on known cases: what each way of choosing would have made of the same reading.

Every loop starts with cases drawn at random. Scripted readers answer them from the reference standard, with
errors; the consensus is formed as in a round, a model is trained on it and measured on the locked test patients,
and what it says of the rest of the pool decides the next batch, by the code that chooses a round's. Loop by loop
all ways have the same start, the same readers with the same errors, and the same seeds, so that what is compared
is the choice.

A round is chosen by the task's champion; here each turn's model chooses the next batch. Nothing of the home's
records changes: what is played lies in a folder of its own (see :mod:`active_learning.playing_kept`), and a
simulation that was cut off goes on after the last turn that ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from filelock import FileLock, Timeout

from active_learning.draws import number
from active_learning.playing_choice import Chooser, Chosen
from active_learning.playing_kept import START, Kept, Turn
from active_learning.playing_learner import VERSION, Learner, Networks, Predict
from active_learning.playing_looks import Looks, look_at
from active_learning.playing_material import Material, gather, key_of
from active_learning.playing_plan import LearnerName, Play
from active_learning.playing_readers import Panel
from data.answers import Answer
from data.blobs import Blobs
from data.errors import BusyError, TrainingError
from data.home import Home
from data.pixels import Pixels
from data.records import Prediction
from data.store import Store
from models.chance import filled
from models.evaluation import evaluate
from models.task import ClinicalTask, Example, Progress, silent

SEEDS = 1 << 31
"""Seeds of trainings lie below."""


@dataclass(frozen=True, eq=False, slots=True)
class Played:
    """What was played.

    Parameters
    ----------
    turns:
        By way of choosing: of each seed, the start and the rounds after it.
    """

    task: ClinicalTask
    play: Play
    material: Material
    kept: Kept
    turns: Mapping[str, tuple[tuple[Turn, ...], ...]]


def simulate(home: Home, task: ClinicalTask, play: Play, *, progress: Progress = silent) -> Played:
    """Play a simulation, or what is left of it.

    Raises
    ------
    TaskError
        The learner cannot answer anything of the task.
    TrainingError
        There are too few known cases, or no turn had enough to train on.
    BusyError
        Another process plays the same.
    """
    store, blobs = Store.of(home), Blobs.of(home)
    material = gather(store, blobs, task, play)
    kept = Kept(home, key_of(task, material, play))
    kept.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(kept.folder / "lock", timeout=0):
            turns = _Table(task, play, material, kept, progress).played()
    except Timeout as error:
        raise BusyError(
            "Another process plays this simulation.", given=kept.folder, expected="one process",
            do="wait until it has ended (`consilium jobs`), then ask again",
        ) from error  # fmt: skip
    if not any(turn.trained for loops in turns.values() for loop in loops for turn in loop):
        raise TrainingError(
            "No turn had enough cases to train on.", given=f"{play.budget} cases at the most",
            expected="a few of each answer", do="name a larger budget",
        )  # fmt: skip
    return Played(task, play, material, kept, turns)


class _Table:
    """Where the loops of one simulation are played, seed by seed."""

    def __init__(self, task: ClinicalTask, play: Play, material: Material, kept: Kept, progress: Progress) -> None:
        self.task, self.play, self.material, self.kept, self.progress = task, play, material, kept, progress
        self.known = {example.study.study_id: example for example in material.pool}
        self.pixels = Pixels(kept.blobs)
        self.done = 0

    @cached_property
    def looks(self) -> Looks:
        """What the studies look like."""
        pool = [example.study for example in self.material.pool]
        others = [*(example.study for example in self.material.validation), *self.material.test]
        return look_at(self.kept, self.task, pool, others, self.pixels, progress=self.progress)

    @cached_property
    def learner(self) -> Learner:
        """What is trained in every turn."""
        if self.play.learner == LearnerName.HEAD:
            from active_learning.playing_heads import Heads  # noqa: PLC0415 - slow to load

            return Heads(self.task, self.looks, self.material.validation)
        return Networks(self.task, self.play, self.material.validation, self.pixels)

    def played(self) -> dict[str, tuple[tuple[Turn, ...], ...]]:
        """Every loop, by way of choosing and seed."""
        loops: dict[str, list[tuple[Turn, ...]]] = {way: [] for way in self.play.strategies}
        for seed in range(self.play.seeds):
            start = self._turn(START, seed, ())
            for way in self.play.strategies:
                turns = [start]
                while len(turns) <= self.play.rounds:
                    turns.append(self._turn(way, seed, turns))
                loops[way].append(tuple(turns))
        return {way: tuple(found) for way, found in loops.items()}

    def _turn(self, way: str, seed: int, before: Sequence[Turn]) -> Turn:
        """One turn, as it was kept or played now."""
        place = len(before)
        turn = self.kept.turn(way, seed, place)
        if turn is None:
            turn, pool = self._play(way, seed, before)
            self.kept.put_turn(way, seed, place, turn, pool)
        self.done += 1
        self._tell(way, seed, place, 0.0)
        return turn

    def _start(self, seed: int) -> Chosen:
        """The cases of a loop's start, one of each patient, drawn by a hash that knows nothing but their names."""
        first: dict[str, str] = {}
        for study_id in sorted(self.known, key=lambda one: number(seed, "study", one)):
            first.setdefault(self.known[study_id].study.patient.patient_id, study_id)
        drawn = sorted(first, key=lambda patient: number(seed, "patient", patient))[: self.play.sizes[0]]
        return Chosen(tuple(first[patient] for patient in drawn), ("drawn at random for the start",) * len(drawn))

    def _choose(self, way: str, seed: int, before: Sequence[Turn], said: Mapping[str, Prediction]) -> Chosen:
        """The next batch, by what the last model says of the pool."""
        place = len(before)
        read = {study_id for turn in before for study_id in turn.cases}
        free = [example.study for example in self.material.pool if example.study.study_id not in read]
        drawn = number(seed, "batch", str(place))
        return Chooser(self.task, self.looks).batch(
            way, free, self._answered(before), said, self.play.sizes[place], seed=drawn
        )

    def _play(self, way: str, seed: int, before: Sequence[Turn]) -> tuple[Turn, Iterable[Prediction]]:
        """Choose, read, agree, train, measure; the turn, and what its model says of the pool."""
        place, earlier = len(before), [self.known[s] for turn in before for s in turn.cases]
        said = self.kept.pool(START if place == 1 else way, seed, place - 1) if place else {}
        chosen = self._choose(way, seed, before, said) if place else self._start(seed)
        panel = Panel.of(seed, self.play.readers, self.play.error_rate, self.task.config.reading.seconds_per_case)
        cases = [self.known[study_id] for study_id in chosen.cases]
        reading = panel.read(self.task, cases, earlier, self.kept.blobs, predictions=said)
        predict = self._train(way, seed, place, [*self._answered(before), *_examples(cases, reading.answers)])
        tested = predict(self.material.test) if predict else {}
        filled_up = filled(self.task, VERSION, tested, self.material.references)
        pool = predict([e.study for e in self.material.pool]) if predict and place < self.play.rounds else {}
        turn = Turn(
            chosen.cases, chosen.why, reading.answers, reading.seconds, reading.reads, reading.wrong_reads,
            reading.disputed, reading.wrong_cases, predict is not None, filled_up, self._value(filled_up),
        )  # fmt: skip
        return turn, pool.values()

    def _train(self, way: str, seed: int, place: int, answered: Sequence[Example]) -> Predict | None:
        """A model of these examples, or None where they are too few."""
        scratch = self.kept.folder / "scratch" / f"{way}-{seed}-{place}"

        def told(share: float, words: str) -> None:
            self._tell(way, seed, place, share, words)

        try:
            drawn = number(seed, "training", str(place)) % SEEDS
            return self.learner.fit(answered, seed=drawn, scratch=scratch, progress=told)
        except TrainingError:
            return None

    def _value(self, tested: Mapping[str, Prediction]) -> float:
        """The primary metric on the test patients."""
        references, patients = self.material.references, self.material.patients
        found = evaluate(self.task.form, tested, references, patients, n_bootstrap=0, blobs=self.kept.blobs)
        return float(found.metrics[self.task.primary].value)

    def _answered(self, turns: Sequence[Turn]) -> list[Example]:
        """What the turns' readers agreed on, as examples to train on."""
        return [e for turn in turns for e in _examples([self.known[s] for s in turn.cases], turn.answers)]

    def _tell(self, way: str, seed: int, place: int, share: float, words: str = "") -> None:
        turns = self.play.seeds * (1 + self.play.rounds * len(self.play.strategies))
        where = "start" if place == 0 else f"{way}, round {place} of {self.play.rounds}"
        more = f": {words}" if words else ""
        self.progress(
            min((self.done + share) / turns, 1.0), f"loop {seed + 1} of {self.play.seeds}, {where}{more}"
        )


def _examples(cases: Sequence[Example], answers: Mapping[str, Sequence[Answer]]) -> list[Example]:
    """Cases with the answers that stand, without those on which none does."""
    return [Example(c.study, tuple(answers[c.study.study_id])) for c in cases if answers[c.study.study_id]]
