// Brings a drawing to life: what belongs together lights up under the pointer and by keyboard, relations become arcs.
//
// Without it a drawing says the same, in tables. What it reads, within an element of class `sb-linked`:
//   data-sb="c1"            a mark, and what it is a mark of
//   data-sb-marks="e0 e2"   a row of a table, or a word, and the marks that it speaks of
//   data-sb-arc="sees"      such a row is an arc from its first mark to its second
//
// Pages import it; in a file of its own it is put in as it is.

const LANE = 17; // pixels from one arc to the next one above it; 1.1 lines of 16 pixels in the style sheet
const CORNER = 5;

/** Brings all drawings within an element to life, each once. */
export function enliven(root) {
  for (const block of root.querySelectorAll(".sb-linked:not([data-sb-alive])")) {
    block.dataset.sbAlive = "";
    const arcs = block.querySelector("[data-sb-arc]") ? drawArcs(block) : [];
    connect(block, arcs);
  }
}

/** Says the words of drawings in a language. */
export function say(root, language) {
  for (const one of root.querySelectorAll("[data-sb-zh]")) {
    one.dataset.sbEn ??= one.textContent;
    one.textContent = language === "zh" ? one.dataset.sbZh : one.dataset.sbEn;
  }
  for (const one of root.querySelectorAll("[data-sb-zh-title]")) {
    one.dataset.sbEnTitle ??= one.title;
    one.title = language === "zh" ? one.dataset.sbZhTitle : one.dataset.sbEnTitle;
  }
}

const names = (element) => (element.dataset.sb ?? element.dataset.sbMarks ?? "").split(" ").filter(Boolean);

function connect(block, arcs) {
  const marks = [...block.querySelectorAll("[data-sb]")];
  const speaking = [...block.querySelectorAll("[data-sb-marks]")];
  let pinned = null;

  const light = (source) => {
    const lit = new Set(source ? names(source) : []);
    const isLit = (one) => one === source || (source?.dataset.sb !== undefined && names(one).some((name) => lit.has(name)));
    for (const mark of marks) mark.classList.toggle("sb-on", lit.has(mark.dataset.sb));
    for (const one of speaking) one.classList.toggle("sb-on", isLit(one));
    for (const { row, group } of arcs) group.classList.toggle("sb-on", isLit(row));
  };
  const sourceOf = (event) => event.target.closest?.("[data-sb],[data-sb-marks]") ?? null;
  block.addEventListener("pointerover", (event) => light(sourceOf(event) ?? pinned));
  block.addEventListener("pointerleave", () => light(pinned));
  block.addEventListener("focusin", (event) => light(sourceOf(event) ?? pinned));
  block.addEventListener("focusout", () => light(pinned));

  for (const row of speaking.filter((one) => one.matches("tr"))) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sb-link";
    button.setAttribute("aria-pressed", "false");
    const cell = row.querySelector("th,td");
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      pinned = pinned === row ? null : row;
      for (const one of block.querySelectorAll(".sb-link")) {
        one.setAttribute("aria-pressed", String(one === button && pinned !== null));
      }
      light(pinned);
    });
  }

  // Marks are one stop of the tabulator; arrows go from mark to mark, up and down within those of the same.
  for (const [number, mark] of marks.entries()) mark.tabIndex = number ? -1 : 0;
  block.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = event.target.closest?.("[data-sb]");
    if (!step || !here) return;
    const same = event.key === "ArrowDown" || event.key === "ArrowUp";
    const among = same ? marks.filter((one) => one.dataset.sb === here.dataset.sb) : marks;
    const next = among[(among.indexOf(here) + step + among.length) % among.length];
    here.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    event.preventDefault();
  });
}

const svgElement = (name, attributes = {}) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

/** Draws the relations of a block above its text, again whenever its width changes. */
function drawArcs(block) {
  const text = block.querySelector(".sb-text");
  const svg = svgElement("svg", { class: "sb-arcs", "aria-hidden": "true" });
  const arcs = [...block.querySelectorAll("[data-sb-arc]")].map((row) => {
    const ends = names(row).map((name) => block.querySelector(`[data-sb="${CSS.escape(name)}"]`));
    return { row, ends, label: row.dataset.sbArc, group: svg.appendChild(svgElement("g")) };
  });
  block.append(svg);
  let width = 0;
  new ResizeObserver(() => {
    if (text.clientWidth === width) return;
    width = text.clientWidth;
    if (width) layOut(block, text, arcs);
  }).observe(text);
  return arcs;
}

