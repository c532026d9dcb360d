/* The verdict for the ears: two rising tones for good, a low double one for bad, three for doubt. */
const TONES = {
  good: [[660, 0], [990, 0.16]],
  bad: [[220, 0], [180, 0.22]],
  doubt: [[440, 0], [440, 0.2], [440, 0.4]],
};
let context = null;

export const isOn = () => localStorage.getItem("pinmark.sound") !== "off";
export const turn = (on) => localStorage.setItem("pinmark.sound", on ? "on" : "off");

/** Play a verdict; counted on the document, so that a test can hear it. */
export function play(verdict) {
  document.documentElement.dataset.played = verdict;
  if (!isOn()) return;
  context = context || new AudioContext();
  for (const [pitch, after] of TONES[verdict]) {
    const from = context.currentTime + after;
    const tone = context.createOscillator();
    const loudness = context.createGain();
    tone.type = verdict === "bad" ? "sawtooth" : "sine";
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.0001, from);
    loudness.gain.exponentialRampToValueAtTime(0.4, from + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, from + 0.18);
    tone.connect(loudness).connect(context.destination);
    tone.start(from);
    tone.stop(from + 0.2);
  }
}
