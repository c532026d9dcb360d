/* Control charts and capability over the live records. */
import { Field, html, Notice, Panel, t, Table, useKept, useQuery } from "../bench/kit.js";
import { ControlChart } from "../bench/chart.js";
import { AcceptanceField, figure, Figures, RecipeField } from "../bench/parts.js";

const FIGURES = [
  "relief", "position", "shift-x", "shift-y", "width", "height", "stroke", "draft", "floor-sa",
  "floor-sq", "recast", "slope", "tilt", "rotation", "scale", "offset",
];
const OF_MARK = ["slope", "tilt", "rotation", "scale", "offset"];
const UNITS = { um: "µm", deg: "°", 1: "" };
const SYMBOLS = [...Array(12).keys()];

export function Charts() {
  const [recipe, setRecipe] = useKept("recipe", "default");
  const [acceptance, setAcceptance] = useKept("acceptance", "default");
  const [name, setName] = useKept("figure", "relief");
  const [symbol, setSymbol] = useKept("symbol", "");
  const [subgroup, setSubgroup] = useKept("subgroup", "1");
  const [baseline, setBaseline] = useKept("baseline", "");
  const ofSymbol = symbol !== "" && !OF_MARK.includes(name) ? `&symbol=${symbol}` : "";
  const limits = Number(baseline) >= 2 ? `&baseline=${Number(baseline)}` : "";
  const { data: chart, problem } = useQuery(`/charts?recipe=${recipe}&acceptance=${acceptance}&figure=${name}&subgroup=${subgroup}${ofSymbol}${limits}`);
  const { data: able } = useQuery(`/capability?recipe=${recipe}&acceptance=${acceptance}`);
  return html`<${Panel}>
    <div class="asking">
      <${RecipeField} value=${recipe} onValue=${setRecipe} />
      <${AcceptanceField} value=${acceptance} onValue=${setAcceptance} />
      <${Field} name="figure" label=${t("quality.figure")} value=${name} onValue=${setName}>
        ${FIGURES.map((one) => html`<option key=${one} value=${one}>${t(`figure.${one}`)}</option>`)}<//>
      <${Field} name="symbol" label=${t("quality.symbol")} value=${symbol} onValue=${setSymbol} disabled=${OF_MARK.includes(name)}>
        <option value="">${t("quality.mean")}</option>
        ${SYMBOLS.map((k) => html`<option key=${k} value=${String(k)}>${k + 1}</option>`)}<//>
      <${Field} name="subgroup" label=${t("quality.subgroup")} value=${subgroup} onValue=${setSubgroup}>
        ${[1, 2, 3, 4, 5, 8, 10].map((k) => html`<option key=${k} value=${String(k)}>${k}</option>`)}<//>
      <${Field} name="baseline" label=${t("quality.baseline")} inputmode="numeric" value=${baseline} onValue=${setBaseline} />
    </div>
    ${problem && html`<p class="notice" role="status">${problem.detail}</p>`}
    ${chart && !problem && html`<${Charted} chart=${chart} />`}<//>
    ${able && able.marks > 0 && html`<${Capability} able=${able} />`}`;
}

function Charted({ chart }) {
  const unit = UNITS[chart.unit] || chart.unit;
  const name = `${t(`figure.${chart.figure}`)}${unit && `, ${unit}`}`;
  return html`<${Steady} chart=${chart} />
    <${ControlChart} chart=${chart} name=${name} />
    <${Figures} of=${[
      [t("quality.kind"), chart.kind], [t("quality.points"), chart.points.length],
      [t("quality.sigma"), `${figure(chart.sigma, 3)} ${unit}`], [t("quality.unmeasured"), chart.unmeasured],
    ]} />
    ${chart.signals.length > 0 && html`<${Signals} chart=${chart} />`}`;
}

function Steady({ chart }) {
  const count = chart.signals.length;
  return html`<p class=${`notice ${count ? "bad" : "good"}`} role="status"><strong>${count
    ? t("quality.fired", { count, mark: chart.signals[count - 1].mark_id }) : t("quality.steady")}</strong></p>`;
}

function Signals({ chart }) {
  const columns = [
    { key: "mark_id", head: t("quality.mark") },
    { key: "rule", head: t("quality.rule"), number: true },
    { key: "text", head: t("quality.broken"), of: (one) => t(`rule.${one.rule}`) },
  ];
  const rows = chart.signals.map((one, id) => ({ ...one, id })).reverse();
  return html`<div class="tight"><${Table} caption=${t("quality.signals")} columns=${columns} rows=${rows.slice(0, 20)} by="id" /></div>`;
}

function Capability({ able }) {
  const index = (name) => (row) => {
    if (!row.capability || row.capability[name] === null) return "–";
    const { [name]: value, [`${name}_low`]: low, [`${name}_high`]: high } = row.capability;
    return html`${figure(value)} <span class="u">(${figure(low)} – ${figure(high)})</span>`;
  };
  const { data: standing } = useQuery("/releases", () => false);
  const least = standing ? standing.limits.cpk_ppm.least / 1e6 : NaN;
  const judged = (row) => {
    const cpk = row.capability && row.capability.cpk;
    if (cpk === null || cpk === undefined || Number.isNaN(least)) return "–";
    const kind = cpk >= least ? "good" : cpk >= 1 ? "warn" : "bad";
    return html`<span class=${`judged ${kind}`}>${t(`quality.able-${kind}`, { least: figure(least) })}</span>`;
  };
  const columns = [
    { key: "figure", head: t("quality.figure"), of: (row) => t(`figure.${row.figure}`) },
    { key: "unit", head: t("quality.unit"), of: (row) => UNITS[row.unit] ?? row.unit },
    { key: "lower", head: t("quality.from"), number: true, of: (row) => figure(row.lower_limit) },
    { key: "upper", head: t("quality.to"), number: true, of: (row) => figure(row.upper_limit) },
    { key: "mean", head: t("quality.of-mean"), number: true, of: (row) => figure(row.capability && row.capability.mean, 3) },
    { key: "cp", head: t("quality.cp"), number: true, of: index("cp") },
    { key: "cpk", head: t("quality.cpk"), number: true, of: index("cpk") },
    { key: "able", head: t("quality.judged"), of: judged },
    { key: "signals", head: t("quality.signals"), number: true },
  ];
  return html`<div class="tight"><${Table} caption=${t("quality.capability", { count: able.marks })} columns=${columns}
    rows=${able.figures} by="figure" /></div>`;
}
