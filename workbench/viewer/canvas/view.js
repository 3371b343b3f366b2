// One plane on the screen: values, heat and masks in native pixels, and over them what is drawn sharp.

import { digits, h, t } from "./dom.js";
import { scout } from "./geometry.js";
import { difference, fill, union } from "./masks.js";
import { drawMeasure, label, stroke } from "./measures.js";
import { paint, pixel } from "./painting.js";

const FILL_OPACITY = 0.4;
const PIXELATED_FROM = 2;
const BAR_PX = 120;
const EDGES = ["left", "right", "up", "down"];

export class View {
  constructor(pane, plane) {
    this.pane = pane;
    this.plane = plane;
    const { shape } = pane.picture;
    [this.height, this.width] = [shape[plane.rows], shape[plane.columns]];
    const native = (kind) =>
      h("canvas", { width: this.width, height: this.height, [`data-${kind}`]: plane.name, class: "native" });
    [this.values, this.heat, this.masks] = ["plane", "heat", "masks"].map(native);
    [this.reduced, this.sharp] = ["reduced", "sharp"].map((name) => h("canvas", { class: `screen ${name}` }));
    this.letters = EDGES.map((edge) => h("span", { class: `edge ${edge}`, "aria-hidden": "true" }, plane[edge]));
    this.where = h("span", { class: "where" });
    this.value = h("span", { class: "value" });
    this.bar = h("span", { class: "scale" });
    this.unknown = plane.right ? null : h("span", { class: "unknown" }, t("Orientation not known"));
    this.element = h("div", { class: "view", role: "img", tabIndex: 0, "data-view": plane.name },
      this.values, this.reduced, this.heat, this.masks, this.sharp, ...this.letters,
      h("div", { class: "said" }, this.unknown, this.where, this.value), this.bar);
    this.image = new ImageData(this.width, this.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.look = pane.look(plane);
  }

  get index() { return this.pane.at[this.plane.through]; }

  get slices() { return this.pane.picture.shape[this.plane.through]; }

  /** The matrix from (column, row) of the canvas to the screen in CSS pixels. */
  place() {
    const { step: [down, across] } = this.plane, { zoom, pan } = this.look, { width, height } = this;
    const unit = Math.min(Math.hypot(...down), Math.hypot(...across));
    const extent = [0, 1].map((i) => Math.abs(across[i]) * width + Math.abs(down[i]) * height);
    const [wide, high] = this.room;
    const scale = Math.min(wide / extent[0], high / extent[1]) * zoom;
    const [a, b, c, d] = [...across, ...down].map((value) => value * scale);
    this.matrix = [a, b, c, d, wide / 2 + pan[0] - (a * width + c * height) / 2, high / 2 + pan[1] - (b * width + d * height) / 2];
    this.pxPerMm = scale;
    const style = { transform: `matrix(${this.matrix})`, imageRendering: unit * scale >= PIXELATED_FROM ? "pixelated" : "auto" };
    for (const canvas of [this.values, this.masks]) Object.assign(canvas.style, style);
    this.heat.style.transform = `matrix(${this.matrix}) scale(${width / this.heat.width}, ${height / this.heat.height})`;
  }

  toScreen([row, column]) {
    const [a, b, c, d, e, f] = this.matrix;
    return [a * (column + 0.5) + c * (row + 0.5) + e, b * (column + 0.5) + d * (row + 0.5) + f];
  }

  /** (row, column) under a place of the screen; whole numbers are the centres of pixels. */
  toPixel(x, y) {
    const [a, b, c, d, e, f] = this.matrix, det = a * d - b * c;
    return [(a * (y - f) - b * (x - e)) / det - 0.5, (d * (x - e) - c * (y - f)) / det - 0.5];
  }

  /** The voxel under a place of the screen, and nothing beside the picture. */
  voxel(x, y) {
    const [row, column] = this.toPixel(x, y).map(Math.round);
    const outside = row < 0 || column < 0 || row >= this.height || column >= this.width;
    return outside ? null : this.pane.geometry.voxel(this.plane, this.index, row, column);
  }

  draw() {
    this.room = [this.element.clientWidth, this.element.clientHeight]; // read once: it may cost a layout
    if (!this.room[0]) return;
    this.place();
    this.#drawValues();
    this.#reduce();
    this.#drawHeat();
    this.#drawMasks();
    this.#drawSharp();
    this.#tell();
  }

  #drawValues() {
    const { pane, plane, index } = this, { volume } = pane;
    const seen = `${index} ${pane.window} ${pane.inverted} ${plane.through ? volume.loaded : Boolean(volume.slice(index))}`;
    if (this.seen === seen) return;
    this.seen = seen;
    const values = volume.plane(plane, index);
    if (values) paint(this.pixels, values, pane.picture.dtype, pane.window, pane.inverted);
    else this.pixels.fill(0xff000000);
    this.values.getContext("2d").putImageData(this.image, 0, 0);
    this.element.classList.toggle("waiting", !values);
    this.values.dataset.slice = values && (!plane.through || volume.loaded === volume.slabs.length) ? index : "";
  }

