"""What a reference standard makes of the models: a candidate, its comparison with the champion, the crown."""

from __future__ import annotations

from typing import Any

from active_learning.looks import Look, look_after, looks_before
from active_learning.plan import RoundPlan
from active_learning.promotion import compare
from active_learning.promotion_evidence import Draws
from active_learning.subgroups import subgroups
from active_learning.surroundings import Surroundings
from data.errors import RoundError
from data.records import ModelVersion, Part, Round, RoundKind
from models.prediction import measure_version
from models.training import train_version


def candidate(around: Surroundings, current: Round, *, max_steps: int | None = None) -> ModelVersion:
    """Train a round's candidate on the reference standard of the training patients, this round's included.

    Raises
    ------
    RoundError
        The round qualifies a reader.
    """
    if current.kind != RoundKind.QUERY:
        raise RoundError(
            "A qualification round trains nothing.", given=current.round_id, expected="a round of the loop",
            do="see `consilium round status` for the task's rounds",
        )  # fmt: skip
    version, _ = train_version(
        around.store,
        around.blobs,
        around.task,
        RoundPlan.from_dict(current.plan).profile,
        round_id=current.round_id,
        parent=current.champion,
        scratch=around.home.path / "scratch" / current.round_id,
        max_steps=max_steps,
        progress=around.progress,
    )
    return version


def comparison(around: Surroundings, current: Round) -> dict[str, Any]:
    """A round's candidate beside its champion on the locked test patients, as the round keeps it."""
    store, task, plan = around.store, around.task, RoundPlan.from_dict(current.plan)
    measured = measure_version(around.home, task, current.candidate, progress=around.progress)
    outcome: dict[str, Any] = {"candidate": measured.metrics_dict(), "primary": task.primary}
    if not current.champion:
        sentence = "The task had no champion: the first version becomes it."
        return {**outcome, "better": True, "verdict": "first", "sentence": sentence}
    champion = measure_version(around.home, task, current.champion, progress=around.progress)
    references = store.labels.standard(task.name, {Part.TEST})
    studies, rules = store.studies.find(study_ids=list(references)), task.config.promotion
    found = compare(
        task.form,
        task.primary,
        store.versions.predictions(current.champion, parts=[Part.TEST]),
        store.versions.predictions(current.candidate, parts=[Part.TEST]),
        references,
        {s.study_id: s.patient.patient_id for s in studies},
        rules=rules,
        look=look_of(around, current),
        subgroups=subgroups(studies, rules.subgroups, age_from_y=rules.age_from_y),
        margin=plan.margin,
        draws=Draws(seed=plan.seed),
        blobs=around.blobs,
    )
    return {**outcome, "champion": champion.metrics_dict(), **found.as_dict()}


def look_of(around: Surroundings, current: Round) -> Look:
    """Which look at the task's test patients a round's comparison is; the same however often it is asked."""
    before = looks_before(around.store.rounds.all(around.task.name), current.number)
    return look_after(before, around.task.config.promotion.false_promotions)


def roll_back(around: Surroundings, reason: str) -> str:
    """Make the version before the champion the champion again; its id.

    Raises
    ------
    RoundError
        There is no earlier champion.
    """
    versions, task = around.store.versions, around.task.name
    history = versions.championships(task)
    earlier = next((c.version for c in history[1:] if c.version != history[0].version), None)
    if earlier is None:
        raise RoundError(
            "There is no earlier champion.",
            given=history[0].version if history else "no champion",
            expected="a task whose champion changed",
            do="promote another version first",
        )
    versions.crown(task, earlier, f"rolled back: {reason}")
    return earlier
