"""How a version does against the reference standard: figures with intervals over patients, and curves.

Each answer of the reference is an item, clustered by patient: a question that is asked at several sites gives
several items a study. Figures are over the items that the version was asked; ``<question>.coverage`` is the share
of the reference's items that it was. (A cascade does not ask a question whose branch it did not take.)

=============  ===================================================================================================
kind           metrics, each named ``<question>.<metric>``
=============  ===================================================================================================
Choice of two  auc, accuracy, precision, recall, f1, log_loss, sensitivity, specificity. The second option is the
               positive one; auc and log_loss are of its probability, the others of the answer as given.
Choice         auc (mean over options of one against the rest), accuracy, f1 (mean over options), log_loss
Grade          kappa (quadratic), accuracy
Findings       as for a choice of two, each finding apart: ``<question>.<finding>.auc`` ...
Mask           dice over the pages of a study, the mean over studies and labels of which either side marked any
Measurement    mean_abs_error, in the question's unit
=============  ===================================================================================================

``mean_auc`` is the mean of every auc that can be had; ``Evaluation.detail`` names them. A figure that cannot be
had is absent, and ``detail`` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data.answers import Answer, Form
from data.blobs import Blobs
from data.records import Metric, Prediction
from models.curves import Curves
from models.measures import measures


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a version did.

    Parameters
    ----------
    metrics:
        By name, see :mod:`models.evaluation`.
    curves:
        By question, or by ``<question>.<finding>``.
    patients, studies:
        How many have a reference.
    n_bootstrap, seed:
        How the intervals were drawn.
    detail:
        What must be known of a figure, by its name: over what it is a mean, why it is absent or has no interval.
    """

    metrics: Mapping[str, Metric]
    curves: Mapping[str, Curves]
    patients: int
    studies: int
    n_bootstrap: int
    seed: int
    detail: Mapping[str, str] = field(default_factory=dict)

    def metrics_dict(self) -> dict[str, dict[str, float | int | None]]:
        """The figures alone, as JSON."""
        return {name: metric.as_dict() for name, metric in self.metrics.items()}

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as JSON."""
        return {
            "metrics": self.metrics_dict(),
            "curves": {name: curves.as_dict() for name, curves in self.curves.items()},
            "patients": self.patients,
            "studies": self.studies,
            "n_bootstrap": self.n_bootstrap,
            "seed": self.seed,
            "detail": dict(self.detail),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Evaluation:
        """The evaluation back from JSON."""
        return cls(
            {name: Metric(**metric) for name, metric in raw["metrics"].items()},
            {name: Curves.from_dict(curves) for name, curves in raw["curves"].items()},
            raw["patients"],
            raw["studies"],
            raw["n_bootstrap"],
            raw["seed"],
            dict(raw["detail"]),
        )


def evaluate(
    form: Form,
    predictions: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    patients: Mapping[str, str],
    *,
    n_bootstrap: int = 1000,
    seed: int = 0,
    blobs: Blobs | None = None,
) -> Evaluation:
    """Measure predictions against the reference standard.

    Parameters
    ----------
    predictions:
        By study.
    references:
        The answers that stand for the truth, by study.
    patients:
        The patient of each study that has a reference.
    n_bootstrap, seed:
        Resamples of the patients for the 95% intervals, and the seed of their draws.
    blobs:
        Where the masks lie; masks are not measured without it.

    Raises
    ------
    NotFoundError
        A study with a reference has no patient.
    AnswerError
        A prediction has no probabilities for its question's options, or an answer does not fit the form.
    """
    found = measures(form, predictions, references, patients, blobs=blobs)
    computed = {name: measure.metric(n_bootstrap, seed) for name, measure in found.measures.items()}
    for name, metric in computed.items():
        if metric.low is None and n_bootstrap:
            note = "no interval: too few patients, in all or of a class"
            found.detail[name] = f"{found.detail[name]}; {note}" if name in found.detail else note
    of = {patients[study_id] for study_id in references}
    return Evaluation(computed, found.curves, len(of), len(references), n_bootstrap, seed, found.detail)
