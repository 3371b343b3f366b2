"""A threshold for a binary question: chosen on calibration patients, read off on test patients, saved."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from data.records import Metric, Part
from models.curves import Curves
from models.evaluation import Evaluation
from models.thresholds import STEP, Reading, best_youden, both_classes, for_sensitivity, read_at
from workbench.language import N_, _
from workbench.threshold_readings import CURATOR, Kept, kept_readings, save_reading
from workbench.views.parts import jobs, score_plot, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, section, show
from workbench.views.parts.markup import Html, join, table, tag
from workbench.views.parts.model_figures import name_of
from workbench.views.parts.plot import plot

FIGURES: Mapping[str, str] = {
    "sensitivity": N_("Sensitivity"),
    "specificity": N_("Specificity"),
    "ppv": N_("PPV"),
    "npv": N_("NPV"),
    "flagged": N_("Flagged"),
}
COUNTED = N_(
    "Each patient counts once: by the largest probability among the patient's answers, as positive where one of "
    "them is. Intervals: 95%, Wilson, over patients. PPV and NPV, the predictive values, hold at the share of "
    "positives among these patients."
)
WANTED = 0.95
"""The sensitivity that a button asks for."""


def thresholds(place: Here, found: Mapping[str, Evaluation], topic: str) -> None:
    """A threshold for each side; nothing where the question has no two options."""
    sides = {
        v: curves for v, one in found.items() if (curves := one.curves.get(topic)) and len(curves.options) == 2
    }
    if not sides:
        return
    section(_("Threshold: chosen on the calibration patients, read off on the test patients"))
    most = max((score_plot.most_of(curves) for curves in sides.values()), default=0)
    shown = False
    for column, version in zip(st.columns(2, gap="medium"), found, strict=False):
        with column:
            curves = sides.get(version)
            if curves is not None and (chosen_on := _calibration(place, version, topic, curves)) is not None:
                _threshold(place, version, topic, chosen_on, curves, most)
                shown = True
    if shown:
        show(tag("p", _(COUNTED), cls="c-small c-quiet"))


def _calibration(place: Here, version: str, topic: str, test: Curves) -> Curves | None:
    """The calibration patients' scores; None, and what to do, where there are none."""
    raw = place.store.versions.evaluation(version, Part.CALIBRATION)
    kept = None if raw is None else Evaluation.from_dict(raw).curves.get(topic)
    again = f"consilium evaluate {place.task.name} --version {version}"
    older = kept is not None and not kept.scores
    missing = raw is None and place.store.labels.standard(place.task.name, {Part.CALIBRATION})
    if not test.scores or older or missing:
        note(join((_("{version} was measured before scores were kept for this. Measure it again:",
                     version=version), " ", tag("code", again))), "doubt")  # fmt: skip
        running = jobs.follow(place.home, jobs.latest_about(place.store, "evaluate", version=version), key="again")
        if st.button(_("Measure again"), key=f"again {version}", disabled=running):
            jobs.ask(place.home, "evaluate", task=place.task.name, version=version)
        return None
    if not both_classes(kept):
        note(_("No threshold can be chosen: the calibration patients with a reference standard are not of both "
               "classes on this question. Rounds draw calibration patients at random and have them read; a "
               "threshold chosen on the test patients would flatter {version}.", version=version))  # fmt: skip
        return None
    return kept


