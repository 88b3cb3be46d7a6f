// What can be copied: the answer as JSON, and how to ask for it from Python or a shell.

/** The answer, as people read JSON. */
export const asJson = ({ answer }) => JSON.stringify(answer, null, 2);

/** A script of Python that asks the same, with the standard library alone. */
export function asPython({ address, body, key }) {
  const header = key ? ', "Authorization": f"Bearer {os.environ[\'SPANBERT_KEY\']}"' : "";
  return `import json
${key ? "import os\n" : ""}from urllib.request import Request, urlopen

body = ${inPython(body)}
headers = {"Content-Type": "application/json"${header}}
request = Request(${JSON.stringify(address)}, json.dumps(body).encode(), headers)
with urlopen(request, timeout=60) as answer:
    print(json.load(answer))
`;
}

/** A command of a shell that asks the same. */
export function asCurl({ address, body, key }) {
  const header = key ? ' -H "Authorization: Bearer $SPANBERT_KEY"' : "";
  return `curl ${quoted(address)} -H 'Content-Type: application/json'${header} -d ${quoted(JSON.stringify(body))}`;
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A JSON value as Python writes it; strings are written alike in both. */
function inPython(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(inPython).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${inPython(one)}`).join(", ")}}`;
}
