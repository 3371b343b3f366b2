"""Opening a round: what may be asked, what is known of it, and the batch that follows.

Predictions and looks are computed where they are missing, kept, and passed through in pieces: a pool is held as
arrays, with a few words a study.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from active_learning.acquisition import Candidate, choose
from active_learning.acquisition_reasons import Said
from active_learning.appearance import Directions, Features, applied, learnt_from
from active_learning.case_times import case_seconds
from active_learning.disputes import dispute
from active_learning.foretold import Foretold, groups_of
from active_learning.numbering import alike
from active_learning.plan import RoundPlan
from active_learning.proposal import Proposal, ProposedCase
from active_learning.qualifying import Qualifying
from active_learning.quotas import origins
from active_learning.strategies.registry import strategy
from active_learning.strategies.view import View
from active_learning.surroundings import Surroundings
from active_learning.views import BLIND, stand_in, view_of
from active_learning.watch import audits_due
from active_learning.watch import standing as cleared
from active_learning.worth import doubts
from data.answers import Answer
from data.errors import RoundError
from data.records import Annotation, ModelVersion, Part, Prediction, Round, Study
from models.embedding import embed, name_of
from models.prediction import predict_studies
from models.task import Progress

CHUNK = 2048
"""Studies whose predictions are held at once."""
PREDICTED, LOOKED = 0.6, 0.9
"""How far a choice is once the champion has said what it says, and once the looks of studies are computed."""


@dataclass(eq=False)
class _Pool:
    """What is known of the studies that might be asked for."""

    studies: list[Study]
    foretold: Foretold
    rows: dict[str, int]
    """Of the training patients' studies, their rows in ``foretold``."""
    standard: dict[str, tuple[Answer, ...]]
    reads: dict[str, list[Annotation]]
    """Of the training patients' studies, those that have a vote."""
    said: dict[str, Said] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    """Of the studies that were read."""
    back: set[str] = field(default_factory=set)
    """Read studies that may come back."""


