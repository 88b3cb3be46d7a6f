// Stretches of a text with their types, as a field: they are marked by selecting them in the text.

import { say, sayIn, tell } from "./words.js";

/** Stretches of a text with their types, which are marked by selecting them; places count code points. */
export function stretchField(name, areaOf) {
  let marked = [];
  const type = document.createElement("input");
  type.autocomplete = "off";
  type.id = `type-${name}`;
  const typeLabel = sayIn("label", "type");
  typeLabel.htmlFor = type.id;
  const adder = sayIn("button", "mark");
  adder.type = "button";
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
  element.append(sayIn("legend", name), list, below);

  const points = (text) => [...text].length;
  const textAt = ({ start, end }) => [...areaOf().value].slice(start, end).join("");
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
    areaOf().addEventListener("input", () => {
      const kept = marked.filter((one) => textAt(one) === one.text);
      if (kept.length < marked.length) {
        marked = kept;
        show();
      }
    });
  queueMicrotask(watch); // when the text field has been made
  adder.addEventListener("click", () => {
    const { value, selectionStart, selectionEnd } = areaOf();
    tell(note, selectionStart === selectionEnd ? "select" : "");
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
    sayAgain: show,
  };
}
