"""What goes into the catalogue, and how kept sentences are found in it again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from active_learning.agreement import band
from active_learning.votes import MARKED, UNMARKED
from data.records import Part
from models.task import discover
from tests.unmarked import unmarked
from workbench import catalogue, language
from workbench.kept import Kept
from workbench.knobs import TABLES, meaning, meanings
from workbench.language import OFFERED, _, n_, speaking, told
from workbench.views.parts import words
from workbench.views.parts.agreement_plot import banded


def test_the_catalogue_reads_what_is_marked_what_forms_ask_and_what_errors_say() -> None:
    found = {message.text for message in catalogue.messages()}
    assert "For research and quality work. Not a medical device." in found  # a constant
    assert "Technical quality of chest radiographs" in found  # a task
    assert "cut off" in found  # an option
    assert "There is no such page." in found  # an error
    assert "0 to {1}" in found  # what it expected, with a value
    assert {"typiclust", "dawid skene", "staple"} <= found  # ways to choose, to a consensus, to an outline
    assert "Enlarged heart" in found  # a finding whose sets are curated
    assert {MARKED, UNMARKED} <= found


def test_the_catalogue_has_what_every_knob_means_as_settings_show_it() -> None:
    found = {message.text for message in catalogue.messages()}
    for task in discover().values():
        for table in TABLES:
            said = dict(meanings(type(getattr(task.config, table))))
            assert said
            assert {means for means in said.values() if means} <= found
            assert not any("`" in means for means in said.values())
    assert meaning("A :class:`Plan` as\n    ``mix`` has it.") == "A Plan as mix has it."


def test_only_whole_languages_are_offered() -> None:
    assert [code for code in OFFERED if code != "en" and catalogue.wanting(code)] == []


def test_a_message_without_translation_or_with_other_values_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ru.po"
    file.write_text('msgid "{n} h ago"\nmsgstr "{x} ч назад"\n\nmsgid "gone"\nmsgstr "нет"\n')
    monkeypatch.setattr(catalogue, "catalogue", lambda code: file)
    known = {catalogue.Message("{n} h ago"): ["a.py"], catalogue.Message("new"): ["a.py"]}
    monkeypatch.setattr(catalogue, "messages", lambda: known)
    assert catalogue.wanting("ru") == [
        "other values: '{n} h ago': '{x} ч назад'", "not translated: 'new'", "nobody says it any more: 'gone'",
    ]  # fmt: skip


def test_bringing_a_catalogue_up_keeps_what_is_translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ru.po"
    file.write_text('msgid "{n} h ago"\nmsgstr "{n} ч назад"\n\nmsgid "gone"\nmsgstr "нет"\n')
    monkeypatch.setattr(catalogue, "catalogue", lambda code: file)
    known = {catalogue.Message("{n} h ago"): ["a.py"], catalogue.Message("{n} day", "{n} days"): ["a.py"]}
    monkeypatch.setattr(catalogue, "messages", lambda: known)
    assert catalogue.main([]) == 1
    assert "ч назад" in file.read_text(encoding="utf-8")
    assert catalogue.wanting("ru") == ["not translated: '{n} day'"]


def test_english_is_as_it_stands_in_the_code() -> None:
    assert _("{read} of {total} read", read=3, total=25) == "3 of 25 read"
    assert n_("{n} study", "{n} studies", 1200) == "1,200 studies"
    assert told("no template has ever made this") == "no template has ever made this"


RUSSIAN = {
    "drawn at random for the {1} set": "выбран случайно для {1}",
    "test": "проверки",
    "the model is undecided: {1}": "модель не решила: {1}",
    "cut off": "срезано",
    "{1} of {2} files": "{1} из {2} файлов",
}


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("drawn at random for the test set", "выбран случайно для проверки"),
        ("the model is undecided: cut off", "модель не решила: срезано"),
        ("cut off; 3 of 25 files", "срезано; 3 из 25 файлов"),
        ("3 of 25 files. something else", "3 из 25 файлов. something else"),
        ("", ""),
        ("12.5", "12.5"),
    ],
)
def test_a_kept_sentence_finds_its_template(sentence: str, said: str) -> None:
    kept = Kept(RUSSIAN, lambda message: RUSSIAN.get(message, message))
    assert kept.said(sentence) == said


def test_counts_in_kept_sentences_are_written_as_the_language_does() -> None:
    sentence = "1,024 of 42,000 pairs that look alike"
    assert told(sentence) == sentence
    with speaking("ru"):
        assert told(sentence).split("\N{NO-BREAK SPACE}") == ["1", "024 из 42", "000 похожих пар"]
        assert told("0.125; 512,5; 1,0000") == "0.125; 512,5; 1,0000"


CONTEXTS = """
msgctxt "part"
msgid "test"
msgstr "проверки"

msgctxt "part"
msgid "training"
msgstr "обучения"

msgid "training"
msgstr "обучение"

