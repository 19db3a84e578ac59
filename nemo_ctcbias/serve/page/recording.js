// The recording: from the microphone, as a wav of 16 kHz, or a file.

const RATE = 16000;
const recording = { file: null, number: 0, stop: null };

function take(file) {
  recording.file = file;
  recording.number++;
  const player = byId("player");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(file);
  player.hidden = false;
}

async function record() {
  const state = byId("record-state"), level = byId("level");
  if (!navigator.mediaDevices) {
    state.textContent = "Browsers record on https:// and localhost only; choose a file.";
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false } });
  } catch (error) {
    state.textContent = error.name === "NotAllowedError" ? "The browser was not allowed to use the microphone." : "No microphone was found.";
    return;
  }
  const context = new AudioContext({ sampleRate: RATE }), chunks = [];
  await context.audioWorklet.addModule("/page/recorder.js");
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  let samples = 0;
  recorder.port.onmessage = ({ data }) => {
    chunks.push(data);
    samples += data.length;
    level.value = Math.min(1, 3 * Math.max(...data.map(Math.abs)));
    state.textContent = `${(samples / RATE).toFixed(0)} s`;
  };
  context.createMediaStreamSource(stream).connect(recorder);
  shown(true);
  recording.stop = async () => {
    recording.stop = recorder.port.onmessage = null;
    stream.getTracks().forEach((track) => track.stop());
    await context.close();
    shown(false);
    state.textContent = `${(samples / RATE).toFixed(1)} s recorded`;
    if (samples) take(new File([wav(chunks, samples)], "recording.wav", { type: "audio/wav" }));
  };
}

function shown(running) {
  byId("record").textContent = running ? "■ Stop" : "● Record";
  byId("record").setAttribute("aria-pressed", running);
  byId("level").hidden = !running;
}

/** Samples as a wav file of 16 bits. */
function wav(chunks, samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const text = (at, word) => [...word].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF"), view.setUint32(4, 36 + 2 * samples, true), text(8, "WAVEfmt ");
  view.setUint32(16, 16, true), view.setUint16(20, 1, true), view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true), view.setUint32(28, 2 * RATE, true), view.setUint16(32, 2, true), view.setUint16(34, 16, true);
  text(36, "data"), view.setUint32(40, 2 * samples, true);
  let at = 44;
  for (const chunk of chunks) {
    for (const value of chunk) {
      view.setInt16(at, 32767 * Math.max(-1, Math.min(1, value)), true);
      at += 2;
    }
  }
  return view;
}

byId("record").addEventListener("click", () => (recording.stop ? recording.stop() : record()));
byId("file").addEventListener("change", ({ target }) => target.files[0] && take(target.files[0]));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}
