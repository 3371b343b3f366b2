"""``consilium curate``: named training sets of findings, drawn by rule from reports and labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.report import Json, Report, reporting, table

if TYPE_CHECKING:
    from data.curation.rule import CurationRule
    from data.tables.curations import KeptCuration

app = typer.Typer(no_args_is_help=True, help="Curate training sets of findings, with every exclusion counted.")

Name = Annotated[str, typer.Argument(help="The set's name.", show_default=False)]
STYLES = {"present": "bold red", "absent": "green"}
"""The colours of matches; others are yellow. The words behind a match say the same."""


@app.command()
def run(
    name: Name,
    finding: Annotated[str, typer.Option(help="The finding that the set is about.")] = "",
    rule: Annotated[Path | None, typer.Option(help="A rule's TOML or JSON file to start from.")] = None,
    sex: Annotated[str, typer.Option(help="F or M: only these.")] = "",
    age_from: Annotated[float | None, typer.Option(help="Least age in years.")] = None,
    age_to: Annotated[float | None, typer.Option(help="Greatest age in years.")] = None,
    view: Annotated[list[str] | None, typer.Option(help="Only these views, such as PA.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Only devices of these manufacturers.")] = None,
    ratio: Annotated[float | None, typer.Option(help="Negatives for each positive; 0 keeps all.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draw.")] = None,
    any_quality: Annotated[
        bool, typer.Option("--any-quality", help="Take radiographs of any technical quality.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Draw a set by a rule, show the flow of exclusions, and keep it. The same rule gives the same set."""
    changes: dict[str, Any] = {
        "sexes": (sex,) if sex else None,
        "age_y": (age_from, age_to) if age_from is not None or age_to is not None else None,
        "views": tuple(view) if view else None,
        "devices": tuple(device) if device else None,
        "seed": seed,
        "quality": {} if any_quality else None,
    }
    given = {field: value for field, value in changes.items() if value is not None}
    if ratio is not None:
        given["negatives_per_positive"] = ratio or None
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.curating import curate_store

        chosen = _rule(name, finding, rule, given)
        _show(report, curate_store(Home.default(), chosen, progress=report.progress))


def _rule(name: str, finding: str, file: Path | None, changes: dict[str, Any]) -> CurationRule:
    """The rule of a file or, without one, of a finding; with what the options change."""
    from data.curation.rule import load_rule
    from data.curation.terms import load_terms
    from data.errors import CurationError
    from workbench.curating import config, new_rule

    concepts = config().concepts
    if file is not None:
        loaded = load_rule(file.stem, file.parent)
        if finding and concepts.get(finding, finding) != loaded.finding:
            raise CurationError(
                "The rule is about another finding.",
                given=f"{finding}, and {file} is about {loaded.finding}",
                expected="one finding",
                do="leave out --finding, or name another rule",
            )
        return replace(loaded, name=name, **changes)
    if not finding:
        raise CurationError(
            "A set is about a finding.",
            given="neither --finding nor --rule",
            expected=f"one of {', '.join(concepts)}",
            do="name it with --finding, or a rule's file with --rule",
        )
    return new_rule(name, finding, load_terms(), **changes)


@app.command("list")
def list_sets(as_json: Json = False) -> None:
    """List the curated sets, the newest first."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from workbench.curating import TASK

        columns = ["name", "finding", "positives", "negatives", "created_at"]
        rows = [
            (k.name, k.curated.rule.finding, len(k.curated.positives), len(k.curated.negatives), k.created_at)
            for k in Store.of(Home.default()).curations.all(TASK)
        ]
        values = {"sets": [dict(zip(columns, row, strict=True)) for row in rows]}
        report.result(values, table=table("Curated sets", columns, rows))


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a set: its flow, its parts and its rule."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from workbench.curating import TASK

        _show(report, Store.of(Home.default()).curations.get(TASK, name))


def _show(report: Report, kept: KeptCuration) -> None:
    from rich.table import Table

    from workbench.curating import described, flow_rows

    curated = kept.curated
    title = f"{kept.name}: {len(curated.positives)} with {curated.rule.finding}, {len(curated.negatives)} without"
    parts = [(c.part.value, c.positives, c.negatives, c.patients) for c in curated.parts]
    rule = [
        (
            field,
            ", ".join("open" if one is None else str(one) for one in value) if isinstance(value, list) else value,
        )
        for field, value in curated.rule.as_json().items()
        if value not in (None, [], [None, None], {}, "")
    ]
    seen = Table.grid(padding=(0, 0, 1, 0))
    for each in (
        table(title, ["step", "in", "left out", "left", "why"], flow_rows(curated)),
        table("By part", ["part", "with", "without", "patients"], parts),
        table("Rule", ["", ""], rule),
    ):
        seen.add_row(each)
    report.result({**described(kept), "rule": curated.rule.as_json()}, table=seen)


@app.command("report")
def marked(
    study: Annotated[str, typer.Argument(help="The study's id.", show_default=False)], as_json: Json = False
) -> None:
    """Show a study's report with what was found in it. It may name a person: keep it to yourself."""
    with reporting(as_json) as report:
        from rich.text import Text

        from data.home import Home
        from data.store import Store
        from workbench.curating import marked_report

        found = marked_report(Store.of(Home.default()), study)
        text = Text()
        for segment in found.segments:
            status = segment.status.value if segment.status else ""
            text.append(segment.text, STYLES.get(status, "yellow") if status else "")
            if segment.concept:
                text.append(f" ({segment.concept.replace('_', ' ')}: {status})", "dim")
        values = {
            "study_id": study,
            "text": "".join(segment.text for segment in found.segments),
            "matches": [
                {
                    "concept": m.concept, "kind": m.kind.value, "status": m.status.value, "start": m.start,
                    "end": m.end, "text": m.text, "term": m.term,
                }
                for m in found.matches
            ],
            "present": sorted(found.reading.present),
            "uncertain": sorted(found.reading.uncertain),
            "absent": sorted(found.reading.absent),
        }  # fmt: skip
        report.result(values, table=text.markup)
