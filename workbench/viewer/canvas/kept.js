// Measures in the tab's own storage, so that a reload shows them again. What is kept are kinds and points, under the
// hash of a pane's pictures and of whoever sits there: nothing says whose pictures they are.

import { MEASURING } from "./measures.js";
import { named } from "./place.js";

const slot = ({ address_key: key, kept_for: owner }, pane) => `consilium ${key} ${owner} ${named([pane])}`;

/** Keep the measures of a pane in place of those that were kept of it. */
export function keep(scene, pane, measures) {
  if (!scene.address_key) return;
  const rows = measures.map(({ kind, picture, plane, index, points }) =>
    [kind, pane.scene.pictures.findIndex(({ key }) => key === picture), plane, index, points]);
  try {
    if (rows.length) sessionStorage.setItem(slot(scene, pane), JSON.stringify(rows));
    else sessionStorage.removeItem(slot(scene, pane));
  } catch { /* a full or forbidden storage keeps nothing */ }
}

/** The measures that were kept of a pane, without what they say. */
export function recall(scene, pane) {
  let rows = [];
  try {
    if (scene.address_key) rows = JSON.parse(sessionStorage.getItem(slot(scene, pane))) || [];
  } catch { return []; }
  return rows.flatMap(([kind, number, plane, index, points]) => {
    const picture = pane.scene.pictures[number]?.key;
    const there = picture && pane.geometries.get(picture).planes.some(({ name }) => name === plane);
    return there && points.length === MEASURING[kind]
      ? [{ kind, pane: pane.scene.key, picture, plane, index, points, text: "" }] : [];
  });
}
