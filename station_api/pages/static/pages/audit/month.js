/* A month of the station: what an auditor would ask about, and what has become of it; as PDF and CSV too. */
import {
  Button, Field, has, html, Notice, number, save, t, Table, useKept, usePress, useQuery,
} from "../../frame/kit.js";

const never = () => false; // asking signs a checkpoint

const thisMonth = () => new Date().toISOString().slice(0, 7);

export function Month() {
  const [month, setMonth] = useKept("month", thisMonth());
  const whole = /^[0-9]{4}-[0-9]{2}$/.test(month);
  const { data, problem } = useQuery(whole ? `/papers/audit?month=${month}` : null, never);
  const [press, pressed] = usePress((_, kind, type) =>
    save(`/papers/audit.${kind}?month=${month}`, `audit-${month}.${kind}`, type));
  return html`<div class="search">
      <${Field} label=${t("audit.month")} type="month" value=${month} onValue=${setMonth} max=${thisMonth()} />
      <${Button} busy=${pressed.busy} onClick=${() => press("pdf", "application/pdf")}>
        ${t("audit.month-pdf")}<//>
      <${Button} busy=${pressed.busy} onClick=${() => press("csv", "text/csv")}>${t("audit.month-csv")}<//></div>
    <${Notice} problem=${problem || pressed.problem} />
    ${data && html`<${Audited} data=${data} />`}`;
}

function Audited({ data }) {
  const columns = [
    { key: "kind", head: t("audit.kind") },
    { key: "what", head: t("audit.what") },
    { key: "serial", head: t("audit.serial-whole"), of: (row) => html`<span class="code">${row.serial}</span>` },
    { key: "firearm", head: t("audit.firearm"), of: (row) => `${row.make} ${row.model}` },
    { key: "at", head: t("audit.when") },
    { key: "by", head: t("audit.by") },
    { key: "said", head: t("audit.said") },
    { key: "since", head: t("audit.since") },
  ];
  const rows = data.lines.map((line, at) => ({ ...line, at_line: at }));
  return html`<${Strip} label=${t("audit.month-counts")} counts=${data.counts} />
    <${Strip} label=${t("audit.month-kinds")} counts=${data.kinds} />
    ${!data.over && html`<p class="quiet">${t("audit.month-runs")}</p>`}
    <div class="dense"><${Table} caption=${t("audit.month-lines", { month: data.month })} columns=${columns}
      rows=${rows} by="at_line" empty=${t("audit.month-clean")} /></div>`;
}

const Strip = ({ label, counts }) => html`<h2>${label}</h2>
  <dl class="strip" aria-label=${label}>${Object.entries(counts).map(([name, count]) => html`<div key=${name}>
    <dt>${has(`state.${name}`) ? t(`state.${name}`) : name}</dt><dd>${number(count)}</dd></div>`)}</dl>`;
