// Asks the service. Addresses are relative, so that it may stand behind a proxy under any path.

/** The service answered with an error, or not at all. */
export class Fault extends Error {
  constructor(status, body, retryAfter) {
    super(body.error ?? "");
    Object.assign(this, { status, errorType: body.error_type, requestId: body.request_id, retryAfter });
  }
}

let key = "";

/** Sends a key with every request from now on. */
export const useKey = (given) => {
  key = given;
};
/** Whether requests bring a key. */
export const hasKey = () => key !== "";

/** What is served. */
export const info = () => fetched("info");

/** An answer and its drawing. */
export const drawn = (choice, body, signal) => {
  const headers = { "Content-Type": "application/json" };
  return fetched(`${pathOf(choice)}/drawing`, { method: "POST", headers, body: JSON.stringify(body), signal });
};

/** The address that answers without a drawing. */
export const addressOf = (choice) => new URL(pathOf(choice), document.baseURI).href;

const pathOf = ({ model, route }) => `models/${encodeURIComponent(model)}/${route}`;

async function fetched(path, { headers = {}, ...options } = {}) {
  if (key) headers = { ...headers, Authorization: `Bearer ${key}` };
  const answer = await fetch(new URL(path, document.baseURI), { ...options, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Fault(0, {});
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Fault(answer.status, body, answer.headers.get("Retry-After"));
  return body;
}
