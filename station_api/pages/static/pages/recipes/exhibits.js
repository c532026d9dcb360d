/* Evidence as it is judged: each piece with its figures, their limits, and what speaks against it. */
import { html, t } from "../bench/kit.js";
import { figure } from "../bench/parts.js";

const KINDS = ["gauge", "capability", "coupon", "prediction"];
/* key in the log's integers: [divided by, digits, unit] */
const SHOWN = {
  grr_ppm: [1e4, 1, "%"], grr_tolerance_ppm: [1e4, 1, "%"], ndc: [1, 0, ""], parts: [1, 0, ""],
  operators: [1, 0, ""], trials: [1, 0, ""], marks: [1, 0, ""], mean_nm: [1e3, 2, "µm"],
  cpk_ppm: [1e6, 2, ""], cpk_low_ppm: [1e6, 2, ""], cpk_high_ppm: [1e6, 2, ""],
  ppk_symbols_ppm: [1e6, 2, ""], used: [1, 0, ""], threshold_mj_cm2: [1e3, 3, "J/cm²"],
  incubation_ppm: [1e6, 3, ""], penetration_pm: [1e3, 1, "nm"], depth_nm: [1e3, 2, "µm"],
  legible_ppm: [1e4, 1, "%"], worst_position_ppm: [1e4, 1, "%"],
};

/** All four pieces; of those that are missing it says so. `inputs` gives the fields of a kind. */
export function Exhibits({ exhibits, limits, reasons, inputs = {} }) {
  return KINDS.map((kind) => {
    const one = exhibits.find((exhibit) => exhibit.kind === kind);
    const state = one ? (one.doubts.length ? "bad" : "good") : "missing";
    const missing = reasons.filter((said) => said.startsWith(`${kind}:`)).length > 0;
    return html`<section key=${kind} class=${`evidence ${state}`} data-kind=${kind}>
      <h3>${t(`recipes.kind-${kind}`)}
        <span class=${`judged ${state === "missing" ? "warn" : state}`}>${t(`recipes.is-${state}`)}</span></h3>
      ${!one && missing && html`<p class="quiet">${t(`recipes.lacks-${kind}`)}</p>`}
      ${one && html`<${Exhibit} one=${one} limits=${limits} />`}
      ${inputs[kind]}</section>`;
  });
}

function Exhibit({ one, limits }) {
  const keys = Object.keys(SHOWN).filter((key) => key in one.figures);
  return html`${one.doubts.length > 0 && html`<ul>${one.doubts.map((said) => html`<li key=${said}>${said}</li>`)}</ul>`}
    <table><tbody>${keys.map((key) => html`<tr key=${key}><th scope="row">${t(`exhibit.${key}`)}</th>
      <td class="number">${shown(key, one.figures[key])}</td>
      <td class="quiet">${limit(key, limits[key])}</td></tr>`)}</tbody></table>
    <p class="quiet">${t("recipes.from", { source: one.source })}</p>`;
}

function shown(key, value) {
  const [by, digits, unit] = SHOWN[key];
  return value === null ? "–" : `${figure(value / by, digits)} ${unit}`;
}

function limit(key, of) {
  if (!of) return "";
  const [by, digits, unit] = SHOWN[key];
  const sign = of.most === undefined ? "≥" : "≤";
  return `${sign} ${figure((of.most === undefined ? of.least : of.most) / by, digits)} ${unit}`;
}
