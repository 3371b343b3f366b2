// The whole: panes beside each other, what moves them, and what stands around them.

import { button, h, select, speak, t } from "./dom.js";
import { Groups, measureList } from "./groups.js";
import { listen } from "./input.js";
import { keyList, leave, use } from "./keys.js";
import { Loader } from "./loader.js";
import { MEASURING, said, TOOLS } from "./measures.js";
import { Pane } from "./pane.js";
import { Place } from "./place.js";

const CINE_MS = 100;
const COARSE = window.matchMedia("(pointer: coarse)").matches;

export class Viewer {
  constructor(parent, ask) {
    this.ask = ask;
    this.panes = [];
    this.measures = [];
    this.tool = COARSE ? "Scroll" : "Window";
    this.heat = { on: false, name: "", opacity: 0.8 };
    this.groups = new Groups(() => this.changed());
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
    use(this);
  }

  /** Show a scene; what was chosen stays where its pictures are the same. */
  update(scene) {
    const said = JSON.stringify(scene);
    if (said === this.said) return;
    speak(scene.words);
    [this.said, this.scene] = [said, scene];
    const before = this.panes;
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
    this.measures = this.measures.filter(({ pane }) => this.panes.some(({ scene: { key } }) => key === pane));
    this.loader.ahead = false;
    this.refresh();
    this.loader.again();
    this.arrived();
  }

  get view() { return this.active.view; }
  get presets() { return this.active.picture.presets; }
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
    this.notice.hidden = !failed;
    if (failed)
      this.notice.replaceChildren(expired ? t("These addresses are no longer valid. Reload the page.") : t("Pictures could not be loaded."),
        expired ? button(t("Reload"), () => window.location.reload()) : button(t("Try again"), () => { this.notice.hidden = true; this.loader.again(); }));
    this.draw();
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
    for (const other of this.others) if (other.picture.unit === pane.picture.unit && other.picture.dtype === pane.picture.dtype) other.window = window;
    this.keep();
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
    this.pending = null;
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

  toggleHeat() {
    const there = this.panes.some((pane) => pane.scene.heats.length);
    if (!there && this.scene.can_ask_heat) this.ask("heat");
    this.heat.on = there && !this.heat.on;
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

  toggleKeys() {
    if (this.keysShown) {
      this.keysShown.remove();
      this.keysShown = null;
      return;
    }
    this.keysShown = keyList(() => this.toggleKeys());
    this.element.append(this.keysShown);
    this.keysShown.focus();
  }

  escape() {
    if (this.keysShown) this.toggleKeys();
    else if (this.pending) this.removeMeasure();
    else this.choose(COARSE ? "Scroll" : "Window");
  }

  // What is measured

  measuresOf({ pane, plane, index }) {
    return this.measures.filter((one) => one.pane === pane.scene.key && one.picture === pane.key && one.plane === plane.name && one.index === index);
  }

  startMeasure(view, point) {
    if (this.pending && this.measuresOf(view).includes(this.pending)) {
      this.pending.points.push(point);
      return [this.pending, 2];
    }
    const measure = { kind: this.tool, pane: view.pane.scene.key, picture: view.pane.key, plane: view.plane.name, index: view.index, points: [point, point], text: "" };
    this.measures.push(measure);
    this.pending = measure;
    return [measure, 1];
  }

  moveMeasure(view, measure, i, point) {
    measure.points[i] = point;
    const { geometry, volume } = view.pane;
    measure.text = said(measure, geometry, view.plane, volume, view.index);
    this.draw();
  }

  endMeasure(view, moved) {
    const { pending } = this;
    if (pending && !moved && pending.points.length === 2) this.measures.splice(this.measures.indexOf(pending), 1);
    if (pending && pending.points.length === 3) this.moveMeasure(view, pending, 2, pending.points[2]);
    if (!pending || !moved || pending.points.length === MEASURING[pending.kind]) this.pending = null;
    this.changed();
  }

  removeMeasure(measure = this.measures.at(-1)) {
    this.measures = this.measures.filter((one) => one !== measure);
    this.pending = null;
    this.changed();
  }

  #show({ pane: key, picture, plane: name, index }) {
    const pane = this.panes.find(({ scene }) => scene.key === key);
    pane.choose(picture);
    pane.go(pane.geometry.planes.find((plane) => plane.name === name), index);
    this.moved(pane);
  }

  // What stands around

  keep() { this.place.keep(this.panes, this.active); }

  refreshSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => {
      this.told.textContent = this.view.where.textContent;
      if (this.panes.some((pane) => pane.scene.heats.length)) this.refresh();
    }, 250);
  }

  refresh() {
    const focused = this.element.getRootNode().activeElement?.dataset.does;
    this.bar.replaceChildren(...this.#tools());
    this.side.replaceChildren(...this.groups.list(), this.legend = h("div"));
    this.side.hidden = !this.groups.known.size;
    this.taken.replaceChildren(...measureList(this.measures, (one) => this.removeMeasure(one), (one) => this.#show(one)));
    if (focused) this.bar.querySelector(`[data-does="${focused}"]`)?.focus();
    this.#counts();
  }

  #counts() {
    const sides = this.view.compared, key = JSON.stringify([this.groups.compared, sides?.map(({ count }) => count)]);
    if (this.legend.dataset.key === key) return;
    this.legend.dataset.key = key;
    this.legend.replaceChildren(...[this.groups.legend(sides)].filter(Boolean));
  }

  #tools() {
    const { panes, groups, active } = this, toggle = (name, does, pressed) => button(t(name), does, { pressed, "data-does": name });
    const stack = panes.some((pane) => pane.picture.shape[0] > 1), heats = active.heatsHere(active.at[0]);
    const part = (...buttons) => h("div", { class: "part", role: "group" }, ...buttons.filter(Boolean));
    return [
      part(...TOOLS.filter((tool) => stack || tool !== "Scroll").map((tool) => toggle(tool, () => this.choose(tool), tool === this.tool))),
      part(this.presets.length ? select(t("Window"), [["", t("Presets")], ...this.presets.map(({ name }, i) => [i, `${i + 1} ${name}`])], "", (number) => number && this.preset(number)) : null,
        toggle("Reset", () => this.resetWindow()), toggle("Invert", () => this.invert(), active.inverted), toggle("Fit", () => this.fit(this.view))),
      part(stack && toggle("Play", () => this.play(), Boolean(this.playing)),
        panes.some((pane) => pane.geometry.planes.length > 1) && toggle("Three planes", () => this.togglePlanes(), active.planes),
        panes.length > 1 && toggle("Linked", () => { this.linked = !this.linked; this.changed(); }, this.linked)),
      part(groups.known.size && toggle("Masks", () => groups.toggle(), groups.on),
        groups.canCompare && toggle("Difference", () => groups.compare(), Boolean(groups.compared)),
        (panes.some((pane) => pane.scene.heats.length) || this.scene.can_ask_heat) && toggle("Heat map", () => this.toggleHeat(), this.heat.on),
        this.heat.on && heats.length > 1 && select(t("Heat map"), heats.map(({ name }) => [name, name]), this.heat.name, (name) => { this.heat.name = name; this.draw(); }),
        this.heat.on && h("input", { type: "range", min: 0.1, max: 1, step: 0.1, value: this.heat.opacity, "aria-label": t("Opacity of the heat map"), oninput: (event) => { this.heat.opacity = Number(event.target.value); this.draw(); } })),
      part(button("?", () => this.toggleKeys(), { "aria-label": t("Keys"), title: t("Keys"), "data-does": "?" })),
    ];
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
