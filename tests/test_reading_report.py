"""The report of a reading study: its figures are those that the readers were told, and it names nobody."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.metrics import cohen_kappa_score, recall_score, roc_auc_score
from typer.testing import CliRunner

from active_learning.drift import ReadCase, drift
from active_learning.reading_study import ReadingStudy, reading_study
from active_learning.reading_times import Time
from active_learning.reading_topic import Answerer, exact
from data.blobs import Blobs
from data.errors import ConfigError
from data.home import Home
from data.records import Metric, ReaderKind
from data.store import Store
from models.task import get_task
from tests import panel_home
from tests.panel_home import IDENTITY, READERS, TASK, Told
from workbench.cli import app
from workbench.language import OFFERED, speaking
from workbench.reading_report import folder_of, html, write_report
from workbench.reading_report_plots import Column, course, forest, matrix
from workbench.reading_report_words import STYLE, difference, p_equals, p_value, seconds
from workbench.views.parts.words import with_interval as figure

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def told() -> Told:
    return panel_home.tell()


@pytest.fixture(scope="module")
def home(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Home:
    where = Home(tmp_path_factory.mktemp("home"))
    panel_home.fill(where, told)
    return where


@pytest.fixture(scope="module")
def study(home: Home) -> ReadingStudy:
    return reading_study(Store.of(home), Blobs.of(home), get_task(TASK), draws=40)


@pytest.fixture(scope="module")
def folder(study: ReadingStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("report") / "new"
    write_report(study, where)
    return where


def rows(folder: Path, table: str, **wanted: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if all(row[k] == v for k, v in wanted.items())]


def test_the_tables_hold_what_the_readers_were_told(told: Told, folder: Path) -> None:
    whole = {"reads": "independent", "topic": "central", "level": ""}
    for number, reader in enumerate(READERS):
        truth = told.without(number)
        kept = truth >= 0
        right, said = truth[kept] >= 2, told.readers[number][kept] >= 2
        known = rows(folder, "accuracy", **whole, name=reader, view="binary")
        found = {row["figure"]: float(row["value"]) for row in known}
        assert found["sensitivity"] == pytest.approx(recall_score(right, said))
        assert found["specificity"] == pytest.approx(recall_score(~right, ~said))
        assert found["auc"] == pytest.approx(roc_auc_score(right, told.readers[number][kept]))
        assert found["kappa"] == pytest.approx(cohen_kappa_score(right, said))
        cells = rows(folder, "confusion", reads="independent", name=reader, reference="severe", answer="mild")
        assert [int(c["count"]) for c in cells] == [int(np.sum((truth == 3) & (told.readers[number] == 1)))]
    (gap,) = rows(folder, "comparison", topic="central", figure="sensitivity")
    assert float(gap["difference"]) == pytest.approx(float(gap["model"]) - float(gap["readers"]))
    assert gap["compared"].split() == list(READERS)
    (time,) = rows(folder, "readers", reader=READERS[2])
    assert float(time["median_s"]) == pytest.approx(np.median(told.seconds[2]))
    assert (time["kind"], time["independent"], time["assisted"]) == ("scripted", "40", "40")


def test_assisted_reads_are_named_as_such(told: Told, folder: Path) -> None:
    truth = told.without(0)
    kept = truth >= 0
    (row,) = rows(
        folder, "accuracy", reads="assisted", level="", name=READERS[0], view="options", figure="accuracy"
    )
    assert float(row["value"]) == pytest.approx(np.mean(told.shown[0][kept] == truth[kept]))
    (helped,) = rows(folder, "assistance", figure="auc")
    assert float(helped["difference"]) == pytest.approx(float(helped["assisted"]) - float(helped["independent"]))
    assert float(helped["low"]) < float(helped["difference"]) < float(helped["high"])


def test_the_page_says_the_tables_figures(study: ReadingStudy, folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "For research and quality work. Not a medical device." in page
    assert "7 of 7 readers are scripts, not people" in page
    for one in study.topics[0].answerers:
        shown = (figure(one.binary[name]) for name in ("sensitivity", "specificity", "auc", "kappa"))
        cells = "".join(f'<td class="n">{words}</td>' for words in shown)
        assert cells in page
    beside = study.topics[0].beside
    assert beside is not None
    gap = beside.results[0].difference
    assert difference(gap.value, gap.low, gap.high) in page
    assert f"seed {study.seed}" in page


class Shown(HTMLParser):
    """What a page shows: the tags in their order, and every text and label that people read or hear."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.said += [("label", value or "") for name, value in attrs if name in ("aria-label", "title", "alt")]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.said.append((self.tags[-1], data))

    def of(self, *names: str) -> list[str]:
        """What stands in some tags."""
        return [text for tag, text in self.said if tag in names]


