"""The sentences that several pages share, in one place so that a catalogue of another language can follow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from data.answers import Choice, Findings, Form, Grade, Kind, MaskValue, Measurement, Question, Site, Value
from data.records import (
    JobState,
    Mode,
    Part,
    Purpose,
    QuestionPrediction,
    Reader,
    ReaderKind,
    RequestState,
    RoundState,
)

NAME = "Consilium"
NOTICE = "For research and quality work. Not a medical device."
CURATOR = "Curator"
NO_CHAMPION = "no champion yet"

PARTS: Mapping[Part, str] = {
    Part.TRAIN: "training",
    Part.VALIDATION: "validation",
    Part.CALIBRATION: "calibration",
    Part.TEST: "test",
}
MODES: Mapping[Mode, str] = {Mode.ASSISTED: "assisted", Mode.INDEPENDENT: "independent"}
PURPOSES: Mapping[Purpose, str] = {
    Purpose.ACQUISITION: "model needs it",
    Purpose.VALIDATION: "drawn: validation",
    Purpose.CALIBRATION: "drawn: calibration",
    Purpose.TEST: "drawn: test",
    Purpose.AUDIT: "audit of what was cleared",
    Purpose.ADJUDICATION: "adjudication",
    Purpose.REREAD: "hidden second read",
    Purpose.SECOND_LOOK: "second look",
    Purpose.QUALIFICATION: "qualification",
}
REQUESTS: Mapping[RequestState, str] = {
    RequestState.PLANNED: "not sent yet",
    RequestState.PUSHED: "waiting",
    RequestState.ANSWERED: "read",
    RequestState.SKIPPED: "skipped",
    RequestState.WITHDRAWN: "taken back",
}
DECISIONS: Mapping[RequestState, str] = {RequestState.ANSWERED: "decided", RequestState.SKIPPED: "declined"}
"""What became of a case that was given to an adjudicator."""
STEPS: tuple[str, ...] = ("choose", "read", "agree", "train", "compare", "promote")
"""The line of a round."""
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
    "push": "Send to readers",
    "pull": "Fetch answers",
    "close": "Form consensus",
    "train": "Train candidate",
    "compare": "Compare",
    "promote": "Decide",
    "cancel": "Give up this round",
}
JOBS: Mapping[str, str] = {
    "ingest": "taking files in",
    "predict": "predicting",
    "explain": "making a heat map",
    "train": "training",
    "evaluate": "measuring on the test patients",
    "round.open": "choosing cases",
    "round.preview": "previewing a batch",
    "round.step": "a step of a round",
    "round.fetch": "fetching answers",
    "case.decide": "keeping the decision",
    "case.appeal": "passing the case to another adjudicator",
    "reader.qualify": "a qualification",
    "demo.predict": "a demo prediction",
    "demo.play": "preparing the task's demo on phantoms",
    "curate": "drawing a curated set",
    "consensus.measure": "measuring the readers",
    "consensus.outlines": "comparing outlines",
    "readers.report": "writing the reading-study report",
    "champion.drift": "measuring how the champion goes on",
    "scan.take": "taking an upload in",
    "simulate": "simulating ways to choose",
    "triage.plan": "making an operating point",
    "triage.run": "deciding what needs reading",
    "verify": "verifying the log",
}
JOB_STATES: Mapping[JobState, str] = {
    JobState.WAITING: "waiting for the worker",
    JobState.RUNNING: "running",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "called off",
}
START_WORKER = "consilium worker"
START_SERVER = "consilium labelstudio start"


def short(question: str) -> str:
    """A question's name as a label."""
    return question.replace("_", " ")


def site(where: Site) -> str:
    """Where an answer holds, as people say it; empty for the study."""
    kind, _, rest = where.key.partition(":")
    if kind == "study":
        return ""
    if kind == "page":
        return f"page {int(rest) + 1}"
    return f"lesion {rest}" if kind == "lesion" else rest.replace(":", " ")


def value(kind: Kind, given: Value | None) -> str:
    """An answer as people read it."""
    if given is None:
        return "—"
    if isinstance(kind, Grade) and isinstance(given, int):
        return kind.levels[given] if 0 <= given < len(kind.levels) else str(given)
    if isinstance(given, frozenset):
        return ", ".join(short(one) for one in sorted(given)) or "none"
    if isinstance(given, MaskValue):
        labels = ", ".join(short(label) for label, _ in given.masks)
        return f"outlined: {labels}" if labels else "not outlined"
    if isinstance(kind, Measurement):
        return f"{float(str(given)):.3g} {kind.unit}"
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
    return "" if share is None else f"P = {share:.2f} (calibrated)"


def asked(form: Form, name: str) -> Question | None:
    """A question of the form, or None where a version was trained on another form."""
    return next((question for question in form.questions if question.name == name), None)


def reader_name(reader: Reader) -> str:
    """A reader's name; scripted ones say so."""
    return f"{reader.name} (scripted)" if reader.kind == ReaderKind.SCRIPTED else reader.name


def day(at: str) -> str:
    """A time as a date, or as it was given."""
    return at[:10] if len(at) >= 10 else at


def present_first(result: QuestionPrediction) -> list[str]:
    """The findings of a result: those said to be present, then the others, the likeliest first."""
    present = result.value if isinstance(result.value, frozenset) else frozenset()
    return sorted(result.probabilities, key=lambda name: (name not in present, -result.probabilities[name]))


def moment(at: str) -> str:
    """A time to the minute, UTC."""
    return at[:16].replace("T", " ")


def ago(at: str) -> str:
    """How long ago a time was."""
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    except (ValueError, TypeError):
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def minutes(seconds: float) -> str:
    """A duration as a reader plans it."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
