/* What the engineer's pages share: a recipe to choose, a file to give, figures in a list. */
import {
  api, Button, Field, html, number, t, useEffect, useId, useQuery, useRef, useState,
} from "./kit.js";

/**
 * What a POST answers that changes nothing, such as a plan or maps: {data, problem, busy, again}.
 * Waits for network and sign-in as a GET does; a path of null asks nothing.
 */
export function useAsked(path, body) {
  const [state, setState] = useState({});
  const [turn, setTurn] = useState(0);
  const asked = path && `${path} ${JSON.stringify(body)}`;
  const again = () => setTurn((number) => number + 1);
  useEffect(() => {
    if (!path) {
      setState({});
      return undefined;
    }
    let over = false;
    setState((old) => (old.asked === asked ? { ...old, problem: null, busy: true } : { busy: true }));
    api(path, { method: "POST", body, reads: true }).then(
      (data) => over || setState({ asked, data }),
      (problem) => over || setState({ asked, problem }),
    );
    return () => (over = true);
  }, [asked, turn]);
  return { ...state, again };
}

/** Choose a recipe of this station. */
export function RecipeField({ value, onValue, label, name = "recipe" }) {
  const { data } = useQuery("/releases");
  const known = data ? data.recipes.map((one) => one.recipe) : [];
  const all = known.includes(value) ? known : [value, ...known];
  return html`<${Field} name=${name} label=${label || t("bench.recipe")} value=${value} onValue=${onValue}>
    ${all.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}<//>`;
}

/** Choose what a mark is held to. */
export function AcceptanceField({ value, onValue }) {
  const { data } = useQuery("/profiles");
  const known = data ? data.profiles.filter((one) => one.kind === "acceptance" && one.state === "released") : [];
  const all = [...new Set([value, ...known.map((one) => one.name)])];
  return html`<${Field} name="acceptance" label=${t("bench.acceptance")} value=${value} onValue=${onValue}>
    ${all.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}<//>`;
}

/** Choose one of a few by buttons: of is [[value, words], ...]. */
export function Choice({ label, of, value, onValue }) {
  return html`<div class="row choice" role="group" aria-label=${label}>
    ${of.map(([one, words]) => html`<${Button} key=${one} aria-pressed=${one === value}
      onClick=${() => onValue(one)}>${words}<//>`)}</div>`;
}

/** Give a file: by the button, or dropped on it. */
export function FileField({ label, hint, accept, name, onFile }) {
  const id = useId();
  const input = useRef(null);
  const [called, setCalled] = useState("");
  const take = (file) => {
    if (!file) return;
    setCalled(file.name);
    onFile(file);
  };
  const drop = (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  };
  const given = (event) => {
    take(event.target.files[0]);
    event.target.value = ""; // the same file can be given again
  };
  return html`<div class="field" onDragOver=${(event) => event.preventDefault()} onDrop=${drop}>
    <span class="label" id=${id}>${label}</span>
    <input ref=${input} type="file" hidden name=${name} accept=${accept} onChange=${given} />
    <div class="row"><${Button} aria-describedby=${`${id} ${id}-hint`}
      onClick=${() => input.current.click()}>${t("bench.choose-file")}<//>
      <span class="file-name">${called}</span></div>
    <p class="hint" id=${`${id}-hint`}>${hint}</p></div>`;
}

/** A labelled text of several lines. */
export function TextField({ label, value, onValue, name, rows = 8, hint }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>${label}</label>
    <textarea id=${id} name=${name} rows=${rows} value=${value} spellcheck=${false}
      onInput=${(event) => onValue(event.target.value)}></textarea>
    ${hint && html`<p class="hint">${hint}</p>`}</div>`;
}

/** Upload a scan; returns what the station knows of it. */
export const upload = (file) => api("/scans", { method: "POST", body: file });

/** Save bytes under a name, as a download. */
export function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Save the program of a coupon. Of a mark there is none to be had: a second pin would carry it. */
export async function saveProgram(coupon, recipe) {
  const text = await api("/coupons", { method: "POST", body: { recipe, coupon } });
  saveAs(new Blob([text], { type: "text/plain" }), `${coupon}-${recipe}.gcode`);
}

/** Figures as a list: [[words, value], ...]. */
export function Figures({ of }) {
  return html`<dl class="figures">${of.map(([word, value]) => html`<dt key=${word}>${word}</dt>
    <dd>${value}</dd>`)}</dl>`;
}

/** A number, or a dash where there is none. */
export const figure = (value, digits = 2) =>
  value === null || value === undefined || Number.isNaN(value) ? "–" : number(unsigned(value, digits), digits);

/* what rounds to nothing has no sign */
const unsigned = (value, digits) => (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value);

/** A share as per cent. */
export const percent = (value, digits = 1) =>
  value === null || value === undefined ? "–" : `${figure(value * 100, digits)} %`;

/** An estimate with its interval. */
export const between = ({ value, low, high }, digits = 3) =>
  `${figure(value, digits)} (${figure(low, digits)} – ${figure(high, digits)})`;

const UNITS = [
  ["_j_cm2", "J/cm²"], ["_mm_min", "mm/min"], ["_mm_s2", "mm/s²"], ["_mm_s", "mm/s"], ["_per_mm", "1/mm"],
  ["_um", "µm"], ["_mm", "mm"], ["_nm", "nm"], ["_uj", "µJ"], ["_khz", "kHz"], ["_hz", "Hz"], ["_ps", "ps"],
  ["_us", "µs"], ["_ms", "ms"], ["_s", "s"], ["_deg", "°"], ["_percent", "%"], ["_baud", "Bd"], ["_bytes", "B"],
];

/** The unit that the name of a figure ends with, as it is written; empty where it has none. */
export const unitOf = (key) => (UNITS.find(([end]) => key.endsWith(end)) || ["", ""])[1];
