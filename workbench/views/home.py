"""The empty address: whoever comes lands where the work is."""

from __future__ import annotations

from workbench.views.parts.context import here
from workbench.views.places import first_place, go


def page() -> None:
    """Lead a reader to the queue, an adjudicator to the disputed cases, and the curator to the rounds."""
    go(first_place(here().reader))
