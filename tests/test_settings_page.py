"""The page Settings: tasks as they are configured, roles, folders, what the disk holds, versions."""

from __future__ import annotations

import sqlite3
import tomllib
from importlib.metadata import version

import pytest

from data.home import Home
from data.schema import migrations
from data.store import Store
from models.config import configs_folder
from models.task import get_task
from tests.filled_home import TASK
from tests.test_faces import show, words
from workbench import jobs
from workbench.disk_use import MEASURE, use
from workbench.views.parts.settings_tasks import flat, said
from workbench.views.places import PLACES, seen_by


@pytest.fixture
def store(changed: Store) -> Store:
    """A filled home that its test may change."""
    return changed


def test_it_is_the_curators(store: Store) -> None:
    assert seen_by(PLACES["settings"], None)
    assert not any(seen_by(PLACES["settings"], reader) for reader in store.reads.readers())


def test_a_task_is_shown_with_its_questions_and_guideline(store: Store) -> None:
    page = show("settings")
    shown = words(page)
    assert not page.exception
    assert all(question.title in shown for question in get_task(TASK).form.questions)
    assert "none published yet" in shown
    assert f"{TASK}.toml" in shown
    store.guidelines.publish(TASK, "# Ours", get_task(TASK).form)
    assert "version 1, published" in words(show("settings"))
    other = words(show("settings", of="lumbar_stenosis"))
    assert all(question.title in other for question in get_task("lumbar_stenosis").form.questions)


def test_knobs_are_those_of_the_file_and_changed_ones_are_bold(store: Store) -> None:
    read = tomllib.loads((configs_folder() / f"{TASK}.toml").read_text())
    shown = words(show("settings"))
    seconds, default = read["reading"]["seconds_per_case"], get_task(TASK).config.reading.certain
    assert f"seconds_per_case</span></td><td><b>{seconds:g}</b>" in shown
    assert f"certain</span></td><td>{default:g}</td>" in shown
    profile = words(show("settings", knobs="profile"))
    stages = read["profiles"]["paper"]["stages"]
    for name, stage in stages.items():
        assert f"stages.{name}.epochs</span></td><td>{stage['epochs']}</td>" in profile
        assert f"stages.{name}.networks</span></td><td>{', '.join(stage['networks'])}</td>" in profile
    small = words(show("settings", knobs="profile", profile="demo"))
    assert (
        f"stages.projection.epochs</span></td><td>{read['profiles']['demo']['stages']['projection']['epochs']}<"
        in small
    )


def test_words_of_the_configuration_are_in_the_language_and_as_written_in_the_tooltip(store: Store) -> None:
    shown = words(show("settings", lang="ru"))
    assert '<span title="majority">большинство</span>' in shown
    assert 'title="mix">смешанный<' in shown
    assert ">majority<" not in shown
    profile = words(show("settings", lang="ru", knobs="profile"))
    stage = get_task(TASK).profile("paper").stages["projection"]
    assert f"stages.projection.networks</span></td><td>{', '.join(stage.networks)}</td>" in profile
    assert '<span title="temperature">температура</span>' in profile
    assert "title=" not in words(show("settings")).split("seconds_per_case")[1].split("</tr>")[0]


def test_every_knob_of_every_task_can_be_shown() -> None:
    for name in ("adrenal_ct", "chest_ct_norm", "cxr_findings", "lumbar_stenosis"):
        found = dict(flat(get_task(name).profile("paper")))
        assert found["seed"] == get_task(name).profile("paper").seed
        assert all(said(value) for value in found.values())


def test_readers_stand_with_their_roles(store: Store) -> None:
    shown = words(show("settings", show="readers"))
    assert "Prof Dahl" in shown
    assert "decides disputed cases, reads no others" in shown
    assert 'href="/readers"' in shown


def test_the_disk_is_measured_by_kind(store: Store) -> None:
    home = Home(store.path.parent)
    pixels = {series.pixels for study in store.studies.find() for series in study.series}
    wanted = sum((home.blobs / name[:2] / name).stat().st_size for name in pixels)
    (home.uploads / "x").mkdir(parents=True)
    (home.uploads / "x" / "file").write_bytes(b"12345")
    found = use(home, told=lambda files: None)
    assert found["pixels"] == (wanted, len(pixels))
    assert found["uploads"] == (5, 1)
    total = sum(path.stat().st_size for path in home.path.rglob("*") if path.is_file())
    assert sum(size for size, files in found.values()) == total
    assert "Size on disk by kind" not in words(show("settings", show="places"))
    job = jobs.enqueue(home, MEASURE)
    jobs.run(home, job.job_id)
    shown = words(show("settings", show="places"))
    assert "pixels of the series" in shown
    assert str(home.database) in shown


def test_versions_are_those_installed(store: Store) -> None:
    page = show("settings", show="versions")
    assert not page.exception
    shown = words(page)
    assert version("streamlit") in shown
    assert sqlite3.sqlite_version in shown
    assert migrations.applied(store.db)[-1].name in shown
