"""Who said what: the votes that annotations hold, question by question and site by site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Mask, MaskValue, Question, Site, Value
from data.records import Annotation, Mode

PRESENT, ABSENT = "present", "absent"
MARKED, UNMARKED = "marked", "not marked"


@dataclass(frozen=True, slots=True)
class Vote:
    """One reader's answer to one question at one site."""

    annotation_id: str
    reader_id: str
    value: Value


@dataclass(frozen=True, slots=True)
class Ballot:
    """What several readers said of one thing: a question at a site, or one label of it.

    Parameters
    ----------
    label:
        The finding, or the label of a mask; empty for choices and grades.
    options:
        What could be said, as people read it.
    said:
        Pairs of (reader, option), by reader.
    """

    question: str
    site: Site
    label: str
    options: tuple[str, ...]
    said: tuple[tuple[str, str], ...]


def counted(annotations: Iterable[Annotation], *, count_assisted: bool) -> list[Annotation]:
    """The reads that count: none that was skipped, one a reader, by reader; an independent one where there is one.

    Parameters
    ----------
    annotations:
        Of one study.
    count_assisted:
        Whether reads with the model's answer in view count.
    """
    best: dict[str, Annotation] = {}
    for annotation in annotations:
        if annotation.skipped or (annotation.mode == Mode.ASSISTED and not count_assisted):
            continue
        other = best.get(annotation.reader_id)
        if other is None or _rank(annotation) > _rank(other):
            best[annotation.reader_id] = annotation
    return [best[reader_id] for reader_id in sorted(best)]


def votes(annotations: Sequence[Annotation], question: Question, form: Form) -> dict[Site, list[Vote]]:
    """The votes on a question by site, of the readers who were asked it (see ``Question.asked_if``).

    To findings and masks nothing marked is an answer: such a reader votes for the empty set, or for an empty mask
    at every page that another reader marked; where nobody marked anything, at the study, with the shape ``()``.
    """
    asked = [a for a in annotations if form.asked(question, _at_study(a.answers))]
    given = [{x.site: x.value for x in a.answers if x.question == question.name} for a in asked]
    seen = {site for answers in given for site in answers}
    if isinstance(question.kind, Mask):
        sites = sorted(seen) or [STUDY]
    else:
        sites = [*question.sites, *sorted(seen - set(question.sites))]
    found: dict[Site, list[Vote]] = {}
    for site in sites:
        empty = _empty(question, site, [answers[site] for answers in given if site in answers])
        found[site] = [
            Vote(a.annotation_id, a.reader_id, value)
            for a, answers in zip(asked, given, strict=True)
            if (value := answers.get(site, empty)) is not None
        ]
    return found


def ballots(
    annotations: Sequence[Annotation], form: Form, counts: Callable[[Annotation, Question], bool] | None = None
) -> Iterator[Ballot]:
    """The votes as options, where there are any: findings and masks label by label, measurements left out.

    A mask counts as marked if any page of the study is: how well outlines agree is not asked here.

    Parameters
    ----------
    counts:
        Whether what a read says to a question counts; everything does without it.
    """
    for question in form.questions:
        heard = [a for a in annotations if counts is None or counts(a, question)]
        by_site = votes(heard, question, form)
        if isinstance(question.kind, Mask):
            for label in question.kind.labels:
                yield _mask_ballot(question, label, by_site)
            continue
        for site, cast in by_site.items():
            if not cast:
                continue
            match question.kind:
                case Choice(options):
                    said = tuple((v.reader_id, str(v.value)) for v in cast)
                    yield Ballot(question.name, site, "", options, said)
                case Grade(levels):
                    said = tuple((v.reader_id, levels[v.value]) for v in cast if isinstance(v.value, int))
                    yield Ballot(question.name, site, "", levels, said)
                case Findings(labels):
                    for label in labels:
                        said = tuple((v.reader_id, PRESENT if holds(v.value, label) else ABSENT) for v in cast)
                        yield Ballot(question.name, site, label, (ABSENT, PRESENT), said)


def holds(value: Value, label: str) -> bool:
    """Whether a value of findings or masks has a label."""
    if isinstance(value, MaskValue):
        return value.blob(label) is not None
    return isinstance(value, frozenset) and label in value


def _mask_ballot(question: Question, label: str, by_site: dict[Site, list[Vote]]) -> Ballot:
    marked: dict[str, bool] = {}
    for cast in by_site.values():
        for vote in cast:
            marked[vote.reader_id] = marked.get(vote.reader_id, False) or holds(vote.value, label)
    said = tuple((reader, MARKED if marked[reader] else UNMARKED) for reader in sorted(marked))
    return Ballot(question.name, STUDY, label, (UNMARKED, MARKED), said)


def _empty(question: Question, site: Site, others: list[Value]) -> Value | None:
    """What it means that a reader who was asked gave no answer; None: nothing."""
    if isinstance(question.kind, Findings) and site in question.sites:
        return frozenset()
    if isinstance(question.kind, Mask):
        return MaskValue(next((v.shape for v in others if isinstance(v, MaskValue)), ()))
    return None


def _at_study(answers: Iterable[Answer]) -> dict[str, Value]:
    return {a.question: a.value for a in answers if a.site == STUDY}


def _rank(annotation: Annotation) -> tuple[bool, str, str, int]:
    return (
        annotation.mode == Mode.INDEPENDENT,
        annotation.created_at,
        annotation.annotation_id,
        annotation.revision,
    )
