// Mouse, wheel, pen and fingers on one view.

import { handle, MEASURING } from "./measures.js";

const NOTCH = 50; // CSS pixels of a mouse wheel's step, at the least
const TRACKPAD = 30;
const CLICK_PX = 4;

export function listen(view, viewer) {
  const { element } = view, fingers = new Map();
  let drag = null, pinch = null, rolled = 0, last = [0, 0];

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const zoomAt = ([x, y], factor) => {
    const { look } = view, zoom = Math.min(Math.max(look.zoom * factor, 0.2), 40), by = zoom / look.zoom;
    const centre = [element.clientWidth / 2, element.clientHeight / 2];
    look.pan = [x, y].map((at, i) => (look.pan[i] + centre[i] - at) * by + at - centre[i]);
    look.zoom = zoom;
    viewer.looked(view);
  };
  const panBy = (dx, dy) => {
    view.look.pan = [view.look.pan[0] + dx, view.look.pan[1] + dy];
    viewer.looked(view);
  };

  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    viewer.activate(view);
    const delta = event.deltaY * (event.deltaMode ? 40 : 1);
    if (event.ctrlKey || view.slices === 1) {
      zoomAt(place(event), Math.exp(-delta / (event.ctrlKey ? 100 : 600)));
      return;
    }
    rolled = Math.sign(rolled) === Math.sign(delta) ? rolled + delta : delta;
    const steps = Math.abs(delta) >= NOTCH ? Math.sign(delta) : Math.trunc(rolled / TRACKPAD);
    if (!steps) return;
    rolled = 0;
    viewer.step(view, steps);
  }, { passive: false });

  const kinds = {
    Window: (start) => {
      const [centre, width] = view.pane.window, whole = !view.pane.picture.dtype.startsWith("float");
      return (x, y) => {
        const rounded = whole && width > 20 ? Math.round : (value) => value;
        const wide = Math.max(width + ((x - start[0]) * Math.max(width, 1)) / 300, whole ? 1 : width / 1e4);
        viewer.setWindow(view.pane, [rounded(centre + ((y - start[1]) * Math.max(width, 1)) / 300), rounded(wide)]);
      };
    },
    Scroll: (start) => {
      const from = view.index, per = Math.max(4, Math.min(16, element.clientHeight / view.slices));
      return (x, y) => viewer.step(view, from + Math.round((y - start[1]) / per) - view.index);
    },
    Pan: () => (x, y) => panBy(x - last[0], y - last[1]),
    Zoom: (start) => (x, y) => zoomAt(start, Math.exp((last[1] - y) / 150)),
  };

  const measure = (start) => {
    const mine = viewer.measures.of(view).filter(({ kind }) => kind === viewer.tool);
    const near = !viewer.measures.pending && handle(mine, view, ...start);
    const [taken, point] = near || viewer.measures.start(view, view.toPixel(...start));
    return (x, y) => viewer.measures.move(view, taken, point, view.toPixel(x, y));
  };

  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("pointerdown", (event) => {
    element.focus({ preventScroll: true });
    viewer.activate(view);
    element.setPointerCapture(event.pointerId);
    const at = place(event);
    last = at;
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) {
      drag?.end?.(false);
      drag = null;
      pinch = spread();
      return;
    }
    const tool = event.button > 0 ? "Pan" : viewer.tool;
    drag = { start: at, moved: false, tool, button: event.button };
    drag.move = tool in MEASURING ? measure(at) : kinds[tool](at);
    event.preventDefault();
  });

  const spread = () => {
    const [[x1, y1], [x2, y2]] = [...fingers.values()];
    return { far: Math.hypot(x2 - x1, y2 - y1), middle: [(x1 + x2) / 2, (y1 + y2) / 2] };
  };

  element.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at);
    if (pinch && fingers.size === 2) {
      const now = spread();
      panBy(now.middle[0] - pinch.middle[0], now.middle[1] - pinch.middle[1]);
      zoomAt(now.middle, now.far / (pinch.far || 1));
      pinch = now;
    } else if (drag) {
      drag.moved ||= Math.hypot(at[0] - drag.start[0], at[1] - drag.start[1]) >= CLICK_PX;
      if (drag.moved) drag.move(...at);
    }
    last = at;
    view.tellValue(...at);
  });

  const end = (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size < 2) pinch = null;
    if (!drag || fingers.size) return;
    const { tool, moved, start, button } = drag;
    drag = null;
    if (tool in MEASURING) viewer.measures.end(view, moved);
    else if (!moved && button === 0 && view.pane.views.length > 1) viewer.point(view, view.voxel(...start));
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("pointerleave", () => view.tellValue());
  element.addEventListener("focus", () => viewer.activate(view));
  element.addEventListener("dblclick", () => { if (!(viewer.tool in MEASURING)) viewer.fit(view); });
}
