"""How a reading report speaks: numbers with their intervals, sentences, methods, and the look of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from active_learning.agreement import band
from active_learning.mrmc import Merit
from active_learning.reading_study import Topic
from active_learning.reading_times import Time
from active_learning.reading_topic import Answerer
from workbench.language import N_, NP_, _, n_, number, p_
from workbench.views.parts import words

METHODS = (
    N_(
        "Only independent reads count. Several answers of a patient are not independent: patients are drawn, with "
        "all that belongs to them. Where nothing differs between patients (all right, or all wrong), the interval "
        "is that of Clopper and Pearson (1934) for as many patients."
    ),
    N_(
        "Sensitivity and specificity: positive against negative. With more than two options each stands against "
        "the rest, weighted by how often the reference holds it; so weighted, sensitivity is the accuracy."
    ),
    N_(
        "AUC: of a model by its probability, of readers by their grade. Answers of two options are one operating "
        "point, whose area is the mean of sensitivity and specificity: less than a scale of grades would give."
    ),
    N_(
        "Kappa: Cohen's, without weights or with quadratic ones. Bands after Landis and Koch (1977): below 0 "
        "poor, to 0.20 slight, to 0.40 fair, to 0.60 moderate, to 0.80 substantial, above almost perfect."
    ),
    N_(
        "Krippendorff's alpha is ordinal where the options have an order, nominal elsewhere. Missing reads are "
        "left out."
    ),
    N_(
        "Model and readers: Obuchowski and Rockette (1995) with Hillis' degrees of freedom (2007, 2014), "
        "covariances by the jackknife over patients. Readers and patients count as drawn from more; the model "
        "does not. Reader and model are held against the same reference, made without that reader's vote."
    ),
    N_(
        "Trend over time: Kendall's tau of the share of a case's answers that agreed with the reference and the "
        "case's place in the reader's sequence."
    ),
    N_("No P is corrected for the number of comparisons."),
)
"""How everything is computed, in sentences."""
AGREE: Mapping[str, str] = {
    "poor": NP_("readers agree", "worse than chance"), "slight": NP_("readers agree", "slightly"),
    "fair": NP_("readers agree", "fairly"), "moderate": NP_("readers agree", "moderately"),
    "substantial": NP_("readers agree", "substantially"),
    "almost perfect": NP_("readers agree", "almost perfectly"),
}  # fmt: skip
"""How far readers agree, by :func:`active_learning.agreement.band`; translated as ``readers agree``."""

STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #ffffff; color: #16202c; font: 14px/1.5 Inter, 'Segoe UI', 'Helvetica Neue',
  Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 40px 64px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 40px 0 8px; padding-top: 12px; border-top: 2px solid #16202c; }
h3 { font-size: 14px; margin: 24px 0 8px; }
p { margin: 4px 0 12px; max-width: 78ch; } ul { margin: 4px 0; padding-left: 20px; max-width: 86ch; }
li { margin: 3px 0; } .quiet { color: #5b6876; }
.caution { display: inline-block; border: 1px solid #b9c2cc; border-radius: 4px; padding: 2px 10px;
  font-weight: 600; }
table { border-collapse: collapse; margin: 12px 0 4px; font-size: 13px; }
caption { caption-side: bottom; text-align: left; color: #5b6876; padding-top: 6px; font-size: 12px; }
th { text-align: left; font-weight: 600; border-bottom: 1.5px solid #16202c; padding: 4px 10px;
  vertical-align: bottom; }
td { border-bottom: 1px solid #e3e8ed; padding: 4px 10px; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
.n { text-align: right; }
.plot { margin: 8px 0; overflow-x: auto; } .plot svg { font-family: inherit; max-width: 100%; height: auto; }
.several { display: flex; flex-wrap: wrap; gap: 20px 28px; }
@media print { main { max-width: none; padding: 0; } h2, h3 { break-after: avoid; }
  tr, svg { break-inside: avoid; } td, th { padding: 2pt 5pt; }
  body { font-size: 10.5pt; } table { font-size: 9pt; } @page { size: A4; margin: 14mm; } }
"""


def p_value(p: float) -> str:
    """``0.053`` or ``< 0.001``."""
    return "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float) -> str:
    """``P = 0.053`` or ``P < 0.001``."""
    return f"P\u00a0{p_value(p)}" if p < 0.001 else f"P\u00a0=\u00a0{p_value(p)}"


def signed(value: float) -> str:
    """``+0.012`` or ``−0.060``."""
    return f"{value:+.3f}".replace("-", "\u2212")


def difference(value: float, low: float, high: float) -> str:
    """``−0.060 (−0.121 to +0.001)``."""
    return _("{value} ({low} to {high})", value=signed(value), low=signed(low), high=signed(high))


def seconds(value: float) -> str:
    """``58 s`` or ``3 min 20 s``."""
    whole = round(value)
    if whole < 120:
        return _("{s} s", s=whole)
    return _("{min} min {s} s", min=whole // 60, s=whole % 60)


def times(time: Time) -> str:
    """The median with the quartiles."""
    middle, low, high = map(seconds, (time.median_s, time.low_s, time.high_s))
    return _("{value} ({low} to {high})", value=middle, low=low, high=high)


def heading(name: str) -> str:
    """A question or an option as it stands at the beginning of a line."""
    said = words.short(name)
    return said[:1].upper() + said[1:]


def called(one: Answerer) -> str:
    """A reader, the readers' mean or a model, as people call it."""
    return _(one.name) if one.kind == "mean" else one.name


def count(n: int) -> str:
    """A number of cases; empty where there are none."""
    return number(n) if n else ""


def sentences(topic: Topic) -> Iterator[str]:
    """What a topic comes to: the panel's agreement, accuracy, and the model beside the readers."""
    name = heading(topic.view.label or topic.view.question)
    alpha = topic.panel.figures.get("krippendorff_alpha")
    if alpha is not None:
        yield n_("{name}: {n} reader agrees {how} (Krippendorff's alpha {alpha}, {patients} patients).",
                 "{name}: {n} readers agree {how} (Krippendorff's alpha {alpha}, {patients} patients).",
                 len(topic.panel.readers), name=name, how=p_("readers agree", AGREE[band(alpha.value)]),
                 alpha=words.with_interval(alpha), patients=number(alpha.n))  # fmt: skip
    for one in topic.answerers:
        if one.kind != "reader" and {"sensitivity", "specificity"} <= set(one.binary):
            yield _("{name}, {who}: sensitivity {sensitivity}, specificity {specificity}, {patients} patients.",
                    name=name, who=called(one), sensitivity=words.with_interval(one.binary["sensitivity"]),
                    specificity=words.with_interval(one.binary["specificity"]),
                    patients=number(one.patients))  # fmt: skip
    found = topic.beside
    for result in found.results if found else ():
        if result.merit is Merit.AUC and found is not None:
            gap = result.difference
            verdict = _("the model is better") if gap.low > 0 else _("the readers are better")
            if gap.low <= 0 <= gap.high:
                verdict = _("no proven difference")
            yield _("{name}: AUC of the model less that of the mean reader {gap}, {p}, {patients} patients: "
                    "{verdict}.", name=name, gap=difference(gap.value, gap.low, gap.high), p=p_equals(gap.p),
                    patients=number(found.patients), verdict=verdict)  # fmt: skip
