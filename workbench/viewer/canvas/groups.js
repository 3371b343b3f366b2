// The hands: which are shown and how, and which two are compared.

import { digits, h, select, t } from "./dom.js";

/** A hand with what was chosen for it before. */
function merged(group, before) {
  const fresh = { opacity: 0.4, own: false, open: false, layers: new Map(), ...group };
  if (!before) return fresh;
  const { shown, filled, opacity, own, open, layers, colour } = before;
  return { ...fresh, shown, filled, opacity, own, open, layers, ...(own && { colour }) };
}

export class Groups {
  /** `changed`: what stands around is built anew; `draw`: the pictures alone. */
  constructor(changed, draw) {
    this.changed = () => { this.version += 1; changed(); };
    this.draw = draw;
    this.version = 0;
    this.on = true;
    this.known = new Map();
    this.compared = null;
    this.asked = "";  // the panes whose difference is shown without being switched on
  }

  /** Take the hands of a scene; what was chosen for those that were there stays. */
  take(panes) {
    const before = this.known;
    this.known = new Map();
    for (const layer of panes.flatMap((pane) => pane.layers)) {
      const { group: key, who, mark, colour, dashed, shown, filled } = layer;
      if (!this.known.has(key)) this.known.set(key, merged({ key, who, mark, colour, dashed, shown, filled }, before.get(key)));
      const { layers } = this.known.get(key);
      if (!layers.has(layer.name)) layers.set(layer.name, { colour: layer.colour, shown: true });
    }
    for (const { group: key } of panes.flatMap((pane) => pane.lines))
      if (!this.known.has(key))
        this.known.set(key, merged({ key, who: key, mark: "", colour: "#e6edf3", shown: true }, before.get(key)));
    const keys = [...this.known.keys()];
    this.offered = panes.map((pane) => pane.compare).find(Boolean) || keys.slice(0, 2);
    if (this.compared && !this.compared.every((key) => this.known.has(key))) this.compared = null;
    const wanted = panes.filter((pane) => pane.difference).map((pane) => [pane.key, ...this.offered].join(" ")).join();
    if (wanted && wanted !== this.asked && this.canCompare) this.compared = [...this.offered];
    this.asked = wanted;
    this.version += 1;
  }

  of(key) { return this.known.get(key); }

  /** A hand's own colour once somebody chose one, else the layer's. */
  colour(layer) {
    const group = this.of(layer.group);
    return group.own ? group.colour : layer.colour;
  }

  shows(layer) {
    const group = this.of(layer.group);
    const wanted = this.compared ? this.compared.includes(layer.group) : group.shown;
    return this.on && wanted && group.layers.get(layer.name).shown;
  }

  toggle() {
    this.on = !this.on;
    this.changed();
  }

  get canCompare() { return [...this.known.values()].filter((group) => group.layers.size).length > 1; }

  compare() {
    if (this.compared) this.compared = null;
    else if (this.canCompare) {
      this.compared = [...this.offered];
      this.on = true;
    }
    this.changed();
  }

  /** `dragged`: the control stays under the hand, so that nothing is built anew. */
  #set(group, name, value, dragged = false) {
    group[name] = value;
    if (!dragged) this.changed();
    else this.redraw();
  }

  redraw() {
    this.version += 1;
    this.draw();
  }

  /** The list of hands with their switches. */
  list() {
    return [...this.known.values()].map((group) => h("div", { class: "group", "data-group": group.key },
      this.#check([this.#swatch(group), group.who], group.shown, `${group.key} shown`, (on) => this.#set(group, "shown", on)),
      group.layers.size ? this.#details(group) : null));
  }

  #swatch({ colour, mark, dashed }) {
    return h("span", { class: `swatch${dashed ? " dashed" : ""}`, style: `--hue:${colour}`, "aria-hidden": "true" }, mark || "");
  }

  #check(text, checked, does, onchange) {
    const input = h("input", { type: "checkbox", checked, "data-does": does, onchange: (event) => onchange(event.target.checked) });
    return h("label", {}, input, ...text);
  }

  #details(group) {
    const named = [...group.layers].filter(([name]) => group.layers.size > 1 && name), { key } = group;
    const how = t("How {who} is drawn", { who: group.who });
    const opacity = h("input", { type: "range", min: 0.1, max: 1, step: 0.1, value: group.opacity,
      oninput: (event) => this.#set(group, "opacity", Number(event.target.value), true) });
    const colour = h("input", { type: "color", value: group.colour,
      onchange: (event) => { group.own = true; this.#set(group, "colour", event.target.value); } });
    return h("details", { open: group.open, ontoggle: (event) => { group.open = event.target.open; } },
      h("summary", { "aria-label": how, title: how }, "⋯"),
      this.#check([t("Filled")], group.filled, `${key} filled`, (on) => this.#set(group, "filled", on)),
      h("label", {}, t("Opacity"), opacity),
      h("label", {}, t("Colour"), colour),
      ...named.map(([name, layer]) => this.#check(
        [this.#swatch({ colour: group.own ? group.colour : layer.colour }), name],
        layer.shown, `${key} ${name}`, (on) => this.#set(layer, "shown", on))));
  }

  /** The choice of two hands, and what each has alone in the shown slice. */
  legend(sides) {
    if (!this.compared) return null;
    const options = [...this.known.values()].filter((group) => group.layers.size).map((group) => [group.key, group.who]);
    const choice = (i, name) => select(name, options, this.compared[i], (key) => { this.compared[i] = key; this.redraw(); });
    return h("div", { class: "difference" },
      h("b", {}, t("Difference")), choice(0, t("First of the compared")), choice(1, t("Second of the compared")),
      ...(sides || []).map(({ key, count, mm2 }, i) => h("p", { "data-alone": key, "data-count": count },
        h("span", { class: `hatch hatch${i}`, style: `--hue:${this.of(key).colour}`, "aria-hidden": "true" }),
        t("only {who}: {count} px", { who: this.of(key).who, count }) + (mm2 == null ? "" : ` · ${digits(mm2)} mm²`))));
  }
}
