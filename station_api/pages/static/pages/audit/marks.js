/* Marks: searched by serial, code, state and day; page by page, all pages of one tree size. */
import {
  Button, Field, html, moment, Notice, number, State, t, Table, useKept, usePress, useQuery,
} from "../../frame/kit.js";
import { exportMarks } from "./exporting.js";
import { Life } from "./life.js";

const STATES = ["intended", "marking", "marked", "unknown", "verified", "rejected", "scrapped", "re-mark",
  "cancelled"];
const BLANK = { serial: "", code: "", state: "", from: "", to: "" };
const PAGE = 50;
const DAY_MS = 24 * 3600 * 1000;

/** The query of what is wanted, without a cursor. */
export function wanted({ serial, code, state, from, to }) {
  const query = new URLSearchParams({ newest_first: "true" });
  if (serial.trim()) query.set("fragment", serial.trim());
  if (code.trim()) query.set("code", code.trim());
  if (state) query.set("state", state);
  if (from) query.set("from_us", String(startOf(from) * 1000));
  if (to) query.set("until_us", String((startOf(to) + DAY_MS) * 1000));
  return query.toString();
}

const startOf = (day) => new Date(`${day}T00:00`).getTime();

export function Marks({ logKey }) {
  const [typed, setTyped] = useKept("typed", BLANK);
  const [asked, setAsked] = useKept("asked", wanted(BLANK));
  const [pages, setPages] = useKept("pages", []);
  const [chosen, setChosen] = useKept("mark", "");
  const cursor = pages[pages.length - 1];
  const path = `/marks?limit=${PAGE}&${asked}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  const { data, problem } = useQuery(path);
  const submit = (event) => {
    event.preventDefault();
    setPages([]);
    setAsked(wanted(typed));
  };
  return html`<${Search} typed=${typed} setTyped=${setTyped} submit=${submit} />
    <${Notice} problem=${problem} />
    <div class="halves"><div>
      ${data && html`<${Found} data=${data} asked=${asked} chosen=${chosen} onChoose=${setChosen}>
        ${pages.length > 0 && html`<${Button} onClick=${() => setPages([])}>${t("audit.newest")}<//>
          <${Button} onClick=${() => setPages(pages.slice(0, -1))}>${t("audit.previous")}<//>`}
        ${data.next && html`<${Button} onClick=${() =>
          setPages([...(pages.length ? pages : [data.cursor]), data.next])}>${t("audit.next")}<//>`}<//>`}
    </div><div>${chosen
      ? html`<${Life} key=${chosen} id=${chosen} logKey=${logKey} onChoose=${setChosen} />`
      : html`<p class="waiting">${t("audit.choose-mark")}</p>`}</div></div>`;
}

function Search({ typed, setTyped, submit }) {
  const field = (name, more, children) => html`<${Field} name=${name} label=${t(`audit.${name}`)}
    value=${typed[name]} onValue=${(text) => setTyped((old) => ({ ...old, [name]: text }))} ...${more}>
    ${children}<//>`;
  return html`<form class="search" onSubmit=${submit} role="search" aria-label=${t("audit.search-marks")}>
    ${field("serial", { class: "code", maxlength: 64 })}
    ${field("code", { class: "code", maxlength: 24 })}
    ${field("state", {}, [html`<option key="" value="">${t("audit.any-state")}</option>`,
      ...STATES.map((one) => html`<option key=${one} value=${one}>${t(`state.${one}`)}</option>`)])}
    ${field("from", { type: "date" })}
    ${field("to", { type: "date" })}
    <${Button} kind="main" type="submit">${t("audit.search")}<//></form>`;
}

function Found({ data, asked, chosen, onChoose, children }) {
  const [press, pressed] = usePress((_, kind) => exportMarks(asked, data.cursor, kind));
  const columns = [
    { key: "mark_id", head: t("audit.mark") },
    { key: "serial", head: t("audit.serial-whole"), of: (row) => html`<span class="code">${row.serial}</span>` },
    { key: "code", head: t("audit.code-whole"), of: (row) => html`<span class="code">${row.code}</span>` },
    { key: "state", head: t("audit.state"), of: (row) => html`<${State} of=${row.state} />` },
    { key: "changed", head: t("audit.changed"), of: (row) => moment(row.changed_at_us) },
  ];
  const caption = t("audit.marks-of", { size: number(data.tree_size) });
  return html`<div class="dense found"><${Table} caption=${caption} columns=${columns} rows=${data.marks}
      by="mark_id" empty=${t("audit.none-fit")} chosen=${chosen} onRow=${(row) => onChoose(row.mark_id)} /></div>
    <${Notice} problem=${pressed.problem} />
    <div class="row">${children}${["csv", "json"].map((kind) => html`<${Button} key=${kind}
      busy=${pressed.busy} onClick=${() => press(kind)}>${t(`audit.all-${kind}`)}<//>`)}</div>`;
}
