"""What becomes of an unread study: cleared, read, or given to an adjudicator; with the reason in words.

Cleared are studies of training patients alone. The others are drawn at random for the reference standard, so that
no score may have a say in whether they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from active_learning.conformal import in_set
from active_learning.triage_target import Topic, given, score
from active_learning.votes import ballots, counted
from active_learning.words import place, spoken
from data.answers import Form, Site
from data.records import Annotation, ConformalSets, Part, Prediction, Study, TriagePolicy, Way

PURPOSES = {
    Part.VALIDATION: "the validation set", Part.CALIBRATION: "the calibration set", Part.TEST: "the test set",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unread:
    """A study whose answer is not settled.

    Parameters
    ----------
    prediction:
        The champion's, or None.
    reads:
        Earlier reads of it that have a vote.
    reading:
        Whether a round that is open asks for it.
    learnt:
        Whether the champion has learnt from the patient, by this study or another: its scores are not fair then.
    unlike:
        Why it is unlike the calibration patients' studies; empty where it is not.
    """

    study: Study
    prediction: Prediction | None = None
    reads: Sequence[Annotation] = ()
    reading: bool = False
    learnt: bool = False
    unlike: str = ""


@dataclass(frozen=True, slots=True)
class SetOf:
    """The prediction set of one topic at one site."""

    question: str
    label: str
    site: Site
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TriageDecision:
    """What becomes of a study, and why.

    Parameters
    ----------
    score:
        The probability of pathology; None where the champion says nothing of it.
    sets:
        The prediction sets of all that the champion answers.
    """

    study_id: str
    way: Way
    reason: str
    score: float | None = None
    sets: tuple[SetOf, ...] = ()


def decide(unread: Unread, form: Form, policy: TriagePolicy | None, *, stopped: str = "") -> TriageDecision:
    """What becomes of a study.

    Parameters
    ----------
    policy:
        The operating point of the version that made the prediction, or None.
    stopped:
        Why nothing is cleared now; empty where clearing goes on.
    """
    study, prediction = unread.study, unread.prediction
    if policy is None or prediction is None:
        said = (
            "no operating point holds for the champion" if policy is None else "the champion has not predicted it"
        )
        return TriageDecision(study.study_id, Way.READ, said)
    value = score(policy.target, form, prediction)
    sets = tuple(sets_of(policy.sets, form, prediction))
    if conflict := _conflict(unread, form, policy, sets):
        return TriageDecision(study.study_id, Way.ADJUDICATE, conflict, value, sets)
    if kept := _kept(unread, policy, value, stopped):
        return TriageDecision(study.study_id, Way.READ, kept, value, sets)
    said = "its probability of pathology lies below the operating point"
    return TriageDecision(study.study_id, Way.CLEAR, said, value, sets)


def sets_of(fitted: Sequence[ConformalSets], form: Form, prediction: Prediction) -> Iterator[SetOf]:
    """The prediction sets of a study, topic by topic and site by site."""
    for one in fitted:
        for site, row in given(prediction, form, Topic(one.question, one.label, one.options)):
            kept = in_set(one, [row.get(option, 0.0) for option in one.options])
            yield SetOf(one.question, one.label, site, kept)


def _kept(unread: Unread, policy: TriagePolicy, value: float | None, stopped: str) -> str:
    """Why a study is read; empty where it may be cleared."""
    study, part = unread.study, unread.study.patient.part
    if value is None:
        return "the champion says nothing of pathology in it"
    reasons = (
        (unread.reading, "an open round asks for it"),
        (bool(study.held), f"it is held: {study.held}"),
        (part != Part.TRAIN, f"the patient belongs to those drawn at random for the {part.value} set"),
        (unread.learnt, "the champion has learnt from the patient"),
        (bool(unread.unlike), unread.unlike),
        (value >= policy.threshold, "its probability of pathology reaches the operating point"),
        (bool(stopped), f"clearing is stopped: {stopped}"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _conflict(unread: Unread, form: Form, policy: TriagePolicy, sets: Sequence[SetOf]) -> str:
    """Why a study needs an adjudicator: a set about pathology is empty, or leaves out what the readers say."""
    own = {(s.question, s.label, s.site): s for s in sets if _is_of(policy, s.question, s.label)}
    for one in own.values():
        if not one.options:
            return f"the model's answer{_about(one)} fits none of the calibration patients"
    for ballot in ballots(counted(unread.reads, count_assisted=False), form):
        found = own.get((ballot.question, ballot.label, ballot.site))
        said = {option for _, option in ballot.said}
        if found is not None and said and not said & set(found.options):
            who = "the reader says" if len(ballot.said) == 1 else f"{len(ballot.said)} readers say"
            left = " or ".join(spoken(option) for option in found.options)
            options = " or ".join(spoken(option) for option in sorted(said))
            return f"{who} {options}{_about(found)}, where the model leaves {left} alone"
    return ""


def _is_of(policy: TriagePolicy, question: str, label: str) -> bool:
    return question in policy.target and (not label or label in policy.target[question])


def _about(one: SetOf) -> str:
    return f" on {spoken(one.label or one.question)}{place(one.site)}"
