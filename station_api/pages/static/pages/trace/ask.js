/* The question: symbols as the microscope shows them, a serial, or scans of cases. */
import {
  api, Button, Field, html, Notice, t, useKept, usePress, useQuery, useState,
} from "../../frame/kit.js";
import { Boxes } from "./boxes.js";
import { parse, shapeOf, SHAPES } from "./reading.js";

const WAYS = ["symbols", "serial", "cases"];
const never = () => false;

/** The question of one request, kept as typed; `onAsked` gets the id of the query. */
export function Ask({ requestId, mayUpload, onAsked }) {
  const [way, setWay] = useKept(`way.${requestId}`, "symbols");
  const [typed, setTyped] = useKept(`question.${requestId}`, {
    text: "", shape: "pin32-12", any: false, misread: "", serial: "", scans: [], recipe: "default",
  });
  const change = (more) => setTyped((old) => ({ ...old, ...more }));
  const [press, pressed] = usePress(async (key) => {
    const body = { ...questionOf(way, typed), ...(requestId ? { request_id: requestId } : {}) };
    onAsked((await api("/trace/search", { method: "POST", key, body })).query_id);
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  const ways = mayUpload ? WAYS : WAYS.slice(0, 2);
  const Way = { symbols: Symbols, serial: Serial, cases: Cases }[way];
  return html`<section class="panel" aria-label=${t("trace.question")}>
    <div class="title"><h2>${t("trace.question")}</h2>
      <div class="row" role="group" aria-label=${t("trace.by")}>${ways.map((one) => html`
        <${Button} key=${one} aria-pressed=${way === one} onClick=${() => setWay(one)}>
          ${t(`trace.by-${one}`)}<//>`)}</div></div>
    <form onSubmit=${submit}><${Way} typed=${typed} change=${change} />
      <${Notice} problem=${pressed.problem} />
      <${Button} kind="main" type="submit" busy=${pressed.busy}>
        ${t(pressed.busy ? "trace.searching" : "trace.search")}<//></form></section>`;
}

function questionOf(way, typed) {
  if (way === "serial") return { serial: typed.serial };
  if (way === "cases") return { scans: typed.scans, recipe: typed.recipe };
  const part = typed.shape === "part";
  return {
    pattern: typed.text,
    fragment: part,
    any_order: typed.any,
    ...(part ? {} : { format_name: typed.shape }),
    ...(typed.misread === "" ? {} : { misread: Number(typed.misread) }),
  };
}

function Symbols({ typed, change }) {
  const known = parse(typed.text).filter((cell) => cell !== "").length;
  const type = (text) => {
    const whole = typed.shape === "part" ? null : shapeOf(parse(text).length);
    change({ text, ...(whole ? { shape: whole } : {}) });
  };
  const shape = (name) => {
    const cells = parse(typed.text);
    const filled = cells.some((cell) => cell !== "");
    change({ shape: name, text: filled && cells.length <= SHAPES[name].symbols ? typed.text : "" });
  };
  return html`<${Boxes} text=${typed.text} shape=${typed.shape} onText=${(text) => change({ text })} />
    <div class="three-columns">
      <${Field} label=${t("trace.text")} hint=${t("trace.text-hint", { known })} class="code"
        value=${typed.text} onValue=${type} autocapitalize="characters" />
      <${Field} label=${t("trace.shape")} value=${typed.shape} onValue=${shape}>
        ${Object.keys(SHAPES).map((name) => html`<option key=${name} value=${name}>
          ${t(`trace.shape-${name}`)}</option>`)}<//>
      <${Field} label=${t("trace.misread")} value=${typed.misread}
        onValue=${(misread) => change({ misread })}>
        <option value="">${t("trace.misread-auto")}</option>
        ${[0, 1, 2, 3].map((count) => html`<option key=${count} value=${count}>${count}</option>`)}<//>
    </div>
    <label class="choice"><input type="checkbox" checked=${typed.any}
      onChange=${(event) => change({ any: event.target.checked })} />${t("trace.any-order")}</label>`;
}

const Serial = ({ typed, change }) => html`<${Field} label=${t("trace.serial")} class="code"
  hint=${t("trace.serial-hint")} value=${typed.serial} onValue=${(serial) => change({ serial })} />`;

function Cases({ typed, change }) {
  const { data } = useQuery("/profiles", never);
  const [press, pressed] = usePress(async (_, files) => {
    const added = [];
    for (const file of files) {
      const { scan_id } = await api("/trace/scans", { method: "POST", body: file });
      added.push({ scan_id, name: file.name.slice(0, 64) });
    }
    const kept = typed.scans.filter((one) => !added.some((two) => two.scan_id === one.scan_id));
    change({ scans: [...kept, ...added] });
  });
  const names = new Set((data ? data.profiles : []).filter((one) => one.kind === "recipes")
    .map((one) => one.name));
  const [over, setOver] = useState(false);
  return html`<p>${t("trace.cases-hint")}</p>
    <label class="button file" data-over=${over ? "yes" : null}>${t("trace.add-scans")}
      <input type="file" multiple accept=".x3p,.csv,.png,.tif,.tiff" aria-busy=${pressed.busy}
        onDragEnter=${() => setOver(true)} onDragLeave=${() => setOver(false)}
        onChange=${(event) => press([...event.target.files])} /></label>
    <${Notice} problem=${pressed.problem} />
    <ul class="list scans">${typed.scans.map((one) => html`<li key=${one.scan_id}>
      <span>${one.name}</span><span class="code quiet">${one.scan_id.slice(0, 12)}</span>
      <${Button} onClick=${() => change({
        scans: typed.scans.filter((other) => other.scan_id !== one.scan_id),
      })}>${t("trace.remove")}<//></li>`)}</ul>
    <${Field} label=${t("trace.recipe")} value=${typed.recipe} onValue=${(recipe) => change({ recipe })}>
      ${[...new Set([typed.recipe, ...names])].map((name) => html`<option key=${name} value=${name}>
        ${name}</option>`)}<//>`;
}
