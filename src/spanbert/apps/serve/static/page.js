// The page: a task is chosen, an input is asked about, the answer is drawn. Drawings are made by the service.

import { asCurl, asJson, asPython } from "./copies.js";
import { enliven, say as sayDrawn } from "./drawing.js";
import { makeFields } from "./fields.js";
import { linkOf, meant } from "./links.js";
import { setUp } from "./preferences.js";
import { addressOf, drawn, Fault, hasKey, info, useKey } from "./service.js";
import { remember, withTyped } from "./typed.js";
import { offerReasons, sayReasons } from "./why.js";
import { spoken, tell, tellFault } from "./words.js";

const find = (id) => document.getElementById(id);
const [form, choice, fieldsPlace, answerPlace, drawing, copying, status, copied] =
  ["ask", "choice", "fields", "answer", "drawing", "copying", "status", "copied"].map(find);

let served = null; // what /info says
let choices = []; // what can be asked, of all models
let fields = null; // of the input
let example = null; // of the input
let asked = null; // what the drawing answers
let running = null; // the request under way

function titleOf({ route, task }) {
  const facts = served.routes.find((one) => one.route === route);
  const title = spoken() === "zh" ? facts.title_zh : facts.title;
  return task ? `${task} · ${title}` : title;
}

function showChoices() {
  choices = served.models.flatMap((model) => model.choices.map((one) => ({ ...one, model: model.name })));
  const groups = served.models.map(({ name }) => {
    const group = document.createElement("optgroup");
    group.label = name;
    for (const [number, one] of choices.entries()) {
      if (one.model === name) group.append(new Option(titleOf(one), number));
    }
    return group;
  });
  choice.replaceChildren(...groups);
}

function choose(number, inputs = choices[number].example) {
  choice.value = number;
  example = choices[number].example;
  fields = makeFields(example, { tell: fail, most: served.limits.max_length });
  fieldsPlace.replaceChildren(...fields.elements);
  fields.write(inputs);
}

/** Chooses another task for what was typed. */
function change() {
  const inputs = read();
  if (inputs !== null) remember(inputs, example);
  choose(Number(choice.value), withTyped(choices[choice.value].example));
}

function sayAgain() {
  sayDrawn(drawing, spoken());
  sayReasons();
  for (const option of choice.options) option.textContent = titleOf(choices[option.value]);
  fields?.sayAgain();
}

function fail(name, ...values) {
  tell(find("fault"), name, ...values);
  find("fault").hidden = name === "";
}

function failWith(fault) {
  tellFault(find("fault"), fault);
  find("fault").hidden = false;
  if (fault.status === 401) {
    find("key-row").hidden = false;
    find("key").focus();
  }
}

/** What the fields hold; null where it cannot be read, which is told. */
function read() {
  try {
    return fields.read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    fail("unread", error.message);
    return null;
  }
}

async function run() {
  fail("");
  const inputs = read();
  if (inputs === null) return;
  running?.abort();
  const own = (running = new AbortController());
  const chosen = choices[choice.value];
  const body = { inputs, parameters: chosen.task ? { task: chosen.task } : {} };
  history.replaceState(null, "", `#${linkOf(chosen, inputs)}`);
  tell(status, "running");
  answerPlace.setAttribute("aria-busy", "true");
  const begin = performance.now();
  try {
    const { answer, html, why } = await drawn(chosen, body, own.signal);
    asked = { answer, address: addressOf(chosen), body, key: hasKey() };
    show(html);
    offerReasons(why, chosen.model, inputs);
    tell(status, "answered", Math.round(performance.now() - begin));
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Fault)) throw error;
    show(null);
    offerReasons([]);
    tell(status, "nothing");
    failWith(error);
  }
  answerPlace.setAttribute("aria-busy", "false");
}

/** Shows a drawing, or none. The service has escaped what it holds of texts, and the page's policy runs no script in it. */
function show(html) {
  drawing.innerHTML = html ?? "";
  sayDrawn(drawing, spoken());
  enliven(drawing);
  copying.hidden = html === null;
  find("code").hidden = true;
  tell(copied, "");
}

async function copy(what) {
  const made = { json: asJson, python: asPython, curl: asCurl, link: () => location.href }[what](asked);
  find("code").textContent = made;
  find("code").hidden = false;
  try {
    await navigator.clipboard.writeText(made);
    tell(copied, "copied");
  } catch {
    tell(copied, "shown"); // pages that came by HTTP may not write to the clipboard
  }
}

function followLink() {
  const found = meant(location.hash.slice(1), choices);
  if (found === null) return false;
  choose(found.number, found.inputs);
  run();
  return true;
}

async function begin() {
  try {
    served = await info();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    failWith(error);
    return;
  }
  fail("");
  find("version").textContent = `spanbert ${served.spanbert}`;
  showChoices();
  if (!followLink()) choose(0);
}

choice.addEventListener("change", change);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(find("key").value.trim());
  if (served) run();
  else begin();
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
copying.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button.dataset.copy);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  const file = event.dataTransfer?.files[0];
  if (!file) return; // text that is dragged goes where the browser puts it
  event.preventDefault();
  fail("");
  fields?.take(file, event.target);
});
addEventListener("hashchange", followLink);
setUp(sayAgain);
begin();