@pytest.fixture(scope="module")
def seldom(study: ReadingStudy) -> ReadingStudy:
    """The study with what is seldom there: one round, people, no reference, no model, gaps."""
    (topic,) = study.topics
    assert topic.beside is not None
    beside = replace(topic.beside, left_out=("reader-z",), items_left_out=3)
    worse = {name: replace(metric, value=-0.2) for name, metric in topic.panel.figures.items()}
    person = replace(study.participants[0], kind=ReaderKind.PERSON, experience_y=7.5, skipped=2, decided=1)
    gaps = replace(topic, panel=replace(topic.panel, gaps=4, figures=worse), beside=beside)
    unread = replace(
        topic, view=replace(topic.view, positive=()), panel=replace(topic.panel, figures={}), answerers=(),
        beside=None, levels=(),
    )  # fmt: skip
    better = replace(beside, results=tuple(replace(one, difference=replace(one.difference, low=0.1, high=0.2))
                                           for one in beside.results))  # fmt: skip
    slow = replace(study.participants[1], time=Time(9, 130.0, 100.0, 200.0))
    return replace(
        study, round_id="lumbar_stenosis-r1", version="", guidelines=(1, 2), standards=(), rereads=(), drifts=(),
        participants=(person, slow), topics=(gaps, unread, replace(topic, beside=better)),
    )  # fmt: skip


IDS = re.compile(r"scripted-\w+|reader-z|lumbar_stenosis(-\w+)?|\w+\.csv|\b(AUC|ROC|AC1|AC2|P)\b|L\d/[LS]\d")
"""What is called the same in every language."""


@pytest.mark.skipif("ru" not in OFFERED, reason="Russian is not offered")
@pytest.mark.parametrize("which", ["study", "seldom"])
def test_the_page_in_russian_is_the_same_page(which: str, request: pytest.FixtureRequest) -> None:
    given: ReadingStudy = request.getfixturevalue(which)
    english = Shown(html(given))
    with speaking("ru"):
        page = html(given)
    russian = Shown(page)
    assert page.startswith('<!DOCTYPE html><html lang="ru">')
    assert russian.tags == english.tags
    assert len(russian.said) == len(english.said)
    assert [said for _tag, said in russian.said if re.search("[A-Za-z]", IDS.sub("", said))] == []
    assert {said for _tag, said in english.said if re.search("[А-Яа-яЁё]", said)} == set()


def test_the_page_in_english_says_what_it_is_made_of(study: ReadingStudy, seldom: ReadingStudy) -> None:
    shown = Shown(html(study))
    assert shown.of("h2") == [
        "Summary", "The panel", "Reference standard", "Central", "Time per case", "Readers over time",
        "Second reads", "Assisted reads", "How this was computed",
    ]  # fmt: skip
    assert shown.of("h3") == [
        "Against the reference: positive against negative", "Against the reference: all options",
        "The model beside the readers", "By level", "Confusion matrices", "Central", "Central",
    ]  # fmt: skip
    (alpha,) = [metric for name, metric in study.topics[0].panel.figures.items() if name == "krippendorff_alpha"]
    assert f"Central: 7 readers agree substantially (Krippendorff's alpha {figure(alpha)}, 40 patients)." in (
        shown.of("li")
    )
    assert "Agreement of 7 readers on 120 answers." in shown.of("caption")
    assert "How narrow is the central canal? Positive: moderate or severe." in shown.of("p")
    assert "All reads of lumbar_stenosis: 40 studies of 40 patients." in shown.of("p")[0]
    said = Shown(html(seldom)).of("p", "strong", "li", "caption", "td")
    for sentence in (
        "There is none yet: readers are held against one another.",
        "No case has two independent reads: nothing can be said of agreement.",
        "How narrow is the central canal? No binary view.",
        "Agreement of 7 readers on 120 answers. 4 reads are missing; what is there counts.",
        "There is no model to set beside the readers.",
        "7.5 years",
        "2 min 10 s (100 s to 3 min 20 s)",
        "1 of 2 readers is a script, no person: what they answer shows how this works.",
    ):
        assert sentence in said
    assert any(line.endswith("Guideline version 1, 2.") for line in said)
    assert any(line.endswith(" patients: the model is better.") for line in said)
    assert any("readers agree worse than chance" in line for line in said)


