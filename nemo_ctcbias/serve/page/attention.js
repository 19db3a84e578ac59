// The adapter's attention: frames from left to right, a row for each phrase, the darker the more.

function heatMap({ phrases, weights, seconds_per_frame: step }) {
  const rows = weights.map((digits) => Array.from({ length: digits.length / 2 }, (_, frame) => Number(digits.slice(2 * frame, 2 * frame + 2))));
  const peaks = rows.map((row) => `${(Math.max(...row) / 100).toFixed(2)} at ${(row.indexOf(Math.max(...row)) * step).toFixed(1)} s`);
  const label = `Attention by phrase, most of each: ${phrases.map((phrase, index) => `${phrase} ${peaks[index]}`).join("; ")}`;
  const canvas = make("canvas", { width: rows[0].length, height: rows.length, role: "img", "aria-label": label });
  const pen = canvas.getContext("2d");
  const paint = () => {
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--heat");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    rows.forEach((row, y) => row.forEach((value, x) => {
      pen.fillStyle = `rgba(${colour}, ${value / 99})`;
      pen.fillRect(x, y, 1, 1);
    }));
  };
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect(), at = (event.clientX - box.left) / box.width * rows[0].length * step;
    play(at, at + 1);
  });
  const names = make("div", { class: "rows" }, ...phrases.map((phrase) => make("span", { title: phrase, dir: "auto" }, phrase)));
  const most = make("div", { class: "rows peak", "aria-hidden": "true" }, ...peaks.map((peak) => make("span", {}, peak)));
  return make("div", { class: "heat" }, names, canvas, most);
}
