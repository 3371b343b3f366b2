"""The command line. Every verb takes ``--json``; the README's reference documents them all."""

from __future__ import annotations

import typer

from workbench.verbs import (
    agreement,
    cases,
    curate,
    data_card,
    guideline,
    labels,
    lineage,
    models,
    readers,
    rounds,
    service,
    simulate,
    studies,
    tour,
    triage,
)

app = typer.Typer(
    name="consilium",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="A workbench for readers and models of medical images. For research and quality work: no medical device.",
)

for verb in (
    studies.ingest, models.tasks, models.train, models.evaluate, models.predict, studies.export, models.models,
    models.rollback, agreement.agreement, simulate.simulate, service.demo, service.run, service.serve,
    service.worker, service.jobs, service.health, lineage.verify, lineage.leaks, tour.tour,
    data_card.data_card,
):  # fmt: skip
    app.command()(verb)
app.add_typer(studies.app, name="studies")
app.add_typer(curate.app, name="curate")
app.add_typer(rounds.app, name="round")
app.add_typer(triage.app, name="triage")
app.add_typer(cases.app, name="case")
app.add_typer(readers.app, name="readers")
app.add_typer(guideline.app, name="guideline")
app.add_typer(labels.app, name="labels")
app.add_typer(lineage.app, name="lineage")
app.add_typer(service.app, name="labelstudio")


def main() -> None:
    """The entry point of ``consilium``."""
    app()
