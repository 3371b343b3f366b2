"""The windows in which a series is shown: its first one, and those that a key chooses."""

from __future__ import annotations

from collections.abc import Mapping

from data.blobs import Blobs
from data.records import Layout, Series
from models.task import ClinicalTask
from workbench.language import N_, _
from workbench.viewer.scene import Preset
from workbench.viewer.slabs import full_window, voxels_of

CT: Mapping[str, tuple[float, float]] = {
    N_("soft tissue"): (40, 400),
    N_("lung"): (-600, 1500),
    N_("mediastinum"): (50, 350),
    N_("bone"): (300, 1500),
    N_("liver"): (60, 160),
    N_("brain"): (40, 80),
}
"""(centre, width) in HU."""
RELATIVE: Mapping[str, tuple[float, float]] = {
    N_("more contrast"): (0.0, 0.6),
    N_("less contrast"): (0.0, 1.6),
    N_("brighter"): (-0.2, 1.0),
    N_("darker"): (0.2, 1.0),
}
"""How far the centre moves, in widths of the first window, and by what the width is multiplied."""


def window_of(blobs: Blobs, series: Series, task: ClinicalTask | None) -> tuple[float, float]:
    """The first window: the task's own for a volume that it shows, else the series', else a robust one.

    Parameters
    ----------
    task:
        None where the task does not show the series.
    """
    own = task.window if task is not None and series.layout is Layout.VOLUME else None
    centre, width = own or series.window or full_window(blobs, voxels_of(series))
    return float(centre), float(width)


def presets_of(series: Series, window: tuple[float, float]) -> tuple[Preset, ...]:
    """The windows with a name: of CT those in HU, else such as go from the first one."""
    if series.modality == "CT":
        return tuple(Preset(_(name), centre, width) for name, (centre, width) in CT.items())
    centre, width = window
    return tuple(
        Preset(_(name), centre + moved * width, width * factor) for name, (moved, factor) in RELATIVE.items()
    )
