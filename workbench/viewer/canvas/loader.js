// In which order a viewer fetches: the slice that is shown, its masks, then outward, then the rest.

import { fetchBytes, have, prefetch, Refused } from "./loading.js";

const AT_ONCE = 3;

export class Loader {
  constructor(viewer) {
    this.viewer = viewer;
    this.running = 0;
    this.stopped = false;
    this.failed = null;
    this.wanted = [];
    this.ahead = false;
  }

  want(address) {
    if (!this.wanted.includes(address)) this.wanted.push(address);
    this.start();
  }

  again() {
    this.failed = null;
    this.start();
  }

  start() {
    while (!this.stopped && !this.failed && this.running < (this.viewer.painted ? AT_ONCE : 1)) {
      const job = this.#next();
      if (!job) break;
      this.running += 1;
      job().catch((error) => { this.failed = error; }).finally(() => {
        this.running -= 1;
        if (this.stopped) return;
        this.viewer.arrived();
        this.start();
      });
    }
    if (!this.running && !this.failed && !this.ahead && !this.stopped) {
      this.ahead = true;
      prefetch(this.viewer.scene.prefetch || [], () => !this.stopped && !this.running);
    }
  }

  #next() {
    const { panes } = this.viewer;
    const shown = panes.filter(({ volume, at }) => !volume.slice(at[0])).map(({ volume, at }) => this.#slab(volume, at[0]));
    const masks = panes.flatMap((pane) => pane.masks.filter((mask) => !mask.bits && !mask.coming)
      .sort((a, b) => (b.layer.picture === pane.key) - (a.layer.picture === pane.key)));
    const address = this.wanted[0];
    return shown.find(Boolean)
      || (address && (() => { this.wanted.shift(); return fetchBytes(address); }))
      || (masks[0] && this.#mask(masks[0]))
      || panes.map(({ volume, at }) => this.#slab(volume, at[0])).find(Boolean)
      || panes.flatMap((pane) => [...pane.volumes].map(([key, volume]) => this.#slab(volume, pane.states.get(key).at[0]))).find(Boolean);
  }

  #slab(volume, slice) {
    const slab = volume.missing(slice);
    return slab < 0 ? null : () => volume.load(slab);
  }

  #mask(mask) {
    mask.coming = true;
    return async () => {
      try {
        mask.bytes = have(mask.layer.address) || (await fetchBytes(mask.layer.address));
      } finally {
        mask.coming = false;
      }
    };
  }

  /** How much of the pictures is there, 0 to 1. */
  get share() {
    const volumes = this.viewer.panes.flatMap((pane) => [...pane.volumes.values()]);
    const total = volumes.reduce((sum, volume) => sum + volume.slabs.length, 0);
    return volumes.reduce((sum, volume) => sum + volume.loaded, 0) / total;
  }

  get expired() { return this.failed instanceof Refused && this.failed.expired; }
}
