// The keys of the viewer that was used last. They are heard before the page's own, and only where nothing is typed.

import { h, t } from "./dom.js";

let current = null;

export const use = (viewer) => { current = viewer; };
export const leave = (viewer) => { if (current === viewer) current = null; };

const LISTED = () => [
  ["↑ ↓ ← →", t("Slice by slice")], ["PageUp PageDown", t("Ten slices")], ["Home End", t("First or last slice")],
  ["1 – 9", t("Window presets")], ["0", t("Window as given")], ["I", t("Invert")], ["W L", t("Window by dragging")],
  ["M", t("Masks on or off")], ["D", t("Difference")], ["H", t("Heat map")], [t("Space"), t("Play")],
  ["+ −", t("Zoom")], ["F", t("Fit")], ["P", t("Three planes")], [t("Delete key"), t("Delete the last measure")],
  ["?", t("This list")],
];

/** The list of keys, as a dialog over a viewer. */
export class KeyList {
  constructor(viewer) {
    this.viewer = viewer;
    this.shown = null;
  }

  toggle() {
    if (this.shown) this.#close();
    else {
      this.shown = h("div", { class: "keys", role: "dialog", "aria-label": t("Keys"), tabIndex: -1 },
        h("b", {}, t("Keys")),
        h("dl", {}, ...LISTED().flatMap(([key, what]) => [h("dt", {}, key), h("dd", {}, what)])),
        h("button", { type: "button", onclick: () => this.toggle() }, t("Close")));
      this.viewer.element.append(this.shown);
      this.shown.focus();
    }
  }

  #close() {
    const held = this.shown.contains(this.shown.getRootNode().activeElement);
    this.shown.remove();
    this.shown = null;
    if (held) this.viewer.view.element.focus({ preventScroll: true });
  }
}

const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

const ACTIONS = {
  0: (viewer) => viewer.resetWindow(), i: (viewer) => viewer.invert(), w: (viewer) => viewer.choose("Window"),
  l: (viewer) => viewer.choose("Window"), m: (viewer) => viewer.groups.toggle(), d: (viewer) => viewer.groups.compare(),
  h: (viewer) => viewer.heat.toggle(), " ": (viewer) => viewer.play(), f: (viewer) => viewer.fit(viewer.view),
  p: (viewer) => viewer.togglePlanes(), "+": (viewer) => viewer.zoom(1.25), "=": (viewer) => viewer.zoom(1.25),
  "-": (viewer) => viewer.zoom(0.8), "?": (viewer) => viewer.keys.toggle(), Delete: (viewer) => viewer.measures.remove(),
  Backspace: (viewer) => viewer.measures.remove(),
};

/** The key on a Latin keyboard, whatever letters are on it. */
function latin({ key, code }) {
  if (code === "Slash" && key === ",") return "?"; // Shift and slash on a Russian keyboard
  if (key.length > 1 || /[\x20-\x7e]/.test(key)) return key.length > 1 ? key : key.toLowerCase();
  return /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : key;
}

const NOT_TYPED = "[type=checkbox], [type=range], [type=color], [type=radio]";
const role = (...names) => names.map((name) => `[role=${name}]`).join();
const TYPED = `input:not(${NOT_TYPED}), textarea, select, [contenteditable=true], ${role("combobox", "listbox", "slider", "dialog")}`;
const OPERATED = `button, a, summary, input, [tabindex="0"], ${role("tab", "radio", "option", "menuitem", "button")}`;

function action(event, viewer) {
  const focused = event.composedPath()[0], inside = event.composedPath().includes(viewer.element);
  const matches = (selector) => focused instanceof Element && focused.closest(selector);
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const key = latin(event);
  if (key === "Escape") return viewer.keys.shown || inside ? () => viewer.escape() : null;
  if (matches(TYPED) && !(inside && matches(".keys"))) return null;
  const operated = matches(OPERATED) && !matches(".view");
  if (operated && (key === " " || ((!inside || matches("[type=range]")) && key in STEPS))) return null;
  if (key in STEPS) return viewer.turns ? () => viewer.step(viewer.view, STEPS[key]) : null;
  if (/^[1-9]$/.test(key)) return viewer.presets[key - 1] ? () => viewer.preset(key - 1) : null;
  const does = ACTIONS[key];
  return does && (() => does(viewer));
}

window.addEventListener("keydown", (event) => {
  const does = current && current.element.isConnected && action(event, current);
  if (!does) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  does();
}, true);
