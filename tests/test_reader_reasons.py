"""What a reader is told of why a case is there: few words, no figures, nothing of what others have answered."""

from __future__ import annotations

import re

import numpy as np
import pytest

from active_learning.acquisition_reasons import AUDITED, UNSEEN, Said, doubted, drawn, picked, with_quota
from active_learning.disputes import sentence
from active_learning.model_votes import ModelVote
from active_learning.quotas import Quota
from active_learning.reader_reasons import in_short
from active_learning.strategies.view import View
from active_learning.votes import ABSENT, MARKED, PRESENT, UNMARKED
from data.answers import Choice, Grade
from data.records import Part
from models.task import discover
from tests.test_strategies import NAMES, view, whole
from workbench.language import speaking, told

AT, ODDS = " about borders frontal on page 3", "cut off 0.52, complete 0.48"
UNSURE, SURER = Said(0.9, AT, ODDS), Said(0.5, AT, ODDS)
MODEL = ModelVote("complete", {"complete": 0.91, "cut_off": 0.09})
MIX = "the answer is likely to be wrong; {0} 1.2 times as much as the usual case"


@pytest.mark.parametrize(
    ("kept", "words", "russian"),
    [
        (doubted(UNSURE), f"the model is not sure{AT}",
         "модель не уверена, вопрос: границы в прямой проекции, страница 3"),
        (doubted(SURER), f"the model is not quite sure{AT}", ""),
        (doubted(Said(0.9, "", ODDS)), "the model is not sure", "модель не уверена"),
        (doubted(None), UNSEEN, "модель его ещё не видела"),
        (picked(MIX.format("needed"), UNSURE), f"the model is likely to be wrong{AT}", ""),
        (picked(MIX.format("wanted"), UNSURE), f"the model is likely to be wrong{AT}", ""),
        (picked("disputed: 3 models give one option between 0.20 and 0.90", UNSURE), "the models disagree", ""),
        ("disputed about projection: 3 models give one option between 0.20 and 0.90",
         "the models disagree about projection", ""),
        (with_quota(doubted(UNSURE), Quota("projection=lateral", 0.2)), f"the model is not sure{AT}", ""),
        (drawn(Part.TEST), "drawn at random", "выбран случайно"),
        (AUDITED, "drawn at random to be checked", ""),
        ("my own words", "my own words", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_reason_is_short_and_the_figures_are_in_the_whole(kept: str, words: str, russian: str) -> None:
    found = in_short(kept)
    assert (found.words, found.whole) == (words, kept)
    if russian:
        with speaking("ru"):
            assert told(found.words) == russian


@pytest.mark.parametrize(
    ("said", "model", "words"),
    [
        (["complete", "cut_off", "complete"], MODEL, "the readers disagree"),
        (["complete", "cut_off"], None, "the readers disagree"),
        (["cut_off", "cut_off"], MODEL, "the readers and the model disagree"),
        (["cut_off"], MODEL, "the readers and the model disagree"),
    ],
)
@pytest.mark.parametrize("subject", ["", "borders frontal", "grade at L4/L5, left"])
def test_what_readers_have_answered_is_not_told(
    said: list[str], model: ModelVote | None, words: str, subject: str
) -> None:
    kept = (f"{subject}: " if subject else "") + sentence(said, ["complete", "cut_off"], model)
    found = in_short(kept)
    assert found.words == words + (f" about {subject}" if subject else "")
    assert found.whole == ""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("known", [True, False])
def test_no_way_to_choose_gives_a_reader_figures(name: str, known: bool) -> None:
    seen = view() if known else View((), view().features, np.zeros((0, 5), np.float32))
    for reason in whole(name, seen, 40).why:
        words = in_short(reason).words
        assert 0 < len(words) < 45
        assert not any(letter.isdigit() for letter in words)
        with speaking("ru"):
            assert not any("a" <= letter <= "z" for letter in told(words)), told(words)


def _options() -> list[tuple[str, ...]]:
    found = {(PRESENT, ABSENT), (UNMARKED, MARKED)}
    for task in discover().values():
        for question in task.form.questions:
            if isinstance(question.kind, Choice):
                found.add(question.kind.options)
            elif isinstance(question.kind, Grade):
                found.add(question.kind.levels)
    return sorted(found)


@pytest.mark.parametrize("options", _options(), ids=",".join)
@pytest.mark.parametrize("verb", ["say", "grade"])
def test_every_dispute_is_told_in_russian(options: tuple[str, ...], verb: str) -> None:
    first, second, last = options[0], options[1], options[-1]
    models = (None, ModelVote(last, {}), ModelVote(last, {last: 0.91}))
    reads = ([first], [first] * 2, [first] * 3, [first, second], [first, first, second], [last, first, second])
    for model in models:
        for said in reads:
            kept = sentence(said, options, model, verb)
            with speaking("ru"):
                russian = told(kept)
            assert re.findall(r"[A-Za-z]{2,}", russian) == [], kept
            assert ("0.91" in russian) == ("0.91" in kept)
