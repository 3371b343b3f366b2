"""What is sent to a reader: a study's pages as pictures, and what the model says where the read is assisted."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import RoundError
from data.pixels import Pixels
from data.records import Mode, Prediction, ReadPackage, ReadRequest
from data.store import Store
from models.task import ClinicalTask


@dataclass(frozen=True)
class _Pages:
    study_id: str
    label: str
    pictures: tuple[bytes, ...]
    shapes: tuple[tuple[int, int], ...]


class Packer:
    """Packages for requests; the pages of a study are made once for readers that follow one another."""

    def __init__(self, store: Store, task: ClinicalTask, pixels: Pixels) -> None:
        self.store, self.task, self.pixels = store, task, pixels
        self._last: _Pages | None = None

    def package(self, request: ReadRequest, prediction: Prediction | None) -> ReadPackage:
        """A request with its study's pages, and the prediction where the read is assisted.

        Raises
        ------
        RoundError
            The study is held for a person to look at.
        """
        shown = self._pages(request.study_id)
        given = prediction if request.mode == Mode.ASSISTED else None
        return ReadPackage(
            request=request,
            label=shown.label,
            pages=shown.pictures,
            shapes=shown.shapes,
            prefill=tuple(r.answer for r in given.results) if given else (),
            prefill_version=given.version if given else "",
            prefill_score=1.0 - given.uncertainty if given else 0.0,
        )

    def _pages(self, study_id: str) -> _Pages:
        if self._last is None or self._last.study_id != study_id:
            study = self.store.studies.get(study_id)
            if study.held:
                raise RoundError(
                    "A study is held for a person to look at.",
                    given=f"{study.study_id}: {study.held}",
                    expected="a picture without a burnt-in identity",
                    do=f"look at it, then `consilium studies release {study.study_id}`",
                )
            pages = self.task.pages(study, self.pixels)
            shapes = tuple((page.shape[0], page.shape[1]) for page in pages)
            self._last = _Pages(study_id, study.label, tuple(_png(page) for page in pages), shapes)
        return self._last


def _png(page: NDArray[Any]) -> bytes:
    from PIL import Image  # noqa: PLC0415 - only a push needs it

    stream = io.BytesIO()
    Image.fromarray(np.asarray(page, dtype=np.uint8)).save(stream, format="PNG", compress_level=3)
    return stream.getvalue()
