"""Labels that came without readers and are likely wrong, by models that have not seen the patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from active_learning.label_errors import label_errors
from active_learning.model_votes import model_table
from active_learning.ratings import Ratings
from active_learning.votes import ballots
from data.answers import Form
from data.records import Annotation, Mode
from models.crossfit import OutOfFold

LABEL = "label"


@dataclass(frozen=True, slots=True)
class SuspectLabel:
    """A label that a reader should look at.

    Parameters
    ----------
    site:
        Where the label holds, as :class:`data.answers.Site` writes it.
    label:
        The finding, or what is outlined; empty for choices and grades.
    given, likely:
        What the label says, and what the models that have not seen the patient hold confidently.
    probability:
        Of what the label says, by those models.
    """

    study_id: str
    question: str
    site: str
    label: str
    given: str
    likely: str
    probability: float
    reason: str


def suspect_labels(found: OutOfFold, form: Form) -> tuple[SuspectLabel, ...]:
    """The labels that are likely wrong, the least probable first; measurements are left out."""
    tables = _labels(found, form)
    patients = {e.study.study_id: e.study.patient.patient_id for e in found.examples}
    suspects: list[SuspectLabel] = []
    for (question, label), ratings in tables.items():
        probabilities = model_table(ratings, form, question, label, found.predictions)
        if not np.isfinite(probabilities).any():
            continue
        studies = [item.rpartition(" ")[0] for item in ratings.items]
        for error in label_errors(
            ratings.items,
            ratings.options,
            ratings.given[:, 0],
            probabilities,
            patients=[patients[study] for study in studies],
            folds=[found.folds[study] for study in studies],
        ):
            study, _, site = error.item.rpartition(" ")
            suspects.append(
                SuspectLabel(
                    study, question, site, label, error.given, error.likely, error.probability, error.reason
                )
            )
    return tuple(sorted(suspects, key=lambda one: one.probability))


def _labels(found: OutOfFold, form: Form) -> dict[tuple[str, str], Ratings]:
    """The labels as the answers of one reader, by question and label."""
    rows: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    options: dict[tuple[str, str], Sequence[str]] = {}
    for key, item, given, possible in _said(found, form):
        rows.setdefault(key, []).append((item, LABEL, given))
        options[key] = possible
    return {key: Ratings.of(given, options[key]) for key, given in rows.items()}


def _said(found: OutOfFold, form: Form) -> Iterator[tuple[tuple[str, str], str, str, Sequence[str]]]:
    for example in found.examples:
        read = Annotation("label", "", example.study.study_id, LABEL, Mode.INDEPENDENT, example.answers)
        for ballot in ballots([read], form):
            item = f"{example.study.study_id} {ballot.site.key}"
            for _, option in ballot.said:
                yield (ballot.question, ballot.label), item, option, ballot.options
