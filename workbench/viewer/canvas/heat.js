// Heat maps: whether they are shown, and which.

export class HeatMaps {
  constructor(viewer) {
    this.viewer = viewer;
    this.on = false;
    this.name = "";
    this.opacity = 0.8;
  }

  get there() { return this.viewer.panes.some((pane) => pane.scene.heats.length); }

  /** Show or hide them; where there are none, ask for one, which is shown when it comes. */
  toggle() {
    if (!this.there && !this.viewer.scene.can_ask_heat) return;
    this.on = !this.on;
    if (this.on && !this.there) this.viewer.ask("heat");
    this.go();
    this.viewer.changed();
  }

  /** Where one is to be shown and none is here, go where it is. */
  go() {
    const pane = this.viewer.active, [heat] = pane.scene.heats;
    if (!this.on || !heat || pane.heatsHere(pane.at[0]).length) return;
    pane.choose(heat.picture);
    if (pane.go(pane.geometry.planes[0], heat.slice)) this.viewer.moved(pane);
  }
}
