// Masks as bits: what of them lies in a plane, their borders, their difference.

const REMEMBERED = 6;

/** The masks of one layer; `bits` come later. */
export class Mask {
  constructor(layer, shape, bits = null) {
    this.layer = layer;
    this.shape = shape;
    this.bits = bits;
    this.places = new Map(layer.slices.map((slice, i) => [slice, i * Math.ceil((shape[1] * shape[2]) / 8)]));
    this.remembered = new Map();
  }

  set bytes(buffer) {
    const wanted = this.places.size * Math.ceil((this.shape[1] * this.shape[2]) / 8);
    if (buffer.byteLength !== wanted) throw new Error(`${buffer.byteLength} bytes instead of ${wanted}`);
    this.bits = new Uint8Array(buffer);
    this.remembered.clear();
  }

  /** What lies in a plane: {inside: Uint8Array by rows, count, from, to, outline}; nothing where there is nothing. */
  plane(plane, index) {
    const key = `${plane.through} ${index}`;
    if (!this.remembered.has(key)) {
      if (this.remembered.size >= REMEMBERED) this.remembered.delete(this.remembered.keys().next().value);
      this.remembered.set(key, this.bits && this.#cut(plane, index));
    }
    return this.remembered.get(key);
  }

  #cut({ through, rows, columns }, index) {
    const { bits, shape } = this, [, down, wide] = shape;
    const inside = new Uint8Array(shape[rows] * shape[columns]);
    if (through === 0) {
      const place = this.places.get(index);
      if (place === undefined) return null;
      const last = Math.ceil(inside.length / 8);
      for (let i = 0; i < last; i++)
        for (let byte = bits[place + i], bit = i * 8; byte; byte = (byte << 1) & 255, bit++)
          if (byte & 128) inside[bit] = 1;
    } else
      for (const [slice, place] of this.places)
        for (let along = 0, n = shape[columns]; along < n; along++) {
          const bit = through === 1 ? index * wide + along : along * wide + index;
          if (bits[place + (bit >> 3)] & (128 >> (bit & 7))) inside[slice * n + along] = 1;
        }
    return region(inside, shape[rows], shape[columns]);
  }
}

/** A region from its first pixel to its last, its borders traced when first asked for; nothing where it is empty. */
export function region(inside, rows, columns) {
  const from = inside.indexOf(1), to = inside.lastIndexOf(1);
  if (from < 0) return null;
  let count = 0, path;
  for (let i = from; i <= to; i++) count += inside[i];
  return { inside, count, from, to, get outline() { return (path ||= traced(inside, rows, columns, from, to)); } };
}

/** The borders of a region along the borders of its pixels, as closed lines in (column, row). */
function traced(inside, rows, columns, from, to) {
  const path = new Path2D(), wide = columns + 1, starts = [];
  const edges = new Uint8Array(wide * (rows + 1)); // of each corner, the ways on: 1 right, 2 down, 4 left, 8 up
  for (let i = from; i >= 0 && i <= to; i = inside.indexOf(1, i)) {
    const row = Math.floor(i / columns), last = (row + 1) * columns - 1;
    if (i === last - columns + 1 || !inside[i - 1]) edges[i + row + wide] |= 8;
    for (;; i++) {
      const corner = i + row; // of the pixel's upper left
      if (!row || !inside[i - columns]) {
        edges[corner] |= 1;
        starts.push(corner);
      }
      if (row === rows - 1 || !inside[i + columns]) edges[corner + wide + 1] |= 4;
      if (i < last && inside[i + 1]) continue;
      edges[corner + 1] |= 2;
      break;
    }
    i += 1;
  }
  const moves = [1, wide, -1, -wide];
  for (const start of starts) {
    if (!(edges[start] & 1)) continue;
    let at = start, way = 0;
    path.moveTo(at % wide, Math.floor(at / wide));
    do {
      edges[at] &= ~(1 << way);
      at += moves[way];
      // Where two regions touch at a corner, turn right, so that each keeps its own border.
      const next = [(way + 1) % 4, way, (way + 3) % 4].find((turn) => edges[at] & (1 << turn));
      if (next !== way && at !== start) path.lineTo(at % wide, Math.floor(at / wide));
      way = next;
    } while (way !== undefined && at !== start);
    path.closePath();
  }
  return path;
}

/** All of several regions in one array; nothing where there are none. */
export function union(regions, size) {
  const all = new Uint8Array(size);
  for (const { inside, from, to } of regions) for (let i = from; i <= to; i++) all[i] |= inside[i];
  return all;
}

/** What is in the first alone, and in the second alone. */
export function difference(first, second, rows, columns) {
  const alone = (one, other) => region(one.map((value, i) => value & ~other[i]), rows, columns);
  return [alone(first, second), alone(second, first)];
}

export function fill(pixels, { inside, from, to }, colour) {
  for (let i = from; i <= to; i++) if (inside[i]) pixels[i] = colour;
}
