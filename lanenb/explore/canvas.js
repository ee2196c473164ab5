// Draws an image with lanes and prompt points, and reports what a person does to them. The state lives in Python; here are only pictures and gestures.
const SVG = "http://www.w3.org/2000/svg";
const KEYS = {a: "accept", r: "reject", c: "clear", z: "undo", y: "redo", s: "save", n: "new", Escape: "new", Delete: "remove", Backspace: "remove",
              ArrowRight: "next", ArrowLeft: "previous"};

function make(tag, attributes, parent) {
  const svg = ["svg", "g", "path", "circle", "title"].includes(tag);
  const node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (parent) parent.append(node);
  return node;
}

// The key's name for Python, or undefined: combinations with Ctrl, Alt or Meta stay the browser's; Shift + z is redo.
function meaning(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return key === "z" && event.shiftKey ? "redo" : KEYS[key];
}

function render({model, el}) {
  const root = make("div", {class: "lanenb-canvas"}, el);
  // JupyterLab's shortcuts (d d deletes a cell) pass over a focused element that is marked so; the mark must be on that element itself.
  const stage = make("div", {class: "lanenb-stage", tabindex: "0", "data-lm-suppress-shortcuts": "true", role: "application", "aria-roledescription": "lane editor"}, root);
  const img = make("img", {alt: "", draggable: "false"}, stage);
  const svg = make("svg", {preserveAspectRatio: "none", "aria-hidden": "false"}, stage);
  const note = make("div", {class: "lanenb-note", role: "alert"}, stage);
  const help = make("div", {class: "lanenb-help"}, root);
  let drag = null, chosen = null, address = null;      // chosen: [lane, point] that Delete removes

  const send = (message) => model.send(message);
  const size = () => model.get("size");
  const lanes = () => model.get("lanes");

  // The stage is drawn at any width and pixel ratio; the SVG's own matrix leads from the screen to the image's px.
  function place(event) {
    const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const [w, h] = size();
    return {x: Math.min(Math.max(p.x, 0), w - 0.01), y: Math.min(Math.max(p.y, 0), h - 0.01)};
  }

  const pxPerScreenPx = () => size()[0] / Math.max(svg.getBoundingClientRect().width, 1);

  function showImage() {
    const [w, h] = size();
    if (address) URL.revokeObjectURL(address);
    const data = model.get("image");
    address = data && data.byteLength ? URL.createObjectURL(new Blob([data], {type: "image/jpeg"})) : null;
    if (address) img.src = address; else img.removeAttribute("src");
    stage.style.aspectRatio = `${w} / ${h}`;
    svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
    chosen = null;
    showLanes();
  }

  function showLanes() {
    const now = lanes(), scale = pxPerScreenPx(), active = model.get("active");
    svg.replaceChildren();
    now.forEach((lane, i) => {
      const group = make("g", {class: `lane ${lane.accepted ? "accepted" : "proposed"}${i === active ? " active" : ""}`, "data-lane": i, role: "img",
                               "aria-label": lane.label}, svg);
      make("title", {}, group).textContent = lane.label;
      const d = lane.line.map(([x, y], k) => `${k ? "L" : "M"}${x} ${y}`).join("");
      make("path", {class: "reach", d}, group);
      make("path", {class: "edge", d}, group);
      make("path", {class: "ink", d, stroke: lane.colour}, group);
    });
    now.forEach((lane, i) => lane.points.forEach(([x, y], k) => {
      const on = chosen && chosen[0] === i && chosen[1] === k;
      const dot = make("circle", {class: `point${on ? " chosen" : ""}`, cx: x, cy: y, r: 6 * scale, fill: lane.colour, "data-lane": i, "data-point": k,
                                  role: "img", "aria-label": `point ${k + 1} of lane ${i + 1}`}, svg);
      dot.style.strokeWidth = `${2 * scale}px`;
    }));
    stage.setAttribute("aria-label", model.get("label"));
  }

  function showNote() {
    note.textContent = model.get("note");
    note.hidden = !note.textContent;
  }

  function showHelp() {
    help.replaceChildren();
    for (const [key, what] of model.get("help")) {
      make("kbd", {}, help).textContent = key;
      help.append(` ${what}   `);
    }
  }

  // A press on a point begins a drag; elsewhere it waits for the button's release, which is a click.
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();                                    // no selection of text, and the focus is ours to give
    stage.focus({preventScroll: true});
    const {lane, point} = event.target.dataset;
    drag = {lane: lane === undefined ? null : Number(lane), point: point === undefined ? null : Number(point), node: event.target, at: [event.clientX, event.clientY],
            moved: false, pointer: event.pointerId};
    if (drag.lane === null) drag.lane = (event.target.parentNode.dataset || {}).lane === undefined ? null : Number(event.target.parentNode.dataset.lane);
    stage.setPointerCapture(event.pointerId);
  });

  stage.addEventListener("pointermove", (event) => {
    if (!drag || drag.pointer !== event.pointerId) return;
    if (Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) > 3) drag.moved = true;
    if (drag.point === null || !drag.moved) return;
    const {x, y} = place(event);
    drag.node.setAttribute("cx", x);
    drag.node.setAttribute("cy", y);
  });

  stage.addEventListener("pointerup", (event) => {
    if (!drag || drag.pointer !== event.pointerId) return;
    const {lane, point, moved} = drag;
    drag = null;
    if (point !== null) {
      chosen = [lane, point];
      if (moved) send({do: "move", lane, point, ...place(event)});
      else send({do: "select", lane});
      showLanes();
    } else if (lane !== null && lane !== model.get("active") && !moved && !event.shiftKey) {
      chosen = null;
      send({do: "select", lane});
    } else if (!moved && model.get("image").byteLength) {
      chosen = null;
      send({do: "add", ...place(event)});
    }
  });

  stage.addEventListener("pointercancel", () => { drag = null; showLanes(); });

  stage.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const {lane, point} = event.target.dataset;
    if (point !== undefined) { chosen = null; send({do: "remove", lane: Number(lane), point: Number(point)}); }
  });

  stage.addEventListener("keydown", (event) => {
    const name = meaning(event);
    if (!name) return;
    event.preventDefault();
    event.stopPropagation();
    if (name === "remove" && chosen) send({do: "remove", lane: chosen[0], point: chosen[1]});
    else send({do: "key", name});
    chosen = null;
  });

  const watched = {"change:image": showImage, "change:lanes": showLanes, "change:active": showLanes, "change:label": showLanes, "change:note": showNote,
                   "change:help": showHelp};
  for (const [name, react] of Object.entries(watched)) model.on(name, react);
  const sizes = new ResizeObserver(() => { if (!drag) showLanes(); });
  sizes.observe(stage);
  showImage(); showNote(); showHelp();
  return () => {
    for (const [name, react] of Object.entries(watched)) model.off(name, react);
    sizes.disconnect();
    if (address) URL.revokeObjectURL(address);
  };
}

export default {render};
