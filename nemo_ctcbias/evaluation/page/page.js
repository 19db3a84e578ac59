// The data, how its numbers are written, and the head of the page.

const data = JSON.parse(document.getElementById("data").textContent);

const whole = (value) => value.toLocaleString("en");
const fixed = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
const several = (count, word) => `${whole(count)} ${word}${count === 1 ? "" : "s"}`;

function duration(seconds) {
  const minutes = Math.round(seconds / 6) / 10;
  return seconds < 90 ? `${seconds.toFixed(1)} seconds` : minutes < 90 ? `${minutes} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}

const KINDS = {
  utterance: "every utterance's own listed words among N distractors",
  session: "the listed words of a whole session among N distractors",
  irrelevant: "N distractors alone, none of them spoken",
  unspoken: "N distractors alone, one list for all, none of them spoken anywhere",
  close: "every utterance's own listed words among N distractors spelled alike",
  given: "your own list of N phrases for every utterance",
};

function fillHead() {
  const head = data.head;
  const systems = new Set(data.runs.map((run) => run.system));
  byId("measured").textContent =
    `${several(head.utterances, "utterance")}, ${duration(head.seconds)} of speech, ${several(systems.size, "system")}. ` +
    `Lists of kind “${head.list_kind}”: ${KINDS[head.list_kind]}; N = ${head.list_sizes.map(whole).join(", ")}.`;
  const settings = head.tuned_on ? `chosen on ${head.tuned_on}` : "each system's default (no tuning manifest)";
  const size = (one) => (one.list_size === null ? "all list sizes" : `N = ${whole(one.list_size)}`);
  remarks("Settings", [settings, ...head.tuning]);
  remarks("Measured in part", head.notes.map((one) => `${one.system}, ${size(one)}: ${one.note}`));
  remarks("Left out", head.left_out.map((one) => `${one.system}, ${size(one)}: ${one.reason}`));
  const skipped = head.skipped.map((one) => `${one.id} of ${one.manifest}: ${one.reason}`);
  const hidden = head.skipped_count - skipped.length;
  if (hidden) skipped.push(`… and ${several(hidden, "more utterance")}, which details.json names`);
  remarks(`Skipped: ${several(head.skipped_count, "utterance")}`, skipped);
  for (const part of head.signature.split("|")) {
    const at = part.indexOf(":");
    byId("signature").append(make("div", {}, make("dt", {}, part.slice(0, at)), make("dd", {}, part.slice(at + 1))));
  }
  byId("footer").textContent = `Written by nemo-ctcbias ${head.version}. This page is complete in itself: it loads nothing.`;
}

function remarks(title, lines) {
  if (!lines.length) return;
  const list = make("ul", {}, ...lines.map((line) => make("li", { dir: "auto" }, line)));
  const long = lines.length > 6;
  byId("remarks").append(long ? make("details", {}, make("summary", {}, `${title} (${lines.length})`), list) : make("div", {}, make("h4", {}, title), list));
}

// Paper has nothing to click: what is folded is printed, and folded again.
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach((one) => { one.open = one.dataset.folded = true; }));
addEventListener("afterprint", () => document.querySelectorAll("details[data-folded]").forEach((one) => { one.open = false; delete one.dataset.folded; }));

fillHead();
