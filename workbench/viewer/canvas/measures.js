// Lengths, angles and ellipses: points are (row, column) of a plane, whole numbers at the centres of pixels.

import { digits, t } from "./dom.js";

export const TOOLS = ["Scroll", "Window", "Pan", "Zoom", "Length", "Angle", "Ellipse"];
export const MEASURING = { Length: 2, Angle: 3, Ellipse: 2 };
const HANDLE_PX = 9;
const LINE_PX = 15;

/** Mean, standard deviation (of all, as numpy's) and number of the values whose pixels' centres are in an ellipse. */
export function ellipseStatistics(values, columns, [first, second]) {
  const centre = [0, 1].map((i) => (first[i] + second[i]) / 2);
  const radius = [0, 1].map((i) => Math.abs(first[i] - second[i]) / 2);
  const from = (i) => Math.max(0, Math.ceil(centre[i] - radius[i]));
  const to = [values.length / columns, columns].map((n, i) => Math.min(n - 1, Math.floor(centre[i] + radius[i])));
  const inside = [];
  for (let row = from(0); row <= to[0]; row++)
    for (let column = from(1); column <= to[1]; column++) {
      const down = (row - centre[0]) / radius[0] || 0, across = (column - centre[1]) / radius[1] || 0;
      if (down * down + across * across <= 1) inside.push(values[row * columns + column]);
    }
  const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
  const spread = inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length;
  return { n: inside.length, mean, sd: Math.sqrt(spread) };
}

/** What a measure says. */
export function said({ kind, points }, geometry, plane, volume, index) {
  if (kind === "Length") {
    const n = geometry.distance(plane, points[0], points[1]).toFixed(1);
    return plane.mm ? t("{n} mm", { n }) : `${n} px`;
  }
  if (kind === "Angle") {
    if (points.length < 3) return "";
    const [one, other] = [points[0], points[2]].map((end) => geometry.vector(plane, points[1], end));
    const cosine = one.reduce((sum, value, i) => sum + value * other[i], 0) / Math.hypot(...one) / Math.hypot(...other);
    return `${((Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI || 0).toFixed(1)}°`;
  }
  const [down, across] = [0, 1].map((i) => Math.abs(points[0][i] - points[1][i]) / 2);
  const area = `${digits(Math.PI * down * across * geometry.area(plane))} ${plane.mm ? "mm" : "px"}²`;
  const values = volume.channels === 1 && volume.plane(plane, index);
  if (!values) return area;
  const { n, mean, sd } = ellipseStatistics(values, volume.picture.shape[plane.columns], points);
  const of = volume.picture.unit ? ` ${volume.picture.unit}` : "";
  return n ? t("mean {mean}, SD {sd}", { mean: mean.toFixed(1) + of, sd: sd.toFixed(1) }) + ` · ${area} · n ${n}` : area;
}

/** The point of a measure near a place on the screen: [measure, number of the point]. */
export function handle(measures, view, x, y) {
  for (const measure of measures)
    for (const [i, point] of measure.points.entries()) {
      const [px, py] = view.toScreen(point);
      if (Math.hypot(px - x, py - y) < HANDLE_PX) return [measure, i];
    }
  return null;
}

/** Draw a measure with what it says; `taken` holds the labels that were written before. */
export function drawMeasure(context, view, { kind, points, text }, taken) {
  const at = points.map((point) => view.toScreen(point));
  const path = new Path2D();
  if (kind === "Ellipse") {
    const [a, b] = at;
    path.ellipse((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, Math.abs(a[0] - b[0]) / 2, Math.abs(a[1] - b[1]) / 2, 0, 0, 7);
  } else at.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  for (const [x, y] of at) path.rect(x - 2, y - 2, 4, 4);
  stroke(context, path, "#ffe066", 1.5);
  const [x, y] = at.reduce((low, point) => (point[1] > low[1] ? point : low));
  label(context, text, x + 6, y + 16, "#ffe066", view.room, taken);
}

export function stroke(context, path, colour, width, dash = []) {
  context.setLineDash([]);
  context.strokeStyle = "#000a";
  context.lineWidth = width + 1.5;
  if (!dash.length) context.stroke(path);
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

/** Write a text at a place, or the fewest lines below or above it where it covers none of those before. */
export function label(context, text, x, y, colour, [wide, high], taken) {
  if (!text) return;
  const { width } = context.measureText(text);
  const left = Math.min(x, wide - width - 6), place = Math.min(y, high - 6);
  const free = (at) => (at === place || (at >= LINE_PX && at <= high - 6)) && !taken.some((one) =>
    Math.abs(one.bottom - at) < LINE_PX && left < one.right && one.left < left + width);
  const places = [place];
  for (let away = LINE_PX; away < high; away += LINE_PX) places.push(place + away, place - away);
  const bottom = places.find(free) ?? place;
  taken.push({ left, right: left + width, bottom });
  context.setLineDash([]);
  context.lineWidth = 3;
  context.strokeStyle = "#000c";
  context.strokeText(text, left, bottom);
  context.fillStyle = colour;
  context.fillText(text, left, bottom);
}
