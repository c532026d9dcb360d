/* A keyboard-wedge scanner with no field focused: quick keystrokes that end in Enter.

Scanners type a character every 1 to 30 ms (assumption, from their usual settings); a person takes
more than 60 even in a burst. The whole text is judged, not each pause, since a busy computer may
hold one key back; and by the events' own time stamps, so that a busy page judges no differently.
The separator of a GS1 label (FNC1) comes as Ctrl+], as keyboards of terminals have it. */
import { useLayoutEffect, useRef } from "../vendor/hooks.js";

const QUICK_MS = 45; // a key, on average over the text and its Enter
const END_MS = 200; // a pause after which something else begins
const SHORTEST_CODE = 3;

/** Call onScan(text) for every scan that goes to no field. */
export function useScanner(onScan) {
  const newest = useRef(onScan);
  newest.current = onScan;
  // before what asks for a scan is painted: on a busy computer an effect comes after the first keys
  useLayoutEffect(() => {
    let text = "";
    let [first_ms, last_ms] = [0, -END_MS];
    const onKey = (event) => {
      if (event.altKey || event.metaKey || isField(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const isSeparator = event.ctrlKey && (event.key === "]" || event.code === "BracketRight");
      if (event.ctrlKey && !isSeparator) return;
      if (event.key !== "Enter" && event.key.length !== 1) return;
      if (event.timeStamp - last_ms > END_MS) text = "";
      last_ms = event.timeStamp;
      if (event.key === "Enter") {
        if (text.length >= SHORTEST_CODE && last_ms - first_ms <= QUICK_MS * text.length) {
          event.preventDefault(); // or Enter would press the button that has the focus
          event.stopPropagation();
          newest.current(text);
        }
        text = "";
        return;
      }
      if (text === "") first_ms = last_ms;
      else if (last_ms - first_ms <= QUICK_MS * text.length) event.preventDefault(); // a space presses
      text += isSeparator ? "\u001d" : event.key;
    };
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, []);
}

const isField = (target) =>
  target instanceof HTMLInputElement ||
  target instanceof HTMLTextAreaElement ||
  target instanceof HTMLSelectElement;
