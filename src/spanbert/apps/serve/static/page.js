// The page: a task is chosen, an input is asked about, the answer is drawn. Drawings are made by the service.

import { asCurl, asJson, asPython } from "./copies.js";
import { enliven, say as sayDrawn } from "./drawing.js";
import { makeFields } from "./fields.js";
import { addressOf, drawn, Fault, hasKey, info, useKey } from "./service.js";
import { LANGUAGES, say, speak, spoken } from "./words.js";

const find = (id) => document.getElementById(id);
const [form, choice, fieldsPlace, drawing] = ["ask", "choice", "fields", "drawing"].map(find);

let served = null;
let choices = [];
let fields = null;
let asked = null; // what the drawing answers
let running = null;

// ---- what is remembered ----

function remembered(name) {
  try {
    return localStorage.getItem(`spanbert.${name}`);
  } catch {
    return null; // storage is forbidden
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`spanbert.${name}`, value);
  } catch {
    // forbidden: then it holds for this visit
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  find("theme").value = theme;
}

function setLanguage(language) {
  speak(language);
  find("language").value = language;
  sayDrawn(drawing, language);
  for (const option of choice.options) option.textContent = titleOf(choices[option.value]);
  for (const area of fieldsPlace.querySelectorAll("textarea")) area.dispatchEvent(new Event("input"));
}

// ---- tasks ----

/** Everything that can be asked: each task by its name, and what needs no task. */
function choicesOf({ models, routes }) {
  const known = new Map(routes.map((one) => [one.route, one]));
  return models.flatMap((model) => {
    const tasks = model.tasks.map(({ name, route, example }) => ({ model: model.name, route, task: name, example }));
    const rest = model.routes.filter((route) => !tasks.some((one) => one.route === route));
    const others = rest.map((route) => ({ model: model.name, route, example: known.get(route).example }));
    return [...others.filter(({ route }) => route === "analyze"), ...tasks, ...others.filter(({ route }) => route !== "analyze")];
  });
}

function titleOf({ route, task }) {
  const facts = served.routes.find((one) => one.route === route);
  const title = spoken() === "zh" ? facts.title_zh : facts.title;
  return task ? `${task} · ${title}` : title;
}

function showChoices() {
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

function choose(number) {
  choice.value = number;
  fields = makeFields(choices[number].example, { tell: fail, most: served.limits.max_length });
  fieldsPlace.replaceChildren(...fields.elements);
  fields.write(choices[number].example);
}

// ---- asking ----

const state = (name, ...values) => {
  const place = find("status");
  place.textContent = say(name, ...values);
  delete place.dataset.say;
};

function fail(message) {
  find("fault").textContent = message;
  find("fault").hidden = message === "";
}

function explained(fault) {
  if (fault.status === 0) return say("unreachable");
  const more = [
    fault.status === 401 ? say("locked") : "",
    fault.retryAfter ? say("later", fault.retryAfter) : "",
    fault.requestId ? `(${say("request", fault.requestId)})` : "",
  ];
  return [fault.message, ...more].filter(Boolean).join(" ");
}

async function run() {
  running?.abort();
  const own = (running = new AbortController());
  const chosen = choices[choice.value];
  fail("");
  let inputs;
  try {
    inputs = fields.read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    fail(error.message);
    return;
  }
  const body = { inputs, parameters: chosen.task ? { task: chosen.task } : {} };
  history.replaceState(null, "", `#${linkOf(chosen, inputs)}`);
  state("running");
  find("answer").setAttribute("aria-busy", "true");
  const begin = performance.now();
  try {
    const { answer, html } = await drawn(chosen, body, own.signal);
    asked = { answer, address: addressOf(chosen), body, key: hasKey() };
    drawing.innerHTML = html; // what it holds of texts is escaped by the service, and the page's policy runs no scripts in it
    sayDrawn(drawing, spoken());
    enliven(drawing.parentElement);
    state("answered", Math.round(performance.now() - begin));
    find("copying").hidden = false;
    find("code").hidden = true;
    find("copied").textContent = "";
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Fault)) throw error;
    state("nothing");
    drawing.replaceChildren();
    find("copying").hidden = true;
    fail(explained(error));
    if (error.status === 401) askForKey();
  } finally {
    if (running === own) find("answer").setAttribute("aria-busy", "false");
  }
}

// ---- links: what is asked stands in the address, and goes to no server ----

function linkOf({ model, route, task }, inputs) {
  return new URLSearchParams({ model, route, ...(task && { task }), inputs: JSON.stringify(inputs) }).toString();
}

/** Asks what the address says; whether it says something that can be asked. */
function followLink() {
  const stated = new URLSearchParams(location.hash.slice(1));
  const number = choices.findIndex((one) => ["model", "route", "task"].every((part) => (one[part] ?? null) === stated.get(part)));
  if (number < 0) return false;
  let inputs;
  try {
    inputs = JSON.parse(stated.get("inputs"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
  choose(number);
  fields.write(inputs);
  run();
  return true;
}

// ---- copying ----

async function copy(what) {
  const made = { json: asJson, python: asPython, curl: asCurl, link: () => location.href }[what](asked);
  find("code").textContent = made;
  find("code").hidden = false;
  try {
    await navigator.clipboard.writeText(made);
    find("copied").textContent = say("copied");
  } catch {
    find("copied").textContent = say("shown"); // pages that came by HTTP may not write to the clipboard
  }
}

// ---- beginning ----

function askForKey() {
  find("key-row").hidden = false;
  find("key").focus();
}

async function begin() {
  try {
    served = await info();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fail(explained(error));
    if (error.status === 401) askForKey();
    return;
  }
  fail("");
  choices = choicesOf(served);
  find("version").textContent = `spanbert ${served.spanbert}`;
  showChoices();
  if (!followLink()) choose(0);
}

setTheme(remembered("theme") ?? "auto");
const wanted = remembered("language") ?? navigator.language.slice(0, 2);
setLanguage(LANGUAGES.includes(wanted) ? wanted : "en");
find("theme").addEventListener("change", (event) => {
  setTheme(event.target.value);
  remember("theme", event.target.value);
});
find("language").addEventListener("change", (event) => {
  setLanguage(event.target.value);
  remember("language", event.target.value);
});
choice.addEventListener("change", () => choose(Number(choice.value)));
find("key").addEventListener("change", (event) => {
  useKey(event.target.value.trim());
  if (!served) begin();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!find("key-row").hidden) useKey(find("key").value.trim());
  if (served) run();
  else begin();
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
find("copying").addEventListener("click", (event) => {
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
addEventListener("hashchange", () => followLink());
begin();
