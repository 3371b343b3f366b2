"""Studies that a round may ask for, and how it is to choose among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from active_learning.acquisition_reasons import Said
from active_learning.disputes import Dispute
from active_learning.quotas import Quota
from active_learning.strategies.view import View
from data.records import Prediction, Study


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study that may be asked for.

    Parameters
    ----------
    said:
        What the champion says; None: no model has seen it.
    dispute:
        The largest disagreement on it, or None.
    has_reference:
        Whether its answers are known. A training case is then asked for only if it is disputed; of a test,
        calibration or validation patient no other study is either.
    doubt:
        What a read of it is worth, 0 to 1, on one scale for new and read cases; None: the larger of the champion's
        uncertainty and the dispute, 1 where no model has seen it.
    groups:
        What quotas may bound, such as ``phenotype=malignant`` or ``manufacturer=Siemens``.
    seconds:
        Expected of readers, all reads of the case together.
    """

    study: Study
    said: Said | None = None
    dispute: Dispute | None = None
    has_reference: bool = False
    doubt: float | None = None
    groups: tuple[str, ...] = ()
    seconds: float = 1.0

    @classmethod
    def of(
        cls,
        study: Study,
        prediction: Prediction | None = None,
        dispute: Dispute | None = None,
        *,
        has_reference: bool = False,
    ) -> Candidate:
        """A candidate with the champion's prediction, of which only what is needed is held."""
        return cls(study, None if prediction is None else Said.of(prediction), dispute, has_reference)

    @property
    def score(self) -> float:
        """How much it is needed, 0 to 1: its doubt."""
        if self.doubt is not None:
            return self.doubt
        uncertainty = self.said.uncertainty if self.said is not None else 1.0
        return max(uncertainty, self.dispute.score if self.dispute is not None else 0.0)

    @property
    def patient(self) -> str:
        """The patient's id."""
        return self.study.patient.patient_id


Look: TypeAlias = Callable[[Sequence[Candidate]], View]
"""Gives the view of the candidates, in their order; asked once, of the new training cases alone."""


@dataclass(frozen=True, slots=True)
class Way:
    """How training cases are chosen.

    Parameters
    ----------
    strategy:
        A name of :data:`active_learning.strategies.registry.STRATEGIES`; empty: the most doubtful first.
    per_patient:
        Studies of a training patient in a batch at the most; the most doubtful ones.
    quotas:
        Bounds on groups of the training cases.
    """

    strategy: str = ""
    per_patient: int = 1
    quotas: tuple[Quota, ...] = ()
