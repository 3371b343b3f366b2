// Slabs and masks by their addresses: fetched once, tried again, kept for the whole visit up to a limit.

const LIMIT_BYTES = 512 * 2 ** 20;
const FINAL = new Set([401, 403, 404, 410, 422]);
const TRIES = 4;

const kept = new Map();
const coming = new Map();
let keptBytes = 0;

export class Refused extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.expired = [401, 403, 410].includes(status);
  }
}

/** What is kept under an address, as just used; nothing where it is not there. */
export function have(address) {
  const bytes = kept.get(address);
  if (bytes) {
    kept.delete(address);
    kept.set(address, bytes);
  }
  return bytes;
}

function keep(address, bytes) {
  kept.set(address, bytes);
  keptBytes += bytes.byteLength;
  for (const [oldest, gone] of kept) {
    if (keptBytes <= LIMIT_BYTES || oldest === address) break;
    kept.delete(oldest);
    keptBytes -= gone.byteLength;
  }
  return bytes;
}

async function fetched(address) {
  for (let tried = 1; ; tried++) {
    try {
      const answer = await fetch(address, { credentials: "same-origin" });
      if (FINAL.has(answer.status)) throw new Refused(answer.status);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      return keep(address, await answer.arrayBuffer());
    } catch (error) {
      if (error instanceof Refused || tried === TRIES) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 250 * 3 ** (tried - 1)); });
    }
  }
}

/** The bytes at an address; asked for once, however many want them. */
export function fetchBytes(address) {
  const there = have(address);
  if (there) return Promise.resolve(there);
  if (!coming.has(address)) coming.set(address, fetched(address).finally(() => coming.delete(address)));
  return coming.get(address);
}

/** Fetch what will be shown next, one after another, while nothing else is fetched. */
export async function prefetch(addresses, goOn = () => true) {
  for (const address of addresses) {
    if (!goOn()) return;
    await fetchBytes(address).catch(() => null);
  }
}

const TYPES = { uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array,
  float32: Float32Array, rgb: Uint8Array };

/** The voxels of a picture, slab by slab as they come. */
export class Volume {
  constructor(picture) {
    this.picture = picture;
    this.type = TYPES[picture.dtype];
    this.channels = picture.dtype === "rgb" ? 3 : 1;
    const [, rows, columns] = picture.shape;
    this.size = rows * columns * this.channels;
    this.slabs = picture.slabs.map((_, slab) => {
      const bytes = have(picture.address + slab);
      return bytes?.byteLength === this.#bytes(slab) ? new this.type(bytes) : null;
    });
    this.loaded = this.slabs.filter(Boolean).length;
    this.slabOf = picture.slabs.flatMap(([, count], slab) => Array(count).fill(slab));
  }

  #bytes(slab) { return this.picture.slabs[slab][1] * this.size * this.type.BYTES_PER_ELEMENT; }

  /** The same voxels in a scene that says other things of them. */
  of(picture) {
    this.picture = picture;
    return this;
  }

  /** The slab that is nearest to a slice among those that nobody asked for; -1 where there is none. */
  missing(slice) {
    const here = this.slabOf[slice];
    for (let far = 0; far < this.slabs.length; far++)
      for (const slab of [here + far, here - far])
        if (this.slabs[slab] === null) return slab;
    return -1;
  }

  async load(slab) {
    this.slabs[slab] = undefined;
    const bytes = await fetchBytes(this.picture.address + slab), wanted = this.#bytes(slab);
    if (bytes.byteLength !== wanted) throw new Error(`${bytes.byteLength} bytes instead of ${wanted}`);
    this.slabs[slab] = new this.type(bytes);
    this.loaded += 1;
  }

  /** Let a slab that failed be asked for again. */
  forgive(slab) { this.slabs[slab] = null; }

  /** The values of a slice by rows, without a copy; nothing while they are not there. */
  slice(index) {
    const slab = this.slabOf[index], array = this.slabs[slab];
    const start = (index - this.picture.slabs[slab][0]) * this.size;
    return array ? array.subarray(start, start + this.size) : null;
  }

  /** The values of a plane by rows, as numpy indexes them; slices that are missing are 0. */
  plane({ through }, index) {
    if (through === 0) return this.slice(index);
    const [slices, rows, columns] = this.picture.shape, n = this.channels;
    const wide = through === 1 ? columns : rows;
    const values = new this.type(slices * wide * n);
    for (let s = 0; s < slices; s++) {
      const slice = this.slice(s);
      if (!slice) continue;
      if (through === 1) values.set(slice.subarray(index * columns * n, (index + 1) * columns * n), s * wide * n);
      else
        for (let r = 0, to = s * wide * n; r < rows; r++)
          for (let from = (r * columns + index) * n, i = 0; i < n; i++) values[to++] = slice[from + i];
    }
    return values;
  }

  at([slice, row, column]) {
    const place = (row * this.picture.shape[2] + column) * this.channels;
    const values = this.slice(slice);
    return values && values.subarray(place, place + this.channels);
  }
}
