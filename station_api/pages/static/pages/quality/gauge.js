/* The gauge study: a crossed table given as a file, typed as text or cell by cell, then judged. */
import {
  api, Button, Field, html, Notice, Panel, t, useKept, usePress, useQuery, useState,
} from "../bench/kit.js";
import { StudyChart } from "../bench/chart.js";
import { Choice, figure, FileField, percent, TextField } from "../bench/parts.js";

const HEAD = "part,operator,trial,value";
const SHORT = [5, 2, 2];
const LONG = [10, 3, 3];

/** Lines of the CSV -> rows; whatever is no row is left for the service to refuse. */
const rowsOf = (table) => table.trim().split(/\r?\n/).slice(1).map((line) => line.split(",").map((one) => one.trim()))
  .filter((row) => row.length === 4);

const tableOf = (rows) => `${HEAD}\n${rows.map((row) => row.join(",")).join("\n")}\n`;

function emptyTable([parts, operators, trials]) {
  const rows = [];
  for (let p = 1; p <= parts; p += 1) {
    for (let o = 0; o < operators; o += 1) {
      for (let k = 1; k <= trials; k += 1) rows.push([p, "ABC"[o], k, ""]);
    }
  }
  return tableOf(rows);
}

export function Gauge() {
  const [table, setTable] = useKept("table", "");
  const [tolerance, setTolerance] = useKept("tolerance", "8");
  const [how, setHow] = useKept("table-how", "cells");
  const [study, setStudy] = useState(null);
  const change = (text) => {
    setTable(text);
    setStudy(null);
  };
  const [press, pressed] = usePress(async () => {
    const body = { table, tolerance: tolerance ? Number(tolerance) : null };
    setStudy(await api("/gauge-studies", { method: "POST", body }));
  });
  return html`<${Panel} title=${t("quality.gauge-title")}>
    <div class="columns">
      <${FileField} name="study" label=${t("bench.study-file")} hint=${t("bench.study-hint")} accept=".csv"
        onFile=${async (file) => change(await file.text())} />
      <${Field} name="tolerance" label=${t("quality.tolerance")} value=${tolerance} onValue=${setTolerance}
        inputmode="decimal" hint=${t("quality.tolerance-hint")} />
      <div class="field"><span class="label">${t("quality.empty")}</span><div class="row">
        ${[SHORT, LONG].map((sizes) => html`<${Button} key=${sizes[0]} onClick=${() => change(emptyTable(sizes))}>${sizes.join(" × ")}<//>`)}
      </div></div>
    </div>
    ${table && html`<${Choice} label=${t("bench.study-table")} value=${how} onValue=${setHow}
      of=${[["cells", t("quality.cells")], ["text", t("quality.as-text")]]} />`}
    ${table && how === "cells" && html`<${Cells} table=${table} onTable=${change} />`}
    ${table && how === "text" && html`<${TextField} name="table" label=${t("bench.study-table")} value=${table} onValue=${change} />`}
    <${Button} kind="main" busy=${pressed.busy} disabled=${!table} onClick=${() => press()}>${t("quality.study")}<//>
    <${Notice} problem=${pressed.problem} /><//>
    ${study && html`<${Studied} study=${study} />`}`;
}

/** A row a part, a column a trial of an operator. */
function Cells({ table, onTable }) {
  const rows = rowsOf(table);
  const parts = [...new Set(rows.map(([part]) => part))];
  const columns = [...new Set(rows.map(([, operator, trial]) => `${operator},${trial}`))];
  const at = new Map(rows.map(([part, operator, trial], n) => [`${part},${operator},${trial}`, n]));
  const write = (n, value) => {
    const next = rows.map((row) => [...row]);
    next[n][3] = value.replace(",", ".");
    onTable(tableOf(next));
  };
  return html`<div class="scroll cells" tabindex="0" role="region" aria-label=${t("bench.study-table")}><table>
    <thead><tr><th scope="col">${t("quality.part")}</th>${columns.map((one) => html`<th scope="col" key=${one}>${one.replace(",", " ")}</th>`)}</tr></thead>
    <tbody>${parts.map((part) => html`<tr key=${part}><th scope="row">${part}</th>${columns.map((one) => {
      const n = at.get(`${part},${one}`);
      return html`<td key=${one}>${n !== undefined && html`<input inputmode="decimal" value=${rows[n][3]}
        aria-label=${t("quality.cell", { part, operator: one.split(",")[0], trial: one.split(",")[1] })}
        onInput=${(event) => write(n, event.target.value)} />`}</td>`;
    })}</tr>`)}</tbody></table></div>`;
}

function Studied({ study }) {
  const { data } = useQuery("/releases", () => false);
  if (!data) return null;
  const good = study.acceptable;
  const most = data.limits.grr_ppm.most / 1e6;
  const least = data.limits.ndc.least;
  const share = study.grr_tolerance_share;
  const rows = [
    ["grr", percent(study.grr_share), `≤ ${percent(most, 0)}`, study.grr_share <= most],
    ["grr-tolerance", percent(share), `≤ ${percent(most, 0)}`, share === null ? null : share <= most],
    ["ndc", study.ndc, `≥ ${least}`, study.ndc >= least],
    ["repeatability", figure(study.repeatability, 4), "", null],
    ["reproducibility", figure(study.reproducibility, 4), "", null],
    ["part-variation", figure(study.part_variation, 4), "", null],
    ["interaction", figure(study.interaction_p, 3), "", null],
  ];
  return html`<div class=${`notice ${good ? "good" : "bad"}`} role="status"><strong>${t(good ? "quality.can-tell" : "quality.cannot-tell")}</strong></div>
    <${Panel} title=${t("quality.measured")}><${StudyChart} study=${study} name=${t("quality.value")} />
    <table class="results"><tbody>${rows.map(([name, value, limit, held]) => html`<tr key=${name} data-figure=${name}><th scope="row">${t(`quality.${name}`)}</th>
      <td class="number">${value}</td><td class="quiet">${limit}</td>
      <td>${held !== null && html`<span class=${`judged ${held ? "good" : "bad"}`}>${t(held ? "quality.held" : "quality.missed")}</span>`}</td></tr>`)}</tbody></table><//>`;
}
