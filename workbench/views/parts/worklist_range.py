"""The worklist's range: the days on which studies came in, and how uncertain the model is at least."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from workbench.language import _
from workbench.views.parts import words


def span(*, curator: bool, changed: Callable[[], None]) -> tuple[str, str, float]:
    """The two days as ISO dates, empty for none, and the least uncertainty, 0 for all.

    Each is a query parameter. A reader is not asked for the uncertainty: it tells of the model. The fields are put
    where the caller is, such as in a row.

    Parameters
    ----------
    changed:
        Called when one of them is changed.
    """
    since = st.date_input(_("Came in from (UTC)"), None, key="since", bind="query-params", on_change=changed,
                          format=_(words.DATE_FIELD), width=170)  # fmt: skip
    until = st.date_input(_("Came in to (UTC)"), None, key="until", bind="query-params", on_change=changed,
                          format=_(words.DATE_FIELD), width=170)  # fmt: skip
    doubt = None
    if curator:
        doubt = st.number_input(
            _("Uncertainty at least"), 0.0, 1.0, None, 0.05, key="doubt", bind="query-params",
            on_change=changed, placeholder=_("any"), width=230,
            help=_("From 0 to 1, as the column says it. Studies without a prediction are left out."),
        )  # fmt: skip
    return since.isoformat() if since else "", until.isoformat() if until else "", round(doubt or 0.0, 4)
