"""The data card of a home: what is in, from where, labelled how, and where it ends; no identity in it.

After T. Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12), 2021, doi 10.1145/3458723. All of
it is made from the store; cells of fewer than five patients are withheld (:mod:`data.suppression`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from data.composition import by_age, by_manufacturer, by_modality, by_sex, by_source, by_view, years
from data.holdings import has_labels, holdings, label_origins, labelled, refusal_groups
from data.store import Store
from data.suppression import FEW
from models.task import ClinicalTask, Progress, silent
from workbench.api_replies import own_version
from workbench.data_card_grid import WITHHELD, Grid, few, patients
from workbench.data_card_labels import class_table, read_counts
from workbench.data_card_limits import limits
from workbench.language import N_, _, n_, number
from workbench.order import in_order

SEXES: Mapping[str, str] = {"F": N_("women"), "M": N_("men")}
ORIGINS: Mapping[str, str] = {
    "imported": N_("came with the data, in a table or a header"),
    "agreed": N_("the readers' consensus"),
    "adjudicated": N_("settled by an adjudicator"),
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the card: its question, sentences, tables, and a list."""

    title: str
    sentences: Sequence[str] = ()
    grids: Sequence[Grid] = ()
    items: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """The whole card.

    Parameters
    ----------
    made:
        When, in UTC.
    newest:
        The newest entry of the log that it knows.
    """

    title: str
    made: str
    newest: int
    chapters: Sequence[Chapter]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Card:
        """What :meth:`as_dict` gave."""
        chapters = [
            Chapter(**{**one, "grids": [Grid(**grid) for grid in one["grids"]]}) for one in content["chapters"]
        ]
        return cls(content["title"], content["made"], content["newest"], chapters)


def data_card(store: Store, progress: Progress = silent) -> Card:
    """The card of what is in the store now, in the language of whoever asks.

    Parameters
    ----------
    progress:
        Called with the share that is done before each chapter; nothing may be written to the store by the same
        connection meanwhile.
    """
    with store.snapshot():
        tasks = [task for task in in_order(store).values() if has_labels(store, task.name)]
        parts: list[Callable[[], Chapter]] = [
            lambda: _purpose(store, tasks), lambda: _composition(store), lambda: _collection(store),
            lambda: _flow(store, tasks), *(partial(_labels, store, task) for task in tasks),
            lambda: Chapter(_("Known limits"), items=limits(store, tasks)), _uses, lambda: _upkeep(store),
        ]  # fmt: skip
        chapters = []
        for made, part in enumerate(parts):
            progress(made / len(parts), f"{made} of {len(parts)} chapters")
            chapters.append(part())
        newest = store.log.head().sequence
    return Card(_("Data card"), datetime.now(UTC).isoformat(timespec="seconds"), newest, chapters)


def _purpose(store: Store, tasks: Sequence[ClinicalTask]) -> Chapter:
    found = holdings(store)
    said = [_("The data are for training and measuring models that read medical images, and for reading studies."),
            " · ".join((n_("{n} study", "{n} studies", found.studies),
                        n_("{n} patient", "{n} patients", found.patients),
                        n_("{n} series", "{n} series", found.series)))]  # fmt: skip
    if tasks:
        said.append(_("With labels for: {tasks}.", tasks=", ".join(_(task.title) for task in tasks)))
    return Chapter(_("What they are for"), said)


def _composition(store: Store) -> Chapter:
    found = holdings(store)
    said = [_("Cells count patients. {mark} stands for fewer than {few} patients, and for what would tell how "
              "many these are.", mark=WITHHELD, few=FEW)]  # fmt: skip
    if found.phantoms:
        phantoms = n_("{n} study is a phantom, made by a program, and shows no person.",
                      "{n} studies are phantoms, made by a program, and show no person.",
                      found.phantoms)  # fmt: skip
        said.append(phantoms)
    grids = [
        patients(_("Sex"), by_sex(store), {value: _(name) for value, name in SEXES.items()}),
        patients(_("Age at the first study, years"), by_age(store)),
        patients(_("Modality"), by_modality(store)),
        patients(_("View"), by_view(store)),
        patients(_("Maker of the device"), by_manufacturer(store)),
    ]
    return Chapter(_("What is in"), said, grids)