msgctxt "agreement"
msgid "moderate"
msgstr "умеренное"

msgid "moderate"
msgstr "умеренный"

msgid "drawn at random for the {1} set"
msgstr "выбран случайно для {1}"
"""


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue with words that mean several things, spoken."""
    file = tmp_path / "ru.po"
    file.write_text(CONTEXTS)
    caches = (language._read, language._translations, language._kept, language._told)
    monkeypatch.setattr(language, "catalogue", lambda code: file)
    for cache in caches:
        cache.cache_clear()
    with speaking("ru"):
        yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("contexts")
def test_a_word_is_translated_as_it_is_meant() -> None:
    assert (words.part(Part.TRAIN), _("training")) == ("обучения", "обучение")
    assert (banded(0.5), _("moderate")) == ("умеренное", "умеренный")


@pytest.mark.usefixtures("contexts")
def test_a_kept_sentence_finds_what_has_a_context_alone() -> None:
    assert told("drawn at random for the test set") == "выбран случайно для проверки"
    assert told("drawn at random for the training set") == "выбран случайно для обучение"


def test_every_part_and_band_is_in_the_catalogue_with_its_context() -> None:
    found = {(message.context, message.text) for message in catalogue.messages()}
    assert {("part", words.PARTS[part]) for part in Part} <= found
    assert {("agreement", band(value)) for value in (-0.1, 0.1, 0.3, 0.5, 0.7, 0.9)} <= found


def test_no_function_hides_the_translation_behind_a_throw_away_name() -> None:
    hidden = []
    for file in sorted((Path(catalogue.ROOT) / "workbench").rglob("*.py")):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                names = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == "_"]
                stores = [n for n in names if isinstance(n.ctx, ast.Store) and not _in_comprehension(function, n)]
                if stores and any(isinstance(n.ctx, ast.Load) for n in names):
                    hidden.append(f"{file.name}: {function.name}")
    assert hidden == []


def _in_comprehension(function: ast.FunctionDef, name: ast.Name) -> bool:
    kinds = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    return any(name in ast.walk(node) for node in ast.walk(function) if isinstance(node, kinds))


WORKBENCH = Path(catalogue.ROOT) / "workbench"
ENGLISH_ALONE = ("cli", "report", "verbs/*")
"""The command line."""
ENGLISH_FUNCTIONS = {"simulation_report": frozenset({"html", "_heading", "_table"})}
"""The like in modules that pages use too."""


def test_every_sentence_of_a_page_is_marked() -> None:
    found = {}
    for file in sorted(WORKBENCH.rglob("*.py")):
        name = file.relative_to(WORKBENCH).with_suffix("").as_posix()
        if not any(fnmatch(name, pattern) for pattern in ENGLISH_ALONE):
            found[name] = unmarked(file, english=ENGLISH_FUNCTIONS.get(name, frozenset()))
    assert len(found) > 150
    assert {name: said for name, said in found.items() if said} == {}


EXAMPLE = """
show(tag("p", f"{n} cases", cls="c-quiet"), tag("code", "consilium train"), tone(_("read"), "quiet"))
section("Agreement" if several else _("Read"))
st.button(name or "Decide", key="decide now", help="It stays.")
chip(_("held"), "doubt"), table(["Question", _("Answer")], [[one.name, "—"]])
note(n_("{n} study", "{n} studies", 3), "doubt"), show(tag("span", join(("a ", told(reason))), title="Why"))
KINDS = {"kappa": "Kappa", "auc": N_("AUC")}
HUES, SAID = {"a": "#fff"}, ("model", N_("read"))
def ends(one):
    code = "good"
    heads = [_(one) for one in SAID]
    said = "Too few" if one is None else _("many")
    show(chip(said, code), tone(result(one), "doubt"), tag("span", _(KINDS[one]), style=HUES[one]), heads)
result = lambda one: one
def figure(one): return "No interval" if one else ""
def page(one):
    name, unit = "gap", "mm"
    show(figure(one), " to ".join(one), rows); rows = []; rows.append(["reads", f"{one} {unit}"])
    place.anything(label="Lot", key=name), st.text_input(_("Study"), placeholder="site=a<=50%")
    tag("code", f"consilium {name}"), logger.warning("not told: %s", one)
    add(hovertemplate="%{x:.2f} at last<extra></extra>"), add(hovertemplate="%{x:.2f}<extra></extra>")
def written(one): show("in English")
"""


def test_an_unmarked_sentence_is_found_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "page.py"
    file.write_text(EXAMPLE)
    assert unmarked(file, english=frozenset({"written"})) == [
        "2:  cases", "3: Agreement", "4: Decide", "4: It stays.", "5: Question", "6: a ", "6: Why",
        "7: Kappa", "8: model", "12: Too few", "15: No interval", "18:  to ", "18: reads", "19: Lot",
        "21: %{x:.2f} at last<extra></extra>",
    ]  # fmt: skip
