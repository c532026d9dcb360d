/* A keyboard-wedge scanner with no field focused: quick keystrokes that end in Enter.

Scanners type a character every 1 to 30 ms; a person takes more than 60 even in a burst. The
pauses are compared by the events' own time stamps, so that a busy page judges no differently. */
import { useEffect, useRef } from "../vendor/hooks.js";

const LONGEST_PAUSE_MS = 50;
const SHORTEST_CODE = 3;

/** Call onScan(text) for every scan that goes to no field. */
export function useScanner(onScan) {
  const newest = useRef(onScan);
  newest.current = onScan;
  useEffect(() => {
    let text = "";
    let last_ms = 0;
    const onKey = (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || isField(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const quick = event.timeStamp - last_ms <= LONGEST_PAUSE_MS;
      last_ms = event.timeStamp;
      if (event.key === "Enter") {
        if (quick && text.length >= SHORTEST_CODE) {
          event.preventDefault(); // or Enter would press the button that has the focus
          event.stopPropagation();
          newest.current(text);
        }
        text = "";
      } else if (event.key.length === 1) {
        text = quick ? text + event.key : event.key;
        if (text.length > 1) event.preventDefault(); // a space would press it too
      }
    };
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, []);
}

const isField = (target) =>
  target instanceof HTMLInputElement ||
  target instanceof HTMLTextAreaElement ||
  target instanceof HTMLSelectElement;
