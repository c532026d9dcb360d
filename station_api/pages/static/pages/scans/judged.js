/* What the inspection says: the verdict in colour and word, each symbol with its figures and limits. */
import { html, t, Table } from "../bench/kit.js";
import { Figures, figure } from "../bench/parts.js";

export function Verdict({ maps }) {
  const found = maps.inspection;
  const good = found.verdict === "good";
  const limits = maps.limits;
  return html`<section class=${`notice verdict ${good ? "good" : "bad"}`} role="status">
    <div class="row"><span class=${`grade ${good ? "good" : "bad"}`} aria-hidden="true">${found.grade}</span>
      <div><strong>${t(good ? "scans.good" : "scans.bad", { grade: found.grade })}</strong>
        <p>${t("scans.codes", { read: found.read_back, ordered: found.ordered })}</p></div></div>
    ${found.findings.length > 0 && html`<ul>${found.findings.map((one) => html`<li key=${one.text}>${one.text}</li>`)}</ul>`}
    <${Figures} of=${[
      [t("scans.relief"), t("scans.um-of", { value: figure(found.relief_um),
        nominal: figure(maps.relief_um, 0), room: figure(limits.relief_deviation_um, 0) })],
      [t("scans.slope"), t("scans.um-most", { value: figure(found.relief_slope_um), most: figure(limits.relief_slope_um, 1) })],
      [t("scans.rotation"), `${figure(found.rotation_deg, 3)}°`],
      [t("scans.scale"), figure(found.scale, 4)],
      [t("scans.registration"), t("scans.um", { value: figure(found.registration_u_um, 3) })],
      [t("scans.limits"), html`${found.acceptance} <code>${found.acceptance_sha256.slice(0, 12)}</code>`],
    ]} /></section>`;
}

/* figure, its key in the reply, what it is held to */
const SIZED = [
  ["relief", "relief_um", (m, l) => [m.relief_um, l.relief_deviation_um]],
  ["width", "width_um", (m, l) => [null, l.size_deviation_um]],
  ["height", "height_um", (m, l) => [null, l.size_deviation_um]],
  ["stroke", "stroke_um", (m, l) => [null, l.stroke_deviation_um]],
  ["floor-sq", "floor_sq_um", (m, l) => l.floor_sq_um],
  ["recast", "recast_um", (m, l) => l.recast_um],
];

function held(limit) {
  if (!Array.isArray(limit)) return `≤ ${figure(limit, 1)}`;
  const [nominal, room] = limit;
  return nominal === null ? `± ${figure(room, 0)}` : `${figure(nominal, 0)} ± ${figure(room, 0)}`;
}

export function Symbols({ maps }) {
  const { inspection: found, limits } = maps;
  const k = limits.coverage_factor;
  const value = (key) => (row) => (row[key] && row[key].value !== null
    ? html`${figure(row[key].value)} <span class="u">± ${figure(k * row[key].u)}</span>` : "–");
  const place = (row) => (row.shift_x_um && row.shift_x_um.value !== null
    ? figure(Math.hypot(row.shift_x_um.value, row.shift_y_um.value)) : "–");
  const head = (name, limit) => html`${t(`figure.${name}`)}<span class="limit">${limit}</span>`;
  const columns = [
    { key: "position", head: t("scans.position"), of: (row) => row.position + 1 },
    { key: "symbol", head: t("scans.symbol"), of: (row) => html`<span class=${`code ${row.symbol === row.ordered
      ? "" : "wrong"}`}>${row.symbol === row.ordered ? row.symbol : `${row.symbol} ≠ ${row.ordered}`}</span>` },
    ...SIZED.slice(0, 1).map(([name, key, of]) => ({ key, head: head(name, held(of(maps, limits))), number: true, of: value(key) })),
    { key: "place", head: head("position", `≤ ${figure(limits.position_deviation_um, 0)}`), number: true, of: place },
    ...SIZED.slice(1).map(([name, key, of]) => ({ key, head: head(name, held(of(maps, limits))), number: true, of: value(key) })),
    { key: "probability", head: t("scans.sure"), number: true, of: (row) => t("scans.share", { share: figure(100 * row.probability, 2) }) },
    { key: "grade", head: t("scans.grade"), of: (row) => html`<span class=${`grade small ${row.grade <= "B"
      ? "good" : row.grade <= "D" ? "warn" : "bad"}`}>${row.grade}</span>` },
    { key: "reason", head: t("scans.reason") },
  ];
  return html`<div class="tight symbols"><${Table} caption=${t("scans.symbols", { k: figure(k, 0) })} columns=${columns}
    rows=${found.symbols} by="position" /></div>`;
}
