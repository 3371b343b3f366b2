"""Where readers disagree among themselves, or with the model, and the reason in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from active_learning.model_votes import ModelVote, model_vote
from active_learning.votes import Ballot, ballots, counted
from active_learning.words import place, spoken
from data.answers import STUDY, Form, Site
from data.records import Annotation, Prediction


@dataclass(frozen=True, slots=True)
class Dispute:
    """A disagreement on one question at one site.

    Parameters
    ----------
    score:
        Above 0, to 1: the larger of two shares. Among readers, the share of their pairs that differ. Between
        readers and model, by how much the model holds its own answer more probable than a reader's, the mean over
        the readers.
    label:
        The finding, or the label of a mask; empty for choices and grades.
    reason:
        A sentence for people.
    """

    study_id: str
    score: float
    question: str
    site: Site
    label: str
    reason: str


def dispute(annotations: Iterable[Annotation], prediction: Prediction | None, form: Form) -> Dispute | None:
    """The largest disagreement on a study, or None where there is none."""
    found = disputes(annotations, prediction, form)
    return found[0] if found else None


def disputes(annotations: Iterable[Annotation], prediction: Prediction | None, form: Form) -> tuple[Dispute, ...]:
    """Every disagreement on a study, the largest first; the form's order breaks ties.

    Parameters
    ----------
    annotations:
        Of one study, assisted reads included. Skipped ones say nothing; of a reader's several one counts.
    prediction:
        Of the same study, or None.
    """
    reads = counted(annotations, count_assisted=True)
    if not reads:
        return ()
    several = len(form.questions) > 1
    found = []
    for ballot in ballots(reads, form):
        model = model_vote(prediction, form, ballot.question, ballot.site, ballot.label)
        score = max(_among(ballot), _against(ballot, model))
        if score > 0:
            said = [option for _, option in ballot.said]
            reason = _subject(ballot, several) + sentence(said, ballot.options, model)
            found.append(Dispute(reads[0].study_id, score, ballot.question, ballot.site, ballot.label, reason))
    return tuple(sorted(found, key=lambda d: -d.score))


def _among(ballot: Ballot) -> float:
    """The share of pairs of readers that differ."""
    n = len(ballot.said)
    same = sum(c * (c - 1) for c in Counter(said for _, said in ballot.said).values())
    return 1 - same / (n * (n - 1)) if n > 1 else 0.0


def _against(ballot: Ballot, model: ModelVote | None) -> float:
    if model is None or not ballot.said:
        return 0.0
    own = model.probabilities.get(model.option, 1.0)
    gaps = [max(0.0, own - model.probabilities.get(said, 0.0)) for _, said in ballot.said if said != model.option]
    return sum(gaps) / len(ballot.said)


def _subject(ballot: Ballot, several: bool) -> str:
    name = spoken(ballot.label or (ballot.question if several else ""))
    where = place(ballot.site) if ballot.site != STUDY else ""
    subject = f"{name}{where}".strip()
    return f"{subject}: " if subject else ""


def sentence(said: Sequence[str], options: Sequence[str], model: ModelVote | None, verb: str = "say") -> str:
    """Such as ``2 of 3 readers say cut off, the model 0.91 complete``.

    Parameters
    ----------
    said:
        What each reader said; one at least.
    options:
        In their order, which breaks ties.
    verb:
        What readers do, of several of them.
    """
    n = len(said)
    tally = Counter(said)
    ranked = sorted(tally, key=lambda option: (-tally[option], options.index(option)))
    top = ranked[0]
    if n == 1:
        words = f"the reader {verb}s {spoken(top)}"
    elif len(ranked) == 1:
        words = f"{'both' if n == 2 else f'all {n}'} readers {verb} {spoken(top)}"
    else:
        words = f"{tally[top]} of {n} readers {verb if tally[top] > 1 else f'{verb}s'} {spoken(top)}"
    spared = model.option if model is not None and model.option != top else None
    words += "".join(f", {tally[option]} {spoken(option)}" for option in ranked[1:] if option != spared)
    if model is None:
        return words
    p = model.probabilities.get(model.option)
    on = "" if verb == "say" else "on "
    told = spoken(model.option) if p is None else f"{p:.2f} {on}{spoken(model.option)}"
    return f"{words}, the model {told}"
