// One button: the recording without and with the names, at once.

const state = { answer: null, without: null, number: -1 };

async function transcribe(fields) {
  const form = new FormData();
  form.append("file", recording.file, recording.file.name);
  form.append("model", "any");
  form.append("response_format", "verbose_json");
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return ask("/v1/audio/transcriptions", { method: "POST", body: form });
}

async function go() {
  await recording.stop?.();
  const told = byId("state"), number = recording.number;
  told.classList.remove("error");
  if (!recording.file) return fail("Record something, or choose a file.");
  const kept = byId("kept").value;
  if (!typed() && !kept) return fail("Type a name or two.");
  byId("go").disabled = true;
  told.textContent = "Listening …";
  const begin = performance.now();
  try {
    const fields = { hotwords: typed() || "[]", "include[]": "attention", ...(kept ? { list: kept } : {}) };
    const without = state.number === number ? state.without : transcribe({ hotwords: "[]" });
    [state.without, state.answer] = await Promise.all([without, transcribe(fields)]);
    state.number = number;
    show();
    told.textContent = `Done in ${((performance.now() - begin) / 1000).toFixed(1)} s.`;
  } catch (error) {
    fail(error.message);
  } finally {
    byId("go").disabled = false;
  }
}

function fail(message) {
  byId("state").classList.add("error");
  byId("state").textContent = message;
}

function show() {
  const { answer, without } = state;
  showTexts(without, answer);
  showHits(answer);
  showUnused(answer);
  showAlternatives(answer);
  showAttention(answer);
  byId("result").hidden = false;
  byId("result-title").focus();
}

async function start() {
  byId("names").value = localStorage.getItem("names") ?? "";
  try {
    const { data } = await ask("/v1/models");
    byId("about").textContent += ` Model: ${data[0].id}.`;
    await Promise.all([fillKept(), checkNames()]);
  } catch (error) {
    fail(error.message);
  }
}

byId("form").addEventListener("submit", (event) => { event.preventDefault(); go(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !byId("go").disabled) { event.preventDefault(); go(); }
});
byId("token").addEventListener("change", ({ target }) => { sessionStorage.setItem("token", target.value); start(); });
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(state.answer.text);
  byId("copied").textContent = "Copied.";
});
byId("download-srt").addEventListener("click", () => download("transcript.srt", "application/x-subrip", srt(state.answer)));
byId("download-json").addEventListener("click", () => download("transcript.json", "application/json", JSON.stringify(state.answer, null, 2)));
const started = start(); // what drives the page from outside can wait for it
