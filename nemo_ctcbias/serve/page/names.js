// The names, and what the model makes of them as they are typed.

const PAUSE = 300; // milliseconds after the last key
let asked = null, pause = null;

/** As lines of a file, so that they are read in one way wherever they are sent. */
const typed = () => (byId("names").value.trim() ? `${byId("names").value}\n` : "");

async function checkNames() {
  asked?.abort();
  asked = new AbortController();
  const summary = byId("names-summary"), notes = byId("names-notes");
  if (!typed()) {
    summary.textContent = "";
    notes.replaceChildren();
    return;
  }
  try {
    const told = await ask("/v1/lists/check", { method: "POST", body: typed(), headers: { "Content-Type": "text/plain" }, signal: asked.signal });
    summary.textContent = told.summary;
    notes.replaceChildren(...["dropped", "warning", "changed"].flatMap((level) => told[level].map((note) => noteLine(level, note))));
  } catch (error) {
    if (error.name === "AbortError") return;
    summary.textContent = "";
    notes.replaceChildren(make("li", { class: "dropped" }, error.message));
  }
}

function noteLine(level, { phrase, where, reason, remedy }) {
  const line = where.match(/:(\d+)$/)?.[1];
  return make("li", { class: level, dir: "auto" }, make("strong", {}, phrase || "(empty)"), line ? ` (line ${line})` : "", ` ${reason}; ${remedy}.`);
}

let listings = 0; // how often kept lists were asked for: answers may come in another order, and the last one counts

async function fillKept() {
  const mine = ++listings;
  const { data } = await ask("/v1/lists");
  if (mine !== listings) return;
  const chosen = byId("kept").value;
  byId("kept").replaceChildren(make("option", { value: "" }, "none"), ...data.map(({ name, phrases }) => make("option", { value: name }, `${name} (${phrases})`)));
  if (data.some(({ name }) => name === chosen)) byId("kept").value = chosen;
  byId("kept-line").hidden = data.length === 0;
}

byId("names").addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(checkNames, PAUSE);
  localStorage.setItem("names", byId("names").value);
});
