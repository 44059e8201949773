"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byName = new Map(data.components.map((c) => [c.name, c]));
const picture = document.getElementById("picture"), canvas = document.getElementById("canvas");
const panel = document.getElementById("panel"), body = document.getElementById("panel-body");
const nodes = new Map([...picture.querySelectorAll(".node")].map((n) => [n.dataset.name, n]));
const arrows = [...picture.querySelectorAll(".arrow")];
const whole = { x: 0, y: 0, w: +picture.dataset.width, h: +picture.dataset.height };
const BOX = { w: 196, h: 46 };

// What is seen of the picture: zooming and moving change the viewBox and nothing else.
let view = { ...whole };
function show() { picture.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`); }
function scale() { return Math.min(canvas.clientWidth / view.w, canvas.clientHeight / view.h) || 1; }
function zoom(factor, at) {
  const limited = Math.min(Math.max(view.w / factor, 150), whole.w * 3);
  const real = view.w / limited;
  view = { x: at.x - (at.x - view.x) / real, y: at.y - (at.y - view.y) / real, w: view.w / real, h: view.h / real };
  show();
}
function middle() { return { x: view.x + view.w / 2, y: view.y + view.h / 2 }; }
function place(event) {
  const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
  return { x: p.x, y: p.y };
}
function fit() { view = { ...whole }; show(); }
function start() {
  fit();
  if (scale() < 0.42) {  // on a small screen a part that can be read says more than all of it
    if (innerWidth <= 700) canvas.style.height = `${Math.min(innerHeight * 0.52, Math.max(220, whole.h * 0.62 + 24))}px`;
    const w = canvas.clientWidth / 0.62, h = canvas.clientHeight / 0.62;
    view = { x: 0, y: Math.min(0, (whole.h - h) / 2), w, h };
    show();
  }
}
function reveal(node) {
  const x = +node.dataset.x, y = +node.dataset.y;
  if (x < view.x || y < view.y || x + BOX.w > view.x + view.w || y + BOX.h > view.y + view.h) {
    view.x = x + BOX.w / 2 - view.w / 2; view.y = y + BOX.h / 2 - view.h / 2;
    show();
  }
}
function bring(node) {  // what was opened from elsewhere is shown so large that it can be read
  if (scale() >= 0.42) return reveal(node);
  const w = canvas.clientWidth / 0.8, h = canvas.clientHeight / 0.8;
  view = { x: +node.dataset.x + BOX.w / 2 - w / 2, y: +node.dataset.y + BOX.h / 2 - h / 2, w, h };
  show();
}

const pointers = new Map();
let moved = false;
canvas.addEventListener("pointerdown", (e) => { pointers.set(e.pointerId, e); if (pointers.size === 1) moved = false; });
window.addEventListener("pointermove", (e) => {
  const before = pointers.get(e.pointerId);
  if (!before) return;
  const others = [...pointers.values()].filter((p) => p.pointerId !== e.pointerId);
  if (others.length === 1) {
    const gap = (p) => Math.hypot(p.clientX - others[0].clientX, p.clientY - others[0].clientY) || 1;
    zoom(gap(e) / gap(before), place({ clientX: (e.clientX + others[0].clientX) / 2, clientY: (e.clientY + others[0].clientY) / 2 }));
    moved = true;
  } else if (!others.length && (moved || Math.hypot(e.clientX - before.clientX, e.clientY - before.clientY) > 4)) {
    const s = scale();
    view.x -= (e.clientX - before.clientX) / s; view.y -= (e.clientY - before.clientY) / s;
    moved = true;
    canvas.classList.add("moving");
    show();
  } else return;
  pointers.set(e.pointerId, e);
});
for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, (e) => { pointers.delete(e.pointerId); canvas.classList.remove("moving"); });
canvas.addEventListener("wheel", (e) => {
  if (!e.ctrlKey && !e.metaKey && !canvas.contains(document.activeElement)) return;  // the page scrolls
  e.preventDefault();
  zoom(Math.exp(-e.deltaY / 400), place(e));
}, { passive: false });
document.getElementById("closer").addEventListener("click", () => zoom(1.3, middle()));
document.getElementById("farther").addEventListener("click", () => zoom(1 / 1.3, middle()));
document.getElementById("whole").addEventListener("click", fit);
window.addEventListener("beforeprint", () => { fit(); light(""); });
window.addEventListener("resize", () => { if (panel.hidden) start(); });

// What is near to the component that is pointed at, or has the focus.
let chosen = "";
function light(name) {
  const near = new Set([name]);
  for (const a of arrows) {
    const on = !!name && (a.dataset.from === name || a.dataset.to === name);
    a.classList.toggle("on", on); a.classList.toggle("dim", !!name && !on);
    if (on) near.add(a.dataset.from).add(a.dataset.to);
  }
  for (const [each, node] of nodes) {
    node.classList.toggle("dim", name ? !near.has(each) : !matches(each));
    node.classList.toggle("chosen", each === chosen);
  }
}
function take(node) {  // only one of them is a stop of the Tab key
  for (const other of nodes.values()) other.tabIndex = other === node ? 0 : -1;
}
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function next(node, [dx, dy]) {
  let best = null, least = Infinity;
  for (const other of nodes.values()) {
    const x = other.dataset.x - node.dataset.x, y = other.dataset.y - node.dataset.y;
    const along = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (along > 0 && along + 3 * aside < least) { least = along + 3 * aside; best = other; }
  }
  return best;
}
for (const [name, node] of nodes) {
  node.addEventListener("pointerenter", () => { if (!pointers.size) light(name); });
  node.addEventListener("pointerleave", () => light(chosen));
  node.addEventListener("focus", () => { take(node); light(name); if (node.matches(":focus-visible")) reveal(node); });
  node.addEventListener("blur", () => light(chosen));
  node.addEventListener("click", () => { if (!moved) open(name, node); });
  node.addEventListener("keydown", (e) => {
    if (e.key === "Enter" || e.key === " ") { e.preventDefault(); open(name, node); }
    else if (e.key === "+" || e.key === "-") zoom(e.key === "+" ? 1.3 : 1 / 1.3, middle());
    else if (e.key === "0") fit();
    else if (WAYS[e.key]) { e.preventDefault(); const to = next(node, WAYS[e.key]); if (to) to.focus(); }
  });
}

// One component with all that is known of it. Text is never taken for HTML.
function make(tag, words, ...children) {
  const found = document.createElement(tag);
  if (words !== undefined && words !== null) found.textContent = words;
  found.append(...children);
  return found;
}
function text(lines) { return lines.map((n) => data.lines[n]).join("\n"); }
function link(name) {
  if (!byName.has(name)) return make("span", name);
  const found = make("button", name);
  found.type = "button"; found.className = "link";
  found.addEventListener("click", () => open(name, nodes.get(name)));
  return found;
}
function terms(pairs) {
  const list = make("dl");
  for (const [term, value] of pairs) {
    if (value === "" || value === null || (Array.isArray(value) && !value.length)) continue;
    const answer = make("dd");
    if (Array.isArray(value)) { answer.className = "list"; answer.append(...value); } else answer.append(value);
    list.append(make("dt", term), answer);
  }
  return list;
}
function table(heads, rows) {
  const head = make("tr"), rest = make("tbody");
  for (const each of heads) { const cell = make("th", each); cell.scope = "col"; head.append(cell); }
  for (const row of rows) rest.append(make("tr", null, ...row.map((cell) => make("td", cell))));
  const holder = make("div", null, make("table", null, make("thead", null, head), rest));
  holder.className = "scroll"; holder.tabIndex = 0;
  holder.setAttribute("role", "region"); holder.setAttribute("aria-label", `Table of ${heads[0]}`);
  return holder;
}
function code(words, label) {
  const found = make("pre", words);
  found.tabIndex = 0; found.setAttribute("role", "region"); found.setAttribute("aria-label", label);
  return found;
}
function section(title, ...parts) { body.append(make("h3", title), ...parts); }
function fill(c) {
  body.replaceChildren();
  const state = make("span", c.state);
  state.className = `state ${c.mood}`;
  body.append(terms([
    ["Kind", c.kind], ["State", c.state ? [state] : "not asked"], ["Why", c.cause], ["Pods", c.pods], ["Version", c.version], ["Age", c.age],
    ["Restarts", c.restarts], ["Waits for", c.waits.map(link)], ["Requests", c.requests], ["Starts after", c.after.map(link)],
    ["Needed by", c.before.map(link)], ["Described in", c.place], ["Addresses", c.addresses],
  ]));
  if (c.findings.length) section("Findings", ...c.findings.map((f) => make("p", `${f.place}: ${f.message} [${f.code}]${f.hint ? ` — ${f.hint}` : ""}`)));
  if (c.live.length) section("Pods", table(["Pod", "State", "Node", "Restarts"], c.live));
  const outputs = Object.entries(c.outputs);
  if (outputs.length) section("Outputs", terms(outputs));
  section("Description", code(text(c.spec), `Description of ${c.name}`));
  section("Manifests", ...c.objects.map((o) => {
    const found = make("details", null, make("summary", `${o.kind} ${o.name}`));
    found.addEventListener("toggle", () => { if (found.children.length === 1) found.append(code(text(o.lines), `${o.kind} ${o.name}`)); }, { once: true });
    return found;
  }));
  if (c.events.length) section("Events", table(["Time (UTC)", "About", "Event"], c.events));
}
let from = null;
function open(name, opener) {
  const c = byName.get(name);
  if (!c) return;
  if (panel.hidden) from = opener || document.activeElement;
  chosen = name;
  light(name);
  document.getElementById("panel-title").textContent = name;
  fill(c);
  document.body.classList.add("opened");
  panel.hidden = false;
  if (opener !== nodes.get(name)) bring(nodes.get(name));
  panel.scrollTop = 0; panel.focus({ preventScroll: true });
  history.replaceState(null, "", `#c-${name}`);
}
function shut() {
  if (panel.hidden) return;
  panel.hidden = true; chosen = "";
  document.body.classList.remove("opened");
  light("");
  history.replaceState(null, "", "#graph");
  if (from) from.focus({ preventScroll: true });
}
document.getElementById("close").addEventListener("click", shut);
document.addEventListener("keydown", (e) => { if (e.key === "Escape") shut(); });
document.addEventListener("click", (e) => { const to = e.target.closest("[data-open]"); if (to) open(to.dataset.open, to); });

const find = document.getElementById("find"), found = document.getElementById("found");
const rows = new Map([...document.querySelectorAll("tr[data-row]")].map((r) => [r.dataset.row, r]));
function matches(name) {
  const wanted = find.value.trim().toLowerCase(), c = byName.get(name);
  return !wanted || `${name} ${c.kind} ${c.state}`.toLowerCase().includes(wanted);
}
find.addEventListener("input", () => {
  light("");
  const fitting = [...byName.keys()].filter(matches);
  for (const [name, row] of rows) row.hidden = !matches(name);
  found.textContent = find.value.trim() ? `${fitting.length} of ${byName.size} components` : "";
  if (find.value.trim() && fitting.length && fitting.length < byName.size) reveal(nodes.get(fitting[0]));
});
find.addEventListener("keydown", (e) => {
  const first = [...byName.keys()].find(matches);
  if (e.key === "Enter" && first) open(first, find);
});

start();
if (location.hash.startsWith("#c-")) open(decodeURIComponent(location.hash.slice(3)), nodes.values().next().value);
