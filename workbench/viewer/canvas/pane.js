// One study: its pictures, where in them it stands, and the planes that are shown.

import { button, h, t } from "./dom.js";
import { Geometry } from "./geometry.js";
import { have, Volume } from "./loading.js";
import { Mask } from "./masks.js";
import { heatCanvas } from "./painting.js";
import { View } from "./view.js";

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Pane {
  /** `before`: the pane of the same study in the scene before, whose place is kept. */
  constructor(viewer, scene, before) {
    this.viewer = viewer;
    this.scene = scene;
    this.volumes = new Map(scene.pictures.map((picture) => {
      const old = before?.volumes.get(picture.key);
      return [picture.key, old?.picture.address === picture.address ? old.of(picture) : new Volume(picture)];
    }));
    this.geometries = new Map(scene.pictures.map((picture) => [picture.key, new Geometry(picture)]));
    const shapes = new Map(scene.pictures.map((picture) => [picture.key, picture.shape]));
    this.masks = scene.layers.filter((layer) => shapes.has(layer.picture)).map((layer) => {
      const old = before?.masks.find((mask) => mask.layer.address === layer.address);
      return new Mask(layer, shapes.get(layer.picture), old?.bits);
    });
    this.heats = new Map();
    this.states = new Map(scene.pictures.map((picture) => [picture.key, this.#fresh(picture)]));
    for (const [key, state] of before?.states || []) if (this.states.has(key)) this.states.set(key, state);
    this.key = [before?.key, scene.start[0], scene.pictures[0].key].find((key) => this.states.has(key));
    this.planes = before ? before.planes : viewer.scene.planes;
    this.stage = h("div", { class: "stage" });
    this.strip = h("div", { class: "strip", role: "group", "aria-label": t("Pictures") });
    this.element = h("section", { class: "pane", "aria-label": scene.title },
      h("header", {}, h("b", {}, scene.title), this.strip), this.stage);
    this.arrange();
  }

  #fresh({ key, shape, window }) {
    const at = shape.map((n) => Math.floor(n / 2));
    if (this.scene.start[0] === key) at[0] = clamp(this.scene.start[1], 0, shape[0] - 1);
    return { at, window, inverted: false, looks: {} };
  }

  get picture() { return this.volume.picture; }
  get volume() { return this.volumes.get(this.key); }
  get geometry() { return this.geometries.get(this.key); }
  get state() { return this.states.get(this.key); }
  get at() { return this.state.at; }
  get window() { return this.state.window; }
  set window(window) { this.state.window = window; }
  get inverted() { return this.state.inverted; }
  get view() { return this.views.includes(this.chosen) ? this.chosen : this.views[0]; }

  /** Zoom and place of a plane. */
  look(plane) { return (this.state.looks[plane.name] ||= { zoom: 1, pan: [0, 0] }); }

  /** Lay out the planes that are shown. */
  arrange() {
    const several = this.planes && this.geometry.planes.length > 1 && this.picture.shape[0] > 1;
    const order = several ? [...this.geometry.planes].sort((a, b) => (a.name > b.name ? 1 : -1)) : [this.geometry.planes[0]];
    this.views = order.map((plane) => new View(this, plane));
    this.stage.replaceChildren(...this.views.map((view) => view.element));
    this.stage.classList.toggle("planes", several);
    for (const view of this.views) this.viewer.listen(view);
    this.strip.hidden = this.scene.pictures.length < 2;
    this.strip.replaceChildren(...this.scene.pictures.map((picture) =>
      button(picture.title, () => this.choose(picture.key), { pressed: picture.key === this.key })));
  }

  choose(key) {
    if (!this.states.has(key) || key === this.key) return;
    this.key = key;
    this.arrange();
    this.viewer.moved(this);
  }

  /** Go so many pictures on. */
  turn(by) {
    const keys = [...this.states.keys()];
    this.choose(keys[clamp(keys.indexOf(this.key) + by, 0, keys.length - 1)]);
  }

  /** Go to a slice of a plane; whether it is another one. */
  go(plane, index) {
    const to = clamp(Math.round(index), 0, this.picture.shape[plane.through] - 1);
    if (to === this.at[plane.through]) return false;
    this.at[plane.through] = to;
    return true;
  }

  /** Where another pane stands: in the patient where both know it, else by page, else by slice. */
  follow(other, plane) {
    if (this.states.has(other.key) && this.key !== other.key) {
      this.key = other.key;
      this.arrange();
    }
    if (this.geometry.columns && other.geometry.columns) {
      const index = this.geometry.toIndex(other.geometry.toMm(other.at));
      this.geometry.planes.forEach((one) => this.go(one, index[one.through]));
      return;
    }
    const page = other.page(other.at[0]);
    if (page >= 0 && this.scene.pages[page]?.[0] === this.key) this.go(this.geometry.planes[0], this.scene.pages[page][1]);
    else if (!plane.through) this.go(this.geometry.planes[0], other.at[0]);
  }

  page(slice) { return this.scene.pages.findIndex(([key, index]) => key === this.key && index === slice); }

  /** The other pictures with geometry, and where they stand. */
  scouts() {
    if (!this.geometry.columns) return [];
    return [...this.states.keys()].filter((key) => key !== this.key && this.geometries.get(key).columns)
      .map((key) => ({ geometry: this.geometries.get(key), slice: this.states.get(key).at[0] }));
  }

  heatsHere(slice) {
    return this.scene.heats.filter((heat) => heat.picture === this.key && heat.slice === slice);
  }

  /** The heat map to be shown over a slice, as a canvas; nothing while it is not there. */
  heatShown(slice) {
    const { on, name } = this.viewer.heat, here = on ? this.heatsHere(slice) : [];
    const heat = here.find((one) => one.name === name) || here[0];
    if (!heat) return null;
    if (!this.heats.has(heat.address)) {
      const bytes = have(heat.address);
      if (!bytes) {
        this.viewer.loader.want(heat.address);
        return null;
      }
      this.heats.set(heat.address, heatCanvas(bytes, heat.shape));
    }
    return this.heats.get(heat.address);
  }

  draw() { for (const view of this.views) view.draw(); }
}
