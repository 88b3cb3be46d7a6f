// The fields of an input, made from an example of it: a text, or an object of texts and of stretches of a text.

import { stretchField } from "./stretches.js";
import { say, sayIn, tell as tellIn } from "./words.js";

/**
 * Fields for inputs like an example.
 *
 * `tell` is told what is wrong with a file, as a name of words and their values; `most` is the longest text.
 */
export function makeFields(example, { tell, most }) {
  const isText = typeof example === "string";
  const made = Object.entries(isText ? { text: example } : example).map(([name, value]) => {
    if (typeof value === "string") return textField(name, value, { tell, most });
    return Array.isArray(value) ? stretchField(name, () => made.find((one) => one.area).area) : jsonField(name, value);
  });
  const named = (inputs) => (isText ? { text: inputs } : inputs);
  return {
    elements: made.map((one) => one.element),
    /** What is asked. */
    read() {
      const read = Object.fromEntries(made.map((one) => [one.name, one.read()]).filter(([, value]) => value !== undefined));
      return isText ? read.text : read;
    },
    /** Fills in what is to be asked. */
    write(inputs) {
      for (const one of made) one.write(named(inputs)?.[one.name]);
    },
    /** Puts the content of a file where it was dropped. */
    take(file, target) {
      const texts = made.filter((one) => one.take);
      return (texts.find((one) => one.element.contains(target)) ?? texts.at(-1))?.take(file);
    },
    /** Says what it says in the language that is now spoken. */
    sayAgain() {
      for (const one of made) one.sayAgain?.();
    },
  };
}

function labelled(name, control, ...more) {
  const element = document.createElement("div");
  element.className = "field";
  control.id = `field-${name}`;
  const label = sayIn("label", name);
  label.htmlFor = control.id;
  label.id = `label-${name}`;
  element.append(label, control, ...more);
  return element;
}

function textField(name, example, { tell, most }) {
  const area = document.createElement("textarea");
  area.rows = name === "question" ? 2 : 5;
  area.spellcheck = false;
  area.dir = "auto";
  area.value = example;
  const count = document.createElement("span");
  count.className = "hint";
  const counted = () => {
    tellIn(count, "characters", [...area.value].length.toLocaleString(), most.toLocaleString());
  };
  const picker = document.createElement("input");
  picker.type = "file";
  picker.accept = "text/*,.txt,.md";
  const opener = document.createElement("label");
  opener.className = "button";
  const opening = sayIn("span", "file");
  opening.id = `open-${name}`;
  picker.setAttribute("aria-labelledby", `${opening.id} label-${name}`); // which of several fields it opens a file for
  opener.append(opening, picker);
  const below = document.createElement("div");
  below.className = "below";
  below.append(opener, count);
  area.placeholder = say("drop");
  const write = (value) => {
    area.value = typeof value === "string" ? value : "";
    area.dispatchEvent(new Event("input"));
  };
  const take = async (file) => {
    const text = await textOf(file, most, tell);
    if (text !== null) write(text);
  };
  area.addEventListener("input", counted);
  picker.addEventListener("change", async () => {
    if (picker.files[0]) await take(picker.files[0]);
    picker.value = "";
  });
  counted();
  const sayAgain = () => {
    area.placeholder = say("drop");
  };
  return { name, element: labelled(name, area, below), read: () => area.value, write, take, area, sayAgain };
}

/** The text of a file; null where it is none, of which `tell` is told. */
async function textOf(file, most, tell) {
  if (file.size > 4 * most) {
    tell("large", file.name, most.toLocaleString());
    return null;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    tell("unreadable", file.name);
    return null;
  }
}

function jsonField(name, example) {
  const area = document.createElement("textarea");
  area.rows = 2;
  area.spellcheck = false;
  area.value = JSON.stringify(example);
  const read = () => (area.value.trim() ? JSON.parse(area.value) : undefined);
  return { name, element: labelled(name, area), read, write: (value) => (area.value = JSON.stringify(value) ?? "") };
}