class Opening:
    """Chooses the batches of a task's rounds."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.store, self.task = around.store, around.task

    def open(self, plan: RoundPlan, *, among: Collection[str] | None = None, batch: str = "") -> Round:
        """Open the next round with the batch that :meth:`propose` gives.

        Parameters
        ----------
        batch:
            The name of the batch that was looked at before (:attr:`Proposal.batch`); another one is refused.

        Raises
        ------
        RoundError
            A reader may not read, a round is open, there is nothing to read, or the batch is another one by now.
        """
        proposal = self.propose(plan, among=among)
        if batch and batch != proposal.batch:
            raise RoundError(
                "The batch is not the one that was previewed: studies, reads or the champion have changed since.",
                given=batch, expected=proposal.batch, do="preview it again, and open that one",
            )  # fmt: skip
        return self.store.rounds.open(self.task.name, proposal.items, plan.as_dict(), proposal.champion)

    def propose(self, plan: RoundPlan, *, among: Collection[str] | None = None) -> Proposal:
        """The batch that a plan gives now, among these studies or all; nothing is opened or sent.

        Studies that are held for a person are left out, and so are training patients' studies that stand as
        cleared, save those that are due for an audit. A training case with a reference standard is asked for only
        where its readers and the model disagree; if that standard was read here, only by as many readers as read
        it then, none of whom has seen it.

        Raises
        ------
        RoundError
            A reader is no longer active, or not qualified.
        ConfigError
            There is no such way to choose.
        """
        self._may_read(plan)
        champion = self.store.versions.champion(self.task.name)
        way = replace(plan.way(), strategy=stand_in(plan.strategy, modelled=champion is not None))
        if way.strategy:
            strategy(way.strategy)  # an unknown one is refused before anything is computed
        audits = audits_due(self.store, self.task.name, plan.seed)
        pool = self._pool(plan, champion, among)
        self.around.progress(PREDICTED, "comparing reads with the model")
        candidates = list(self._candidates(pool, plan, cleared(self.store, self.task.name) - set(audits)))
        items = choose(
            candidates,
            budget=plan.budget,
            budget_s=plan.budget_s,
            random_share=plan.random_share,
            independent_share=plan.independent_share,
            seed=plan.seed,
            way=way,
            look=self._look(pool, way.strategy),
            audits=audits,
        )
        by_study = {c.study.study_id: c for c in candidates}
        cases = tuple(ProposedCase.of(item, by_study[item.study_id]) for item in items)
        version = champion.version if champion else ""
        return Proposal(self.task.name, plan.as_dict(), version, way.strategy, cases)

    def _may_read(self, plan: RoundPlan) -> None:
        """Refuse readers who are unknown, no longer active, or not qualified."""
        for reader_id in (*plan.readers, *([plan.adjudicator] if plan.adjudicator else [])):
            if not self.store.reads.reader(reader_id).active:
                raise RoundError(
                    "A reader is no longer active.", given=reader_id, expected="an active reader",
                    do=f"name another one, or `consilium readers change {reader_id} --active`",
                )  # fmt: skip
        unqualified = Qualifying(self.around).missing(plan.readers)
        if unqualified:
            raise RoundError(
                "Readers have not passed the qualification yet.",
                given=", ".join(unqualified),
                expected=f"{self.task.config.reading.qualification_needed:.0%} of the known cases answered right",
                do=f"qualify each with `consilium readers qualify {unqualified[0]} {self.task.name}`",
            )

    # -- the pool ------------------------------------------------------------------------------------------

    def _pool(self, plan: RoundPlan, champion: ModelVersion | None, among: Collection[str] | None) -> _Pool:
        """The studies that the task accepts and nobody holds, with what the champion says of them."""
        found = self.store.studies.find(study_ids=None if among is None else list(among))
        studies = [s for s in found if self.task.accepts(s) and not s.held]
        training = [s.study_id for s in studies if s.patient.part == Part.TRAIN]
        standard = {
            **self.store.labels.standard(self.task.name, {Part.TRAIN, Part.VALIDATION}),
            **self.store.labels.standard(self.task.name, {Part.CALIBRATION, Part.TEST}),
        }
        rows = {study_id: row for row, study_id in enumerate(training)}
        foretold = Foretold(self.task.form, len(rows), self.task.config.reading.positive)
        pool = _Pool(studies, foretold, rows, standard, self._reads(rows))
        pool.back = self._may_come_back(pool, plan)
        if champion is not None:
            for prediction in self._predictions(champion.version, studies):
                self._note(pool, prediction)
        return pool

    def _reads(self, rows: Collection[str]) -> dict[str, list[Annotation]]:
        found: dict[str, list[Annotation]] = {}
        votes = [a for a in self.store.reads.annotations(self.task.name)
                 if a.study_id in rows and not a.skipped and a.purpose.votes]  # fmt: skip
        for annotation in alike(votes, self.task.form, self.around.blobs):
            found.setdefault(annotation.study_id, []).append(annotation)
        return found

    def _may_come_back(self, pool: _Pool, plan: RoundPlan) -> set[str]:
        """Read studies that may be asked for again: what was settled here only where enough others can read it."""
        asked = self.store.rounds.studies_asked(self.task.name)
        back = set()
        for study_id, reads in pool.reads.items():
            readers = {a.reader_id for a in reads}
            others = len(set(plan.readers) - readers)
            settled = study_id in asked and self.task.form.is_complete(pool.standard.get(study_id, ()))
            known = settled and bool(pool.standard.get(study_id))
            if not known or (others >= plan.readers_per_case >= len(readers)):
                back.add(study_id)
        return back

    def _predictions(self, version: str, studies: Sequence[Study]) -> Iterator[Prediction]:
        """What a version says of studies, in pieces; what is missing is predicted and kept."""
        for start in range(0, len(studies), CHUNK):
            some = studies[start : start + CHUNK]
            done, share = (PREDICTED * part / len(studies) for part in (start, len(some)))
            progress = _part(self.around.progress, done, share)
            yield from predict_studies(self.around.home, self.task, version, some, progress=progress).values()

    def _note(self, pool: _Pool, prediction: Prediction) -> None:
        study_id = prediction.study_id
        row = pool.rows.get(study_id)
        if row is None:
            return  # of who is drawn at random no prediction has a say
        pool.foretold.put(row, prediction)
        said = Said.of(prediction)
        if said is not None:
            pool.said[study_id] = said
        pool.groups[study_id] = groups_of(prediction, self.task.form)
        if study_id in pool.reads:
            pool.predictions[study_id] = prediction

    # -- candidates ----------------------------------------------------------------------------------------

    def _candidates(self, pool: _Pool, plan: RoundPlan, gone: Collection[str]) -> Iterator[Candidate]:
        again, first = doubts(self.around, pool.reads, pool.back, pool.predictions, pool.foretold)
        seconds = case_seconds(
            self.task, pool.studies, pool.foretold, pool.rows, pool.reads, plan.readers, plan.readers_per_case
        )
        for study, takes in zip(pool.studies, seconds, strict=True):
            study_id, training = study.study_id, study.patient.part == Part.TRAIN
            if training and study_id in gone:
                continue
            answers = pool.standard.get(study_id, ())
            new = float(first[pool.rows[study_id]]) if study_id in pool.said else None
            disputed = None
            if study_id in pool.back:
                disputed = dispute(pool.reads[study_id], pool.predictions.get(study_id), self.task.form)
            yield Candidate(
                study,
                pool.said.get(study_id),
                disputed,
                has_reference=bool(answers) and self.task.form.is_complete(answers),
                doubt=again.get(study_id, new) if disputed is not None else new,
                groups=(*pool.groups.get(study_id, ()), *origins(study)),
                seconds=float(takes),
            )

    # -- looks ---------------------------------------------------------------------------------------------

    def _look(self, pool: _Pool, way: str) -> Callable[[Sequence[Candidate]], View]:
        """Gives the view of candidates; looks are computed only where the way to choose takes any."""
        known = [study_id for study_id in pool.rows
                 if (answers := pool.standard.get(study_id)) and self.task.form.is_complete(answers)]  # fmt: skip

        def look(candidates: Sequence[Candidate]) -> View:
            ids = [c.study.study_id for c in candidates]
            looks = known_looks = None
            if way not in BLIND:
                looks, known_looks = self._looks(pool, ids, known)
            self.around.progress(LOOKED, "choosing cases")
            return view_of(
                pool.foretold,
                [pool.rows[study_id] for study_id in ids],
                [pool.rows[study_id] for study_id in known],
                [pool.standard[study_id] for study_id in known],
                self.task.form,
                looks=looks,
                known_looks=known_looks,
                origins=[" ".join(origins(c.study)) for c in candidates],
            )

        return look

    def _looks(self, pool: _Pool, ids: Sequence[str], known: Sequence[str]) -> tuple[Features, Features]:
        """What the pool and the known cases look like, in the pool's main directions."""
        wanted = {*ids, *known}
        studies = [study for study in pool.studies if study.study_id in wanted]
        progress = _part(self.around.progress, PREDICTED, LOOKED - PREDICTED)
        embed(self.store, self.task, studies, self.around.pixels, progress=progress)
        name, kept = name_of(self.task), self.store.embeddings
        sample = [ids[i] for i in learnt_from(len(ids))]
        directions = Directions.of_chunks(kept.chunks(name, sample))
        return (
            applied(directions, kept.chunks(name, ids), len(ids)),
            applied(directions, kept.chunks(name, known), len(known)),
        )


def _part(progress: Progress, start: float, share: float) -> Progress:
    """Progress of a part of the work."""

    def told(done: float, words: str) -> None:
        progress(start + share * done, words)

    return told
