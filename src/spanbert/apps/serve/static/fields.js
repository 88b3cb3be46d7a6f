// The fields of an input, made from an example of it: a text, or an object of texts and of stretches of a text.

import { knows, say } from "./words.js";

/** Fields for inputs like an example. `tell` is told what is wrong with a file, `most` is the longest text. */
export function makeFields(example, { tell, most }) {
  const isText = typeof example === "string";
  const made = Object.entries(isText ? { text: example } : example).map(([name, value]) => {
    if (typeof value === "string") return textField(name, value, { tell, most });
    return Array.isArray(value) ? stretchField(name, () => made[0]) : jsonField(name, value);
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
  };
}

const titleOf = (name) => (knows(name) ? say(name) : name);

function labelled(name, control, ...more) {
  const element = document.createElement("div");
  element.className = "field";
  control.id = `field-${name}`;
  const label = document.createElement("label");
  label.htmlFor = control.id;
  label.textContent = titleOf(name);
  if (knows(name)) label.dataset.say = name;
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
    count.textContent = say("characters", [...area.value].length.toLocaleString(), most.toLocaleString());
  };
  const picker = document.createElement("input");
  picker.type = "file";
  picker.accept = "text/*,.txt,.md";
  const opener = document.createElement("label");
  opener.className = "button";
  const word = document.createElement("span");
  word.dataset.say = "file";
  word.textContent = say("file");
  opener.append(word, picker);
  const below = document.createElement("div");
  below.className = "below";
  below.append(opener, count);
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
  return { name, element: labelled(name, area, below), read: () => area.value, write, take, area, recount: counted };
}

/** The text of a file; null where it is none, which `tell` is told. */
async function textOf(file, most, tell) {
  if (file.size > 4 * most) {
    tell(say("large", file.name, most.toLocaleString()));
    return null;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    tell(say("unreadable", file.name));
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

/** Stretches of a text with their types, which are marked by selecting them; places count code points. */
function stretchField(name, textField) {
  let marked = [];
  const type = document.createElement("input");
  type.autocomplete = "off";
  type.id = `type-${name}`;
  const typeLabel = document.createElement("label");
  typeLabel.htmlFor = type.id;
  typeLabel.dataset.say = "type";
  typeLabel.textContent = say("type");
  const adder = document.createElement("button");
  adder.type = "button";
  adder.dataset.say = "mark";
  adder.textContent = say("mark");
  const note = document.createElement("span");
  note.className = "hint";
  note.setAttribute("role", "status");
  const list = document.createElement("ul");
  list.className = "chips";
  const below = document.createElement("div");
  below.className = "below";
  below.append(typeLabel, type, adder, note);
  const element = document.createElement("fieldset");
  element.className = "field";
  const legend = document.createElement("legend");
  legend.textContent = titleOf(name);
  if (knows(name)) legend.dataset.say = name;
  element.append(legend, list, below);

  const points = (text) => [...text].length;
  const textAt = ({ start, end }) => [...textField().area.value].slice(start, end).join("");
  const show = () => {
    list.replaceChildren(
      ...marked.map((one) => {
        const item = document.createElement("li");
        const remove = document.createElement("button");
        remove.type = "button";
        remove.textContent = "×";
        remove.setAttribute("aria-label", `${say("unmark")}: ${one.text}`);
        remove.addEventListener("click", () => {
          marked = marked.filter((other) => other !== one);
          show();
          adder.focus();
        });
        item.append(`${one.text} ${one.label ?? ""} `, remove);
        return item;
      }),
    );
  };
  const watch = () =>
    textField().area.addEventListener("input", () => {
      const kept = marked.filter((one) => textAt(one) === one.text);
      if (kept.length < marked.length) {
        marked = kept;
        show();
      }
    });
  queueMicrotask(watch); // when the text field has been made
  adder.addEventListener("click", () => {
    const { value, selectionStart, selectionEnd } = textField().area;
    note.textContent = selectionStart === selectionEnd ? say("select") : "";
    if (selectionStart === selectionEnd) return;
    const start = points(value.slice(0, selectionStart));
    const text = value.slice(selectionStart, selectionEnd);
    marked.push({ start, end: start + points(text), text, ...(type.value && { label: type.value }) });
    show();
  });
  return {
    name,
    element,
    read: () => (marked.length ? marked.map(({ text, ...place }) => place) : undefined),
    write(value) {
      marked = (Array.isArray(value) ? value : []).map((one) => ({ ...one, text: textAt(one) }));
      show();
    },
  };
}
