"""The kind of background work that makes the data card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.store import Store
from workbench.data_card import data_card
from workbench.jobs import QUICK, Work, kind
from workbench.language import speaking

CARD = "data.card"


@kind(CARD, line=QUICK)
def make_card(work: Work, *, language: str) -> Mapping[str, Any]:
    """Make the card in a language; the result is the card, as of :meth:`workbench.data_card.Card.as_dict`."""
    with speaking(language):
        return data_card(Store.of(work.home), work.progress).as_dict()
