"""Predictions as a table for other programs."""

from __future__ import annotations

import csv
from pathlib import Path

from data.answers import encode_value
from data.errors import ConfigError
from data.store import Store

COLUMNS = (
    "study_id", "patient_id", "source_path", "question", "label", "probability", "uncertainty", "model_version",
)  # fmt: skip


def write_predictions(store: Store, version: str, path: Path) -> int:
    """Write what a version said of every study, a row for each question, site and label.

    Parameters
    ----------
    path:
        The CSV; it appears whole or not at all. ``label`` is an option of the question, ``probability`` the
        calibrated probability of it. A question at a site other than the study has the site after an ``@``.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    predictions = store.versions.predictions(version)
    studies = {s.study_id: s for s in store.studies.find(study_ids=list(predictions))}
    draft = path.with_name(f".{path.name}.draft")
    rows = 0
    try:
        with draft.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for study_id in sorted(predictions):
                study = studies[study_id]
                source = next((p for s in study.series for p in s.source_paths), "")
                for result in predictions[study_id].results:
                    name = (
                        result.question if result.site.key == "study" else f"{result.question}@{result.site.key}"
                    )
                    labels = result.probabilities or {str(encode_value(result.value)): 1.0}
                    for label, probability in labels.items():
                        writer.writerow(
                            [
                                study_id, study.patient.patient_id, source, name, label, f"{probability:.6f}",
                                f"{result.uncertainty:.6f}", version,
                            ]
                        )  # fmt: skip
                        rows += 1
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(
            "The table cannot be written.",
            given=f"{path}: {error.strerror}",
            expected="a path that may be written",
        ) from error
    return rows
