"""Prediction sets as pages show them: beside each answer, which options cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from active_learning.triage import sets_of
from data.answers import STUDY, Form, Site
from data.records import Prediction
from data.store import Store
from workbench.language import _
from workbench.views.parts import words
from workbench.views.parts.markup import Html, join, tag, text

Key = tuple[str, str, Site]
"""Question, finding (empty: the question itself), site."""


@dataclass(frozen=True, slots=True)
class Sets:
    """The prediction sets of one study by one version.

    Parameters
    ----------
    by_topic:
        The options that are kept, by question, finding and site.
    coverage:
        By question and finding, the share of patients whose set holds the right option, 0 to 1.
    """

    by_topic: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    coverage: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_topic)

    def options(self, question: str, site: Site = STUDY, label: str = "") -> tuple[str, ...] | None:
        """The options of a set; None where there is none, and empty where none of them fits."""
        return self.by_topic.get((question, label, site))

    def told(self, question: str, site: Site = STUDY, label: str = "") -> Html:
        """A set in words, such as ``at 95%: benign or indeterminate``; what it means stands in the tooltip."""
        found = self.options(question, site, label)
        if found is None:
            return text("")
        share = self.coverage[question, label]
        named = join((tag("b", words.short(option)) for option in found), f" {_('or')} ") or text(_("none fits"))
        said = join((_("at {share:.0%}: ", share=share), named))
        return tag("span", said, cls="c-small c-set", title=_meaning(len(found), share))


def sets_for(store: Store, form: Form, prediction: Prediction) -> Sets:
    """The sets of a prediction by the thresholds that were calibrated for its version; none where none were."""
    policy = store.triage.policy(prediction.task, prediction.version)
    if policy is None:
        return Sets()
    fitted = [one for one in policy.sets if one.question in form]
    return Sets(
        {(one.question, one.label, one.site): one.options for one in sets_of(fitted, form, prediction)},
        {(one.question, one.label): one.coverage for one in fitted},
    )


def _meaning(count: int, share: float) -> str:
    if count == 1:
        said = _("One option alone is left: a clear answer.")
    elif count:
        said = _("These options cannot be told apart in this study.")
    else:
        said = _("The study is unlike the calibration patients of every option.")
    return (
        said + " " + _("Of the patients who truly have an option, {share:.0%} have it in their set.", share=share)
    )
