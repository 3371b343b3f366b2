"""A drawn plot as PNG and SVG, made in the browser from what it has drawn, in the light look."""

from __future__ import annotations

from dataclasses import asdict

import streamlit as st

from workbench.language import _
from workbench.theme import DARK, LIGHT, palette
from workbench.views.parts.markup import join, tag

WIDTH_PX = 1600
"""Of a PNG at the least."""
_SCRIPT = """
const NS = "http://www.w3.org/2000/svg";

function hex(red, green, blue) {
  return "#" + [red, green, blue].map((n) => Number(n).toString(16).padStart(2, "0")).join("");
}

function recoloured(text, colours) {
  return text
    .replace(/rgb\\((\\d+), ?(\\d+), ?(\\d+)\\)/g, (was, r, g, b) => colours[hex(r, g, b)] ?? was)
    .replace(/rgba\\((\\d+), ?(\\d+), ?(\\d+), ?([\\d.]+)\\)/g, (was, r, g, b, a) => {
      const other = colours[hex(r, g, b)];
      return other ? `rgba(${parts(other).join(", ")}, ${a})` : was;
    })
    .replace(/#[0-9a-f]{6}\\b/gi, (was) => colours[was.toLowerCase()] ?? was);
}

function parts(colour) {
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (long) return long.slice(1).map((n) => parseInt(n, 16));
  return (colour.match(/[\\d.]+/g) ?? []).slice(0, 3).map(Number);
}

// The opaque scales of the plot's rasters, each stop as it is drawn and as it is for print.
function scales(plot, colours) {
  return (plot._fullData ?? [])
    .map((trace) => (trace.colorscale ?? []).filter(([, colour]) => !/^rgba/.test(colour)))
    .filter((stops) => stops.some(([, colour]) => colours[hex(...parts(colour))]))
    .map((stops) => stops.map(([, colour]) => {
      const was = parts(colour);
      return [was, parts(colours[hex(...was)] ?? hex(...was))];
    }));
}

// A pixel stands somewhere between two stops of a scale; its colour for print stands there too.
function printed(pixel, stops) {
  let best = [Infinity, pixel];
  for (let i = 1; i < stops.length; i++) {
    const [[from, to], [end, until]] = [stops[i - 1], stops[i]];
    const step = end.map((n, k) => n - from[k]), long = step.reduce((sum, n) => sum + n * n, 0) || 1;
    const at = Math.min(1, Math.max(0, step.reduce((sum, n, k) => sum + n * (pixel[k] - from[k]), 0) / long));
    const off = Math.hypot(...step.map((n, k) => from[k] + at * n - pixel[k]));
    if (off < best[0]) best = [off, to.map((n, k) => Math.round(n + at * (until[k] - n)))];
  }
  return best[1];
}

async function raster(image, known) {
  const href = image.getAttribute("href") ?? image.getAttributeNS("http://www.w3.org/1999/xlink", "href");
  if (!href?.startsWith("data:")) return;
  const picture = new Image();
  picture.src = href;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height), seen = new Map();
  for (let i = 0; i < pixels.data.length; i += 4) {
    const was = pixels.data.slice(i, i + 3), name = hex(...was);
    if (!pixels.data[i + 3]) continue;
    if (!seen.has(name)) seen.set(name, printed([...was], known));
    pixels.data.set(seen.get(name), i);
  }
  context.putImageData(pixels, 0, 0);
  image.removeAttributeNS("http://www.w3.org/1999/xlink", "href");
  image.setAttribute("href", canvas.toDataURL("image/png"));
}

async function drawing(plot, data) {
  const layers = [...plot.querySelectorAll("svg.main-svg")];
  const width = Number(layers[0].getAttribute("width")), height = Number(layers[0].getAttribute("height"));
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("xmlns", NS);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const ground = document.createElementNS(NS, "rect");
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  ground.setAttribute("fill", data.ground);
  svg.append(ground);
  for (const layer of layers) for (const part of layer.children) svg.append(part.cloneNode(true));
  for (const gone of svg.querySelectorAll(".hoverlayer, .modebar, .draglayer, .zoomlayer")) gone.remove();
  const [known] = scales(plot, data.colours);
  if (known) await Promise.all([...svg.querySelectorAll("image")].map((image) => raster(image, known)));
  const text = new XMLSerializer().serializeToString(svg).replace(/url\\((&quot;|['"]?)[^#)]*#/g, "url($1#");
  return { text: recoloured(text, data.colours), width, height };
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function png({ text, width, height }, least) {
  const scale = Math.max(2, least / width);
  const picture = new Image();
  picture.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(picture.src);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".c-files");
  if (place.innerHTML !== data.html) place.innerHTML = data.html;
  place.onclick = async (event) => {
    const kind = event.target.closest("button")?.value;
    const plot = document.querySelector(`.st-key-${CSS.escape(data.of)} .js-plotly-plot`);
    if (!kind || !plot?.querySelector("svg.main-svg")) return;
    const drawn = await drawing(plot, data);
    const blob = kind === "svg" ? new Blob([drawn.text], { type: "image/svg+xml" }) : await png(drawn, data.least);
    save(blob, `${data.name}.${kind}`);
  };
}
"""


def picture_buttons(name: str, of: str) -> None:
    """Two buttons that bring a plot as files.

    Parameters
    ----------
    name:
        Of the files, without their ending.
    of:
        The key of the container that holds the plot.
    """
    component = st.components.v2.component(
        "consilium_plot_files", html='<div class="c c-files"></div>', js=_SCRIPT, isolate_styles=False
    )
    buttons = [tag("button", said, type="button", value=kind) for said, kind in
               ((_("Picture (PNG)"), "png"), (_("Drawing (SVG)"), "svg"))]  # fmt: skip
    data = {
        "html": str(join(buttons)), "name": name, "of": of, "ground": LIGHT.page,
        "least": WIDTH_PX, "colours": light() if palette().name == DARK.name else {},
    }  # fmt: skip
    component(data=data, key=f"files {name}")


def light() -> dict[str, str]:
    """Each colour of the dark look -> the one that stands for it in the light look."""
    dark, bright = asdict(DARK), asdict(LIGHT)
    pairs = {was: bright[field] for field, was in dark.items() if isinstance(was, str) and was.startswith("#")}
    return {**dict(zip(DARK.readers, LIGHT.readers, strict=True)), **pairs}
