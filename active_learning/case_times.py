"""How long readers will take for each case of a pool, learnt from the times of earlier reads.

What is known before a case is read has a say: how many pages it has, what the champion says of it, and who reads.
Of patients who are drawn at random the pages alone do, so that no prediction has a say in how many are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from active_learning.foretold import Foretold
from active_learning.minutes import learn
from data.answers import STUDY
from data.records import Annotation, Study
from models.task import ClinicalTask

MOST_CLASSES = 24
"""Probabilities at the most that a time may depend on; those of the first questions of the study."""


def case_seconds(
    task: ClinicalTask,
    studies: Sequence[Study],
    foretold: Foretold,
    rows: Mapping[str, int],
    reads: Mapping[str, Sequence[Annotation]],
    readers: Sequence[str],
    reads_a_case: int,
) -> NDArray[np.float64]:
    """(studies,) expected reader seconds, all reads of a case together.

    Parameters
    ----------
    foretold, rows:
        What the champion says, and by study the row in it.
    reads:
        By study, the earlier reads; those of studies that are not among ``studies`` are left out.
    readers:
        Who will read; each reads as many of the cases as any other.
    """
    known = _known(task, studies, foretold, rows)
    place = {study.study_id: number for number, study in enumerate(studies)}
    timed = [one for study_id, of in reads.items() if study_id in place for one in of if one.lead_time_s]
    people = sorted({*readers, *(one.reader_id for one in timed)})
    column = {reader: number for number, reader in enumerate(people)}
    who = np.zeros((len(timed), len(people)))
    who[np.arange(len(timed)), [column[one.reader_id] for one in timed]] = 1.0
    seen = known[[place[one.study_id] for one in timed]]
    taken = np.array([one.lead_time_s or np.nan for one in timed])
    time = learn(np.concatenate([seen, who], axis=1), taken, task.config.reading.seconds_per_case)
    total = np.zeros(len(studies))
    for reader in readers:
        own = np.tile(np.eye(len(people))[column[reader]], (len(studies), 1))
        total += time.seconds(np.concatenate([known, own], axis=1))
    return np.asarray(total / len(readers) * reads_a_case, dtype=np.float64)


def _known(
    task: ClinicalTask, studies: Sequence[Study], foretold: Foretold, rows: Mapping[str, int]
) -> NDArray[np.float64]:
    """(studies, features) what is known before a case is read; NaN where it is not."""
    at = np.array([rows.get(study.study_id, -1) for study in studies], dtype=np.int64)
    there = at >= 0
    foreground = foretold.foreground()
    columns = [foretold.doubts, *([] if foreground is None else [foreground])]
    for head, table in zip(foretold.heads, foretold.tables, strict=True):
        if head.site == STUDY:
            columns += list(table.T[1:])
    found = np.full((len(studies), 1 + min(len(columns), MOST_CLASSES)), np.nan)
    found[:, 0] = np.log([max(len(task.sources(study)), 1) for study in studies])
    for number, values in enumerate(columns[:MOST_CLASSES], start=1):
        found[there, number] = values[at[there]]
    return found
