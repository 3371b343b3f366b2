// The whole: panes beside each other, what moves them, and what stands around them.

import { button, h, speak, t } from "./dom.js";
import { Groups } from "./groups.js";
import { HeatMaps } from "./heat.js";
import { listen } from "./input.js";
import { KeyList, leave, use } from "./keys.js";
import { Loader } from "./loader.js";
import { Measures } from "./measuring.js";
import { Pane } from "./pane.js";
import { Place } from "./place.js";
import { tools } from "./toolbar.js";

const CINE_MS = 100;
const COARSE = window.matchMedia("(pointer: coarse)").matches;

export class Viewer {
  constructor(parent, ask) {
    this.ask = ask;
    this.panes = [];
    this.measures = new Measures(this);
    this.tool = COARSE ? "Scroll" : "Window";
    this.heat = new HeatMaps(this);
    this.groups = new Groups(() => this.changed(), () => this.draw());
    this.loader = new Loader(this);
    this.bar = h("div", { class: "bar", role: "toolbar", "aria-label": t("Viewer") });
    this.body = h("div", { class: "panes" });
    this.side = h("aside", { class: "side", "aria-label": t("Who outlined") });
    this.progress = h("progress", { max: 1, "aria-label": t("Loading") });
    this.notice = h("div", { class: "notice", role: "alert", hidden: true });
    this.taken = h("div", { class: "measures", "aria-label": t("Measures"), role: "group" });
    this.told = h("div", { class: "told", "aria-live": "polite" });
    this.element = h("div", { class: "viewer" }, this.bar, this.progress,
      h("div", { class: "middle" }, h("div", { class: "shown" }, this.body, this.notice, this.taken), this.side), this.told);
    parent.append(this.element);
    this.resized = new ResizeObserver(() => this.draw());
    this.keys = new KeyList(this);
    use(this);
  }

  /** Show a scene; what was chosen stays where its pictures are the same. */
  update(scene) {
    const said = JSON.stringify(scene);
    if (said === this.said) return;
    speak(scene.words);
    if (scene.heat !== this.scene?.heat) this.heat.on = scene.heat;
    [this.said, this.scene] = [said, scene];
    const before = this.panes, hadHeat = this.heat.there;
    this.linked ??= scene.linked;
    this.element.style.setProperty("--height", `${scene.height_px}px`);
    this.groups.take(scene.panes);
    this.stop();
    this.painted = false;
    delete this.element.dataset.loaded;
    this.panes = scene.panes.map((pane) => new Pane(this, pane, before.find((old) => same(old.scene, pane))));
    this.place ??= new Place(scene.address_key);
    this.active = (before.length ? null : this.place.restore(this.panes)) || this.panes[0];
    this.body.replaceChildren(...this.panes.map((pane) => pane.element));
    this.resized.disconnect();
    this.resized.observe(this.body);
    this.measures.take(this.panes, scene);
    this.loader.ahead = false;
    if (!hadHeat) this.heat.go();
    this.refresh();
    this.loader.again();
    this.arrived();
  }

  get view() { return this.active.view; }
  get presets() { return this.active.picture.presets; }
  get chosenPreset() {
    return this.presets.findIndex(({ centre, width }) => `${centre},${width}` === `${this.active.window}`);
  }

  get turns() { return this.view.slices > 1 || this.active.scene.pictures.length > 1; }
  get others() { return this.linked ? this.panes.filter((pane) => pane !== this.active) : []; }

  listen(view) { listen(view, this); }

