// Where voxels lie in the patient. Axes of an array are slice, row, column (0, 1, 2); mm are DICOM's LPS.

const LETTERS = ["RL", "AP", "FH"];
const OPPOSITE = { R: "L", L: "R", A: "P", P: "A", F: "H", H: "F" };
const NAMES = ["sagittal", "coronal", "axial"];
// For the plane that cuts patient axis 0, 1, 2: what runs to the right and down, as [patient axis, sign].
const SHOWN = [[[1, 1], [2, -1]], [[0, 1], [2, -1]], [[0, 1], [1, 1]]];
const OBLIQUE = Math.cos((20 * Math.PI) / 180);

export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** The letters that a direction points to: the nearest, and a second one where it is tilted by over 20 degrees. */
export function letters(direction) {
  const order = [0, 1, 2].sort((a, b) => Math.abs(direction[b]) - Math.abs(direction[a]));
  const letter = (axis) => LETTERS[axis][direction[axis] > 0 ? 1 : 0];
  const oblique = Math.abs(direction[order[0]]) < OBLIQUE * Math.hypot(...direction);
  return letter(order[0]) + (oblique ? letter(order[1]) : "");
}

const opposite = (text) => [...text].map((letter) => OPPOSITE[letter] || letter).join("");

export class Geometry {
  constructor({ shape, affine, spacing_mm: spacing, orientation }) {
    this.shape = shape;
    this.spacing = spacing;
    this.orientation = orientation;
    if (affine) {
      this.columns = [0, 1, 2].map((axis) => [affine[axis], affine[4 + axis], affine[8 + axis]]);
      this.origin = [affine[3], affine[7], affine[11]];
      const [s, r, c] = this.columns, volume = dot(s, cross(r, c));
      this.inverse = [cross(r, c), cross(c, s), cross(s, r)].map((row) => row.map((value) => value / volume));
      this.spacing = this.columns.map((column) => Math.hypot(...column));
      this.main = this.#nearest();
    }
    this.planes = affine ? [0, 1, 2].map((through) => this.#plane(through)) : [this.#image()];
  }

  /** For each array axis the patient's axis that it is nearest to, each given once. */
  #nearest() {
    const share = this.columns.map((column, axis) => column.map((value) => Math.abs(value) / this.spacing[axis]));
    const main = [];
    for (let turn = 0; turn < 3; turn++) {
      let best = [0, 0];
      for (let axis = 0; axis < 3; axis++)
        for (let patient = 0; patient < 3; patient++)
          if (share[axis][patient] > share[best[0]][best[1]]) best = [axis, patient];
      main[best[0]] = best[1];
      share[best[0]].fill(-1);
      share.forEach((row) => { row[best[1]] = -1; });
    }
    return main;
  }

  /** The plane that cuts an array axis: its canvas has the other two axes as rows and columns, as they are kept. */
  #plane(through) {
    const [rows, columns] = [0, 1, 2].filter((axis) => axis !== through);
    const [right, down] = SHOWN[this.main[through]];
    const run = (axis) => {
      const [place, [patient, sign]] = this.main[axis] === right[0] ? [0, right] : [1, down];
      return { place, sign: Math.sign(this.columns[axis][patient]) * sign };
    };
    const step = [rows, columns].map((axis) => {
      const { place, sign } = run(axis), vector = [0, 0];
      vector[place] = sign * this.spacing[axis];
      return vector;
    });
    const ends = [0, 1].map((place) => {
      const axis = [rows, columns].find((one) => run(one).place === place);
      return letters(this.columns[axis].map((value) => value * run(axis).sign));
    });
    return { name: NAMES[this.main[through]], through, rows, columns, step, right: ends[0], down: ends[1],
      left: opposite(ends[0]), up: opposite(ends[1]), mm: true };
  }

  /** The one plane of a picture without geometry. */
  #image() {
    const [right = "", down = ""] = (this.orientation || "").split("\\");
    const [, rows, columns] = this.spacing || [1, 1, 1];
    return { name: "image", through: 0, rows: 1, columns: 2, step: [[0, rows], [columns, 0]], right, down,
      left: opposite(right), up: opposite(down), mm: Boolean(this.spacing) };
  }

  toMm(index) {
    return this.origin.map((from, i) => from + index.reduce((sum, n, axis) => sum + n * this.columns[axis][i], 0));
  }

  toIndex(point) {
    return this.inverse.map((row) => dot(row, minus(point, this.origin)));
  }

  voxel(plane, slice, row, column) {
    const index = [0, 0, 0];
    [index[plane.through], index[plane.rows], index[plane.columns]] = [slice, row, column];
    return index;
  }

  /** Between two points (row, column) of a plane, in mm; in pixels where the spacing is not known. */
  distance(plane, from, to) {
    return Math.hypot(...this.vector(plane, from, to));
  }

  vector(plane, from, to) {
    const rows = to[0] - from[0], columns = to[1] - from[1];
    if (this.columns)
      return [0, 1, 2].map((i) => rows * this.columns[plane.rows][i] + columns * this.columns[plane.columns][i]);
    return [rows * plane.step[0][1], columns * plane.step[1][0], 0];
  }

  /** Area of a pixel of a plane in mm2; 1 where the spacing is not known. */
  area(plane) {
    return Math.hypot(...cross(this.vector(plane, [0, 0], [1, 0]), this.vector(plane, [0, 0], [0, 1])));
  }

  /** Where a slice of a plane lies: [letter, mm], or nothing. */
  position(plane, slice) {
    if (!this.columns) return this.spacing && this.shape[0] > 1 ? ["", slice * this.spacing[0]] : null;
    const middle = (axis) => (this.shape[axis] - 1) / 2;
    const patient = this.main[plane.through];
    const mm = this.toMm(this.voxel(plane, slice, middle(plane.rows), middle(plane.columns)))[patient];
    return [LETTERS[patient][mm > 0 ? 1 : 0], Math.abs(mm)];
  }

  corners(plane, slice) {
    const [rows, columns] = [this.shape[plane.rows] - 0.5, this.shape[plane.columns] - 0.5];
    return [[-0.5, -0.5], [-0.5, columns], [rows, columns], [rows, -0.5]]
      .map(([row, column]) => this.toMm(this.voxel(plane, slice, row, column)));
  }
}

/** Where a slice of another series crosses one of this: two points (row, column), or nothing. */
export function scout(own, plane, slice, other, otherPlane, otherSlice) {
  const start = own.toMm(own.voxel(plane, slice, 0, 0));
  const normal = cross(own.columns[plane.rows], own.columns[plane.columns]);
  const corners = other.corners(otherPlane, otherSlice);
  const heights = corners.map((corner) => dot(normal, minus(corner, start)));
  const points = [];
  corners.forEach((corner, i) => {
    const j = (i + 1) % 4;
    if (heights[i] > 0 === heights[j] > 0) return;
    const share = heights[i] / (heights[i] - heights[j]);
    const index = own.toIndex(corner.map((value, axis) => value + share * (corners[j][axis] - value)));
    points.push([index[plane.rows], index[plane.columns]]);
  });
  return points.length === 2 ? points : null;
}