  /** Shown smaller than it is, a picture is averaged: skipping pixels would make patterns of its noise and grids. */
  #reduce() {
    const [a, b, c, d] = this.matrix, ratio = window.devicePixelRatio || 1;
    const smaller = Math.min(Math.hypot(a, b), Math.hypot(c, d)) * ratio < 1;
    this.reduced.hidden = !smaller;
    this.values.style.visibility = smaller ? "hidden" : "visible";
    const seen = `${this.seen} ${this.matrix} ${this.room}`;
    if (!smaller || this.reducedSeen === seen) return;
    this.reducedSeen = seen;
    const context = this.#onScreen(this.reduced);
    context.transform(...this.matrix);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.values, 0, 0);
  }

  /** The pen of a canvas in pixels of the screen, cleared. */
  #onScreen(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = this.room.map((size) => Math.round(size * ratio));
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, ...this.room);
    return context;
  }

  #drawHeat() {
    const heat = this.plane.through ? null : this.pane.heatShown(this.index);
    this.heat.hidden = !heat;
    if (!heat) return;
    this.heat.style.opacity = this.pane.viewer.heat.opacity;
    if (this.heated === heat) return;
    this.heated = heat;
    [this.heat.width, this.heat.height] = [heat.width, heat.height];
    this.heat.getContext("2d").drawImage(heat, 0, 0);
    this.place();
  }

  /** The layers that are shown here, with what of them lies in this plane. */
  #regions() {
    const { pane, plane, index } = this;
    return pane.masks.filter(({ layer }) => layer.picture === pane.picture.key && pane.viewer.groups.shows(layer))
      .map((mask) => ({ layer: mask.layer, region: mask.plane(plane, index) })).filter((one) => one.region);
  }

  #drawMasks() {
    const { viewer } = this.pane, groups = viewer.groups;
    const seen = `${this.index} ${this.pane.masks.filter((mask) => mask.bits).length} ${groups.version}`;
    if (this.masked === seen) return;
    this.masked = seen;
    this.regions = this.#regions();
    this.compared = groups.compared && this.#compare(groups.compared);
    const filled = this.compared
      ? this.compared.map(({ region, colour }) => [region, pixel(colour, FILL_OPACITY)])
      : this.regions.filter(({ layer }) => groups.of(layer.group).filled)
        .map(({ layer, region }) => [region, pixel(groups.colour(layer), groups.of(layer.group).opacity)]);
    const context = this.masks.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    if (!filled.length) return;
    const image = (this.maskImage ||= new ImageData(this.width, this.height));
    const pixels = new Uint32Array(image.data.buffer).fill(0);
    for (const [region, colour] of filled) if (region) fill(pixels, region, colour);
    context.putImageData(image, 0, 0);
  }

  #compare(keys) {
    const size = this.width * this.height, area = this.pane.geometry.area(this.plane);
    const sides = keys.map((key) => union(this.regions.filter((one) => one.layer.group === key).map((one) => one.region), size));
    return difference(...sides, this.height, this.width).map((region, i) => ({
      region, key: keys[i], colour: this.pane.viewer.groups.of(keys[i]).colour, count: region?.count || 0,
      mm2: this.plane.mm ? (region?.count || 0) * area : null,
    }));
  }

  #drawSharp() {
    const { viewer } = this.pane, context = this.#onScreen(this.sharp);
    context.font = "13px system-ui, sans-serif";
    const placed = (path) => { const moved = new Path2D(); moved.addPath(path, new DOMMatrix(this.matrix)); return moved; };
    (this.compared || []).forEach(({ region, colour }, i) => {
      if (!region) return;
      context.fillStyle = hatch(context, colour, i);
      context.fill(placed(region.outline), "evenodd");
    });
    for (const { layer, region } of this.regions)
      stroke(context, placed(region.outline), viewer.groups.colour(layer), 1.5, layer.dashed ? [5, 4] : []);
    const labels = [];
    if (!this.plane.through && viewer.groups.on) this.#drawLines(context, labels);
    this.#drawCross(context);
    for (const measure of viewer.measures.of(this)) drawMeasure(context, this, measure, labels);
  }

  #drawLines(context, labels) {
    for (const line of this.pane.scene.lines) {
      if (line.picture !== this.pane.picture.key || line.slice !== this.index) continue;
      const group = this.pane.viewer.groups.of(line.group);
      if (!group.shown) continue;
      const [from, to] = line.ends.map((end) => this.toScreen(end)), path = new Path2D();
      path.moveTo(...from);
      path.lineTo(...to);
      stroke(context, path, group.colour, 1.5);
      const end = from[0] > to[0] ? from : to;
      label(context, line.text, end[0] + 6, end[1] + 4, group.colour, this.room, labels);
    }
  }

  /** Where the other planes, and the slices of the other pictures, cross this one. */
  #drawCross(context) {
    const { pane, plane } = this, path = new Path2D();
    const line = (from, to) => { path.moveTo(...this.toScreen(from)); path.lineTo(...this.toScreen(to)); };
    if (pane.views.length > 1) {
      const [row, column] = [pane.at[plane.rows], pane.at[plane.columns]];
      line([row, -0.5], [row, this.width - 0.5]);
      line([-0.5, column], [this.height - 0.5, column]);
    }
    for (const other of pane.scouts()) {
      const points = scout(pane.geometry, plane, this.index, other.geometry, other.geometry.planes[0], other.slice);
      if (points) line(...points);
    }
    context.globalAlpha = 0.7;
    stroke(context, path, "#7fd4c1", 1, [2, 3]);
    context.globalAlpha = 1;
  }

  #tell() {
    const { pane, plane, index } = this, page = plane.through ? -1 : pane.page(index);
    const place = pane.geometry.position(plane, index), [centre, width] = pane.window.map(digits);
    const parts = [
      this.slices > 1 ? t("Slice {n} of {of}", { n: index + 1, of: this.slices }) : "",
      page >= 0 && pane.scene.pages.length > 1 ? t("page {n} of {of}", { n: page + 1, of: pane.scene.pages.length }) : "",
      place ? `${place[0]} ${t("{n} mm", { n: place[1].toFixed(1) })}`.trim() : "",
      plane.through || pane.picture.dtype === "rgb" ? "" : t("window {centre} / {width}", { centre, width }),
    ];
    const told = parts.filter(Boolean);
    if (this.where.textContent !== told.join(" · "))
      this.where.replaceChildren(...told.flatMap((part, i) => [i ? " · " : "", h("i", {}, part)]));
    const names = { axial: t("Axial"), coronal: t("Coronal"), sagittal: t("Sagittal") };
    this.element.setAttribute("aria-label", [pane.picture.title, names[plane.name], this.where.textContent].filter(Boolean).join(", "));
    this.tellValue(...(this.cursor || []));
    this.#measureBar();
  }

  #measureBar() {
    const room = Math.min(BAR_PX, this.room[0] / 4) / this.pxPerMm;
    const power = 10 ** Math.floor(Math.log10(room));
    const mm = power * [5, 2, 1].find((one) => one * power <= room);
    this.bar.hidden = !this.plane.mm;
    this.bar.style.width = `${mm * this.pxPerMm}px`;
    this.bar.textContent = mm >= 10 ? t("{n} cm", { n: mm / 10 }) : t("{n} mm", { n: +mm.toPrecision(1) });
  }

  /** What is under the cursor, or nothing. */
  tellValue(...cursor) {
    this.cursor = cursor;
    const index = cursor.length ? this.voxel(...cursor) : null, values = index && this.pane.volume.at(index);
    const place = index && (this.pane.picture.shape[0] > 1 && this.plane.through ? index : index.slice(1));
    this.value.textContent = values
      ? `${[...values].map(digits).join(" ")} ${this.pane.picture.unit}`.trim() + ` (${place.join(", ")})` : "";
  }
}

const hatches = new Map();

function hatch(context, colour, kind) {
  const key = colour + kind;
  if (!hatches.has(key)) {
    const tile = new OffscreenCanvas(8, 8), pen = tile.getContext("2d");
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    for (const shift of [-8, 0, 8]) {
      pen.moveTo(shift, kind ? 0 : 8);
      pen.lineTo(shift + 8, kind ? 8 : 0);
    }
    pen.stroke();
    hatches.set(key, tile);
  }
  return context.createPattern(hatches.get(key), "repeat");
}
