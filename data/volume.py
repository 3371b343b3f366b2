"""Pixels with geometry: a volume in the patient, in mm.

Coordinates are DICOM's: x grows to the patient's left (L), y to the back (P), z to the head (H).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import GeometryError
from data.records import Series

LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))
"""For x, y and z: the letter of the lower and of the higher end."""
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An array and where it lies.

    Parameters
    ----------
    array:
        (slices, rows, columns).
    affine:
        4 x 4: (slice, row, column, 1) to LPS mm.

    Raises
    ------
    GeometryError
        The array has not three axes, or the matrix cannot be inverted.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]

    def __post_init__(self) -> None:
        matrix = np.asarray(self.affine, dtype=np.float64)
        flat = self.array.ndim != 3 or matrix.shape != (4, 4) or not np.isfinite(matrix).all()
        if flat or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
            raise GeometryError(
                "That is no volume.",
                given=f"an array of {self.array.shape} with a matrix {matrix.tolist()}",
                expected="three axes and a 4 x 4 matrix that can be inverted",
                do="ingest the series again, or use it as frames",
            )
        matrix.setflags(write=False)
        object.__setattr__(self, "affine", matrix)

    @classmethod
    def of(cls, series: Series, array: NDArray[Any]) -> Volume:
        """The volume of a series.

        Parameters
        ----------
        array:
            Its pixels, from :meth:`data.pixels.Pixels.array`.

        Raises
        ------
        GeometryError
            The series is no volume; the message says why, where the ingest found out.
        """
        if series.affine is None:
            raise GeometryError(
                "The series is no volume.",
                given=f"{series.series_id}: {series.layout}. {series.attributes.get('geometry', '')}".strip(),
                expected="a series with an even stack of slices",
                do="use it as frames, or ingest all its slices",
            )
        return cls(array, np.array(series.affine, dtype=np.float64).reshape(4, 4))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Between (slices, rows, columns), in mm."""
        lengths = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def orientation(self) -> tuple[str, str, str]:
        """Where each axis runs to: L or R, P or A, H or F, by the direction that it is nearest to.

        An axial series is ``("H", "P", "L")``, a sagittal one ``("R", "F", "P")``.
        """
        axes = self._main_axes()
        ends = [LETTERS[main][int(self.affine[main, axis] > 0)] for axis, main in enumerate(axes)]
        return ends[0], ends[1], ends[2]

    @property
    def ras_affine(self) -> NDArray[np.float64]:
        """4 x 4: (slice, row, column, 1) to RAS mm, as NIfTI has it."""
        return np.asarray(LPS_TO_RAS @ self.affine, dtype=np.float64)

    def to_physical(self, indices: NDArray[np.floating[Any]] | NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Points in LPS mm.

        Parameters
        ----------
        indices:
            (..., 3): slice, row, column, from 0; whole numbers are the centres of voxels.
        """
        return np.asarray(np.asarray(indices) @ self.affine[:3, :3].T + self.affine[:3, 3], dtype=np.float64)

    def to_index(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Slice, row and column, not rounded, of points (..., 3) in LPS mm."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(np.asarray(points) @ inverse[:3, :3].T + inverse[:3, 3], dtype=np.float64)

    def canonical(self) -> Volume:
        """The same volume in axial order: slices run to the head, rows to the back, columns to the left.

        Axes are swapped and turned, never resampled; every voxel keeps its place in the patient.
        """
        axes = self._main_axes()
        order = [axes.index(main) for main in (2, 1, 0)]
        array = self.array.transpose(order)
        affine = self.affine[:, [*order, 3]].copy()
        for axis, main in enumerate((2, 1, 0)):
            if affine[main, axis] < 0:
                array = np.flip(array, axis)
                affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
                affine[:3, axis] *= -1
        return Volume(array, affine)

    def _main_axes(self) -> list[int]:
        """For each array axis the patient's axis that it is nearest to, each given once."""
        directions = np.abs(self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0))
        main = [-1, -1, -1]
        for _ in range(3):
            patient, axis = np.unravel_index(int(np.argmax(directions)), (3, 3))
            main[int(axis)] = int(patient)
            directions[patient, :] = -1
            directions[:, axis] = -1
        return main
