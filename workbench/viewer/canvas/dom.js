// Elements in one call, and the viewer's words in the language of the page.

let words = {};

export const speak = (translated) => { words = translated; };

/** A word or sentence as it is shown, with values in place of {names}. */
export const t = (english, values = {}) =>
  (words[english] || english).replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** An element: attributes, `on...` listeners, properties of the element, children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else if (value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** A button; `pressed` makes it a toggle. */
export const button = (text, onclick, { pressed, title, ...more } = {}) =>
  h("button", { type: "button", onclick, title: title || "", "aria-pressed": pressed, ...more }, text);

/** A select of [id, name] pairs. */
export const select = (label, options, value, onchange) =>
  h("select", { "aria-label": label, title: label, onchange: (event) => onchange(event.target.value) },
    ...options.map(([id, name]) => h("option", { value: id, selected: id === value }, name)));

/** A number of three or four digits, with a true minus. */
export function digits(value) {
  if (value == null || Number.isNaN(value)) return "–";
  const rounded = Number.isInteger(value) || Math.abs(value) >= 1000 ? Math.round(value) : +value.toPrecision(3);
  return String(rounded).replace("-", "−");
}