/** Places the arcs: lines of the text, then a lane above the line for each part of an arc, then paths. */
function layOut(block, text, arcs) {
  const places = placesOf(block, arcs);
  const right = text.clientWidth;
  const parts = arcs.flatMap((arc) => partsOf(arc, places, right));
  spreadLegs(parts, places);
  const lanes = giveLanes(parts);
  text.style.setProperty("--lanes", lanes);
  const moved = placesOf(block, arcs); // lower now, but on the same lines
  const tops = new Map();
  for (const { line, top } of moved.values()) tops.set(line, Math.min(top, tops.get(line) ?? Infinity));
  for (const arc of arcs) arc.group.replaceChildren();
  for (const part of parts) drawPart(part, tops.get(part.line), moved);
}

/** Where the ends of arcs are: line of the text, and pixels within the block. */
function placesOf(block, arcs) {
  const origin = block.getBoundingClientRect();
  const found = [...new Set(arcs.flatMap((arc) => arc.ends))].map((mark) => {
    const box = mark.getClientRects()[0];
    return { mark, left: box.left - origin.left, width: box.width, top: box.top - origin.top, middle: box.top + box.height / 2 };
  });
  found.sort((one, other) => one.middle - other.middle);
  let line = 0;
  const places = new Map();
  for (const [number, place] of found.entries()) {
    if (number && place.middle - found[number - 1].middle > 8) line += 1;
    places.set(place.mark, { ...place, line });
  }
  return places;
}

/** An arc as one part, or as two where its ends are on different lines: to the end of one, from the beginning of the other. */
function partsOf(arc, places, right) {
  const [head, tail] = arc.ends;
  const centre = (mark) => places.get(mark).left + places.get(mark).width / 2;
  const leg = (mark, side) => ({ mark, x: centre(mark), side, arrow: mark === tail });
  const part = (line, from, to) => ({ arc, line, from, to });
  const before = (one, other) => one.line - other.line || one.left - other.left;
  const [first, last] = before(places.get(head), places.get(tail)) <= 0 ? [head, tail] : [tail, head];
  const [a, b] = [places.get(first).line, places.get(last).line];
  if (a === b) return [part(a, leg(first, 1), leg(last, -1))];
  return [part(a, leg(first, 1), { x: right }), part(b, { x: 0 }, leg(last, -1))];
}

/** Legs of arcs that meet at a mark stand side by side: those to the left first, and so that they do not cross. */
function spreadLegs(parts, places) {
  const legs = parts.flatMap(({ from, to }) => [from, to].filter((end) => end.mark).map((end) => ({ end, reach: to.x - from.x })));
  for (const [mark, place] of places) {
    const own = legs.filter(({ end }) => end.mark === mark);
    own.sort((one, other) => one.end.side - other.end.side || one.end.side * (other.reach - one.reach));
    for (const [number, { end }] of own.entries()) end.x = place.left + (place.width * (number + 1)) / (own.length + 1);
  }
}

/** A lane for each part, short ones below; their number. */
function giveLanes(parts) {
  const taken = [];
  const reach = ({ arc, from, to }) => {
    const middle = (from.x + to.x) / 2;
    const half = Math.max(to.x - from.x, widthOf(arc.label)) / 2 + 3;
    return [middle - half, middle + half];
  };
  for (const part of [...parts].sort((one, other) => one.to.x - one.from.x - (other.to.x - other.from.x))) {
    const [low, high] = reach(part);
    const isFree = (lane) => taken.every((one) => one.lane !== lane || one.line !== part.line || one.high <= low || high <= one.low);
    part.lane = 0;
    while (!isFree(part.lane)) part.lane += 1;
    taken.push({ line: part.line, lane: part.lane, low, high });
  }
  return Math.max(0, ...parts.map((part) => part.lane + 1));
}

/** About how many pixels a label is wide. */
const widthOf = (label) => [...label].reduce((sum, one) => sum + (one > "\u2e7f" ? 11 : 6.2), 0);

function drawPart({ arc, line, lane, from, to }, top, places) {
  const y = top - LANE * (lane + 0.5) - 3;
  const down = (end) => places.get(end.mark).top;
  const begin = from.mark ? `M${from.x},${down(from)}V${y + CORNER}Q${from.x},${y} ${from.x + CORNER},${y}` : `M${from.x},${y}`;
  const end = to.mark ? `H${to.x - CORNER}Q${to.x},${y} ${to.x},${y + CORNER}V${down(to)}` : `H${to.x}`;
  arc.group.append(svgElement("path", { d: begin + end }));
  for (const leg of [from, to].filter((one) => one.arrow)) {
    const at = down(leg);
    arc.group.append(svgElement("path", { class: "sb-tip", d: `M${leg.x - 3.5},${at - 6}h7l-3.5,6z` }));
  }
  const middle = (from.x + to.x) / 2;
  const label = svgElement("text", { x: middle, y });
  label.textContent = arc.label;
  arc.group.append(label);
  const width = label.getComputedTextLength() + 6;
  label.before(svgElement("rect", { x: middle - width / 2, y: y - LANE / 2, width, height: LANE - 2 }));
}
