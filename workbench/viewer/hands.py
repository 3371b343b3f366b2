"""Whose outlines lie over a study's pictures: model versions, readers, the consensus, what is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data.answers import Answer, Form, MaskValue
from data.records import Annotation, Consensus, Prediction, Reader
from workbench.language import N_, _
from workbench.outlines import colours_of
from workbench.theme import GOOD, MODEL, QUIET, READERS, SHAPES, TEXT
from workbench.viewer.shown import Shown
from workbench.views.parts import words

MODEL_MARK, CONSENSUS_MARK, CHOSEN_MARK = "◌", "✓", "━"
CHOSEN, CONSENSUS = "chosen", "consensus"
MOST_VERSIONS = 4
"""How many versions' outlines are offered beside each other."""
CHOICE = N_("Your choice")
AGREED = N_("Consensus")

Drawn = Mapping[int, Sequence[tuple[str, MaskValue]]]
"""By page, from 0: (question, masks)."""


@dataclass(frozen=True, slots=True)
class Hand:
    """One hand's outlines.

    Parameters
    ----------
    colours:
        Of (question, label), where labels differ in colour.
    """

    group: str
    who: str
    colour: str
    drawn: Drawn
    mark: str = ""
    dashed: bool = False
    shown: bool = True
    colours: Mapping[tuple[str, str], str] = field(default_factory=dict)


def hands_of(form: Form, shown: Shown, readers: Sequence[Reader]) -> list[Hand]:
    """All hands that drew something, the model first.

    Parameters
    ----------
    readers:
        All that the store knows: a reader's hue and shape are those of the place in this list.
    """
    others = [*_of_readers(shown, readers), *_agreed(shown.consensus), *_chosen(shown)]
    model = _of_versions(shown.predictions, form, alone=not others)
    return [*model, *others]


def compared(hands: Sequence[Hand]) -> tuple[str, str] | None:
    """The two whose difference is most worth seeing: two readers where no model is shown, else a reader and it."""
    versions = [hand.group for hand in hands if hand.dashed]
    readers = [hand.group for hand in hands if not hand.dashed and hand.group not in (CHOSEN, CONSENSUS)]
    agreed = [hand.group for hand in hands if hand.group == CONSENSUS]
    if versions and (agreed or readers):
        return (agreed or readers)[0], versions[0]
    several = versions or [*readers, *agreed]
    return (several[0], several[1]) if len(several) > 1 else None


def by_page(answers: Iterable[Answer]) -> dict[int, list[tuple[str, MaskValue]]]:
    """What of answers is outlined, by page."""
    found: dict[int, list[tuple[str, MaskValue]]] = {}
    for answer in answers:
        page = answer.site.page_index
        if page is not None and isinstance(answer.value, MaskValue) and answer.value.masks:
            found.setdefault(page, []).append((answer.question, answer.value))
    return found


def _of_versions(predictions: Sequence[Prediction], form: Form, *, alone: bool) -> list[Hand]:
    """The versions' outlines; the first one's labels have their colours where nobody else drew anything."""
    colours = colours_of(form)
    told = colours if alone and len(colours) > 1 else {}
    found = []
    for at, prediction in enumerate(predictions[:MOST_VERSIONS]):
        drawn = by_page(result.answer for result in prediction.results)
        first = at == 0
        if drawn:
            found.append(Hand(prediction.version, prediction.version, MODEL if first else QUIET, drawn, MODEL_MARK,
                              dashed=True, shown=first, colours=told if first else {}))  # fmt: skip
    return found


def _of_readers(shown: Shown, readers: Sequence[Reader]) -> list[Hand]:
    known = {reader.reader_id: at for at, reader in enumerate(readers)}
    places = {reader_id: at for at, reader_id in enumerate(dict.fromkeys(r.reader_id for r in shown.reads))}
    found: list[Hand] = []
    for read in shown.reads:
        drawn = by_page(read.answers)
        if not drawn:
            continue
        place = known.get(read.reader_id, 0) if shown.names else places[read.reader_id]
        name = _name(read, readers) if shown.names else _("Reader {n}", n=place + 1)
        if sum(r.reader_id == read.reader_id for r in shown.reads) > 1:
            name = _("{reader}, {purpose}", reader=name, purpose=_(words.PURPOSES[read.purpose]))
        group = f"reader {place + 1}"
        again = sum(hand.group.startswith(f"{group} ") or hand.group == group for hand in found)
        found.append(Hand(f"{group} {again + 1}" if again else group, name, READERS[place % len(READERS)], drawn,
                          SHAPES[place % len(SHAPES)]))  # fmt: skip
    return found


def _name(read: Annotation, readers: Sequence[Reader]) -> str:
    reader = next((r for r in readers if r.reader_id == read.reader_id), None)
    return words.reader_name(reader) if reader else read.reader_id


def _agreed(consensus: Sequence[Consensus]) -> list[Hand]:
    """The consensus; of several rounds, the newest of each question and page."""
    newest = {(c.question, c.site): c for c in sorted(consensus, key=lambda c: c.created_at)}
    drawn = by_page(Answer(c.question, c.site, c.value) for c in newest.values() if c.value is not None)
    return [Hand(CONSENSUS, _(AGREED), GOOD, drawn, CONSENSUS_MARK)] if drawn else []


def _chosen(shown: Shown) -> list[Hand]:
    drawn = {site.page_index: [("", value)] for site, value in shown.chosen.items() if site.page_index is not None}
    return [Hand(CHOSEN, _(CHOICE), TEXT, drawn, CHOSEN_MARK)] if drawn else []
