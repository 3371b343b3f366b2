"""Data: what came in, what was refused and why, parts and leaks, doubtful labels, the data card, the way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from data.holdings import Holdings
from workbench.language import N_, _, n_
from workbench.views.parts import (
    data_card_part,
    data_counts,
    data_import,
    data_leaks,
    data_overview,
    data_refused,
    data_suspects,
)
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import framed, header
from workbench.views.parts.markup import tag
from workbench.views.parts.segments import segments

SHOWN = "show"
"""The query parameter, and key, of what is shown."""
VIEWS: Mapping[str, tuple[str, Callable[[Here, Holdings], None]]] = {
    "in": (N_("What is in"), data_overview.overview),
    "refused": (N_("Refused"), data_refused.refusals),
    "leaks": (N_("Parts and leaks"), data_leaks.parts_and_leaks),
    "labels": (N_("Doubtful labels"), data_suspects.suspects),
    "card": (N_("Data card"), data_card_part.card),
    "take": (N_("Take in"), data_import.take_in),
}


@framed
def page() -> None:
    """Show the data of the home."""
    place = here()
    found = data_counts.holdings(place)
    header(_("Data"), tag("span", _counted(found), cls="c-quiet"))
    first = next(iter(VIEWS)) if found.studies else "take"
    names = {key: _(title) for key, (title, part) in VIEWS.items()}
    VIEWS[segments(_("What is shown"), names, key=SHOWN, default=first)][1](place, found)


def _counted(found: Holdings) -> str:
    said = [n_("{n} study", "{n} studies", found.studies), n_("{n} patient", "{n} patients", found.patients),
            n_("{n} file", "{n} files", found.files)]  # fmt: skip
    said += [n_("{n} phantom", "{n} phantoms", found.phantoms)] if found.phantoms else []
    return " · ".join(said)