def _collection(store: Store) -> Chapter:
    first, last = years(store, FEW)
    said = [_("Files were taken in by content; a file comes in once. Names, numbers and dates of birth stay in "
              "the store; pixels with text on them are held until a person has looked."),
            _("Each patient serves one part for good, drawn by a keyed hash of the patient's id.")]  # fmt: skip
    if first:
        said.append(_("Years of examination with {few} patients or more: {first} to {last}.", few=FEW, first=first,
                      last=last))  # fmt: skip
    return Chapter(_("Where they are from"), said, [patients(_("Source"), by_source(store))])


def _flow(store: Store, tasks: Sequence[ClinicalTask]) -> Chapter:
    """From the files that were given to the studies of each task: what was left out, and why."""
    found, groups = holdings(store), refusal_groups(store)
    refused = sum(group.count for group in groups)
    rows = [[_("files given"), number(found.files + refused), ""],
            [_("files refused"), number(refused), ", ".join(f"{group.reason}: {number(group.count)}"
                                                            for group in groups)],
            [_("studies"), number(found.studies), ""],
            [_("studies held for a person"), few(found.held), _("text may be on the picture")]]  # fmt: skip
    for task in tasks:
        (studies,) = store.db.execute(*_accepted(task)).fetchone()
        labels = sum(labelled(store, task.name).values())
        rows.append([_("studies of a kind that the task takes"), few(studies), _(task.title)])
        rows.append([_("patients with a label"), few(labels), _(task.title)])
    heads = [_("Step"), _("How many"), _("Of these")]
    return Chapter(_("What was left out"), (), [Grid(_("Flow of exclusions"), heads, rows), *_curated(store)])


def _accepted(task: ClinicalTask) -> tuple[str, list[str]]:
    named = sorted(task.modalities)
    return f"SELECT count(*) FROM studies WHERE modality IN ({', '.join('?' * len(named))})", named  # noqa: S608


def _curated(store: Store) -> list[Grid]:
    """The flow of each curated set."""
    made = []
    for task in in_order(store).values():
        for kept in store.curations.all(task.name):
            rows = [
                [step.title, few(step.given), few(step.excluded), few(step.left)] for step in kept.curated.steps
            ]
            heads = [_("Step"), _("In"), _("Left out"), _("Left")]
            made.append(Grid(_("Curated set {name}", name=kept.name), heads, rows))
    return made


def _labels(store: Store, task: ClinicalTask) -> Chapter:
    origins = label_origins(store, task.name)
    rows = [[_(ORIGINS[one.origin]), few(one.studies), few(one.patients)] for one in origins]
    reads, readers = read_counts(store, task.name)
    guideline = store.guidelines.newest(task.name)
    said = [_("Nobody has read them here.")]
    if reads:
        said = [
            " · ".join((n_("{n} read", "{n} reads", reads), n_("{n} reader", "{n} readers", readers))),
            _("Readers are blind to one another; each answer names the version of the guideline it followed."),
        ]
    if guideline is not None:
        said.append(_("The guideline is at version {n}.", n=guideline.version))
    by_origin = Grid(_("How the labels came"), [_("Where from"), _("Studies"), _("Patients")], rows)
    return Chapter(_("Labels: {task}", task=_(task.title)), said, [by_origin, class_table(store, task)])


def _uses() -> Chapter:
    return Chapter(
        _("What they may be used for"),
        [_("For research and quality work. Not a medical device."),
         _("Test and calibration patients are measured on and never learnt from."),
         _("Whether the data may be passed on follows from the agreements with their sources, not from this "
           "card.")],
    )  # fmt: skip


def _upkeep(store: Store) -> Chapter:
    head = store.log.head()
    said = [_("Made by Consilium {version} from the records as they are at entry {sequence} of the log, digest "
              "{digest}.", version=own_version(), sequence=number(head.sequence), digest=head.digest[:16]),
            _("The card follows the records: make it anew after each import, round or deletion.")]  # fmt: skip
    return Chapter(_("How it is kept"), said)
