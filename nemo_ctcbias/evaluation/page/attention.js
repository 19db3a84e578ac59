// The adapter's attention: frames from left to right, a row for each phrase, the darker the more.

function heatMap({ phrases, weights, seconds_per_frame: step }) {
  const rows = weights.map((digits) => Array.from({ length: digits.length / 2 }, (_, frame) => Number(digits.slice(2 * frame, 2 * frame + 2))));
  const frames = rows[0].length, seconds = frames * step;
  const peaks = rows.map((row) => {
    const most = Math.max(...row);
    return `${(most / 100).toFixed(2)} at ${(row.indexOf(most) * step).toFixed(2)} s`;
  });
  const label = `Attention by phrase, most of each: ${phrases.map((phrase, index) => `${phrase} ${peaks[index]}`).join("; ")}`;
  const canvas = make("canvas", { width: frames, height: rows.length, role: "img", "aria-label": label });
  canvas.addEventListener("mousemove", (event) => {
    const box = canvas.getBoundingClientRect();
    const frame = Math.min(Math.floor((event.clientX - box.left) / box.width * frames), frames - 1);
    const row = Math.min(Math.floor((event.clientY - box.top) / box.height * rows.length), rows.length - 1);
    if (frame >= 0 && row >= 0) canvas.title = `${phrases[row]}, ${(frame * step).toFixed(2)} s: ${(rows[row][frame] / 100).toFixed(2)}`;
  });
  paint(canvas, rows);
  canvas.repaint = () => paint(canvas, rows);
  const tick = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60].find((one) => seconds / one <= 7) ?? 300;
  const axis = make("div", { class: "axis", "aria-hidden": "true" });
  for (let at = tick; at < 0.97 * seconds; at += tick) {
    const span = make("span", {}, `${Number(at.toFixed(1))} s`);
    span.style.left = `${100 * at / seconds}%`;
    axis.append(span);
  }
  const names = make("div", { class: "rows" }, ...phrases.map((phrase) => make("span", { title: phrase, dir: "auto" }, phrase)));
  const most = make("div", { class: "rows peak", "aria-hidden": "true" }, ...peaks.map((peak) => make("span", {}, peak)));
  return make("div", { class: "heat" }, names, canvas, most, axis);
}

function paint(canvas, rows) {
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--heat");
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  rows.forEach((row, y) => row.forEach((value, x) => {
    pen.fillStyle = `rgba(${colour}, ${value / 99})`;
    pen.fillRect(x, y, 1, 1);
  }));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.querySelectorAll("canvas").forEach((canvas) => canvas.repaint()));
