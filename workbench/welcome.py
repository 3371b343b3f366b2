"""What waits for a person in the embedded demo: a small round, after the one of the scripted readers."""

from __future__ import annotations

from active_learning.plan import RoundPlan
from active_learning.rounds import Loop
from data.errors import ConsiliumError
from data.records import Reader, ReaderKind, Round, RoundState

READER = Reader("first-reader", "First reader", ReaderKind.PERSON)
CASES = 6


def invite(loop: Loop) -> Round | None:
    """Send a person a few cases, half of them with the model's answer, or what is left to be sent of them.

    Nothing is done once the task has a second round, of whomever; nor where too few cases are left.

    Returns
    -------
    Round or None
        The round that waits.
    """
    rounds = loop.store.rounds.all(loop.task.name)
    own = next((r for r in rounds if READER.reader_id in RoundPlan.from_dict(r.plan).readers), None)
    if own is None and len(rounds) == 1:
        loop.store.reads.add_reader(READER)
        phantoms = {s.study_id for s in loop.store.studies.find(phantom=True)}
        plan = RoundPlan.of(loop.task.config.reading, (READER.reader_id,), readers_per_case=1, budget=CASES,
                            random_share=0.0, independent_share=0.5)  # fmt: skip
        try:
            own = loop.open(plan, among=phantoms)
        except ConsiliumError as error:  # such as too few studies
            loop.progress(1.0, f"no cases are left for a person: {error.message}")
    return loop.push(own.round_id) if own is not None and own.state == RoundState.OPENED else own
