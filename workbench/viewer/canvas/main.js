// What Streamlit calls: once for each scene, with the place to show it in.

import { speak } from "./dom.js";
import { prefetch } from "./loading.js";
import { Viewer } from "./viewer.js";

export { prefetch };

const answer = await fetch(new URL("viewer.css", import.meta.url));
const sheet = new CSSStyleSheet();
sheet.replaceSync(await answer.text());

const viewers = new WeakMap();

export default function show({ data, parentElement, setTriggerValue }) {
  let viewer = viewers.get(parentElement);
  if (!viewer) {
    performance.mark("viewer:mount");
    const root = parentElement.getRootNode();
    if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    speak(data.words);
    viewer = new Viewer(parentElement, (what) => setTriggerValue("ask", what));
    viewers.set(parentElement, viewer);
  }
  viewer.update(data);
  return () => {
    viewer.destroy();
    viewers.delete(parentElement);
  };
}
