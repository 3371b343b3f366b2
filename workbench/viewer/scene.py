"""What the viewer shows, as Python says it and the canvas reads it (``Scene.as_dict`` is its one input).

Indices are from 0; a slice is a native slice or frame of its picture, and a radiograph has one. Rows and columns
are native pixels, coordinates DICOM's LPS in mm. Colours are ``#rrggbb``. An address answers with gzipped bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SLAB_SLICES = 8
"""Slices that are fetched at once, at the most."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A window with a name; keys 1 to 9 choose it in this order."""

    name: str
    centre: float
    width: float


@dataclass(frozen=True, slots=True)
class Picture:
    r"""One series: a radiograph, a stack of frames, or a volume.

    Parameters
    ----------
    key:
        Names it in its pane.
    shape:
        (slices, rows, columns).
    dtype:
        Of the bytes at the address, little-endian, by rows: uint8, int16, uint16, int32, float32; or ``rgb``,
        three uint8 a pixel.
    address:
        ``address + str(slab)`` answers with the slices of ``slabs[slab]``.
    slabs:
        (first slice, number of slices), covering all slices in order.
    unit:
        Of a value, ``HU`` for CT; empty where it has none.
    spacing_mm:
        Between (slices, rows, columns); None where it is not known. A radiograph's first is 0.
    affine:
        4 x 4 by rows, (slice, row, column, 1) to LPS mm; None without geometry: there is one plane then.
    orientation:
        Where rows and columns run to, as in DICOM (``L\P``), for pictures without an affine; empty if unknown.
    window:
        (centre, width) that it is first shown with; value v is shown in the grey that
        :meth:`data.pixels.Pixels.display8` gives it.
    """

    key: str
    title: str
    shape: tuple[int, int, int]
    dtype: str
    address: str
    slabs: tuple[tuple[int, int], ...]
    window: tuple[float, float]
    unit: str = ""
    spacing_mm: tuple[float, float, float] | None = None
    affine: tuple[float, ...] | None = None
    orientation: str = ""
    presets: tuple[Preset, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """The masks of one label by one hand: a model version, a reader, the consensus.

    Parameters
    ----------
    group, who:
        Key and name of the hand; the layers of a group are switched, and compared, together.
    mark:
        The hand's shape beside its hue, so that colour never stands alone.
    dashed:
        Whether its outline is dashed (a model's is).
    picture, slices:
        On which slices it has masks.
    address:
        Answers with the masks of ``slices`` one after another, each (rows x columns) bits, the first bit the
        highest of its byte, padded to a whole byte.
    """

    key: str
    name: str
    group: str
    who: str
    colour: str
    picture: str
    slices: tuple[int, ...]
    address: str
    mark: str = ""
    dashed: bool = False
    filled: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A measurement where it was taken: ends as (row, column), with what it measured."""

    group: str
    picture: str
    slice: int
    ends: tuple[tuple[float, float], tuple[float, float]]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    """A heat map over one slice: (rows, columns) bytes at the address, stretched over the slice."""

    name: str
    picture: str
    slice: int
    shape: tuple[int, int]
    address: str


@dataclass(frozen=True, slots=True)
class Pane:
    """One study, or one version's view of it.

    Parameters
    ----------
    pages:
        (picture, slice) of each page that readers answer for, in order; empty where the task does not take the
        study.
    start:
        (picture, slice) that is shown first.
    compare:
        Groups whose difference can be shown, the two that are offered first.
    difference:
        Whether it is shown until somebody switches it off.
    """

    key: str
    title: str
    pictures: tuple[Picture, ...]
    start: tuple[str, int]
    pages: tuple[tuple[str, int], ...] = ()
    layers: tuple[Layer, ...] = ()
    lines: tuple[Line, ...] = ()
    heats: tuple[Heat, ...] = ()
    compare: tuple[str, str] | None = None
    difference: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What one viewer shows.

    Parameters
    ----------
    panes:
        One, or two beside each other.
    linked:
        Whether two panes move together: by the place in the patient where both know it, else by slice.
    planes:
        Whether a volume opens in three planes.
    words:
        The viewer's own words, translated: English -> what is shown.
    address_key:
        The query parameter in which the viewer keeps place, window and layout; empty to keep none. Under it, too,
        the tab's own storage keeps measures.
    kept_for:
        Tells those who sit at one browser apart, without saying who they are: each sees their own measures.
    heat:
        Whether heat maps are shown; the viewer's own switch may change it until this does.
    can_ask_heat:
        Whether H may ask for a heat map that is not there yet (event ``ask`` with ``heat``).
    prefetch:
        Whole addresses (slab number included) of what will be shown next; fetched when all of this is there.
    """

    panes: tuple[Pane, ...]
    linked: bool = True
    planes: bool = False
    height_px: int = 640
    words: Mapping[str, str] = field(default_factory=dict)
    address_key: str = "at"
    kept_for: str = ""
    heat: bool = False
    can_ask_heat: bool = False
    prefetch: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The scene as JSON, with the names of its fields."""
        return asdict(self)
