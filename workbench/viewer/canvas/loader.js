// In which order a viewer fetches: the slice that is shown, its masks, then outward, then the rest.

import { fetchBytes, prefetch, Refused } from "./loading.js";

const AT_ONCE = 3;

export class Loader {
  constructor(viewer) {
    this.viewer = viewer;
    this.running = 0;
    this.stopped = false;
    this.failed = null;
    this.forgiven = []; // what lets each failed job be done again
    this.wanted = [];
    this.refused = new Set();
    this.ahead = false;
  }

  want(address) {
    if (this.wanted.includes(address) || this.refused.has(address)) return;
    this.wanted.push(address);
    this.start();
  }

  again() {
    this.failed = null;
    this.refused.clear();
    for (const forgive of this.forgiven.splice(0)) forgive();
    this.start();
  }

  start() {
    while (!this.stopped && !this.expired && this.running < (this.viewer.painted ? AT_ONCE : 1)) {
      const job = this.#next();
      if (!job) break;
      this.running += 1;
      job.does().catch((error) => {
        this.failed = error;
        this.forgiven.push(job.forgive);
      }).finally(() => {
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
    const slabs = (some) => some.map(({ volume, at }) => this.#slab(volume, at[0])).find(Boolean);
    const states = panes.flatMap((pane) => [...pane.volumes].map(([key, volume]) => ({ volume, at: pane.states.get(key).at })));
    return slabs(panes.filter(({ volume, at }) => volume.slabs[volume.slabOf[at[0]]] === null))
      || this.#heat() || this.#mask() || slabs(panes) || slabs(states);
  }

  #slab(volume, slice) {
    const slab = volume.missing(slice);
    return slab < 0 ? null : { does: () => volume.load(slab), forgive: () => volume.forgive(slab) };
  }

  #heat() {
    const address = this.wanted[0];
    if (!address) return null;
    this.refused.add(address);
    this.wanted.shift();
    const does = async () => {
      await fetchBytes(address);
      this.refused.delete(address);
    };
    return { does, forgive: () => null };
  }

  /** The masks of the shown pictures come first. */
  #mask() {
    const missing = this.viewer.panes.flatMap((pane) => pane.masks.filter((mask) => !mask.bits && !mask.coming)
      .map((mask) => ({ mask, later: mask.layer.picture !== pane.key })));
    const [first] = missing.sort((a, b) => a.later - b.later);
    if (!first) return null;
    const { mask } = first;
    mask.coming = true;
    const does = async () => { mask.bytes = await fetchBytes(mask.layer.address); };
    return { does, forgive: () => { mask.coming = false; } };
  }

  /** How much of the pictures is there, 0 to 1. */
  get share() {
    const volumes = this.viewer.panes.flatMap((pane) => [...pane.volumes.values()]);
    const total = volumes.reduce((sum, volume) => sum + volume.slabs.length, 0);
    return volumes.reduce((sum, volume) => sum + volume.loaded, 0) / total;
  }

  get expired() { return this.failed instanceof Refused && this.failed.expired; }
}
