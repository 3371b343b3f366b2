"""A home whose reader has assisted cases with outlines on a real labelling server: small CT, known masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.plan import RoundPlan
from active_learning.rounds import Loop
from data.answers import STUDY, MaskValue, Site
from data.blobs import Blobs
from data.home import Home
from data.records import (
    Layout,
    Patient,
    Prediction,
    QuestionPrediction,
    Reader,
    ReaderKind,
    ReadRequest,
    Round,
    Series,
    Study,
)
from data.store import Store
from labelstudio.gateway import LabelStudioGateway
from labelstudio.server import LabelStudioServer
from models.task import get_task
from tests.filled_home import manifest_of
from tests.reading_home import training_patients

TASK = "adrenal_ct"
SHAPE = (3, 96, 128)
"""(slices, rows, columns) of every stack."""
PAGE = 1
"""The slice on which the model outlines its lesion."""


@dataclass
class Story:
    """The home, its loop, the reader's cases in their order, and the outline that the model gives."""

    home: Home
    loop: Loop
    reader: Reader
    round: Round
    outline: NDArray[np.bool_]

    @property
    def cases(self) -> list[ReadRequest]:
        """What is asked of the reader."""
        return self.loop.store.reads.requests(reader_id=self.reader.reader_id)


def story(home: Home, server: LabelStudioServer, *, reader: str, cases: int = 2) -> Story:
    """Fill a home, and send its reader the cases, each with the model's answer."""
    store, blobs, task = Store.of(home), Blobs.of(home), get_task(TASK)
    outline = np.zeros(SHAPE[1:], bool)
    outline[40:56, 60:84] = True
    loop = Loop(home, task, LabelStudioGateway(server, blobs, store.reads.reader))
    owners = training_patients(home, cases)
    studies = [_study(store, blobs, owner, number) for number, owner in owners.items()]
    manifest = manifest_of(blobs, TASK, studies=1, phantoms=1)
    version = store.versions.add(task=TASK, profile="tiny", manifest=manifest, parent="", round_id="").version
    drawn = MaskValue(SHAPE[1:], (("lesion_1", blobs.put_mask(outline)),))
    results = (
        QuestionPrediction("finding", STUDY, "lesion", {"lesion": 0.7, "no_lesion": 0.3}, 0.9),
        QuestionPrediction("lesions", Site.page(PAGE), drawn, {}, 0.2),
        QuestionPrediction("phenotype", Site("lesion:1"), "benign",
                           {"benign": 0.5, "malignant": 0.3, "indeterminate": 0.2}, 0.9),
    )  # fmt: skip
    store.versions.put_predictions(Prediction(TASK, s.study_id, version, results) for s in studies)
    store.versions.crown(TASK, version, "the first version of the task")
    who = store.reads.add_reader(Reader(reader, "Dr New", ReaderKind.PERSON))
    shares = {"random_share": 0.0, "independent_share": 0.0}
    current = loop.open(RoundPlan((reader,), budget=cases, readers_per_case=1, profile="tiny", **shares))
    loop.push(current.round_id)
    return Story(home, loop, who, current, outline)


def _study(store: Store, blobs: Blobs, owner: Patient, number: int) -> Study:
    z, y, x = np.indices(SHAPE)
    pixels = (20 * z + y + x + number - 100).astype(np.int16)
    name = f"stack-{number:03d}"
    affine = (0.0, 0.0, 0.8, 0.0, 0.0, 0.8, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    series = Series(f"series-{number:03d}", name, "CT", Layout.VOLUME, pixels.shape, blobs.put_array(pixels),
                    spacing_mm=(5.0, 0.8, 0.8), affine=affine, window=(40.0, 400.0))  # fmt: skip
    study = Study(name, owner, "CT", (series,), phantom=True,
                  ingested_at="2026-01-01T00:00:00+00:00")  # fmt: skip
    store.studies.add(study, {})
    return study
