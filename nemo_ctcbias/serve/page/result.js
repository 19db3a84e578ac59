// The two texts side by side, and what is known of the second one.

const FRAME = 0.1; // seconds, about: NeMo's words end where their last token begins, which may be where a hit begins

/** Words of an answer, each with the hit that it belongs to: the listed phrase whose time it shares. */
function wordsOf(answer) {
  return answer.words.flatMap(({ word, start, end }) => {
    const shared = (hit) => Math.min(end + FRAME, hit.end) - Math.max(start, hit.start);
    const hit = answer.hits.find((one) => shared(one) > 0 && hasWord(one.phrase, word)) ?? null;
    return word.split(/\s+/).filter(Boolean).map((one) => ({ text: one, start, end, hit }));
  });
}

const bare = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}\s]/gu, "");
const hasWord = (phrase, word) => bare(phrase).includes(bare(word)) || bare(word).includes(bare(phrase));

function showTexts(without, withNames) {
  const runs = differences(wordsOf(without), wordsOf(withNames), (one, other) => one.text === other.text);
  const side = (at, tag) => runs.flatMap(([kind, ...sides]) => {
    if (!sides[at].length) return [];
    const parts = grouped(sides[at]).flatMap((part) => [part, " "]).slice(0, -1);
    return [kind === "same" ? make("span", {}, ...parts) : make(tag, {}, ...parts), " "];
  });
  byId("without").replaceChildren(...side(0, "del"));
  byId("with").replaceChildren(...side(1, "ins"));
  for (const id of ["without", "with"]) if (!byId(id).textContent) byId(id).textContent = "(nothing was heard)";
  byId("key").replaceChildren("Key: ", make("span", { class: "words" }, make("del", {}, "changed")), " by the names to ", make("span", { class: "words" }, make("ins", {}, "this")), ", ", make("mark", {}, "listed name"), ": press it to hear it.");
}

/** Words as text; those of a hit as one button that plays it. */
function grouped(words) {
  const parts = [];
  words.forEach((word, index) => {
    if (word.hit && index && words[index - 1].hit === word.hit) parts.at(-1).querySelector("button").append(` ${word.text}`);
    else if (word.hit) parts.push(make("mark", {}, button(word.text, () => play(word.hit.start, word.hit.end), { title: seconds(word.hit) })));
    else parts.push(word.text);
  });
  return parts;
}

const seconds = ({ start, end }) => `${start.toFixed(2)}–${end.toFixed(2)} s`;

function showHits({ hits }) {
  const row = (hit) => make("tr", {},
    make("td", { class: "left", dir: "auto" }, hit.phrase),
    make("td", { class: "left" }, button(`▶ ${seconds(hit)}`, () => play(hit.start, hit.end), { class: "play", "aria-label": `Play ${hit.phrase} from ${hit.start.toFixed(2)} seconds` })),
    make("td", { class: "left" }, make("span", { class: "bar", "aria-hidden": "true" }, bar(hit.confidence)), hit.confidence.toFixed(2)),
    make("td", { class: "left", dir: "auto" }, hit.base_text || "–"),
    make("td", { class: "left" }, hit.technique));
  const head = ["name", "heard at", "confidence", "without the names", "by"].map((title) => make("th", { scope: "col", class: "left" }, title));
  const table = make("table", { class: "hits", "aria-label": "Names that were heard" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...hits.map(row)));
  byId("hits").replaceChildren(make("h3", {}, "Names that were heard"),
    hits.length ? make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Names, scrolls" }, table) : make("p", { class: "hint" }, "None of them."));
}

function bar(share) {
  const filled = make("span");
  filled.style.width = `${Math.round(100 * share)}%`;
  return filled;
}

function showUnused({ bias_list: list, ignored }) {
  const notes = ["dropped", "warning", "changed"].flatMap((level) => list[level].map((note) => noteLine(level, note)));
  const others = Object.entries(ignored ?? {}).map(([name, reason]) => make("li", {}, `${name}: ${reason}`));
  const title = make("h3", {}, `${list.used.length} of ${list.phrases} names were listened for`);
  byId("unused").replaceChildren(title, make("ul", { class: "notes" }, ...notes, ...others));
}

function showAlternatives({ alternatives }) {
  const lines = (alternatives ?? []).slice(1).map(({ text }) => make("li", { dir: "auto" }, text));
  byId("alternatives").replaceChildren(...(lines.length ? [make("h3", {}, "Other texts that were nearly as likely"), make("ol", { start: 2 }, ...lines)] : []));
}

function showAttention({ attention }) {
  const map = attention?.weights ? playedMap(attention) : make("p", { class: "hint" }, `No picture: ${attention?.reason ?? "none was made"}.`);
  byId("attention").replaceChildren(make("h3", {}, "Where the adapter looked"), map);
}

/** The heat map, which plays the recording from where it is clicked. */
function playedMap(attention) {
  const map = heatMap(attention), canvas = map.querySelector("canvas");
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * canvas.width * attention.seconds_per_frame;
    play(at, at + 1);
  });
  return map;
}

/** Subtitles of an answer's segments. */
function srt({ segments }) {
  const clock = (time) => new Date(Math.round(1000 * time)).toISOString().slice(11, 23).replace(".", ",");
  return segments.map(({ start, end, text }, index) => `${index + 1}\n${clock(start)} --> ${clock(end)}\n${text}\n\n`).join("");
}

function download(name, type, text) {
  const link = make("a", { download: name });
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  URL.revokeObjectURL(link.href);
}
