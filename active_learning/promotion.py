"""Whether a candidate is better than the champion, on the same locked test patients.

Both are measured on the very same answers, and in each resample on the same patients, so that a hard case counts
against both. A candidate is promoted if all of this holds:

- the lower bound of the difference in the primary metric lies above the margin, at the level of this look
  (:mod:`active_learning.looks`);
- no guarded metric is worse by more than its margin (:mod:`active_learning.promotion_checks`);
- nor is the primary metric in any subgroup that has the patients to be judged.

Otherwise there is not enough evidence, with the number of patients that would settle it, or it is no better, or it
is held back: better on the whole and worse somewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from active_learning import promotion_words as words
from active_learning.looks import Look, look_after, share
from active_learning.power import patients_needed
from active_learning.promotion_checks import WHOLE, Check, Standing, check
from active_learning.promotion_evidence import DRAWS, Difference, Draws, Pair, by_delong, shortage, weigh
from active_learning.promotion_pairs import LARGER_IS_WORSE, Paired, paired
from active_learning.subgroups import Subgroup
from data.answers import Answer, Form
from data.blobs import Blobs
from data.errors import TaskError
from data.records import Metric, Prediction
from models.config import Promotion

Verdict = Literal["better", "not better", "held back", "not enough evidence"]
RESAMPLES = 1000
"""Of the percentile intervals of either version's own figure, as an evaluation draws them."""
NOTHING = Metric(0.0, None, None, 0)


