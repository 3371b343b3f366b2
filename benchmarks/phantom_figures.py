"""The figures of :mod:`benchmarks.phantoms`: which ones a task has, and what its yardsticks get."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from benchmarks import plain
from data.answers import Choice, Findings, Grade, Mask, MaskValue, Site
from data.home import Home
from data.ingest import ingest
from data.pixels import Pixels
from data.records import Metric, Prediction
from data.store import Store
from models import metrics
from models.dice import read_mask
from models.evaluation import Evaluation
from models.prediction import predict_studies
from models.task import ClinicalTask, Example


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% interval over patients, and what the yardsticks get of the same."""

    metric: Metric
    linear: float | None = None
    reference: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """As JSON, rounded."""
        given = (self.metric.value, self.metric.low, self.metric.high, self.linear, self.reference)
        names = ("value", "low", "high", "linear", "reference")
        return {n: None if v is None else round(v, 4) for n, v in zip(names, given, strict=True)}


@dataclass(frozen=True)
class Measured:
    """What a figure is computed from."""

    home: Home
    task: ClinicalTask
    version: str
    pixels: Pixels
    training: Sequence[Example]
    test: Sequence[Example]
    predictions: Mapping[str, Prediction]
    evaluation: Evaluation


@dataclass(frozen=True)
class Items:
    """What the yardsticks see: (n, frames, rows, columns), and the class of each."""

    linear: plain.Volumes
    reference: plain.Volumes
    targets: NDArray[np.int64]


Score = Callable[[NDArray[np.int64], NDArray[np.float64]], float]
"""(targets, probabilities (n, classes)) -> a figure."""


def of_pages(known: Measured, examples: Iterable[Example], target: Callable[[Example], int | None]) -> Items:
    """The pages of the examples that have a target."""
    chosen = [(e, t) for e in examples if (t := target(e)) is not None]
    studies = [e.study for e, _ in chosen]
    stacked = partial(plain.stacked, known.task, studies, known.pixels)
    return Items(
        stacked(frames=plain.LINEAR_FRAMES, size_px=plain.LINEAR_PX),
        stacked(frames=plain.REFERENCE_FRAMES, size_px=plain.REFERENCE_PX),
        np.array([t for _, t in chosen], dtype=np.int64),
    )


def yardsticks(training: Items, test: Items, score: Score) -> tuple[float, float]:
    """What the linear model and the reference network get."""
    first = plain.linear(training.linear, training.targets, test.linear)
    second = plain.reference(training.reference, training.targets, test.reference)
    return score(test.targets, first), score(test.targets, second)


def auc_of(targets: NDArray[np.int64], given: NDArray[np.float64]) -> float:
    """The area under the ROC curve of the second class."""
    return float(roc_auc_score(targets == 1, given[:, 1]))


def f1_of(targets: NDArray[np.int64], given: NDArray[np.float64]) -> float:
    """Macro F1 of the most probable class."""
    return float(f1_score(targets, given.argmax(axis=1), average="macro"))


def kappa_of(targets: NDArray[np.int64], given: NDArray[np.float64]) -> float:
    """Quadratic kappa of the most probable grade."""
    return float(cohen_kappa_score(targets, given.argmax(axis=1), weights="quadratic"))


def choice_auc(question: str, known: Measured) -> Figure:
    """AUC of a choice of two options at the study."""
    kind = known.task.form[question].kind
    assert isinstance(kind, Choice)

    def target(example: Example) -> int | None:
        value = example.value(question)
        return kind.options.index(value) if isinstance(value, str) else None

    training, test = (of_pages(known, some, target) for some in (known.training, known.test))
    return Figure(known.evaluation.metrics[f"{question}.auc"], *yardsticks(training, test, auc_of))


def findings_auc(question: str, known: Measured) -> Figure:
    """Mean AUC over the findings that both classes are there of."""
    kind = known.task.form[question].kind
    assert isinstance(kind, Findings)
    found = []
    for label in kind.labels:
        if f"{question}.{label}.auc" not in known.evaluation.metrics:
            continue

        def target(example: Example, label: str = label) -> int | None:
            value = example.value(question)
            return int(label in value) if isinstance(value, frozenset) else None

        training, test = (of_pages(known, some, target) for some in (known.training, known.test))
        found.append(yardsticks(training, test, auc_of))
    linear, reference = (float(np.mean(column)) for column in zip(*found, strict=True))
    return Figure(known.evaluation.metrics["mean_auc"], linear, reference)


def unseen_auc(name: str, known: Measured, *, count: int = 40) -> Figure:
    """AUC of phantoms with a pathology that no part was trained on, against the normal test patients."""
    from data.phantoms.chest_ct_norm import write

    with tempfile.TemporaryDirectory() as folder:
        write(count, Path(folder) / "unseen", first=100_000, unseen=name)
        done = ingest(known.home, [Path(folder) / "unseen"])
    strange = Store.of(known.home).studies.find(study_ids=list(done.studies))
    predicted = predict_studies(known.home, known.task, known.version, strange)
    normal = [e.study for e in known.test if e.value("norm") == "normal"]
    studies = [*strange, *normal]
    both = {**known.predictions, **predicted}
    results = [both[s.study_id].result("norm") for s in studies]
    scores = np.array([r.probabilities["pathology"] if r else np.nan for r in results])
    positive = np.array([True] * len(strange) + [False] * len(normal))
    measure = metrics.auc(scores, positive, [s.patient.patient_id for s in studies])
    assert measure is not None
    return Figure(measure.metric(1000, 0))