def test_the_page_has_its_look(folder: Path) -> None:
    assert STYLE in (folder / "report.html").read_text(encoding="utf-8")


def test_nobody_is_named_and_nothing_is_fetched(folder: Path) -> None:
    for path in folder.iterdir():
        words = path.read_text(encoding="utf-8")
        assert IDENTITY not in words
        assert not re.search(r"P-0000|study-\d", words), path.name
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"'\s<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in page
    assert not re.search(r"src=|url\(", page)


def test_the_verb(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSILIUM_HOME", str(home.path))
    done = CliRunner().invoke(app, ["readers", "report", TASK, "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.stdout
    told_of = json.loads(done.stdout)
    assert told_of["readers"] == list(READERS)
    assert (told_of["studies"], told_of["patients"], told_of["version"]) == (40, 40, f"{TASK}-v1")
    assert Path(told_of["report"]).is_file()
    assert {Path(p).stem for p in told_of["tables"]} == {
        "readers", "reference", "agreement", "pairs", "accuracy", "held_against", "confusion", "comparison",
        "assistance", "drift", "second_reads",
    }  # fmt: skip
    central = told_of["topics"]["central"]
    assert [r["figure"] for r in central["model_beside_readers"]] == ["auc", "sensitivity", "specificity"]
    assert central["against_reference"][0]["name"] == READERS[0]
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    in_home = CliRunner().invoke(app, ["readers", "report", TASK, "--json"])
    assert Path(json.loads(in_home.stdout.splitlines()[-1])["report"]) == (
        home.reports / f"reading-study-{TASK}" / "report.html"
    )
    assert (home.reports / f"reading-study-{TASK}" / "report.html").is_file()
    assert set(tmp_path.iterdir()) == before
    russian = CliRunner().invoke(app, ["readers", "report", TASK, "--language", "ru", "--json"])
    written = Path(json.loads(russian.stdout.splitlines()[-1])["report"])
    assert written == folder_of(home, TASK, language="ru") / "report.html"
    assert written.parent == home.reports / f"reading-study-{TASK}-ru"
    assert '<html lang="ru">' in written.read_text(encoding="utf-8")
    for path in written.parent.glob("*.csv"):
        assert path.read_bytes() == (home.reports / f"reading-study-{TASK}" / path.name).read_bytes()
    unknown = CliRunner().invoke(app, ["readers", "report", TASK, "--language", "fr", "--json"])
    error = json.loads(unknown.stdout)
    assert (unknown.exit_code, error["given"], error["expected"]) == (1, "fr", "en, ru")
    none = CliRunner().invoke(app, ["readers", "report", "cxr_quality", "--json"])
    assert (none.exit_code, json.loads(none.stdout)["error"]) == (1, "Nobody has read anything yet.")


def test_a_folder_that_cannot_be_written(study: ReadingStudy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="report cannot be written"):
        write_report(study, tmp_path / "file")


def elements(drawing: str, name: str) -> Iterator[ElementTree.Element]:
    return ElementTree.fromstring(drawing).iter(f"{SVG}{name}")  # noqa: S314 - drawn here


def parts(drawing: str, name: str) -> Iterator[dict[str, str]]:
    return (element.attrib for element in elements(drawing, name))


def answerer(name: str, kind: str, value: float, low: float | None, high: float | None) -> Answerer:
    figures = {"kappa": Metric(value, low, high, 9)}
    return Answerer(name, kind, 9, 9, {}, figures, {}, ((5, 1), (0, 3)))


def test_a_forest_plot_is_to_scale() -> None:
    given = [answerer("a", "reader", 0.7, 0.61, 0.8), answerer("b", "reader", 0.9, None, None),
             answerer("m", "model", 0.8, 0.75, 1.0)]  # fmt: skip
    drawing = forest(given, [Column("kappa", "Kappa"), Column("auc", "AUC")])
    texts = {element.text: element.attrib for element in elements(drawing, "text")}
    assert "AUC" not in texts  # nobody has one
    at = {tick: float(texts[tick]["x"]) for tick in ("0.6", "1")}

    def value(x: float) -> float:
        return 0.6 + 0.4 * (x - at["0.6"]) / (at["1"] - at["0.6"])

    assert [value(float(c["cx"])) for c in parts(drawing, "circle")] == pytest.approx([0.7, 0.9], abs=1e-3)
    (square,) = parts(drawing, "rect")
    assert value(float(square["x"]) + 5) == pytest.approx(0.8, abs=1e-3)
    spans = [(float(s["x1"]), float(s["x2"])) for s in parts(drawing, "line") if s["stroke-width"] == "1.6"]
    assert [tuple(map(value, span)) for span in spans] == [
        pytest.approx((0.61, 0.8), abs=1e-3), pytest.approx((0.75, 1.0), abs=1e-3)
    ]  # fmt: skip
    assert forest(given, [Column("auc", "AUC")]) == ""


@pytest.mark.parametrize("options", [("no", "lateral wall calcification"), ("no", "yes")])
def test_no_name_leaves_a_matrix(options: tuple[str, ...]) -> None:
    drawing = matrix(answerer("a-reader-whose-id-is-rather-long", "reader", 0.7, None, None), options)
    width = float(ElementTree.fromstring(drawing).attrib["width"])  # noqa: S314 - drawn here
    for element in elements(drawing, "text"):
        room = 5.5 * len(element.text or "")  # at 11 px
        at = float(element.attrib["x"])
        turned = "rotate" in element.attrib.get("transform", "")
        assert at - (room if element.attrib["text-anchor"] == "end" else 0) >= 0
        assert at + (room * (0.77 if turned else 1) if element.attrib["text-anchor"] == "start" else 0) <= width


def test_a_matrix_and_a_course() -> None:
    drawing = matrix(answerer("<a>", "reader", 0.7, None, None), ("no", "yes"))
    words = [element.text for element in elements(drawing, "text")]
    assert words == ["<a>", "no", "no", "yes", "yes", "5", "1", "0", "3"]
    fills = [rect["fill"] for rect in parts(drawing, "rect")]
    assert fills == ["rgb(52,124,196)", "rgb(214,229,243)", "rgb(255,255,255)", "rgb(11,98,184)"]
    one = drift("a", "q", [ReadCase(f"p{n}", int(n < 3), 1) for n in range(9)], draws=0)
    assert one is not None
    heights = [float(c["cy"]) for c in parts(course(one), "circle")]
    assert heights == [24, 100, 100]  # all right, then all wrong, between the lines of 1 and 0


def test_shares_without_spread_have_the_exact_interval() -> None:
    all_right, all_wrong = exact(Metric(1.0, 1.0, 1.0, 20)), exact(Metric(0.0, 0.0, 0.0, 20))
    assert (all_right.low, all_right.high) == (pytest.approx(beta.ppf(0.025, 20, 1)), 1.0)
    assert (all_wrong.low, all_wrong.high) == (0.0, pytest.approx(beta.ppf(0.975, 1, 20)))
    for metric in (Metric(0.9, 0.8, 1.0, 20), Metric(1.0, None, None, 1), Metric(1.0, 0.9, 1.0, 20)):
        assert exact(metric) == metric


def test_numbers_in_words() -> None:
    assert figure(Metric(0.9444, 0.9, 0.97, 40)) == "0.94 (0.90 to 0.97)"
    assert (figure(None), figure(Metric(0.5, None, None, 1))) == ("—", "0.50")
    assert (p_value(0.0004), p_value(0.0527)) == ("<\u00a00.001", "0.053")
    assert (p_equals(0.0004), p_equals(0.0527)) == ("P\u00a0<\u00a00.001", "P\u00a0=\u00a00.053")
    assert difference(-0.06, -0.1214, 0.0007) == "\u22120.060 (\u22120.121 to +0.001)"
    assert (seconds(58.4), seconds(200)) == ("58 s", "3 min 20 s")
