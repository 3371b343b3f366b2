"""The words that several pages share; constants are translated where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from babel.dates import format_date, format_time

from data.answers import Choice, Findings, Form, Grade, Kind, MaskValue, Measurement, Question, Site, Value
from data.records import (
    JobState,
    Metric,
    Mode,
    Part,
    Purpose,
    QuestionPrediction,
    Reader,
    ReaderKind,
    RequestState,
    RoundState,
)
from workbench.language import N_, NP_, _, locale, p_
from workbench.worklist_filter import Sort, Standing

NAME = "Consilium"
NOTICE = N_("For research and quality work. Not a medical device.")
CURATOR = N_("Curator")
NO_CHAMPION = N_("no champion yet")

PARTS: Mapping[Part, str] = {
    Part.TRAIN: NP_("part", "training"),
    Part.VALIDATION: NP_("part", "validation"),
    Part.CALIBRATION: NP_("part", "calibration"),
    Part.TEST: NP_("part", "test"),
}
"""Of the data; translated as a ``part``: see :func:`part`."""
MODES: Mapping[Mode, str] = {Mode.ASSISTED: N_("assisted"), Mode.INDEPENDENT: N_("independent")}
PURPOSES: Mapping[Purpose, str] = {
    Purpose.ACQUISITION: N_("model needs it"),
    Purpose.VALIDATION: N_("drawn: validation"),
    Purpose.CALIBRATION: N_("drawn: calibration"),
    Purpose.TEST: N_("drawn: test"),
    Purpose.AUDIT: N_("audit of what was cleared"),
    Purpose.ADJUDICATION: N_("adjudication"),
    Purpose.REREAD: N_("hidden second read"),
    Purpose.SECOND_LOOK: N_("second look"),
    Purpose.QUALIFICATION: N_("qualification"),
}
REQUESTS: Mapping[RequestState, str] = {
    RequestState.PLANNED: N_("not sent yet"),
    RequestState.PUSHED: N_("waiting"),
    RequestState.ANSWERED: N_("read"),
    RequestState.SKIPPED: N_("skipped"),
    RequestState.WITHDRAWN: N_("taken back"),
}
DECISIONS: Mapping[RequestState, str] = {
    RequestState.ANSWERED: N_("decided"),
    RequestState.SKIPPED: N_("declined"),
}
"""What became of a case that was given to an adjudicator."""
STANDINGS: Mapping[Standing, str] = {
    Standing.IN_ROUND: N_("in round"),
    Standing.REFERENCE: N_("reference"),
    Standing.READ: N_("read"),
    Standing.POOL: N_("pool"),
}
SORTS: Mapping[Sort, str] = {
    Sort.NEWEST: N_("newest first"),
    Sort.OLDEST: N_("oldest first"),
    Sort.UNCERTAIN: N_("uncertain first"),
    Sort.CERTAIN: N_("certain first"),
    Sort.PSEUDONYM: N_("pseudonym"),
}
STEPS: tuple[str, ...] = (
    NP_("step", "choose"),
    NP_("step", "read"),
    NP_("step", "agree"),
    NP_("step", "train"),
    NP_("step", "compare"),
    NP_("step", "promote"),
)
"""The line of a round; each is translated as a ``step``."""
STEP_OF: Mapping[RoundState, int] = {
    RoundState.OPENED: 1,
    RoundState.PUSHED: 1,
    RoundState.READ: 2,
    RoundState.CLOSED: 3,
    RoundState.TRAINED: 4,
    RoundState.COMPARED: 5,
}
"""Which step of the line is the current one; a round in another state has ended."""
BUTTONS: Mapping[str, str] = {
    "push": N_("Send to readers"),
    "pull": N_("Fetch answers"),
    "close": N_("Form consensus"),
    "train": N_("Train candidate"),
    "compare": N_("Compare"),
    "promote": N_("Decide"),
    "cancel": N_("Give up this round"),
}
JOBS: Mapping[str, str] = {
    "ingest": N_("taking files in"),
    "predict": N_("predicting"),
    "explain": N_("making a heat map"),
    "train": N_("training"),
    "evaluate": N_("measuring on the test patients"),
    "round.open": N_("choosing cases"),
    "round.preview": N_("previewing a batch"),
    "round.step": N_("a step of a round"),
    "round.fetch": N_("fetching answers"),
    "case.decide": N_("keeping the decision"),
    "case.appeal": N_("passing the case to another adjudicator"),
    "reader.qualify": N_("a qualification"),
    "demo.predict": N_("a demo prediction"),
    "demo.play": N_("preparing the task's demo on phantoms"),
    "curate": N_("drawing a curated set"),
    "folder.look": N_("looking at a folder"),
    "folder.take": N_("taking a folder in"),
    "labelling.start": N_("starting Label Studio"),
    "leaks": N_("looking for leaks"),
    "labels.suspects": N_("checking labels"),
    "data.card": N_("making the data card"),
    "home.measure": N_("measuring the home"),
    "consensus.measure": N_("measuring the readers"),
    "consensus.outlines": N_("comparing outlines"),
    "readers.report": N_("writing the reading-study report"),
    "champion.drift": N_("measuring how the champion goes on"),
    "scan.take": N_("taking an upload in"),
    "simulate": N_("simulating ways to choose"),
    "triage.plan": N_("making an operating point"),
    "triage.run": N_("deciding what needs reading"),
    "verify": N_("verifying the log"),
    "voxels": N_("making pictures ready"),
}
ROUND_STEPS: Mapping[str, str] = {
    "push": N_("sending cases to the readers"),
    "pull": N_("fetching answers"),
    "close": N_("forming the consensus"),
    "train": N_("training the candidate"),
    "compare": N_("comparing candidate and champion"),
    "promote": N_("keeping the decision"),
    "cancel": N_("giving the round up"),
}
"""What a job of the kind ``round.step`` does, by its step."""
JOB_STATES: Mapping[JobState, str] = {
    JobState.WAITING: N_("waiting for the worker"),
    JobState.RUNNING: N_("running"),
    JobState.DONE: N_("done"),
    JobState.FAILED: N_("failed"),
    JobState.CANCELLED: N_("called off"),
}
START_WORKER = "consilium worker"
START_SERVER = "consilium labelstudio start"
DATE_FIELD = N_("YYYY-MM-DD")
"""How a day is typed: the format of :func:`streamlit.date_input`."""


def part(of: Part) -> str:
    """A part of the data, as people say it."""
    return p_("part", PARTS[of])


def short(question: str) -> str:
    """A question's name as a label."""
    return _(question.replace("_", " "))