def level_kappa(question: str, known: Measured) -> Figure:
    """Quadratic kappa of a grade over all its sites; the yardsticks see the level's slice alone."""
    kind = known.task.form[question].kind
    assert isinstance(kind, Grade)
    training, test = (_of_levels(known, some, question) for some in (known.training, known.test))
    return Figure(known.evaluation.metrics[f"{question}.kappa"], *yardsticks(training, test, kappa_of))


def _of_levels(known: Measured, examples: Iterable[Example], question: str) -> Items:
    """The level's page of each graded site, the other side mirrored."""
    small, large, targets = [], [], []
    names = list(dict.fromkeys(site.key.split(":")[1] for site in known.task.form[question].sites))
    for example in examples:
        marked = sorted(a.site.page_index or 0 for a in example.answers if a.question == "structures")
        pages = known.task.pages(example.study, known.pixels)
        for answer in example.answers:
            if answer.question != question or len(marked) != len(names):
                continue
            level, _, side = answer.site.key.removeprefix("level:").partition(":")
            page = pages[marked[::-1][names.index(level)]]  # slices run to the head, levels to the feet
            page = page[:, ::-1] if side == "left" else page
            rows, columns = page.shape
            page = page[rows // 4 : -rows // 4, columns // 4 : -columns // 4]
            small.append(_shrunk(page, plain.LINEAR_PX)[None])
            large.append(_shrunk(page, plain.REFERENCE_PX)[None])
            targets.append(answer.value)
    return Items(np.stack(small), np.stack(large), np.array(targets, dtype=np.int64))


def area_error(quantity: str, label: str, known: Measured) -> Figure:
    """Median relative error of an area, in pct: measured by the model, against the reference's mask."""
    form, blobs = known.task.form, known.pixels.blobs
    levels = list(form["central"].sites)
    errors: list[float] = []
    patients: list[str] = []
    for example in known.test:
        masks = sorted(
            (a.site.page_index or 0, a.value)
            for a in example.answers
            if a.question == "structures" and isinstance(a.value, MaskValue)
        )
        prediction = known.predictions.get(example.study.study_id)
        if len(masks) != len(levels) or prediction is None:
            continue
        spacing = Pixels.page_spacing_mm(known.task.sources(example.study)[0].series)
        assert spacing is not None
        for site, (_, value) in zip(levels, masks[::-1], strict=True):
            mask = read_mask(value, label, blobs)
            given = next((m.value for m in prediction.measured if m.name == quantity and m.site == site), None)
            if mask is not None and given is not None:
                truth = float(mask.sum()) * spacing[0] * spacing[1]
                errors.append(100 * abs(given - truth) / truth)
                patients.append(example.study.patient.patient_id)
    return Figure(_median(np.array(errors), patients))


def _median(values: NDArray[np.float64], patients: Sequence[str], draws: int = 1000) -> Metric:
    """A median with its interval over resampled patients."""
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    own = [values[index == i] for i in range(len(names))]
    rng = np.random.default_rng(0)
    drawn = [
        np.median(np.concatenate([own[i] for i in rng.integers(0, len(own), len(own))])) for _ in range(draws)
    ]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Metric(float(np.median(values)), float(low), float(high), len(names))


def mask_ap50(question: str, known: Measured) -> Figure:
    """Average precision of the outlined lesions, slice by slice, at an intersection over union of 0.5.

    Instances are matched greedily by falling probability, as COCO does; the precision is averaged over recall.
    """
    truth, given = [], []
    for example in known.test:
        prediction = known.predictions[example.study.study_id]
        truth.append([a for a in example.answers if a.question == question])
        given.append([r for r in prediction.results if r.question == question])
    patients = [e.study.patient.patient_id for e in known.test]
    matched = [_matched(known, question, t, g) for t, g in zip(truth, given, strict=True)]

    def precision(chosen: NDArray[np.int64]) -> float:
        hits = [hit for i in chosen for hit in matched[i][0]]
        return _average_precision(hits, sum(matched[i][1] for i in chosen))

    rng, count = np.random.default_rng(0), len(matched)
    drawn = [precision(rng.integers(0, count, count)) for _ in range(1000)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Figure(Metric(precision(np.arange(count)), float(low), float(high), len(set(patients))))


def _matched(known: Measured, question: str, truth: Any, given: Any) -> tuple[list[tuple[float, bool]], int]:
    """(probability, hit) of each predicted instance of a study, and how many instances there are in truth."""
    kind, blobs = known.task.form[question].kind, known.pixels.blobs
    assert isinstance(kind, Mask)
    wanted: dict[Site, list[NDArray[np.bool_]]] = {}
    for answer in truth:
        for label, _ in answer.value.masks:
            mask = read_mask(answer.value, label, blobs)
            if mask is not None:
                wanted.setdefault(answer.site, []).append(mask)
    offered = [
        (result.probabilities.get(label, 0.0), result.site, read_mask(result.value, label, blobs))
        for result in given
        for label, _ in result.value.masks
    ]
    free = {site: list(masks) for site, masks in wanted.items()}
    hits = []
    for probability, site, mask in sorted(offered, key=lambda one: -one[0]):
        overlaps = [_iou(mask, other) for other in free.get(site, ())]
        best = int(np.argmax(overlaps)) if overlaps else -1
        hit = best >= 0 and overlaps[best] >= 0.5
        if hit:
            free[site].pop(best)
        hits.append((probability, hit))
    return hits, sum(map(len, wanted.values()))


def _iou(first: Any, second: Any) -> float:
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 0.0


def _average_precision(hits: Sequence[tuple[float, bool]], wanted: int) -> float:
    """The area under the precision-recall curve, the precision made to fall (COCO's 101 points)."""
    if not hits or not wanted:
        return 0.0
    right = np.cumsum([hit for _, hit in sorted(hits, key=lambda pair: -pair[0])])
    precision = np.maximum.accumulate((right / np.arange(1, len(right) + 1))[::-1])[::-1]
    recall = right / wanted
    places = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(np.mean([precision[p] if p < len(precision) else 0.0 for p in places]))


def lesion_f1(question: str, known: Measured) -> Figure:
    """Macro F1 of a choice at drawn lesions; the yardsticks see the lesion's surroundings as they are drawn."""
    training, test = (_of_lesions(known, some, question) for some in (known.training, known.test))
    return Figure(known.evaluation.metrics[f"{question}.f1"], *yardsticks(training, test, f1_of))


def _of_lesions(known: Measured, examples: Iterable[Example], question: str) -> Items:
    """The box around each lesion that has an answer, 16 pages deep."""
    asked = known.task.form[question]
    kind, drawing = asked.kind, known.task.form[asked.drawn_in].kind
    assert isinstance(kind, Choice)
    assert isinstance(drawing, Mask)
    small, large, targets = [], [], []
    for example in examples:
        pages = known.task.pages(example.study, known.pixels)
        for answer in (a for a in example.answers if a.question == question):
            label = drawing.labels[asked.sites.index(answer.site)]
            masks = {
                a.site.page_index or 0: mask
                for a in example.answers
                if a.question == asked.drawn_in and isinstance(a.value, MaskValue)
                if (mask := read_mask(a.value, label, known.pixels.blobs)) is not None
            }
            if masks:
                box = _boxed(pages, masks)
                small.append(
                    np.stack([_shrunk(p, plain.LINEAR_PX) for p in box[:: len(box) // plain.LINEAR_FRAMES]])
                )
                large.append(np.stack([_shrunk(p, plain.REFERENCE_PX) for p in box]))
                targets.append(kind.options.index(str(answer.value)))
    return Items(np.stack(small), np.stack(large), np.array(targets, dtype=np.int64))


def _boxed(pages: Sequence[NDArray[np.uint8]], masks: Mapping[int, NDArray[np.bool_]]) -> list[NDArray[np.uint8]]:
    """The square around a lesion on 16 pages that span it."""
    flat = np.any(list(masks.values()), axis=0)
    rows, columns = np.nonzero(flat)
    half = max(int(np.ptp(rows)), int(np.ptp(columns))) // 2 + 6
    r, c = int(rows.mean()), int(columns.mean())
    chosen = np.linspace(min(masks), max(masks), plain.REFERENCE_FRAMES).round().astype(int)
    return [pages[i][max(0, r - half) : r + half, max(0, c - half) : c + half] for i in chosen]


def _shrunk(page: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(page, (size_px, size_px), interpolation=cv2.INTER_AREA), dtype=np.uint8)


FIGURES: Mapping[str, Mapping[str, Callable[[Measured], Figure]]] = {
    "adrenal_ct": {
        "lesions.mask_ap50": partial(mask_ap50, "lesions"),
        "finding.auc": partial(choice_auc, "finding"),
        "phenotype.f1": partial(lesion_f1, "phenotype"),
    },
    "chest_ct_norm": {
        "norm.auc": partial(choice_auc, "norm"),
        "unseen_pneumothorax.auc": partial(unseen_auc, "pneumothorax"),
    },
    "cxr_findings": {"mean_auc": partial(findings_auc, "findings")},
    "cxr_quality": {
        f"{name}.auc": partial(choice_auc, name)
        for name in ("projection", "borders_frontal", "borders_lateral", "rotation_lateral")
    },
    "lumbar_stenosis": {
        **{f"{name}.kappa": partial(level_kappa, name) for name in ("central", "recess", "foraminal")},
        "canal_area.median_error_pct": partial(area_error, "canal_area", "spinal_canal"),
        "sac_area.median_error_pct": partial(area_error, "sac_area", "dural_sac"),
    },
}
"""By task and name."""
