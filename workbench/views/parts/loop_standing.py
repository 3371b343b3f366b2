"""Where a round stands: its reads by reader, its disputes, and whom it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from active_learning.rounds import NEXT_STEP
from data.records import (
    Consensus,
    ConsensusState,
    Job,
    JobState,
    Purpose,
    ReaderKind,
    ReaderRole,
    ReadRequest,
    RequestState,
    Round,
    RoundState,
)
from workbench.language import N_, _, n_
from workbench.views.parts import jobs, loop_train, words
from workbench.views.parts.context import Here

DONE = (RequestState.ANSWERED, RequestState.SKIPPED)


@dataclass(frozen=True)
class Standing:
    """A task's round, as the row of the task tells of it; what is asked of the store is asked once.

    Parameters
    ----------
    current:
        The round that is open; None: the next one is to be chosen.
    latest:
        The newest round, open or not.
    """

    place: Here
    current: Round | None
    latest: Round | None

    @classmethod
    def of(cls, place: Here) -> Standing:
        """Where the place's task stands."""
        latest = place.store.rounds.latest(place.task.name)
        return cls(place, latest if latest is not None and latest.state in NEXT_STEP else None, latest)

    @cached_property
    def requests(self) -> Sequence[ReadRequest]:
        """The reads of the round that were not taken back."""
        if self.current is None:
            return ()
        found = self.place.store.reads.requests(round_id=self.current.round_id)
        return [r for r in found if r.state != RequestState.WITHDRAWN]

    @cached_property
    def reads(self) -> Sequence[ReadRequest]:
        """Those of them that are no adjudication."""
        return [r for r in self.requests if r.purpose != Purpose.ADJUDICATION]

    @property
    def read(self) -> int:
        """Reads that came."""
        return sum(r.state in DONE for r in self.reads)

    @cached_property
    def disputed(self) -> Sequence[Consensus]:
        """The answers on which the readers differ."""
        if self.current is None:
            return ()
        records = self.place.store.labels.consensus(self.place.task.name, round_id=self.current.round_id)
        return [record for record in records if record.state == ConsensusState.DISPUTED]

    @property
    def at(self) -> tuple[str, str, int, int]:
        """What changes as soon as the row does: the round, its state, the reads that came and are awaited."""
        if self.current is None:
            return ("", "", 0, 0)
        return (self.current.round_id, self.current.state, self.read, len(self.awaited))

    @property
    def awaited(self) -> Sequence[ReadRequest]:
        """Disputed cases that wait for an adjudicator."""
        return [r for r in self.requests if r.purpose == Purpose.ADJUDICATION and r.state == RequestState.PUSHED]

    @property
    def missing(self) -> Mapping[str, int]:
        """Reader -> reads that have not come, the most first."""
        counts: dict[str, int] = {}
        for request in self.reads:
            if request.state == RequestState.PUSHED:
                counts[request.reader_id] = counts.get(request.reader_id, 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: -pair[1]))

    @cached_property
    def training(self) -> Job | None:
        """The newest training that was asked for, of the round that is to be trained or was."""
        if self.current is None:
            return None
        return jobs.latest_about(self.place.store, "round.step", round_id=self.current.round_id, step="train")

    @property
    def was_stopped(self) -> bool:
        """Whether the training of this round's candidate was stopped."""
        closed = self.current is not None and self.current.state == RoundState.CLOSED
        return closed and self.training is not None and self.training.state == JobState.CANCELLED

    def waits_for(self) -> str:
        """Whom or what the task waits for, as a sentence."""
        if self.current is None:
            return self._before()
        state = self.current.state
        if state == RoundState.OPENED:
            return _("The batch is chosen and not sent yet.")
        if state == RoundState.PUSHED:
            return self._readers()
        if state == RoundState.READ and self.awaited:
            names = ", ".join(self._names({r.reader_id for r in self.awaited}))
            return n_("{n} disputed case waits for {who}.", "{n} disputed cases wait for {who}.",
                      len(self.awaited), who=names)  # fmt: skip
        if state == RoundState.CLOSED and self.was_stopped:
            where = loop_train.stopped_at(self.place.home, self.current.round_id)
            return _("The training was {where}.", where=where)
        return _(_WAITS[state])

    @cached_property
    def lacks(self) -> str:
        """What is not there and must be before a round can be opened; empty where nothing is lacking."""
        store, task = self.place.store, self.place.task
        if not store.studies.count(modalities=task.modalities):
            return "studies"
        known = store.reads.readers(kind=ReaderKind.PERSON)
        return "" if any(r.active and r.role == ReaderRole.READER for r in known) else "readers"

    def _before(self) -> str:
        if self.lacks:
            return _("Waits for studies.") if self.lacks == "studies" else _("Waits for readers.")
        return _("Ready for the next batch.") if self.latest else _("Ready for its first batch.")

    def _readers(self) -> str:
        missing = self.missing
        if not missing:
            return _("Every answer has come.")
        names = dict(zip(missing, self._names(missing), strict=True))
        said = ", ".join(f"{names[reader]} ({count})" for reader, count in missing.items())
        return _("Waits for {who}.", who=said)

    def _names(self, readers: Mapping[str, int] | set[str]) -> list[str]:
        known = {r.reader_id: words.reader_name(r) for r in self.place.store.reads.readers()}
        return [known.get(reader, reader) for reader in readers]


_WAITS: Mapping[RoundState, str] = {
    RoundState.READ: N_("Every answer has come; the consensus is to be formed."),
    RoundState.CLOSED: N_("The consensus stands; a candidate is to be trained."),
    RoundState.TRAINED: N_("The candidate is to be compared with the champion."),
    RoundState.COMPARED: N_("Waits for the decision on the candidate."),
}
