"""``consilium verify``, ``consilium lineage ...`` and ``consilium leaks``: where things come from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.report import Json, Report, reporting, table

if TYPE_CHECKING:
    from rich.tree import Tree

    from active_learning.lineage import Lineage, Node
    from data.verifying import Verified

app = typer.Typer(no_args_is_help=True, help="From a prediction to readers, and from a reader to predictions.")

TaskOption = Annotated[str, typer.Option("--task", help="The clinical task.", show_default=False)]


def verify(
    pixels: Annotated[bool, typer.Option("--pixels", help="Read every series' pixels as well.")] = False,
    accept: Annotated[
        str, typer.Option(help="Why the newest entries are lost: go on from those that there are.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Compare the log with its chain, records and files with the log; exit code 1 where something was altered."""
    with reporting(as_json) as report:
        from data.blobs import Blobs
        from data.home import Home
        from data.store import Store
        from data.verifying import accept_loss
        from data.verifying import verify as compare

        home = Home.default()
        store = Store.of(home)
        if accept:
            accept_loss(store, accept)
        found = compare(store, Blobs.of(home), pixels=pixels, progress=report.progress)
        _tell(report, found)
        if not found.sound:
            raise typer.Exit(1)


def _tell(report: Report, found: Verified) -> None:
    values = {
        "sound": found.sound,
        "entries": found.entries,
        "records": found.records,
        "files": found.files,
        "head": asdict(found.head),
        "behind": found.behind,
        "found": found.found,
        "findings": [asdict(one) for one in found.findings],
    }
    compared = f"{found.entries:,} entries, {found.records:,} records and {found.files:,} files"
    if found.sound:
        report.result(values, table=f"Nothing was altered: {compared}. Head: {found.head.digest}")
        return
    rows = [(f.where, f.message, f.given, f.expected, f.do) for f in found.findings]
    title = f"{found.found:,} findings in {compared}"
    report.result(values, table=table(title, ["where", "what", "found", "expected", "do"], rows))


@app.command("study")
def of_study(
    study: Annotated[str, typer.Argument(help="The study.", show_default=False)],
    task: TaskOption,
    as_json: Json = False,
) -> None:
    """Follow a study's predictions to versions, training sets and readers, and its reads to what learnt them."""
    with reporting(as_json) as report:
        from models.task import get_task

        _show(report, _lineage(get_task(task).name).study(study))


@app.command("version")
def of_version(
    version: Annotated[str, typer.Argument(help="The version, such as cxr_quality-v2.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Follow a version to its training set, the rounds and files that gave its answers, and their readers."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store

        task = Store.of(Home.default()).versions.get(version).task
        _show(report, _lineage(task).version(version))


@app.command("reader")
def of_reader(
    reader: Annotated[str, typer.Argument(help="The reader.", show_default=False)],
    task: TaskOption,
    as_json: Json = False,
) -> None:
    """Follow a reader's reads to the consensus they went into, and to every version that learnt from it."""
    with reporting(as_json) as report:
        from models.task import get_task

        _show(report, _lineage(get_task(task).name).reader(reader))


def _lineage(task: str) -> Lineage:
    """The lineage of a task in the home."""
    from active_learning.lineage import Lineage
    from data.blobs import Blobs
    from data.home import Home
    from data.store import Store

    home = Home.default()
    return Lineage(Store.of(home), Blobs.of(home), task)


def _show(report: Report, node: Node) -> None:
    report.result(node.as_dict(), table=_tree(node))


def _tree(node: Node) -> Tree:
    from rich.markup import escape
    from rich.tree import Tree

    def label(one: Node) -> str:
        said = f" [dim]{escape(one.said)}[/]" if one.said else ""
        return f"[dim]{escape(one.kind)}[/] [bold]{escape(one.id)}[/]{said}"

    def grow(branch: Tree, one: Node) -> Tree:
        for child in one.children:
            grow(branch.add(label(child)), child)
        return branch

    return grow(Tree(label(node)), node)


def leaks(
    task: Annotated[str, typer.Argument(help="The clinical task.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Look for patients and copies among both what is learnt from and what is measured on; exit code 1 if used."""
    with reporting(as_json) as report:
        from active_learning.leakage import look
        from data.blobs import Blobs
        from data.home import Home
        from data.store import Store
        from models.task import get_task

        home = Home.default()
        found = look(Store.of(home), Blobs.of(home), get_task(task), progress=report.progress)
        columns = ["kind", "learnt", "part", "measured", "part", "likeness", "versions"]
        rows = [
            (leak.kind, leak.learnt, leak.learnt_part, leak.measured, leak.measured_part,
             "" if leak.likeness is None else f"{leak.likeness:.2f}", ", ".join(leak.versions))
            for leak in found.leaks
        ]  # fmt: skip
        report.result(found.as_dict(), table=table(found.sentence, columns, rows))
        if found.learnt_from:
            raise typer.Exit(1)
