// The measures of a viewer: taken, moved, listed, taken away; kept while the tab is open.

import { button, h, t } from "./dom.js";
import { keep, recall } from "./kept.js";
import { MEASURING, said as text } from "./measures.js";

export class Measures {
  constructor(viewer) {
    this.viewer = viewer;
    this.all = [];
    this.pending = null; // the one that still lacks a point
    this.shown = [];
    this.owner = null;
  }

  /** Leave out those of studies that are no longer shown, and recall those of studies that are shown now. */
  take(panes, scene) {
    if (this.owner !== scene.kept_for) [this.all, this.shown, this.owner] = [[], [], scene.kept_for];
    this.all = this.all.filter(({ pane }) => panes.some(({ scene: { key } }) => key === pane));
    for (const pane of panes) if (!this.shown.includes(pane.scene.key)) this.all.push(...recall(scene, pane));
    this.shown = panes.map((pane) => pane.scene.key);
    this.tell();
  }

  /** Say what the recalled ones measure, as soon as their pixels are there; whether any has been said. */
  tell() {
    const said = this.all.filter((measure) => measure !== this.pending && !measure.text && this.#tell(measure));
    return said.length > 0;
  }

  #tell(measure) {
    const pane = this.viewer.panes.find(({ scene }) => scene.key === measure.pane);
    const geometry = pane.geometries.get(measure.picture), volume = pane.volumes.get(measure.picture);
    const plane = geometry.planes.find(({ name }) => name === measure.plane);
    const there = plane.through ? volume.loaded === volume.slabs.length : volume.slice(measure.index);
    if (measure.kind === "Ellipse" && !there) return false;
    measure.text = text(measure, geometry, plane, volume, measure.index);
    return Boolean(measure.text);
  }

  #keep() {
    const { panes, scene } = this.viewer, whole = this.all.filter((measure) => measure !== this.pending);
    for (const pane of panes) keep(scene, pane, whole.filter((measure) => measure.pane === pane.scene.key));
  }

  of({ pane, plane, index }) {
    return this.all.filter((one) =>
      one.pane === pane.scene.key && one.picture === pane.key && one.plane === plane.name && one.index === index);
  }

  /** Begin one at a point, or give the one that lacks it a third point: [measure, number of the point]. */
  start(view, point) {
    const { pane, plane, index } = view;
    if (this.pending && this.of(view).includes(this.pending)) {
      this.pending.points.push(point);
      return [this.pending, 2];
    }
    if (this.pending) this.remove(this.pending);
    const place = { pane: pane.scene.key, picture: pane.key, plane: plane.name, index };
    this.pending = { kind: this.viewer.tool, ...place, points: [point, point], text: "" };
    this.all.push(this.pending);
    return [this.pending, 1];
  }

  move(view, measure, i, point) {
    measure.points[i] = point;
    const { geometry, volume } = view.pane;
    measure.text = text(measure, geometry, view.plane, volume, view.index);
    this.viewer.draw();
  }

  end(view, moved) {
    const { pending } = this;
    if (pending?.points.length === 3) this.move(view, pending, 2, pending.points[2]);
    else if (pending && !moved) this.all.pop();
    if (!pending || !moved || pending.points.length === MEASURING[pending.kind]) this.pending = null;
    this.#keep();
    this.viewer.changed();
  }

  remove(measure = this.all.at(-1)) {
    this.all = this.all.filter((one) => one !== measure);
    this.pending = null;
    this.#keep();
    this.viewer.changed();
  }

  #show({ pane: key, picture, plane: name, index }) {
    const pane = this.viewer.panes.find(({ scene }) => scene.key === key);
    pane.choose(picture);
    pane.go(pane.geometry.planes.find((plane) => plane.name === name), index);
    this.viewer.moved(pane);
  }

  /** Each with a button that takes it away; its text leads to its slice. */
  list() {
    return this.all.map((measure) => h("div", { class: "measure" },
      button(`${t(measure.kind)} ${measure.text}`, () => this.#show(measure), { class: "text" }),
      button("×", () => this.remove(measure), { "aria-label": t("Delete {what}", { what: measure.text }) })));
  }
}
