"""The demo's background work: predict an upload without keeping it.

The upload is taken in by a throw-away home; the prediction comes back in the job's record, the pictures as files
that whoever asked takes away. What a kill leaves behind is swept by the next one.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data.answers import STUDY
from data.blobs import Blobs
from data.errors import ConsiliumError, NotAnImageError, TaskError, UnsupportedFileError
from data.home import Home
from data.ingest import ingest
from data.pixels import Pixels
from data.records import Prediction, Study
from data.store import Store
from data.tables.versions import encode_measured
from models.task import ClinicalTask, Model, get_task
from workbench.jobs import QUICK, Work, kind
from workbench.outlines import draw, fullest_page
from workbench.pictures import jpeg, scaled, with_heat

SHOWN_PX = 1200
LEFT_AFTER_S = 3600.0
"""After which a folder that a kill left behind is swept."""


def demo_folder(home: Home) -> Path:
    """Where uploads of the demo lie while they are predicted."""
    return home.path / "demo"


def take_upload(home: Home, content: bytes) -> Path:
    """Keep an upload, under a name that says nothing, until it is predicted. The caller removes its folder."""
    folder = demo_folder(home) / secrets.token_hex(12)
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "upload"
    path.write_bytes(content)
    return path


def remove_upload(home: Home, path: Path) -> None:
    """Remove an upload and all that was made of it."""
    if path.parent.parent == demo_folder(home):
        shutil.rmtree(path.parent, ignore_errors=True)


def sweep(home: Home, *, older_than_s: float = LEFT_AFTER_S) -> None:
    """Remove what a kill left behind."""
    for folder in demo_folder(home).glob("*"):
        try:
            old = time.time() - folder.stat().st_mtime > older_than_s
        except OSError:
            continue
        if folder.is_dir() and old:
            shutil.rmtree(folder, ignore_errors=True)


@kind("demo.predict", line=QUICK)
def demo_predict(work: Work, *, task: str, upload: str, pictures: bool = True) -> Mapping[str, Any]:
    """Predict an upload with the champion.

    Parameters
    ----------
    upload:
        A file in :func:`demo_folder`.
    pictures:
        Whether to write ``picture.jpg`` and ``heat-<question>.jpg`` beside the upload.
    """
    from models.versions import caution, load  # noqa: PLC0415 - loads torch
    from workbench.work import champion_of  # noqa: PLC0415 - that module imports this one

    sweep(work.home)
    store, clinical, path = Store.of(work.home), get_task(task), Path(upload)
    if path.parent.parent != demo_folder(work.home) or not path.is_file():
        raise NotAnImageError("The upload is gone.", given=path.name, expected="a file", do="upload it again")
    version = champion_of(store, task)
    work.progress(0.05, "reading the file")
    with _upload(work.home, path, stays=pictures), _away(path) as (home, study_of):
        study = study_of(clinical)
        work.progress(0.35, f"predicting with {version}")
        model = load(store, Blobs.of(work.home), version)
        pixels = Pixels(Blobs.of(home))
        prediction = next(iter(model.predict([study], pixels)))
        work.progress(0.7, "drawing")
        drawn = _draw(clinical, model, study, prediction, pixels, path.parent) if pictures else []
        return {
            "task": task,
            "version": version,
            "modality": study.modality,
            "view": study.view,
            "held": study.held,
            "caution": caution(Blobs.of(work.home), store.versions.get(version), study),
            "uncertainty": prediction.uncertainty,
            "results": [_result(r) for r in prediction.results],
            "measured": [encode_measured(m) for m in prediction.measured],
            "pictures": drawn,
        }


@contextmanager
def _upload(home: Home, path: Path, *, stays: bool) -> Iterator[None]:
    """Remove the upload once the work has ended, unless whoever asked still takes the pictures away."""
    try:
        yield
    finally:
        if not stays:
            remove_upload(home, path)


class _Taken:
    """What an upload became in its throw-away home."""

    def __init__(self, home: Home, path: Path) -> None:
        self._store = Store.of(home)
        self._report = ingest(home, [path])

    def __call__(self, task: ClinicalTask) -> Study:
        """The study of it that the task takes."""
        studies = self._store.studies.find()
        if not studies:
            first = next(iter(self._report.refused), None)
            raise NotAnImageError(
                "The file cannot be read.",
                given=first.message if first else "a file without pictures",
                expected="DICOM, PNG, JPEG, or a ZIP of one study",
                do="check the file and upload it again",
            )
        fitting = [study for study in studies if task.accepts(study)]
        if not fitting:
            raise TaskError(
                f"{task.title} does not take this image.",
                given=", ".join(sorted({study.modality for study in studies})),
                expected=", ".join(sorted(task.modalities)),
                do="choose another task, or another image",
            )
        if len(fitting) > 1:
            raise UnsupportedFileError(
                "There are several studies in the file.", given=f"{len(fitting)} studies", expected="one",
                do="upload them one by one",
            )  # fmt: skip
        return fitting[0]

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()


@contextmanager
def _away(path: Path) -> Iterator[tuple[Home, _Taken]]:
    """A home beside the upload that is gone afterwards."""
    home = Home(path.parent / "home").prepare()
    taken: _Taken | None = None
    try:
        taken = _Taken(home, path)
        yield home, taken
    finally:
        if taken is not None:
            taken.close()
        shutil.rmtree(home.path, ignore_errors=True)


def _result(result: Any) -> dict[str, Any]:
    from data.answers import encode_value  # noqa: PLC0415

    return {
        "question": result.question,
        "site": result.site.key,
        "value": encode_value(result.value),
        "probabilities": dict(result.probabilities),
        "uncertainty": result.uncertainty,
    }


def _draw(
    task: ClinicalTask, model: Model, study: Study, prediction: Prediction, pixels: Pixels, folder: Path
) -> list[str]:
    """Write the picture, and the heat map of each answer that has one. Returns the files' names."""
    pages = task.pages(study, pixels)
    names = ["picture.jpg"]
    page = fullest_page(prediction)
    page = len(pages) // 2 if page is None else page
    shape = (pages[page].shape[0], pages[page].shape[1])
    drawn = draw(pixels.blobs, task.form, scaled(pages[page], SHOWN_PX), prediction, page, shape)
    (folder / names[0]).write_bytes(jpeg(drawn))
    for question in dict.fromkeys(r.question for r in prediction.results):
        result = max((r for r in prediction.results if r.question == question), key=lambda r: r.site == STUDY)
        try:
            found = model.explain(study, question, pixels, site=result.site)
        except ConsiliumError:
            continue
        heat, shown = np.round(found.heat * 255).astype(np.uint8), scaled(pages[found.page], SHOWN_PX)
        name = f"heat-{question}.jpg"
        (folder / name).write_bytes(jpeg(with_heat(shown, heat, 0.8)))
        names.append(name)
    return names
