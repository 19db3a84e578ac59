// The utterances: which system and list size, which of them are listed, and the chosen one in detail.

const state = { run: data.start, shown: [], at: 0 };
const filters = ["search", "only-changed", "only-missed", "only-alarmed"];
const current = () => data.runs[state.run];
const text = (outcome, side) => outcome.words.map((part) => part[side]).filter(Boolean).join(" ");
const SPOKEN = 1, WRITTEN = 2; // places in a part of the words; as bits: a listed phrase on that side

/** What the model writes without the list, where a system without one was run. */
function base(run, index) {
  return run.base === null ? null : data.runs[run.base].outcomes[index] ?? null;
}

function choices() {
  const run = current();
  const systems = [...new Set(data.runs.map((one) => one.system))];
  byId("system").replaceChildren(...systems.map((name) => make("option", { selected: name === run.system }, name)));
  fillSizes(run.system, run.list_size);
}

function fillSizes(system, wanted) {
  const runs = data.runs.filter((run) => run.system === system);
  const chosen = runs.find((run) => run.list_size === wanted) ?? runs[0];
  byId("size").replaceChildren(...runs.map((run) => make("option", { value: run.list_size, selected: run === chosen }, whole(run.list_size))));
  state.run = data.runs.indexOf(chosen);
}

function chooseRun() {
  const kept = state.shown[state.at];
  fillSizes(byId("system").value, Number(byId("size").value));
  const run = current();
  byId("looked-at").textContent = `${run.system}, N = ${whole(run.list_size)}`;
  fillPhrases(run);
  fillList(kept);
}

function fillList(kept = state.shown[state.at]) {
  const run = current();
  const wanted = byId("search").value.trim().toLowerCase();
  const [changed, missed, alarmed] = filters.slice(1).map((id) => byId(id).checked);
  const all = Object.keys(run.outcomes).map(Number);
  state.shown = all.filter((index) => {
    const outcome = run.outcomes[index], plain = base(run, index);
    if (changed && (!plain || text(plain, WRITTEN) === text(outcome, WRITTEN))) return false;
    if ((missed && !outcome.misses.length) || (alarmed && !outcome.false_alarms.length)) return false;
    const texts = [data.utterances[index].id, text(outcome, SPOKEN), text(outcome, WRITTEN), plain ? text(plain, WRITTEN) : ""];
    return texts.some((one) => one.toLowerCase().includes(wanted));
  });
  byId("list").replaceChildren(...state.shown.map((index, place) => option(run.outcomes[index], index, place)));
  const status = byId("utterance-count"), cut = all.length < run.decoded;
  const left = cut ? `; this page holds ${whole(all.length)} of the ${whole(run.decoded)} that were decoded, utterances.jsonl has all` : "";
  status.textContent = `${whole(state.shown.length)} of ${several(all.length, "utterance")}${left}`;
  status.classList.toggle("notice", cut);
  byId("only-changed").disabled = run.base === null;
  go(Math.max(state.shown.indexOf(kept), 0));
}

function option(outcome, index, place) {
  const badges = [["hit", "✓", outcome.hits, "hit"], ["miss", "✗", outcome.misses, "miss"], ["alarm", "!", outcome.false_alarms, "false alarm"]]
    .filter(([, , found]) => found.length)
    .map(([name, sign, found, word]) => make("span", { class: name, title: word, "aria-label": `${found.length} ${word}` }, `${sign}${found.length}`));
  const id = data.utterances[index].id;
  const line = make("div", { class: "line" }, make("span", { class: "name", title: id }, make("bdi", {}, id)), make("span", { class: "badges" }, ...badges));
  const item = make("li", { role: "option", id: `utterance-${index}`, "aria-selected": "false" }, line, make("div", { class: "said", dir: "auto" }, text(outcome, SPOKEN)));
  item.addEventListener("click", () => go(place));
  return item;
}

/** Choose the utterance at a place of the list. */
function go(place) {
  const list = byId("list");
  state.at = Math.min(Math.max(place, 0), state.shown.length - 1);
  list.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
  const item = list.children[state.at];
  if (!item) {
    list.removeAttribute("aria-activedescendant");
    byId("detail").replaceChildren(make("p", {}, "No utterance passes the filter."));
    return;
  }
  item.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", item.id);
  list.scrollTop = Math.min(Math.max(list.scrollTop, item.offsetTop - list.offsetTop + item.offsetHeight - list.clientHeight), item.offsetTop - list.offsetTop);
  detail(state.shown[state.at]);
}

