"""A data card as Markdown and as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.data_card import Card, Chapter
from workbench.data_card_grid import Grid
from workbench.language import language
from workbench.theme import FONT, LIGHT
from workbench.views.parts.markup import Html, join, tag


def markdown(card: Card) -> str:
    """The card as Markdown."""
    return "\n".join((f"# {_plain(card.title)}", "", card.made, "", *_lines(card.chapters)))


def _lines(chapters: Sequence[Chapter]) -> Iterator[str]:
    for chapter in chapters:
        yield from (f"## {_plain(chapter.title)}", "")
        for sentence in chapter.sentences:
            yield from (_plain(sentence), "")
        for grid in chapter.grids:
            yield from (f"### {_plain(grid.title)}", "")
            if grid.rows:
                yield _row(grid.heads)
                yield _row(["---", *("---:" for one in grid.heads[1:])])
                yield from map(_row, grid.rows)
            else:
                yield "—"
            yield ""
        yield from (f"- {_plain(item)}" for item in chapter.items)
        yield from [""] if chapter.items else []


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    """Text of which Markdown makes nothing else."""
    for mark in ("\\", "|", "*", "<", "_", "`", "[", "]"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


STYLE = f"""
:root {{ color-scheme: light; }}
body {{ font: 14px/1.5 {FONT}; color: {LIGHT.text}; background: {LIGHT.page}; max-width: 900px; margin: 32px auto;
  padding: 0 24px; font-variant-numeric: tabular-nums; }}
h1 {{ font-size: 22px; margin: 0; }} h2 {{ font-size: 16px; margin: 28px 0 6px; padding-bottom: 4px;
  border-bottom: 1px solid {LIGHT.line}; }} h3 {{ font-size: 13px; margin: 16px 0 4px; color: {LIGHT.quiet}; }}
p {{ margin: 4px 0; max-width: 75ch; }} .made {{ color: {LIGHT.quiet}; }}
table {{ border-collapse: collapse; width: 100%; font-size: 13px; break-inside: avoid; }}
th, td {{ padding: 3px 10px 3px 0; border-bottom: 1px solid {LIGHT.line}; text-align: left; vertical-align: top; }}
th {{ font-weight: 500; color: {LIGHT.quiet}; }} td + td, th + th {{ text-align: right; }}
@media print {{ body {{ margin: 0; max-width: none; }} }}
"""


def html(card: Card) -> str:
    """The card as a page of its own, light, for print."""
    body = join((
        tag("h1", card.title), tag("p", card.made, cls="made"),
        *(part for chapter in card.chapters for part in _chapter(chapter)),
    ))  # fmt: skip
    head = join((Html('<meta charset="utf-8">'), tag("title", card.title), tag("style", Html(STYLE))))
    return "<!DOCTYPE html>" + tag("html", tag("head", head), tag("body", body), lang=language())


def _chapter(chapter: Chapter) -> Iterator[Html]:
    yield tag("h2", chapter.title)
    yield from (tag("p", sentence) for sentence in chapter.sentences)
    for grid in chapter.grids:
        yield from _grid(grid)
    if chapter.items:
        yield tag("ul", *(tag("li", item) for item in chapter.items))


def _grid(grid: Grid) -> Iterator[Html]:
    yield tag("h3", grid.title)
    if not grid.rows:
        yield tag("p", "—")
        return
    heads = tag("tr", *(tag("th", head, scope="col") for head in grid.heads))
    rows = (tag("tr", *(tag("td", cell) for cell in row)) for row in grid.rows)
    yield tag("table", tag("thead", heads), tag("tbody", *rows))
