/* The firearms book as it was written, as it is corrected, or both; who corrected what, and why. */
import {
  Button, Field, html, moment, Notice, t, Table, useKept, useQuery,
} from "../../frame/kit.js";

export const VIEWS = ["original", "corrected", "both"];

export function Book() {
  const [view, setView] = useKept("view", "both");
  const [serial, setSerial] = useKept("book-serial", "");
  const [only, setOnly] = useKept("only", false);
  const [pages, setPages] = useKept("book-pages", []);
  const after = pages[pages.length - 1] || 0;
  const query = new URLSearchParams({ view, limit: "50", after: String(after) });
  if (serial.trim()) query.set("serial", serial.trim());
  if (only) query.set("only_corrected", "true");
  const { data, problem } = useQuery(`/papers/lines?${query}`);
  const { data: made } = useQuery("/corrections");
  return html`<div class="search">
      <div class="row" role="group" aria-label=${t("audit.view")}>${VIEWS.map((one) => html`
        <${Button} key=${one} aria-pressed=${view === one} onClick=${() => setView(one)}>
          ${t(`audit.view-${one}`)}<//>`)}</div>
      <${Field} label=${t("audit.serial-whole")} value=${serial} class="code" onValue=${(text) => {
        setSerial(text);
        setPages([]);
      }} />
      <label class="choice"><input type="checkbox" checked=${only} onChange=${(event) => {
        setOnly(event.target.checked);
        setPages([]);
      }} />${t("audit.only-corrected")}</label></div>
    <${Notice} problem=${problem} />
    ${data && html`<div class="dense book"><${Table} caption=${t("audit.book")} columns=${columns()}
      rows=${data.lines} by="line" empty=${t("audit.none-fit")} /></div>
      <div class="row pager">${after > 0 && html`<${Button} onClick=${() => setPages(pages.slice(0, -1))}>
        ${t("audit.previous")}<//>`}
      ${data.next && html`<${Button} onClick=${() => setPages([...pages, data.next])}>
        ${t("audit.next")}<//>`}</div>`}
    ${made && html`<${Corrections} rows=${made.corrections} />`}`;
}

const columns = () => [
  { key: "line", head: t("audit.line") },
  { key: "serial", head: t("audit.serial-whole"), of: (row) => versions(row.acquisitions, (one) => one.serial, "code") },
  { key: "firearm", head: t("audit.firearm"), of: (row) => versions(row.acquisitions, (one) =>
    [one.manufacturer, one.importer, one.model, one.type, one.caliber].filter(Boolean).join(", ")) },
  { key: "acquired", head: t("audit.acquired"), of: (row) => versions(row.acquisitions, written) },
  { key: "disposed", head: t("audit.disposed"), of: (row) => (row.dispositions.length
    ? versions(row.dispositions, written) : html`<span class="quiet">${t("audit.here")}</span>`) },
  { key: "by", head: t("audit.by"), of: (row) => versions([...row.acquisitions, ...row.dispositions], (one) =>
    `${one.written_by}${one.approved_by ? ` + ${one.approved_by}` : ""}, ${moment(one.changed_at_us)}${
      one.reason ? `: ${one.reason}` : ""}`) },
];

const written = (one) => [one.on_date, one.how, one.party_name].filter(Boolean).join(", ");

/** Every version of an entry, oldest first; what a later one replaced is crossed out. */
function versions(entries, of, kind) {
  const newest = new Map(entries.map((one) => [one.part, one.version]));
  return html`<ul class=${`versions ${kind || ""}`}>${entries.map((one) => html`<li key=${one.entry_id}>
    ${one.version < newest.get(one.part) ? html`<s>${of(one)}</s>` : of(one)}</li>`)}</ul>`;
}

function Corrections({ rows }) {
  const shown = [
    { key: "correction_id", head: t("audit.correction") },
    { key: "entry_id", head: t("audit.of-entry") },
    { key: "changes", head: t("audit.changes"), of: (row) => Object.entries(row.changes)
      .map(([name, value]) => `${name}: ${value}`).join("; ") },
    { key: "reason", head: t("audit.reason") },
    { key: "asked_by", head: t("audit.by"), of: (row) => `${row.asked_by}, ${moment(row.asked_at_us)}` },
    { key: "made", head: t("audit.made"), of: (row) => row.made_entry || t("audit.waits") },
  ];
  return html`<div class="dense"><${Table} caption=${t("audit.corrections")} columns=${shown} rows=${rows}
    by="correction_id" empty=${t("audit.none-corrected")} /></div>`;
}