  activate(view) {
    use(this);
    const other = this.active !== view.pane;
    this.active = view.pane;
    view.pane.chosen = view;
    if (other) this.refresh();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      const start = performance.now();
      for (const pane of this.panes) pane.draw();
      this.element.dataset.paintMs = (performance.now() - start).toFixed(2);
      this.#painted();
      this.#counts();
    });
  }

  #painted() {
    if (this.painted || !this.panes.every((pane) => pane.volume.slice(pane.at[0]))) return;
    this.painted = true;
    performance.mark("viewer:first");
    this.loader.start();
  }

  /** Something of how it is drawn has changed, and with it what stands around. */
  changed() {
    this.refresh();
    this.draw();
  }

  arrived() {
    const { share, failed, expired } = this.loader;
    this.progress.value = share;
    this.progress.hidden = share >= 1;
    if (share >= 1 && !this.element.dataset.loaded) {
      this.element.dataset.loaded = "true";
      performance.mark("viewer:loaded");
    }
    if (this.measures.tell()) this.refresh();
    this.notice.hidden = !failed;
    if (failed)
      this.notice.replaceChildren(...(expired
        ? [t("These addresses are no longer valid. Reload the page."), button(t("Reload"), () => window.location.reload())]
        : [t("Pictures could not be loaded."), button(t("Try again"), () => this.again())]));
    this.draw();
  }

  again() {
    this.notice.hidden = true;
    this.loader.again();
  }

  // What moves

  step(view, by, { playing = false } = {}) {
    if (!playing) this.stop();
    if (view.slices === 1) view.pane.turn(Math.sign(by));
    if (view.pane.go(view.plane, Math.max(Math.min(view.index + by, 1e9), -1e9))) this.moved(view.pane, view.plane);
  }

  /** A pane stands elsewhere: the others follow, the address says it. */
  moved(pane, plane = pane.geometry.planes[0]) {
    if (this.linked) for (const other of this.panes) if (other !== pane) other.follow(pane, plane);
    this.refreshSoon();
    this.keep();
    this.draw();
    this.loader.start();
  }

  point(view, voxel) {
    if (!voxel) return;
    view.pane.at.splice(0, 3, ...voxel);
    this.moved(view.pane, view.plane);
  }

  looked(view) {
    for (const other of this.linked ? this.panes : []) {
      const twin = other !== view.pane && other.views.find(({ plane }) => plane.name === view.plane.name);
      if (twin) Object.assign(twin.look, { zoom: view.look.zoom, pan: [...view.look.pan] });
    }
    this.draw();
  }

  fit(view) {
    Object.assign(view.look, { zoom: 1, pan: [0, 0] });
    this.looked(view);
  }

  zoom(factor) {
    const { look } = this.view;
    Object.assign(look, { zoom: look.zoom * factor, pan: look.pan.map((value) => value * factor) });
    this.looked(this.view);
  }

  setWindow(pane, window) {
    pane.window = window;
    const alike = ({ picture: { unit, dtype } }) => unit === pane.picture.unit && dtype === pane.picture.dtype;
    for (const other of this.others.filter(alike)) other.window = window;
    this.keep();
    this.refreshSoon();
    this.draw();
  }

  preset(number) {
    const { centre, width } = this.presets[number];
    this.setWindow(this.active, [centre, width]);
    this.refresh();
  }

  resetWindow() {
    this.setWindow(this.active, this.active.picture.window);
    this.active.state.inverted = false;
    this.refresh();
  }

  invert() {
    const inverted = !this.active.inverted;
    for (const pane of [this.active, ...this.others]) pane.state.inverted = inverted;
    this.keep();
    this.changed();
  }

  choose(tool) {
    this.tool = tool;
    this.measures.pending = null;
    this.changed();
  }

  togglePlanes() {
    const planes = !this.active.planes;
    for (const pane of [this.active, ...this.others]) {
      pane.planes = planes;
      pane.arrange();
    }
    this.keep();
    this.changed();
  }

  toggleLink() {
    this.linked = !this.linked;
    this.changed();
  }

  play() {
    if (this.playing) this.stop();
    else if (this.view.slices > 1)
      this.playing = setInterval(() => {
        const { view } = this;
        this.step(view, view.index === view.slices - 1 ? -Infinity : 1, { playing: true });
      }, CINE_MS);
    this.refresh();
  }

  stop() {
    if (!this.playing) return;
    clearInterval(this.playing);
    this.playing = null;
    this.refresh();
  }

  escape() {
    if (this.keys.shown) this.keys.toggle();
    else if (this.measures.pending) this.measures.remove();
    else this.choose(COARSE ? "Scroll" : "Window");
  }

  // What stands around

  keep() { this.place.keep(this.panes, this.active); }

  refreshSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => {
      this.told.textContent = this.view.where.textContent;
      if (!this.bar.contains(this.element.getRootNode().activeElement)) this.bar.replaceChildren(...tools(this));
    }, 250);
  }

  refresh() {
    const focused = CSS.escape(this.element.getRootNode().activeElement?.dataset.does || "");
    this.bar.replaceChildren(...tools(this));
    this.side.replaceChildren(...this.groups.list(), this.legend = h("div"));
    this.side.hidden = !this.groups.known.size;
    this.taken.replaceChildren(...this.measures.list());
    if (focused) this.element.querySelector(`[data-does="${focused}"]`)?.focus();
    this.#counts();
  }

  #counts() {
    const sides = this.view.compared, key = JSON.stringify([this.groups.compared, sides?.map(({ count }) => count)]);
    if (this.legend.dataset.key === key) return;
    this.legend.dataset.key = key;
    this.legend.replaceChildren(...[this.groups.legend(sides)].filter(Boolean));
  }

  destroy() {
    this.loader.stopped = true;
    this.stop();
    this.place?.leave();
    clearTimeout(this.soon);
    cancelAnimationFrame(this.drawing);
    this.resized.disconnect();
    leave(this);
    this.element.remove();
  }
}

const same = (one, other) => one.key === other.key
  && JSON.stringify(one.pictures.map(({ key, shape }) => [key, shape])) === JSON.stringify(other.pictures.map(({ key, shape }) => [key, shape]));
