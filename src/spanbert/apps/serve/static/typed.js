// What was typed, which stays when another task is chosen.

const SAME = { context: "text" }; // names of fields that hold the same text

let typed = new Map(); // by the name of a field: what it holds in place of its example

const nameOf = (field) => SAME[field] ?? field;
const named = (inputs) => (typeof inputs === "string" ? { text: inputs } : inputs);

/** Remembers what was typed in place of an example. Stretches go with the text that they were marked in. */
export function remember(inputs, example) {
  const before = typed.get("text");
  const given = named(inputs);
  for (const [field, value] of Object.entries(named(example))) {
    if (JSON.stringify(given[field]) === JSON.stringify(value)) typed.delete(nameOf(field));
    else typed.set(nameOf(field), given[field]);
  }
  if (typed.get("text") === before) return;
  const shown = new Set(Object.keys(named(example)));
  typed = new Map([...typed].filter(([field, value]) => shown.has(field) || typeof value === "string"));
}

/** An example with what was typed in its place; stretches of an example go with its text. */
export function withTyped(example) {
  const filled = Object.entries(named(example)).map(([field, value]) => {
    const name = nameOf(field);
    if (typed.has(name)) return [field, typed.get(name)];
    return [field, typeof value !== "string" && typed.has("text") ? undefined : value];
  });
  return typeof example === "string" ? filled[0][1] : Object.fromEntries(filled);
}
