// What the parts of this page use besides: buttons, requests, the player.

/** A button that does something. */
function button(text, does, attributes = {}) {
  const found = make("button", { type: "button", ...attributes }, text);
  found.addEventListener("click", does);
  return found;
}

/** Ask the server; its answer as JSON, or an error with its words. */
async function ask(path, options = {}) {
  const token = sessionStorage.getItem("token");
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached.");
  }
  byId("token-line").hidden = answer.status !== 401 && !token;
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error?.message ?? `The server answers ${answer.status}.`);
  return body;
}

/** Play from a time of the recording, to another one. */
function play(from, to) {
  const player = byId("player");
  player.currentTime = Math.max(0, from - 0.1);
  player.ontimeupdate = () => { if (player.currentTime > to + 0.1) { player.pause(); player.ontimeupdate = null; } };
  player.play();
}
