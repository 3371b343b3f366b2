"""What whoever looks at a study may see of it in the viewer: the model's, the readers', the consensus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.answers import MaskValue, Site
from data.records import Annotation, Consensus, Prediction, Study
from data.store import Store
from workbench.adjudicating import in_order
from workbench.blindness import Sight


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown over a study's pictures.

    Parameters
    ----------
    predictions:
        Of the task's versions; the first is the one that is shown.
    reads:
        Of the readers, declined ones left out; where readers are not named, in the case's own order.
    names:
        Whether readers are named; else they are ``Reader 1``, ``Reader 2`` by their place in ``reads``.
    chosen:
        What is about to be decided, by page.
    page:
        Which page is shown first, from 0; None for the one on which there is most to see.
    difference:
        Whether the difference of the first two hands is shown at once.
    """

    predictions: tuple[Prediction, ...] = ()
    reads: tuple[Annotation, ...] = ()
    consensus: tuple[Consensus, ...] = ()
    names: bool = True
    chosen: Mapping[Site, MaskValue] = field(default_factory=dict)
    page: int | None = None
    difference: bool = False

    @property
    def prediction(self) -> Prediction | None:
        """The prediction that is shown."""
        return self.predictions[0] if self.predictions else None


NOTHING = Shown()
"""The pictures alone."""


def seen(store: Store, task: str, champion: str, study: Study, sight: Sight, *, own: str = "") -> Shown:
    """What may be shown of a study to whoever sits there.

    Parameters
    ----------
    champion:
        The version whose prediction comes first; where it has none, the newest does.
    sight:
        What :class:`workbench.blindness.Blindness` allows of this study.
    own:
        The id of the reader who looks; empty for the curator.
    """
    predictions = [p for p in store.versions.predictions_of(study.study_id) if p.task == task and sight.model]
    predictions.sort(key=lambda p: p.version != champion)
    reads = [
        read
        for read in store.reads.annotations(task, study_id=study.study_id)
        if not read.skipped and may_see(sight, own, read.reader_id, read.round_id)
    ]
    agreed = store.labels.consensus(task, study_id=study.study_id) if sight.others else []
    return Shown(
        tuple(predictions),
        tuple(reads if sight.names else in_order(reads)),
        tuple(c for c in agreed if c.value is not None),
        sight.names,
    )


def may_see(sight: Sight, own: str, reader_id: str, round_id: str) -> bool:
    """Whether a read may be shown: one's own, of the rounds that may be seen, or everybody's."""
    if own and reader_id == own and sight.rounds is not None:
        return round_id in sight.rounds
    return sight.others or reader_id == own
