"""From a prediction to its version, training set, consensus, reads and readers; from a reader to every version."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data.answers import Site
from data.blobs import Blobs
from data.errors import BlobError, VersionError
from data.records import Annotation, Consensus, ConsensusState, ModelVersion, Origin, ReferenceLabel
from data.store import Store
from models.learnt import LearntFrom, LearntStudy, read_learnt
from models.versions import read_manifest

_Key = tuple[str, str, Site]
"""Study, question and site."""


@dataclass(frozen=True, slots=True)
class Node:
    """A record, and what it comes from or went into.

    Parameters
    ----------
    kind, id:
        What it is, such as ``version``, and its id.
    said:
        What is worth knowing of it, in words.
    children:
        In the direction in which it is followed.
    """

    kind: str
    id: str
    said: str = ""
    children: tuple[Node, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The tree as JSON."""
        return {
            "kind": self.kind,
            "id": self.id,
            "said": self.said,
            "children": [child.as_dict() for child in self.children],
        }

    def find(self, kind: str) -> list[Node]:
        """All nodes of a kind in the tree, this one included, from the top."""
        own = [self] if self.kind == kind else []
        return own + [found for child in self.children for found in child.find(kind)]


class Lineage:
    """What came from what, in one task.

    Records are read once, when they are first asked for: one object answers one question.
    """

    def __init__(self, store: Store, blobs: Blobs, task: str) -> None:
        self.store = store
        self.blobs = blobs
        self.task = task

    def study(self, study_id: str) -> Node:
        """A study: what was predicted and how that came about; its reads, and which versions learnt from them.

        Raises
        ------
        NotFoundError
            There is no such study.
        """
        study = self.store.studies.get(study_id)
        predictions = [p for p in self.store.versions.predictions_of(study_id) if p.task == self.task]
        said = f"{study.label}, {study.patient.part} patient, came in {study.ingested_at[:10]}"
        return Node(
            "study",
            study_id,
            said + (", phantom" if study.phantom else ""),
            (
                *(Node("prediction", f"{p.version}/{study_id}", f"made {p.created_at[:10]}",
                       (self.version(p.version),)) for p in predictions),
                *self._reads(self.store.reads.annotations(self.task, study_id=study_id)),
                *(self._label(label) for label in self.store.labels.references(self.task, study_ids=[study_id])),
            ),
        )  # fmt: skip

    def version(self, version: str) -> Node:
        """A version: its reign, what it learnt from by round and file, and who read that.

        Raises
        ------
        NotFoundError
            There is no such version.
        """
        record = self.store.versions.get(version)
        parts = [f"trained {record.created_at[:10]}", self.reign(version)]
        parts += [f"for {record.round_id}"] if record.round_id else []
        parts += [f"to replace {record.parent}"] if record.parent else []
        return Node("version", version, ", ".join(parts), self._learnt(record))

    def reader(self, reader_id: str) -> Node:
        """A reader: each read, the consensus that it went into, and every version that learnt from that.

        Raises
        ------
        NotFoundError
            There is no such reader.
        """
        reader = self.store.reads.reader(reader_id)
        reads = self.store.reads.annotations(self.task, reader_id=reader_id)
        own = {read.annotation_id for read in reads}
        touched = {version: len(own & self._reads_of(studies)) for version, studies in self._by_version.items()}
        versions = tuple(
            Node("version", version, f"{self.reign(version)}, learnt from {count} of these reads")
            for version, count in touched.items()
            if count
        )
        said = (reader.kind.value, reader.role.value, _counted(len(reads), "read"))
        learnt = f"{_counted(len(versions), 'version')} learnt from them"
        return Node("reader", reader_id, ", ".join((*said, learnt)), (*versions, *self._reads(reads)))

    def reign(self, version: str) -> str:
        """Whether a version is or was champion, in words."""
        history = self._history
        if history and history[0] == version:
            return "champion"
        return "was champion" if version in history else "never champion"

    def versions_of(self, study_id: str) -> list[str]:
        """The versions that learnt from a study, the oldest first."""
        return [version for version, learnt in self._by_version.items() if study_id in learnt]

    @cached_property
    def _history(self) -> list[str]:
        return [c.version for c in self.store.versions.championships(self.task)]

    @cached_property
    def _by_version(self) -> Mapping[str, Mapping[str, LearntStudy]]:
        """What each version learnt from, by study; nothing of those whose files are not there."""
        found = {}
        for record in reversed(self.store.versions.all(self.task)):
            learnt = self._read(record)
            found[record.version] = {s.study_id: s for s in learnt.studies} if learnt else {}
        return found

    @staticmethod
    def _reads_of(studies: Mapping[str, LearntStudy]) -> set[str]:
        """The annotations behind studies as they were learnt from, whatever became of their consensus since."""
        return {a for study in studies.values() for origin in study.origins for a in origin.annotations}

    def _read(self, record: ModelVersion) -> LearntFrom | None:
        try:
            return read_learnt(self.blobs, record)
        except (VersionError, BlobError):  # `consilium verify` names the file
            return None

    @cached_property
    def _learners(self) -> Mapping[tuple[_Key, str], list[str]]:
        """The versions that learnt an answer, by (study, question, site) and the round that it is from."""
        found: dict[tuple[_Key, str], list[str]] = defaultdict(list)
        for version, studies in self._by_version.items():
            for study in studies.values():
                for origin in study.origins:
                    found[(study.study_id, origin.question, origin.site), origin.round_id].append(version)
        return found

    def _learnt(self, record: ModelVersion) -> tuple[Node, ...]:
        """The training set by where its answers are from."""
        learnt = self._read(record)
        if learnt is None:
            return (Node("training set", f"{record.version}/data", self._known_of(record)),)
        answers: dict[str, list[Origin]] = defaultdict(list)
        studies: dict[str, set[str]] = defaultdict(set)
        for study in learnt.studies:
            for origin in study.origins:
                name = origin.round_id or origin.source
                answers[name].append(origin)
                studies[name].add(study.study_id)
        patients = len({s.pseudonym for s in learnt.studies})
        said = f"{_counted(len(learnt.studies), 'study', 'studies')} of {_counted(patients, 'patient')}"
        left_out = len({copy.learnt for copy in learnt.left_out})
        said += f", {left_out} left out as copies of what is measured on" if left_out else ""
        sources = tuple(
            self._source(name, origins, len(studies[name])) for name, origins in sorted(answers.items())
        )
        return (Node("training set", f"{record.version}/data", said, sources),)

    def _source(self, name: str, origins: Sequence[Origin], studies: int) -> Node:
        reads = dict.fromkeys(a for origin in origins for a in origin.annotations)
        told = f"{_counted(len(origins), 'answer')} of {_counted(studies, 'study', 'studies')}"
        if not origins[0].round_id:
            return Node("imported labels", name, told)
        readers = Counter(self._readers[a] for a in reads if a in self._readers)
        gone = len(reads) - sum(readers.values())
        return Node(
            "consensus", name, told + (f", {gone} of their reads were deleted" if gone else ""),
            tuple(Node("reader", reader, _counted(count, "read")) for reader, count in sorted(readers.items())),
        )  # fmt: skip

    @cached_property
    def _readers(self) -> Mapping[str, str]:
        """The reader of each annotation of the task."""
        return {a.annotation_id: a.reader_id for a in self.store.reads.annotations(self.task)}

    def _known_of(self, record: ModelVersion) -> str:
        """What is known of a version whose studies were not recorded one by one, or whose files are gone."""
        try:
            data = read_manifest(self.blobs, record).get("data", {}).get("training", {})
        except VersionError:
            return "its files are damaged or gone: run `consilium verify`"
        return (
            f"{data.get('studies', 0)} studies of {len(data.get('patients', ()))} patients; "
            "which rounds they are from was not recorded"
        )

    def _reads(self, reads: Iterable[Annotation]) -> tuple[Node, ...]:
        """Each read, with the consensus that it went into and the versions that learnt from that."""
        return tuple(
            Node(
                "read",
                read.annotation_id,
                _said_of(read),
                tuple(self._agreed(record) for record in self._into.get(read.annotation_id, ())),
            )
            for read in reads
        )

    @cached_property
    def _into(self) -> Mapping[str, list[Consensus]]:
        """The consensus records that each annotation went into."""
        found: dict[str, list[Consensus]] = defaultdict(list)
        for record in self.store.labels.consensus(self.task):
            for annotation in record.annotations:
                found[annotation].append(record)
        return found

    def _agreed(self, record: Consensus) -> Node:
        key = (record.study_id, record.question, record.site)
        said = (
            record.state.value if record.state == ConsensusState.DISPUTED else f"{record.state}, {record.method}"
        )
        return Node(
            "consensus", f"{record.round_id}/{record.study_id}/{record.question}@{record.site.key}", said,
            self._taught(key, record.round_id),
        )  # fmt: skip

    def _label(self, label: ReferenceLabel) -> Node:
        answer = label.answer
        return Node(
            "imported label", f"{label.study_id}/{answer.question}@{answer.site.key}", label.source,
            self._taught((label.study_id, answer.question, answer.site), ""),
        )  # fmt: skip

    def _taught(self, key: _Key, round_id: str) -> tuple[Node, ...]:
        return tuple(Node("version", v, self.reign(v)) for v in self._learners.get((key, round_id), ()))


def _said_of(read: Annotation) -> str:
    parts = [read.reader_id, read.round_id or "imported", read.mode.value, read.created_at[:10]]
    parts += [f"revision {read.revision}"] if read.revision > 1 else []
    return ", ".join(parts + (["declined"] if read.skipped else []))


def _counted(count: int, one: str, several: str = "") -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
