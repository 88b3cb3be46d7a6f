// Why something was said: a button for each thing that the service can explain, and the words shaded by what they add.

import { say as sayDrawn } from "./drawing.js";
import { drawn, Fault } from "./service.js";
import { spoken, tell, tellFault } from "./words.js";

const find = (id) => document.getElementById(id);
const [place, buttons, status, fault, shading] = ["why", "whys", "why-status", "why-fault", "shading"].map(find);

let asked = null; // the model, and what was asked of it
let running = null; // the request under way

/** Offers what can be asked of an answer; nothing where there is none. */
export function offerReasons(reasons, model, inputs) {
  running?.abort();
  asked = { model, inputs };
  place.hidden = reasons.length === 0;
  buttons.replaceChildren(...reasons.map(buttonOf));
  shading.replaceChildren();
  tell(status, "");
  fault.hidden = true;
  place.setAttribute("aria-busy", "false");
  sayReasons();
}

/** Says all of it in the language that is now spoken. */
export function sayReasons() {
  sayDrawn(buttons, spoken());
  sayDrawn(shading, spoken());
}

// All buttons are one stop of the tabulator; arrows go from one to the next.
function buttonOf(reason, number) {
  const words = document.createElement("span");
  words.textContent = reason.said;
  if (reason.said_zh !== reason.said) words.dataset.sbZh = reason.said_zh;
  const button = document.createElement("button");
  button.type = "button";
  button.dir = "auto";
  button.tabIndex = number ? -1 : 0;
  button.setAttribute("aria-pressed", "false");
  button.append(words);
  button.addEventListener("click", () => explain(button, reason.parameters));
  return button;
}

buttons.addEventListener("keydown", (event) => {
  const every = [...buttons.children];
  const here = every.indexOf(event.target);
  const next = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: -1 }[event.key];
  if (here < 0 || next === undefined) return;
  stopAt(every.at(next % every.length));
  event.preventDefault();
});

function stopAt(button) {
  for (const one of buttons.children) one.tabIndex = one === button ? 0 : -1;
  button.focus();
}

async function explain(button, parameters) {
  running?.abort();
  const own = (running = new AbortController());
  for (const one of buttons.children) one.setAttribute("aria-pressed", String(one === button));
  stopAt(button);
  fault.hidden = true;
  tell(status, "explaining");
  place.setAttribute("aria-busy", "true");
  const begin = performance.now();
  try {
    const { html } = await drawn({ ...asked, route: "explain" }, { inputs: asked.inputs, parameters }, own.signal);
    shading.innerHTML = html; // escaped by the service, as all drawings are
    tell(status, "explained", Math.round(performance.now() - begin));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Fault)) throw error;
    shading.replaceChildren();
    tell(status, "");
    tellFault(fault, error);
    fault.hidden = false;
  }
  place.setAttribute("aria-busy", "false");
  sayReasons();
}
