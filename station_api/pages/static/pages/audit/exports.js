/* Files that the service makes, and what the law wants of them, as it stands now. */
import {
  Button, Field, html, Notice, save, t, Table, useKept, usePress, useQuery,
} from "../../frame/kit.js";
import { VIEWS } from "./book.js";

export function Exports() {
  const [view, setView] = useKept("export-view", "both");
  const [from, setFrom] = useKept("export-from", "");
  const [to, setTo] = useKept("export-to", "");
  const [press, pressed] = usePress((_, file) => save(...file));
  const days = new URLSearchParams();
  if (from) days.set("acquired_from", from);
  if (to) days.set("acquired_to", to);
  const events = new URLSearchParams();
  if (from) events.set("since", from);
  if (to) events.set("until", to);
  const files = [
    ["book-pdf", `/papers/book.pdf?view=${view}&${days}`, "book.pdf", "application/pdf"],
    ["book-csv", `/papers/book.csv?view=${view}&${days}`, "book.csv", "text/csv"],
    ["epcis", `/papers/epcis?${events}`, "epcis.jsonld", "application/ld+json"],
    ["checkpoint", "/log/checkpoint", "checkpoint.txt", "text/plain"],
    ["key", "/log/key", "log.pub", "text/plain"],
    ["entries", "/log/entries?limit=500", "entries.json", "application/json"],
  ];
  return html`<section class="panel" aria-label=${t("audit.exports")}><h2>${t("audit.exports")}</h2>
      <div class="search"><${Field} label=${t("audit.view")} value=${view} onValue=${setView}>
          ${VIEWS.map((one) => html`<option key=${one} value=${one}>${t(`audit.view-${one}`)}</option>`)}<//>
        <${Field} label=${t("audit.from")} type="date" value=${from} onValue=${setFrom} />
        <${Field} label=${t("audit.to")} type="date" value=${to} onValue=${setTo} /></div>
      <ul class="files">${files.map(([name, path, file, type]) => html`<li key=${name}>
        <div><strong>${t(`audit.file-${name}`)}</strong>
          <span class="quiet">${t(`audit.about-${name}`)}</span></div>
        <${Button} busy=${pressed.busy} onClick=${() => press([path, file, type])}>${file}<//></li>`)}</ul>
      <${Notice} problem=${pressed.problem} /></section>
    <${Rules} />`;
}

function Rules() {
  const { data, problem } = useQuery("/papers/checklist");
  if (!data) return html`<${Notice} problem=${problem} />`;
  const columns = ["rule", "wants", "by", "how", "state", "found"].map((name) => ({ key: name, head: t(`audit.rule-${name}`) }));
  return html`<div class="dense"><${Table} caption=${t("audit.rules")} columns=${columns} rows=${data.conditions}
    by="name" /></div>`;
}