def site(where: Site) -> str:
    """Where an answer holds, as people say it; empty for the study."""
    kind, rest = (*where.key.split(":", 1), "")[:2]
    if kind == "study":
        return ""
    if kind == "page":
        return _("page {number}", number=int(rest) + 1)
    return _("lesion {number}", number=rest) if kind == "lesion" else " ".join(map(short, rest.split(":")))


def value(kind: Kind, given: Value | None) -> str:
    """An answer as people read it."""
    if given is None:
        return "—"
    if isinstance(kind, Grade) and isinstance(given, int):
        return _(kind.levels[given]) if 0 <= given < len(kind.levels) else str(given)
    if isinstance(given, frozenset):
        return ", ".join(short(one) for one in sorted(given)) or _("none")
    if isinstance(given, MaskValue):
        labels = ", ".join(short(label) for label, _ in given.masks)
        return _("outlined: {labels}", labels=labels) if labels else _("not outlined")
    if isinstance(kind, Measurement):
        return f"{float(str(given)):.3g} {_(kind.unit)}"
    return short(str(given))


def probability(kind: Kind, result: QuestionPrediction) -> float | None:
    """The calibrated probability of the answer that was given; None where there is no single one."""
    given = result.value
    if isinstance(kind, Choice):
        return result.probabilities.get(str(given))
    if isinstance(kind, Grade) and isinstance(given, int):
        return result.probabilities.get(kind.levels[given], result.probabilities.get(str(given)))
    if isinstance(kind, Findings) and isinstance(given, frozenset) and given:
        return max(result.probabilities.get(one, 0.0) for one in given)
    return None


def calibrated(share: float | None) -> str:
    """A probability as it is written everywhere."""
    return "" if share is None else _("P = {share:.2f} (calibrated)", share=share)


def asked(form: Form, name: str) -> Question | None:
    """A question of the form, or None where a version was trained on another form."""
    return next((question for question in form.questions if question.name == name), None)


def reader_name(reader: Reader) -> str:
    """A reader's name; scripted ones say so."""
    scripted = reader.kind == ReaderKind.SCRIPTED
    return _("{name} (scripted)", name=reader.name) if scripted else reader.name


def day(at: str) -> str:
    """A time as a date in the reader's locale, or as it was given."""
    when = _when(at)
    return at if when is None else str(format_date(when, "medium", locale=locale()))


def present_first(result: QuestionPrediction) -> list[str]:
    """The findings of a result: those said to be present, then the others, the likeliest first."""
    present = result.value if isinstance(result.value, frozenset) else frozenset()
    return sorted(result.probabilities, key=lambda name: (name not in present, -result.probabilities[name]))


def moment(at: str) -> str:
    """A time to the minute, UTC, in the reader's locale, or as it was given."""
    when = _when(at)
    if when is None:
        return at
    return f"{format_date(when, 'medium', locale=locale())} {format_time(when, 'HH:mm', locale=locale())}"


def _when(at: str) -> datetime | None:
    try:
        return datetime.fromisoformat(at)
    except (ValueError, TypeError):
        return None


def ago(at: str) -> str:
    """How long ago a time was."""
    when = _when(at)
    if when is None or when.tzinfo is None:
        return ""
    seconds = (datetime.now(UTC) - when).total_seconds()
    for size_s, said in _AGO:
        if seconds >= size_s:
            return _(said, n=int(seconds // size_s))
    return _("just now")


_AGO = ((86400, N_("{n} d ago")), (3600, N_("{n} h ago")), (60, N_("{n} min ago")))


def with_interval(metric: Metric | None) -> str:
    """A figure with its interval, such as ``0.73 (0.67 to 0.78)``."""
    if metric is None:
        return "—"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.2f}"
    return _("{value:.2f} ({low:.2f} to {high:.2f})", value=metric.value, low=metric.low, high=metric.high)


def minutes(seconds: float) -> str:
    """A duration as a reader plans it."""
    if seconds < 90:
        return _("about {n} s", n=max(1, round(seconds)))
    if seconds < 5400:
        return _("about {n} min", n=round(seconds / 60))
    return _("about {n:.1f} h", n=seconds / 3600)


def size(count: float) -> str:
    """Bytes."""
    for unit in (N_("B"), N_("KB"), N_("MB"), N_("GB")):
        if count < 1000:
            return f"{count:.0f} {_(unit)}" if unit == "B" else f"{count:.1f} {_(unit)}"
        count /= 1000
    return f"{count:.1f} {_('TB')}"
