"""The data card: its figures, what it withholds, and that no identity is in it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from data.answers import STUDY, Choice, Findings, Grade
from data.composition import by_age, by_manufacturer, by_modality, by_sex, by_source
from data.holdings import classes, holdings, label_origins, labelled
from data.home import HOME_VARIABLE, Home
from data.records import Part
from data.store import Store
from data.suppression import FEW, Cells, withheld
from models.task import get_task
from tests.filled_home import READERS, SOURCE_ID, TASK, fill
from workbench.cli import app
from workbench.data_card import Card, data_card
from workbench.data_card_grid import WITHHELD
from workbench.data_card_text import html, markdown
from workbench.data_work import LEAKS

runner = CliRunner()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return fill(fixed(Home(tmp_path_factory.mktemp("filled") / "home")))


def fixed(home: Home) -> Home:
    """A home whose patients are in the same parts in each run."""
    (home.prepare().secrets / "key").write_text("5c" * 32)
    return home


def rows_of(card: Card, title: str) -> dict[str, list[str]]:
    """A table of the card by the names of its rows."""
    grids = (grid for chapter in card.chapters for grid in chapter.grids)
    return {row[0]: list(row[1:]) for row in next(grid for grid in grids if grid.title == title).rows}


# -- what is withheld ------------------------------------------------------------------------------------------


def test_small_cells_are_withheld_and_none_follows_from_a_sum() -> None:
    assert withheld([[40, 10, 8, 20]], sums=False) == [[40, 10, 8, 20, 78]]
    assert withheld([[40, 10, 3, 20]], sums=False) == [[40, None, None, 20, 73]]  # 3 = 73 - 40 - 10 - 20
    assert withheld([[40, 10, 3, 20], [30, 10, 8, 20]], sums=True) == [
        [40, None, None, 20, 73], [30, None, None, 20, 68],
    ]  # fmt: skip
    assert withheld([[12, 2, 2, 6], [21, 12, 4, 6]], sums=True) == [
        [12, None, None, 6, 22], [21, None, None, 6, 43],
    ]  # fmt: skip
    assert withheld([[0, 2, 0, 0]], sums=False) == [[0, None, 0, 0, None]]
    assert withheld([], sums=True) == []


def told(cells: Cells, known: np.ndarray) -> list[tuple[int, int]]:
    """The withheld cells that follow from what is shown: adding them to the equations adds no rank."""
    places = [(r, c) for r, row in enumerate(cells) for c, n in enumerate(row) if n is None]
    last = len(cells[0]) - 1
    equations = [[0 if r != row else (-1 if c == last else 1) for r, c in places] for row in range(len(cells))]
    equations += [[int(c == column) for _, c in places] for column in np.flatnonzero(known)]
    rank = np.linalg.matrix_rank(equations) if places else 0
    return [
        place for i, place in enumerate(places)
        if np.linalg.matrix_rank([*equations, [int(j == i) for j in range(len(places))]]) == rank
    ]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=1, max_size=6), st.booleans())
def test_no_withheld_cell_can_be_worked_out(rows: list[list[int]], sums: bool) -> None:
    cells = withheld(rows, sums=sums)
    for row, shown in zip(rows, cells, strict=True):
        for true, said in zip([*row, sum(row)], shown, strict=True):
            assert said is None or (said == true and not 0 < true < FEW)
    total = [sum(column) for column in zip(*rows, strict=True)]
    (totals,) = withheld([total], sums=False)
    known = np.array([sums and n is not None for n in totals])
    if any(n is not None for row in cells for n in row):
        assert told(cells, known) == []


# -- the figures -----------------------------------------------------------------------------------------------


def test_counts_by_part_are_those_of_the_records(filled: Store) -> None:
    studies = filled.studies.find()
    parts = Counter(s.patient.part for s in studies)
    found = holdings(filled)
    assert (found.studies, found.patients, found.phantoms, found.held) == (64, 64, 13, 1)
    assert dict(found.parts) == {part: parts[part] for part in Part}
    for counted, key in (
        (by_sex(filled), lambda s: s.sex),
        (by_modality(filled), lambda s: s.modality),
        (by_manufacturer(filled), lambda s: s.series[0].attributes["manufacturer"]),
        (by_source(filled), lambda s: "hospital"),
        (by_age(filled), lambda s: "18-39" if s.age_y < 40 else "40-59" if s.age_y < 60 else "60-79"),
    ):
        assert {value: {p: n for p, n in row.items() if n} for value, row in counted.items()} == {
            value: dict(Counter(s.patient.part for s in studies if key(s) == value)) for value in map(key, studies)
        }


@pytest.mark.parametrize("task", [TASK, "lumbar_stenosis", "cxr_findings"])
def test_classes_are_those_of_the_reference_standard(task: str, filled: Store) -> None:
    form, wanted = get_task(task).form, Counter[tuple[str, object, Part]]()
    if task != TASK:
        reference(filled, task)
    for parts in ({Part.TRAIN, Part.VALIDATION}, {Part.CALIBRATION, Part.TEST}):
        standard = filled.labels.standard(task, parts)
        for study in filled.studies.find(study_ids=list(standard)):
            for answer in standard[study.study_id]:
                if answer.site == STUDY and isinstance(form[answer.question].kind, Choice | Grade | Findings):
                    values = [frozenset({one}) for one in answer.value] or [frozenset()] if isinstance(
                        answer.value, frozenset) else [answer.value]  # fmt: skip
                    wanted.update((answer.question, value, study.patient.part) for value in values)
    counted = {
        (one.question, one.value, part): n
        for one in classes(filled, task)
        for part, n in one.studies_by_part.items()
        if n
    }
    assert counted == dict(wanted)
    assert bool(counted) == (task != "lumbar_stenosis")


def reference(store: Store, task: str) -> None:
    """Labels of findings, one, several or none, for some studies."""
    from data.answers import Answer
    from data.records import ReferenceLabel

    if task == "cxr_findings":
        form = get_task(task).form
        (question,) = (q for q in form.questions if isinstance(q.kind, Findings))
        labels = question.kind.labels
        store.labels.add_references(
            ReferenceLabel(task, s.study_id, Answer(question.name, STUDY, frozenset(labels[: i % 3])), "t.csv")
            for i, s in enumerate(store.studies.find()[:20])
        )


def test_where_labels_are_from_adds_up(filled: Store) -> None:
    found = {one.origin: one for one in label_origins(filled, TASK)}
    assert (found["imported"].studies, found["agreed"].studies) == (32, 8)
    assert sum(labelled(filled, TASK).values()) == 40


def test_the_card_gives_these_figures_and_withholds_the_small_ones(filled: Store) -> None:
    card = data_card(filled)
    parts = [holdings(filled).parts[part] for part in Part]
    small = any(0 < n < FEW for n in parts)
    said = rows_of(card, "Source")["hospital"]
    assert said[-1] == "64"
    assert small == (WITHHELD in said)
    assert [int(n) for n in said[:-1] if n != WITHHELD] == [
        n for n, s in zip(parts, said, strict=False) if s != "*"
    ]
    grids = [grid for chapter in card.chapters for grid in chapter.grids]
    flow = next(grid for grid in grids if grid.title == "Flow of exclusions")
    assert ["files refused", "2", "damaged: 1, not an image: 1"] in [list(row) for row in flow.rows]
    assert ["studies held for a person", WITHHELD, "text may be on the picture"] in [list(r) for r in flow.rows]
    assert rows_of(card, "How the labels came")["came with the data, in a table or a header"] == ["32", "32"]


def test_no_identity_is_in_it(filled: Store) -> None:
    card = data_card(filled)
    for text in (markdown(card), html(card)):
        assert SOURCE_ID.split(":")[1] not in text
        assert "/in/" not in text
        assert not any(s.label in text or s.study_id in text for s in filled.studies.find())
        assert not any(reader.name in text for reader in READERS)


def test_limits_follow_from_the_records(tmp_path: Path) -> None:
    store = fill(fixed(Home(tmp_path / "home")))
    (limits,) = (chapter.items for chapter in data_card(store).chapters if chapter.title == "Known limits")
    assert any(one.startswith("Phantoms are 20% of the studies") for one in limits)
    title = "Technical quality of chest radiographs"
    assert f"{title}: near-copies across parts were not looked for." in limits
    job = store.jobs.add(LEAKS, {"task": TASK})
    store.jobs.lease(job.job_id, "test", seconds=60)
    store.jobs.finish(job.job_id, "test", {"found": 2})
    (limits,) = (chapter.items for chapter in data_card(store).chapters if chapter.title == "Known limits")
    assert f"{title}: 2 copies stand on both sides; training leaves them out." in limits


def test_what_a_header_says_cannot_change_the_page(tmp_path: Path) -> None:
    store = fill(fixed(Home(tmp_path / "home")))
    with store.write() as db:
        db.execute("""UPDATE series SET attributes = '{"manufacturer": "A|B <script>x</script>"}'""")
    card = data_card(store)
    assert "<script>" not in html(card)
    assert "A\\|B \\<script>" in markdown(card)


def test_the_verb_writes_both_kinds(filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(filled.path.parent))
    for name, start in (("card.html", "<!DOCTYPE html>"), ("card.md", "# Data card")):
        done = runner.invoke(app, ["data-card", str(tmp_path / name), "--json"])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["path"] == str(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    wrong = runner.invoke(app, ["data-card", str(tmp_path / "card.pdf"), "--json"])
    assert (wrong.exit_code, json.loads(wrong.stdout)["expected"]) == (1, "a file that ends in .html or .md")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.html", "card.md"]
