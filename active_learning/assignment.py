"""Who reads which case: the least loaded first, and nobody who must not.

Pure functions, repeatable by their seed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from active_learning.draws import number
from data.records import Annotation, Mode


@dataclass(frozen=True, slots=True)
class Seat:
    """What is known of a reader when cases are shared out.

    Parameters
    ----------
    load_s:
        Expected seconds of what waits for the reader already, in all tasks.
    case_s:
        Expected seconds of a case of this task.
    """

    reader_id: str
    load_s: float = 0.0
    case_s: float = 30.0


def assign(
    studies: Sequence[str],
    seats: Sequence[Seat],
    per_case: int,
    *,
    barred: Collection[tuple[str, str]] = (),
    seen: Collection[tuple[str, str]] = (),
    seed: int = 0,
) -> list[tuple[str, str]]:
    """Pairs of (study, reader), in the order of the studies.

    Each case goes to those who will have the least to do; a hash breaks ties, so that no two readers always meet.

    Parameters
    ----------
    per_case:
        Readers of each case; fewer where too many are barred.
    barred:
        Pairs of (study, reader) that must not be: the reader has decided on the case as an adjudicator.
    seen:
        Pairs of (study, reader) of earlier reads: such a reader comes last.
    """
    load = {seat.reader_id: seat.load_s for seat in seats}
    takes = {seat.reader_id: seat.case_s for seat in seats}
    pairs: list[tuple[str, str]] = []
    for study in studies:
        free = [reader for reader in load if (study, reader) not in barred]
        free.sort(
            key=lambda reader: ((study, reader) in seen, load[reader], number(seed, "reader", study + reader))
        )
        for reader in free[:per_case]:
            load[reader] += takes[reader]
            pairs.append((study, reader))
    return pairs


def rereads(
    earlier: Iterable[Annotation],
    counts: Mapping[str, int],
    *,
    share: float,
    batch: Collection[str],
    before: str,
    seed: int = 0,
) -> list[tuple[str, str]]:
    """Hidden second reads: pairs of (study, reader) of cases that the reader has read before.

    Only first, independent reads that are old enough, of studies that are not in the batch, and none twice.

    Parameters
    ----------
    earlier:
        The task's annotations of rounds that have ended.
    counts:
        How many cases each reader has in the batch.
    share:
        Of them, the share of second reads that is added, rounded to the nearest.
    before:
        Time, ISO 8601: reads from then on are too fresh.
    """
    given = list(earlier)
    again = {(a.study_id, a.reader_id) for a in given if not a.purpose.votes}
    pairs: list[tuple[str, str]] = []
    for reader, cases in sorted(counts.items()):
        open_ = sorted(
            {
                a.study_id
                for a in given
                if a.reader_id == reader
                and a.purpose.votes
                and a.mode == Mode.INDEPENDENT
                and not a.skipped
                and a.created_at < before
                and a.study_id not in batch
                and (a.study_id, reader) not in again
            },
            key=lambda study, reader=reader: number(seed, "reread", study + reader),  # type: ignore[misc]
        )
        pairs += [(study, reader) for study in open_[: int(share * cases + 0.5)]]
    return pairs


def queues(
    pairs: Iterable[tuple[str, str]], second: Iterable[tuple[str, str]], *, seed: int = 0
) -> dict[tuple[str, str], int]:
    """The place of each (study, reader) in the reader's queue: second reads stand among the others by a hash."""
    by_reader: dict[str, list[str]] = {}
    for study, reader in pairs:
        by_reader.setdefault(reader, []).append(study)
    for study, reader in second:
        queue = by_reader.setdefault(reader, [])
        queue.insert(number(seed, "place", study + reader) % (len(queue) + 1), study)
    return {(study, reader): place for reader, queue in by_reader.items() for place, study in enumerate(queue)}
