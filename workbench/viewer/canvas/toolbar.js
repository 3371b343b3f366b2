// The buttons above the pictures.

import { button, h, select, t } from "./dom.js";
import { TOOLS } from "./measures.js";

const toggle = (name, does, pressed) => button(t(name), does, { pressed, "data-does": name });
const part = (...buttons) => h("div", { class: "part", role: "group" }, ...buttons.filter(Boolean));

/** What can be done with what a viewer shows, in groups. */
export function tools(viewer) {
  const { panes, active, groups } = viewer;
  const stack = panes.some((pane) => pane.picture.shape[0] > 1);
  const volume = panes.some((pane) => pane.geometry.planes.length > 1 && pane.picture.shape[0] > 1);
  return [
    part(...TOOLS.filter((tool) => stack || tool !== "Scroll")
      .map((tool) => toggle(tool, () => viewer.choose(tool), tool === viewer.tool))),
    part(viewer.presets.length && presets(viewer), toggle("Reset", () => viewer.resetWindow()),
      toggle("Invert", () => viewer.invert(), active.inverted), toggle("Fit", () => viewer.fit(viewer.view))),
    part(stack && toggle("Play", () => viewer.play(), Boolean(viewer.playing)),
      volume && toggle("Three planes", () => viewer.togglePlanes(), active.planes),
      panes.length > 1 && toggle("Linked", () => viewer.toggleLink(), viewer.linked)),
    part(groups.known.size && toggle("Masks", () => groups.toggle(), groups.on),
      groups.canCompare && toggle("Difference", () => groups.compare(), Boolean(groups.compared)),
      (viewer.heat.there || viewer.scene.can_ask_heat) && toggle("Heat map", () => viewer.heat.toggle(), viewer.heat.on),
      ...heat(viewer)),
    part(button("?", () => viewer.keys.toggle(), { "aria-label": t("Keys"), title: t("Keys"), "data-does": "?" })),
  ];
}

function presets(viewer) {
  const options = viewer.presets.map(({ name }, i) => [i, `${i + 1} ${name}`]);
  return select(t("Window"), [["", t("Presets")], ...options], viewer.chosenPreset,
    (number) => number && viewer.preset(Number(number)));
}

function heat(viewer) {
  const { active, heat: shown } = viewer, here = active.heatsHere(active.at[0]);
  if (!shown.on || !shown.there) return [];
  const set = (name, value) => { shown[name] = value; viewer.draw(); };
  return [
    here.length > 1 && select(t("Heat map"), here.map(({ name }) => [name, name]), shown.name, (name) => set("name", name)),
    h("input", { type: "range", min: 0.1, max: 1, step: 0.1, value: shown.opacity, "data-does": "heat opacity",
      "aria-label": t("Opacity of the heat map"), oninput: (event) => set("opacity", Number(event.target.value)) }),
  ];
}
