"""``consilium case ...``: disputed cases, the decisions on them, and appeals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.report import Json, reporting, table

if TYPE_CHECKING:
    from data.answers import Answer, Form

app = typer.Typer(no_args_is_help=True, help="Disputed cases: who decided what, and why.")

RoundId = Annotated[str, typer.Argument(help="The round, such as cxr_quality-r1.", show_default=False)]


@app.command("list")
def list_cases(round_id: RoundId, as_json: Json = False) -> None:
    """List a round's disputed cases with their decisions."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.records import Purpose
        from data.store import Store

        store = Store.of(Home.default())
        current = store.rounds.get(round_id)
        listed = []
        for request in store.reads.requests(round_id=round_id):
            if request.purpose != Purpose.ADJUDICATION:
                continue
            decisions = store.decisions.all(current.task, round_id=round_id, study_id=request.study_id)
            own = next((d for d in reversed(decisions) if d.reader_id == request.reader_id), None)
            appeal = store.decisions.appeal(own.decision_id) if own else None
            listed.append(
                {
                    "study": request.study_id,
                    "adjudicator": request.reader_id,
                    "state": request.state.value,
                    "decision": own.decision_id if own else None,
                    "why": own.why if own else None,
                    "appeal_of": own.appeal_of or None if own else None,
                    "appealed": appeal.reason if appeal else None,
                }
            )
        columns = ["study", "adjudicator", "state", "decision", "why", "appealed"]
        rows = [tuple(one[name] or "" for name in columns) for one in listed]
        report.result({"round": round_id, "cases": listed}, table=table("Disputed cases", columns, rows))


@app.command()
def decide(
    round_id: RoundId,
    study: Annotated[str, typer.Argument(help="The study.", show_default=False)],
    reader: Annotated[str, typer.Option(help="The adjudicator.", show_default=False)],
    answer: Annotated[
        list[str], typer.Option(help="QUESTION=VALUE or QUESTION@SITE=VALUE; several may be named.")
    ],
    why: Annotated[str, typer.Option(help="The reason, for the record.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Decide on a disputed case. Outlines are decided on the page Adjudication or in Label Studio."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from models.task import get_task
        from workbench import work
        from workbench.jobs import Work

        home = Home.default()
        form = get_task(Store.of(home).rounds.get(round_id).task).form
        done = work.decide(
            Work(home, report.progress),
            round_id=round_id,
            study_id=study,
            reader_id=reader,
            answers=[given.to_json() for given in _answers(form, answer)],
            why=why,
        )
        report.result(dict(done), table=table("Decided", ["", ""], list(done.items())))


@app.command()
def appeal(
    decision: Annotated[str, typer.Argument(help="The decision, as `case list` names it.", show_default=False)],
    reason: Annotated[str, typer.Option(help="What was overlooked.", show_default=False)],
    reader: Annotated[str, typer.Option(help="A reader of the case; the curator without it.")] = "",
    as_json: Json = False,
) -> None:
    """Appeal against a decision, once: another adjudicator decides, and that stands."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench import work
        from workbench.jobs import Work

        at_work = Work(Home.default(), report.progress)
        done = work.appeal(at_work, decision_id=decision, reader_id=reader, reason=reason)
        report.result(dict(done), table=table("Appealed", ["", ""], list(done.items())))


def _answers(form: Form, texts: Iterable[str]) -> list[Answer]:
    """Answers from ``QUESTION=VALUE`` and ``QUESTION@SITE=VALUE``."""
    from data.answers import STUDY, Answer, Site
    from data.errors import AnswerError
    from data.ingest.labels import parse

    given = []
    for text in texts:
        key, equals, cell = text.partition("=")
        name, _, site = key.strip().partition("@")
        if not equals:
            raise AnswerError(
                "That is no answer.", given=text, expected="QUESTION=VALUE, or QUESTION@SITE=VALUE",
                do="name the question as the task's form does",
            )  # fmt: skip
        given.append(Answer(name, Site(site) if site else STUDY, parse(form, name, cell.strip())))
    return given