function detail(index) {
  const run = current(), outcome = run.outcomes[index], utterance = data.utterances[index], plain = base(run, index);
  const parts = [make("h3", { dir: "auto" }, utterance.id), make("div", { class: "hint" }, `${state.at + 1} of ${whole(state.shown.length)}, ${utterance.seconds.toFixed(2)} seconds`)];
  const player = utterance.audio ? make("audio", { controls: true, preload: "metadata", "aria-label": "Recording" }) : null;
  if (player) player.src = utterance.audio;
  parts.push(player ?? make("div", { class: "hint" }, `No recording here: ${utterance.no_audio}.`));
  parts.push(make("h4", {}, "Reference"), words(outcome, false));
  if (plain && run.base !== state.run) parts.push(make("h4", {}, `Without the list (${data.runs[run.base].system})`), words(plain, true));
  if (!plain) parts.push(make("div", { class: "hint" }, "What the model writes without the list is not known: evaluate the system greedy, too."));
  parts.push(make("h4", {}, `${run.system}, N = ${whole(run.list_size)}`), words(outcome, true), key());
  parts.push(found("hit", "✓ Hits", outcome.hits), found("miss", "✗ Misses", outcome.misses), found("alarm", "! False alarms", outcome.false_alarms));
  if (outcome.details?.length) parts.push(make("h4", {}, "What brought the listed phrases"), hitTable(outcome.details, player));
  if (run.attended) parts.push(...attention(run, outcome.attention));
  byId("detail").replaceChildren(...parts);
}

/** Where the adapter looked, or why that is not shown; the attention is null where there was none. */
function attention(run, map) {
  if (map) return [make("h4", {}, `Attention of the adapter “${map.adapter}”`), heatMap(map)];
  const reason = map === null ? "the adapter could spell no phrase of this utterance's list" : `only those of the first ${several(run.attended, "utterance")} are kept`;
  return [make("h4", {}, "Attention of the adapter"), make("div", { class: "hint" }, `No map here: ${reason}.`)];
}

/** A transcript against the reference, or the reference itself. */
function words(outcome, compared) {
  const line = make("p", { class: "words", dir: "auto" });
  for (const [kind, spoken, written, listed] of outcome.words) {
    const marked = (tag, one, bit) => make(tag, {}, listed & bit ? make("mark", {}, one) : one);
    let part = null;
    if (!compared) part = spoken && marked("span", spoken, SPOKEN);
    else if (kind === "same") part = marked("span", written, WRITTEN);
    else {
      part = make("span", { class: "differs" }, kind === "sub" ? "[" : kind === "del" ? "[− " : "[+ ");
      if (spoken) part.append(marked("del", spoken, SPOKEN));
      if (kind === "sub") part.append(" → ");
      if (written) part.append(marked("ins", written, WRITTEN));
      part.append("]");
    }
    if (part) line.append(part, " ");
  }
  if (compared && !outcome.words.some((part) => part[WRITTEN])) line.append("(nothing written)");
  return line;
}

function key() {
  const sample = (...parts) => make("span", { class: "differs words", style: "font-size: inherit" }, ...parts);
  return make("p", { class: "key" }, "Key: ", sample("[", make("del", {}, "said"), " → ", make("ins", {}, "written"), "]"), " replaced, ",
    sample("[− ", make("del", {}, "said"), "]"), " left out, ", sample("[+ ", make("ins", {}, "written"), "]"), " inserted, ",
    make("mark", {}, "listed phrase"), ".");
}

function found(name, title, phrases) {
  const line = make("div", { class: "found" }, make("strong", { class: name }, `${title}:`));
  line.append(...(phrases.length ? phrases.map((phrase) => make("bdi", {}, phrase)) : ["none"]));
  return line;
}

/** All that the decoder tells of its hits, whatever the fields are called. */
function hitTable(hits, player) {
  const fields = [...new Set(hits.flatMap(Object.keys))].filter((name) => name !== "end");
  const titles = { start: "seconds", base_text: "without the list" };
  const head = fields.map((name) => make("th", { scope: "col", class: "left" }, titles[name] ?? name.replaceAll("_", " ")));
  const rows = hits.map((hit) => make("tr", {}, ...fields.map((name) => make("td", { class: "left" }, name === "start" ? time(hit, player) : shown(hit[name])))));
  const table = make("table", { class: "hits", "aria-label": "Hits" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Hits, scrolls" }, table);
}

function time(hit, player) {
  const span = `${fixed(hit.start, 2)}–${fixed(hit.end, 2)}`;
  if (!player) return span;
  const button = make("button", { type: "button", class: "play", "aria-label": `Play from ${fixed(hit.start, 2)} seconds` }, `▶ ${span}`);
  button.addEventListener("click", () => {
    player.currentTime = hit.start;
    player.play();
  });
  return button;
}

function shown(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return (Number.isInteger(value) ? String(value) : value.toFixed(2)).replace("-", "−");
  if (typeof value === "object") return Object.entries(value).map(([name, one]) => `${name} ${shown(one)}`).join(", ") || "–";
  return value;
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches?.("input[type='search']");
  if (event.key === "Escape" && typing) return event.target.blur();
  if (event.key === "/" && !typing) {
    event.preventDefault();
    return byId("search").focus();
  }
  if (event.target.matches?.("input, select, audio, summary, .scroll")) return;
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  go(state.at + step);
}
