"""From predictions to what is compared: metrics of both versions on the same answers, whole and by subgroup."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from active_learning.promotion_evidence import Pair, shortage
from data.answers import Answer, Form, Mask
from data.blobs import Blobs
from data.records import Prediction
from models.measures import MEAN_AUC, MEAN_KAPPA, Measures, measures
from models.metrics import average

LARGER_IS_WORSE = (".log_loss", ".mean_abs_error")
MEANS: Mapping[str, str] = {MEAN_AUC: ".auc", MEAN_KAPPA: ".kappa"}
"""Metrics that are a mean, with the ending of those that they are the mean of."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Every metric of both versions on the answers that both were asked for.

    Parameters
    ----------
    champion, candidate:
        Their items belong to studies.
    patients:
        The patient of each study.
    """

    champion: Measures
    candidate: Measures
    patients: Mapping[str, str]

    def pair(self, metric: str, studies: Collection[str] | None = None) -> Pair | None:
        """A metric of both, over some studies or all; None where it cannot be had.

        In some studies a metric that is a mean is over those of its parts that have the patients there.
        """
        if studies is None:
            return self._whole(metric)
        if metric not in MEANS:
            return self._part(metric, studies)
        names = [name for name in self.champion.measures if name.endswith(MEANS[metric])]
        parts = [p for name in names if (p := self._part(name, studies)) is not None and not shortage(p)]
        if not parts:
            return None
        return Pair(metric, average([p.champion for p in parts]), average([p.candidate for p in parts]))

    def why_none(self, metric: str) -> str:
        """Why a metric cannot be had."""
        why = self.candidate.detail.get(metric) or self.champion.detail.get(metric)
        return why or "there is no reference for it"

    def _whole(self, metric: str) -> Pair | None:
        pair = self._of_studies(metric)
        return None if pair is None else pair.of(self.patients)

    def _part(self, metric: str, studies: Collection[str]) -> Pair | None:
        pair = self._of_studies(metric)
        if pair is None:
            return None
        inside = pair.within(studies)
        return inside.of(self.patients) if inside.champion.patients and inside.candidate.patients else None

    def _of_studies(self, metric: str) -> Pair | None:
        champion, candidate = self.champion.measures.get(metric), self.candidate.measures.get(metric)
        if champion is None or candidate is None:
            return None
        return Pair(metric, champion, candidate, metric.endswith(LARGER_IS_WORSE))


def paired(
    form: Form,
    champion: Mapping[str, Prediction],
    candidate: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    patients: Mapping[str, str],
    *,
    blobs: Blobs | None = None,
) -> Paired:
    """Measure both versions on the same answers.

    Only answers that both were asked for count: where a cascade of either took another branch, neither does.
    Parameters and errors as of :func:`models.evaluation.evaluate`.
    """
    first, second = _common(form, champion, candidate)
    own = {study_id: study_id for study_id in patients}
    old = measures(form, first, references, own, blobs=blobs)
    new = measures(form, second, references, own, blobs=blobs)
    return Paired(old, new, patients)


def _common(
    form: Form, first: Mapping[str, Prediction], second: Mapping[str, Prediction]
) -> tuple[dict[str, Prediction], dict[str, Prediction]]:
    """Both sides' predictions of the same studies; results only at the same questions and sites.

    Results of masks stay as they are: a page without one is an empty page.
    """
    masks = {question.name for question in form.questions if isinstance(question.kind, Mask)}
    one: dict[str, Prediction] = {}
    other: dict[str, Prediction] = {}
    for study_id in first.keys() & second.keys():
        a, b = first[study_id], second[study_id]
        shared = {(r.question, r.site) for r in a.results} & {(r.question, r.site) for r in b.results}
        for source, target in ((a, one), (b, other)):
            kept = tuple(r for r in source.results if r.question in masks or (r.question, r.site) in shared)
            target[study_id] = replace(source, results=kept)
    return one, other
