// Place, window and layout of a viewer in the address, so that a link or a reload shows the same.

const WAIT_MS = 300;

/** Names the pictures of a scene: a place in others means nothing here. */
export function named(panes) {
  let hash = 5381;
  for (const letter of panes.map(({ scene }) => [scene.key, ...scene.pictures.flatMap(({ key, shape }) => [key, shape])]).join())
    hash = ((hash * 33) ^ letter.charCodeAt(0)) >>> 0;
  return hash.toString(36);
}

const written = (value) => String(+value.toPrecision(6));

export class Place {
  constructor(key) {
    this.key = key;
    this.timer = 0;
  }

  keep(panes, active) {
    if (!this.key) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const parts = panes.map((pane) => {
        const picture = pane.scene.pictures.indexOf(pane.picture);
        const flags = (pane.inverted ? "i" : "") + (pane.planes ? "p" : "") + (pane === active ? "a" : "");
        return [picture, ...pane.at, ...pane.window.map(written), flags].join("_");
      });
      const url = new URL(window.location.href);
      url.searchParams.set(this.key, [named(panes), ...parts].join("~"));
      window.history.replaceState(window.history.state, "", url);
    }, WAIT_MS);
  }

  /** Bring panes where the address says; the pane that was chosen. */
  restore(panes) {
    const [name, ...parts] = (this.key && new URLSearchParams(window.location.search).get(this.key) || "").split("~");
    if (name !== named(panes) || parts.length !== panes.length) return null;
    let active = null;
    panes.forEach((pane, i) => {
      const fields = parts[i].split("_"), numbers = fields.slice(0, 6).map(Number);
      const picture = pane.scene.pictures[numbers[0]];
      if (!picture || fields.length !== 7 || numbers.some(Number.isNaN)) return;
      pane.key = picture.key;
      pane.planes = fields[6].includes("p");
      pane.state.inverted = fields[6].includes("i");
      pane.window = numbers.slice(4);
      pane.geometry.shape.forEach((n, axis) => { pane.at[axis] = Math.min(Math.max(Math.round(numbers[1 + axis]), 0), n - 1); });
      if (fields[6].includes("a")) active = pane;
      pane.arrange();
    });
    return active;
  }

  leave() { clearTimeout(this.timer); }
}
