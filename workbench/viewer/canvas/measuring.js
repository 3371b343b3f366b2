// The measures of a viewer: taken, moved, listed, taken away.

import { button, h, t } from "./dom.js";
import { MEASURING, said } from "./measures.js";

export class Measures {
  constructor(viewer) {
    this.viewer = viewer;
    this.all = [];
    this.pending = null; // the one that still lacks a point
  }

  /** Keep those of the studies that are still shown. */
  take(panes) {
    this.all = this.all.filter(({ pane }) => panes.some(({ scene }) => scene.key === pane));
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
    measure.text = said(measure, geometry, view.plane, volume, view.index);
    this.viewer.draw();
  }

  end(view, moved) {
    const { pending } = this;
    if (pending?.points.length === 3) this.move(view, pending, 2, pending.points[2]);
    else if (pending && !moved) this.all.pop();
    if (!pending || !moved || pending.points.length === MEASURING[pending.kind]) this.pending = null;
    this.viewer.changed();
  }

  remove(measure = this.all.at(-1)) {
    this.all = this.all.filter((one) => one !== measure);
    this.pending = null;
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
