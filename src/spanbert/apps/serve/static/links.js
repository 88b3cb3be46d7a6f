// Links to what was asked. It stands behind the # of the address, which browsers send to nobody.

/** The part of a link behind the #. */
export function linkOf({ model, route, task }, inputs) {
  return new URLSearchParams({ model, route, ...(task && { task }), inputs: JSON.stringify(inputs) }).toString();
}

/** Which of the choices a link means, and the inputs; null where it means nothing that can be asked. */
export function meant(fragment, choices) {
  const stated = new URLSearchParams(fragment);
  const number = choices.findIndex((one) => ["model", "route", "task"].every((part) => (one[part] ?? null) === stated.get(part)));
  if (number < 0) return null;
  try {
    return { number, inputs: JSON.parse(stated.get("inputs")) };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
