// Tables that are sorted by their heads: results, paired differences, phrases.

/**
 * Put a sortable table into an element.
 * Columns have a title, value(row) to sort by (null goes last), cell(row) if that is not what is shown, and a class.
 */
function sortable(place, label, columns, rows, tall = false) {
  let by = null, turn = 1;
  const body = make("tbody");
  const heads = columns.map((column, index) => {
    const button = make("button", { type: "button", title: column.help ?? `Sort by ${column.title}` }, column.title);
    button.addEventListener("click", () => {
      turn = by === index ? -turn : 1;
      by = index;
      draw();
    });
    return make("th", { scope: "col", class: column.class ?? null }, button);
  });
  function draw() {
    let shown = rows;
    if (by !== null) {
      const value = columns[by].value;
      shown = [...rows].sort((a, b) => compare(value(a), value(b), turn));
      heads.forEach((head, index) => (index === by ? head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
    }
    body.replaceChildren(...shown.map((row, index) => {
      const cells = columns.map((column, number) => {
        const content = column.cell ? column.cell(row) : column.value(row);
        const cell = number === 0 ? make("th", { scope: "row" }) : make("td");
        if (column.class) cell.className = column.class;
        cell.append(...(Array.isArray(content) ? content : [content]).map((one) => (one instanceof Node ? one : String(one))));
        return cell;
      });
      const opens = by === null && index > 0 && row.list_size !== shown[index - 1].list_size;
      return make("tr", { class: opens ? "group" : null }, ...cells);
    }));
  }
  draw();
  const table = make("table", { "aria-label": label }, make("thead", {}, make("tr", {}, ...heads)), body);
  byId(place).replaceChildren(make("div", { class: tall ? "scroll tall" : "scroll", tabindex: "0", role: "region", "aria-label": `${label}, scrolls` }, table));
}

function compare(a, b, turn) {
  if (a === null || b === null) return (a === null) - (b === null);
  return turn * (typeof a === "string" ? a.localeCompare(b) : a - b);
}

// title, key, and whether more is better
const METRICS = [
  ["WER", "wer", false], ["B-WER", "b_wer", false], ["U-WER", "u_wer", false], ["Precision", "precision", true],
  ["Recall", "recall", true], ["F1", "f1", true], ["FA/h", "false_alarms_per_hour", false],
];

/** The best value of a metric among systems measured on as many utterances as any at this list size; none if all tie. */
function best(row, key, more) {
  const size = data.rows.filter((other) => other.list_size === row.list_size);
  const most = Math.max(...size.map((other) => other.utterances));
  const rivals = size.filter((other) => other.utterances === most && other[key] !== null);
  if (rivals.length < 2 || !rivals.includes(row)) return false;
  const values = rivals.map((other) => other[key]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low < high && row[key] === (more ? high : low);
}

function fillRows() {
  const metrics = METRICS.map(([title, key, more]) => ({
    title,
    value: (row) => row[key],
    cell: (row) => {
      if (row[key] === null) return "–";
      const low = row[`${key}_low`];
      const interval = low === null ? "one utterance" : `${fixed(low, 1)}–${fixed(row[`${key}_high`], 1)}`;
      const wins = best(row, key, more);
      const value = make("span", wins ? { class: "best", title: `best at N = ${row.list_size}` } : {}, fixed(row[key], 1));
      return [value, make("small", {}, interval)];
    },
  }));
  sortable("rows", "Results", [
    { title: "System", value: (row) => row.system, cell: (row) => [row.system, make("small", {}, row.setting)], class: "left" },
    { title: "N", help: "Distractors in each list", value: (row) => row.list_size, cell: (row) => whole(row.list_size) },
    { title: "Utts", help: "Utterances measured", value: (row) => row.utterances, cell: (row) => whole(row.utterances) },
    ...metrics,
    { title: "Distractors", value: (row) => row.distractors[0] + row.distractors[1], cell: (row) => row.distractors.join(" + ") },
    { title: "Decode s/h", value: (row) => row.decode_seconds_per_hour, cell: (row) => fixed(row.decode_seconds_per_hour, 1) },
    { title: "Build s/h", help: "Building each utterance's graph or tree", value: (row) => row.build_seconds_per_hour, cell: (row) => fixed(row.build_seconds_per_hour, 1) },
  ], data.rows);
}

function fillPaired() {
  if (!data.paired.length) {
    byId("paired-hint").textContent = "Only one system was measured, or none of ours: there is nothing to compare.";
    return;
  }
  byId("paired-hint").textContent =
    `${data.paired[0].system} minus the other, on the utterances that both decoded (95% interval; two-sided bootstrap p).`;
  const difference = (title, key) => ({
    title,
    value: (row) => row[key] && row[key].value,
    cell: (row) => {
      if (!row[key]) return "–";
      const { value, low, high, p_value: p } = row[key];
      return [make("span", {}, signed(value)), make("small", {}, `${signed(low)} to ${signed(high)}, p = ${p.toFixed(3)}`)];
    },
  });
  sortable("paired", "Paired differences", [
    { title: "Other", value: (row) => row.other, class: "left" },
    { title: "N", value: (row) => row.list_size, cell: (row) => whole(row.list_size) },
    { title: "Utts", value: (row) => row.utterances, cell: (row) => whole(row.utterances) },
    difference("F1", "f1"), difference("WER", "wer"), difference("B-WER", "b_wer"), difference("U-WER", "u_wer"),
  ], data.paired);
}

function fillPhrases(run) {
  const wanted = byId("phrase-filter").value.trim().toLowerCase();
  const rows = run.phrases.filter(([phrase]) => phrase.includes(wanted));
  const count = (title, index) => ({ title, value: (row) => row[index] });
  sortable("phrases", "Phrases", [
    { title: "Phrase", value: (row) => row[0], cell: (row) => make("bdi", {}, row[0]), class: "left" },
    count("Hits", 1), count("Misses", 2), count("False alarms", 3),
  ], rows, true);
  const cut = run.phrases.length < run.phrase_count;
  const all = cut ? `the ${whole(run.phrases.length)} most often wrong of ${whole(run.phrase_count)}; phrases.jsonl has all` : `${whole(run.phrase_count)}`;
  const status = byId("phrase-count");
  status.textContent = `${whole(rows.length)} of ${all}`;
  status.classList.toggle("notice", cut);
}

fillRows();
fillPaired();