@dataclass(frozen=True, slots=True)
class Trial:
    """What is judged: the primary metric, the guarded ones, and the primary metric by subgroup.

    Parameters
    ----------
    guarded:
        By metric the pair and the margin; None instead of a pair, with the reason, where it cannot be had.
    subgroups:
        The subgroup's kind and value, and the pair there, or None.
    """

    primary: Pair
    guarded: tuple[tuple[str, Pair | None, float, str], ...] = ()
    subgroups: tuple[tuple[str, str, Pair | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a trial.

    Parameters
    ----------
    difference:
        Candidate - champion in the primary metric, with the interval of this look.
    look:
        None where the patients were too few for any conclusion: nobody looked.
    patients_needed:
        Test patients with which it would probably be settled at the next look, were the differences as they were
        seen; None where it is settled, or where no number can be told.
    patients_for_effect:
        Test patients with which the gain that is worth finding would be found at this look in 80% of comparisons.
    delong:
        The difference in closed form, beside it, where each patient has one study and the metric is one AUC.
    """

    verdict: Verdict
    difference: Difference
    sentence: str
    look: Look | None = None
    guarded: tuple[Check, ...] = ()
    subgroups: tuple[Check, ...] = ()
    patients_needed: int | None = None
    patients_for_effect: int | None = None
    delong: Difference | None = None

    @property
    def better(self) -> bool:
        """Whether the candidate is to become champion."""
        return self.verdict == "better"

    def as_dict(self) -> dict[str, Any]:
        """The judgement as JSON."""
        return {
            "better": self.better,
            "verdict": self.verdict,
            "difference": self.difference.as_dict(),
            "sentence": self.sentence,
            "look": self.look.as_dict() if self.look is not None else None,
            "guarded": [c.as_dict() for c in self.guarded],
            "subgroups": [c.as_dict() for c in self.subgroups],
            "patients_needed": self.patients_needed,
            "patients_for_effect": self.patients_for_effect,
            "delong": self.delong.as_dict() if self.delong is not None else None,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Judgement:
        """The judgement back from JSON; what an older one lacks stays empty."""
        look, delong = raw.get("look"), raw.get("delong")
        return cls(
            raw["verdict"],
            Difference.from_dict(raw["difference"]),
            raw["sentence"],
            Look.from_dict(look) if look is not None else None,
            tuple(Check.from_dict(c) for c in raw.get("guarded", ())),
            tuple(Check.from_dict(c) for c in raw.get("subgroups", ())),
            raw.get("patients_needed"),
            raw.get("patients_for_effect"),
            Difference.from_dict(delong) if delong is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate beside the champion: the judgement, and the primary metric of either on the same answers."""

    judgement: Judgement
    champion: Metric
    candidate: Metric

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON; the two figures as ``champion_metric`` and ``candidate_metric``."""
        figures = {"champion_metric": self.champion.as_dict(), "candidate_metric": self.candidate.as_dict()}
        return {**self.judgement.as_dict(), **figures}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Comparison:
        """The comparison back from JSON; other keys are passed over."""
        champion, candidate = Metric(**raw["champion_metric"]), Metric(**raw["candidate_metric"])
        return cls(Judgement.from_dict(raw), champion, candidate)


def compare(
    form: Form,
    primary: str,
    champion_predictions: Mapping[str, Prediction],
    candidate_predictions: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    patients: Mapping[str, str],
    *,
    rules: Promotion | None = None,
    look: Look | None = None,
    subgroups: Sequence[Subgroup] = (),
    margin: float = 0.0,
    draws: Draws = DRAWS,
    blobs: Blobs | None = None,
) -> Comparison:
    """Compare a candidate with the champion on the test patients.

    Only answers that both were asked for count: where a cascade of either took another branch, neither does.

    Parameters
    ----------
    primary:
        The metric, as :mod:`models.evaluation` names it; larger must be better.
    champion_predictions, candidate_predictions, references:
        By study.
    patients:
        The patient of each study that has a reference.
    rules:
        Margins, subgroups and the probability of error; the defaults of :class:`models.config.Promotion` if None.
    look:
        Which look at these patients it is; the first if None.
    margin:
        By how much the lower bound of the difference must exceed 0.
    draws:
        How the patients are resampled, and below how many of them there is not enough evidence.
    blobs:
        Where masks lie, if the metric is of masks.

    Raises
    ------
    TaskError
        Of the metric smaller is better.
    NotFoundError, AnswerError
        As for :func:`models.evaluation.evaluate`.
    """
    if primary.endswith(LARGER_IS_WORSE):
        raise TaskError(
            "Versions cannot be compared on this metric.", given=primary, expected="one of which larger is better"
        )
    rules = rules or Promotion()
    both = paired(form, champion_predictions, candidate_predictions, references, patients, blobs=blobs)
    pair = both.pair(primary)
    if pair is None:
        why = f"{words.metric_name(primary)} cannot be had: {both.why_none(primary)}"
        nothing = Judgement("not enough evidence", Difference(0.0, None, None, 0), words.of_shortage(why))
        return Comparison(nothing, NOTHING, NOTHING)
    look = look or look_after((), rules.false_promotions)
    found = judge(_trial(both, pair, rules, subgroups), rules, look, margin=margin, draws=draws)
    sides = [side.metric(RESAMPLES, draws.seed) for side in (pair.champion, pair.candidate)]
    return Comparison(found, *sides)


def judge(trial: Trial, rules: Promotion, look: Look, *, margin: float = 0.0, draws: Draws = DRAWS) -> Judgement:
    """The verdict on a trial; see :func:`compare` for the parameters."""
    name, found = trial.primary.name, weigh(trial.primary, look.level, draws)
    missing = shortage(trial.primary, draws.min_patients)
    if not missing and (found.low is None or found.high is None or found.error is None):
        missing = "the difference is undefined in too many resamples"
    if missing:
        return Judgement("not enough evidence", found, words.of_shortage(missing))
    guarded = tuple(check(pair, metric, room, draws, why=why) for metric, pair, room, why in trial.guarded)
    groups = tuple(
        check(pair, name, rules.subgroup_margin, draws, kind=kind, value=value, why=TOO_FEW)
        for kind, value, pair in trial.subgroups
    )
    verdict, sentence, needed = _verdict(name, found, (*guarded, *groups), rules, look, margin)
    return Judgement(
        verdict, found, sentence, look, guarded, groups, needed,
        patients_needed(found.n, found.error or 0.0, rules.effect - margin, alpha=look.alpha),
        by_delong(trial.primary, look.level),
    )  # fmt: skip


TOO_FEW = "it has too few patients"


def _verdict(
    metric: str, found: Difference, checks: Sequence[Check], rules: Promotion, look: Look, margin: float
) -> tuple[Verdict, str, int | None]:
    """The verdict, its sentence, and the patients that would settle it."""
    guarded, groups = [c for c in checks if c.kind == WHOLE], [c for c in checks if c.kind != WHOLE]
    next_alpha = rules.false_promotions * share(look.number + 1)
    open_ = patients_needed(found.n, found.error or 0.0, found.value - margin, alpha=next_alpha)
    if found.low is None or found.low <= margin:
        if found.value <= margin:
            return "not better", words.of_not_better(metric, found, rules.effect), None
        return "not enough evidence", words.of_open(metric, found, margin, open_), open_
    if worse := [c for c in checks if c.standing is Standing.WORSE]:
        return "held back", words.of_held_back(metric, found, worse), None
    if unproven := [c for c in checks if c.holds_back]:
        needed = _in_all(found.n, [open_, *(_scaled(c, found.n) for c in unproven)])
        return "not enough evidence", words.of_unproven(metric, found, unproven, needed), needed
    return "better", words.of_better(metric, found, guarded, groups), None


def _scaled(one: Check, patients: int) -> int | None:
    """The test patients of whom enough belong to a check's subgroup."""
    if one.patients_needed is None or not one.difference.n:
        return None
    return math.ceil(one.patients_needed * max(1.0, patients / one.difference.n))


def _in_all(patients: int, wanted: Sequence[int | None]) -> int | None:
    """The largest number; None where one of them cannot be told, or where it is not above those there are."""
    known = [n for n in wanted if n is not None]
    return max(known) if len(known) == len(wanted) and max(known) > patients else None


def _trial(both: Paired, primary: Pair, rules: Promotion, subgroups: Sequence[Subgroup]) -> Trial:
    guarded = []
    for metric, room in rules.guarded.items():
        pair = both.pair(metric)
        guarded.append(
            (metric, pair, room, "" if pair is not None else f"it cannot be had: {both.why_none(metric)}")
        )
    groups = tuple((g.kind, g.value, both.pair(primary.name, g.studies)) for g in subgroups)
    return Trial(primary, tuple(guarded), groups)