@st.fragment
def _threshold(place: Here, version: str, topic: str, chosen_on: Curves, test: Curves, most: int) -> None:
    """The slider with what it makes of both; only this part is drawn anew when it moves."""
    key = f"at-{version}-{topic}"
    at = st.slider(_("{version}: positive from a probability of", version=version), 0.0, 1.0,
                   best_youden(chosen_on), STEP, format="%.3f", key=key, bind="query-params")  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        ways = {_("Largest Youden index"): best_youden(chosen_on),
                _("Sensitivity {share:.0%}", share=WANTED): for_sensitivity(chosen_on, WANTED)}  # fmt: skip
        for number, (label, value) in enumerate(ways.items()):
            st.button(label, key=f"{key} {number}", on_click=_set, args=(key, value), type="tertiary",
                      help=_("On the calibration patients: {value:.3f}", value=value))  # fmt: skip
    calibration, read = read_at(chosen_on, at), read_at(test, at)
    show(_figures(calibration, read))
    figure = score_plot.scores(test, at=at, most=most)
    plot(figure, key=f"{version} {topic} scores",
         alt=_("Test patients by probability and reference standard, {version}, {question}", version=version,
               question=name_of(topic)),
         heads=[_("from"), _("to"), *(words.short(o) for o in test.options)],
         rows=score_plot.score_rows(test))  # fmt: skip
    _saved(place, version, topic, calibration, read)


def _set(key: str, value: float) -> None:
    st.session_state[key] = value


def _figures(calibration: Reading, read: Reading) -> Html:
    heads = ["", _("{n} calibration patients", n=calibration.patients), _("{n} test patients", n=read.patients)]
    on_calibration, on_test = calibration.figures(), read.figures()
    rows = [[_(said), tag("span", told_of(on_calibration[name]), cls="c-quiet"), told_of(on_test[name])]
            for name, said in FIGURES.items()]  # fmt: skip
    return table(heads, rows)


def told_of(metric: Metric | None) -> Html:
    """A share with its interval and its patients, such as ``92.0% (81.2% to 96.9%), 46 of 50``."""
    if metric is None:
        return tag("span", _("— of no patient"), cls="c-quiet")
    low, high = metric.low or 0.0, metric.high if metric.high is not None else 1.0
    besides = _("({low:.1%} to {high:.1%}), {count} of {n}", low=low, high=high,
                count=round(metric.value * metric.n), n=metric.n)  # fmt: skip
    return tag("span", f"{metric.value:.1%} ", tag("span", besides, cls="c-quiet"), cls="c-nowrap")


def _saved(place: Here, version: str, topic: str, calibration: Reading, read: Reading) -> None:
    """Save what is shown, and list what was saved."""
    said = _("It goes to the log. It changes nothing of what {version} answers.", version=version)
    with st.popover(_("Save this reading…")), st.form(f"save {version} {topic}", border=False):
        show(tag("p", _("At {threshold:.3f}.", threshold=read.threshold), " ", said, cls="c-small c-quiet"))
        why = st.text_input(_("Why"), placeholder=_("a sentence that the log keeps"), key=f"why {version} {topic}")
        if st.form_submit_button(_("Save this reading")):
            with failures():
                who = place.reader.reader_id if place.reader else CURATOR
                save_reading(place.store, version, topic, calibration, read, who=who, why=why)
    listed = kept_readings(place.store, version, topic)
    if listed:
        heads = [_("Saved (UTC)"), _("Threshold"), _("Sensitivity"), _("Specificity"), _("Why")]
        show(table(heads, [_row(place, one) for one in listed], numeric=(1,)),
             tag("p", _("Saved readings change nothing of what {version} answers.", version=version),
                 cls="c-small c-quiet"))  # fmt: skip


def _row(place: Here, one: Kept) -> list[object]:
    by_id = {reader.reader_id: words.reader_name(reader) for reader in place.store.reads.readers()}
    who = _(words.CURATOR) if one.who == CURATOR else by_id.get(one.who, one.who)
    saved = join((tag("div", words.moment(one.at), cls="c-nowrap"), tag("div", who, cls="c-small c-quiet")))
    shares = [_kept_share(one.test[name]) for name in ("sensitivity", "specificity")]
    return [saved, f"{one.threshold:.3f}", *shares, one.why]


def _kept_share(raw: Mapping[str, float] | None) -> Html:
    """A share over its interval, as the log has it."""
    if raw is None:
        return tag("span", "—")
    between = _("{low:.1%} to {high:.1%}", low=raw["low"], high=raw["high"])
    return join((tag("div", f"{raw['value']:.1%}"), tag("div", between, cls="c-small c-quiet c-nowrap")))
