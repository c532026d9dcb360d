/* The message catalogue: word lists in two languages -> t("key", {name: value}). */
import { store } from "./store.js";

export const LANGUAGES = ["en", "es"];
export const language = store(document.documentElement.lang);
/** Counts the times that words were loaded: whoever shows words watches it. */
export const spoken = store(0);
const lists = [];
let words = {};

/** Load word lists by name; those that were loaded stay. */
export async function loadWords(...names) {
  lists.push(...names.filter((name) => !lists.includes(name)));
  const asked = language.get();
  const found = await Promise.all(
    lists.map((name) =>
      fetch(`/pages/static/words/${name}.${asked}.json`).then((reply) => reply.json()),
    ),
  );
  words = Object.assign({}, ...found);
  spoken.set(spoken.get() + 1);
}

/** Speak another language from now on. */
export async function speak(chosen) {
  localStorage.setItem("pinmark.language", chosen);
  document.documentElement.lang = chosen;
  language.set(chosen);
  await loadWords();
}

/** The text of a key; {name} in it is replaced. A key without text is shown as it is. */
export function t(key, values = {}) {
  const text = words[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

/** Whether the catalogue has a key. */
export const has = (key) => key in words;

const locale = () => (language.get() === "es" ? "es" : "en-GB");

/** A number as the language writes it. */
export const number = (value, digits = 0) =>
  new Intl.NumberFormat(locale(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);

/** Microseconds since 1970 as date and time of day. */
export const moment = (us) =>
  new Intl.DateTimeFormat(locale(), { dateStyle: "short", timeStyle: "medium" }).format(us / 1000);

/** Microseconds since 1970 as time of day. */
export const clock = (us) =>
  new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(us / 1000);

/** Seconds as minutes and seconds. */
export const span = (s) =>
  `${Math.floor(Math.max(s, 0) / 60)}:${String(Math.floor(Math.max(s, 0) % 60)).padStart(2, "0")}`;
