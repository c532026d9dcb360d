/* The wizard of the closed loop: burn a coupon, scan it, fit the metal, keep a recipe made for it. */
import {
  api, Button, Field, html, Notice, number, Panel, t, useKept, useMemo, usePress, useQuery,
} from "../bench/kit.js";
import { FlatMap } from "../bench/flat.js";
import { openGrid } from "../bench/grid.js";
import { between, figure, FileField, RecipeField, saveProgram, upload, useAsked } from "../bench/parts.js";
import { PlanViewer } from "../plans/viewer.js";

const STEPS = ["burn", "scan", "fit", "keep"];
const BLANK = { step: 0, scanId: "", fit: null, kept: null };
const METAL = [
  ["ablation_threshold_j_cm2", "fth", "J/cm²"], ["penetration_depth_nm", "delta", "nm"], ["incubation_coefficient", "s", ""],
];

export function Coupon() {
  const [recipe, setRecipe] = useKept("recipe", "default");
  const [name, setName] = useKept("coupon-name", "");
  const [at, setAt] = useKept("coupon", BLANK);
  const go = (more) => setAt((old) => ({ ...old, ...more }));
  const Step = [Burn, Scan, Fit, Keep][at.step];
  const may = [true, true, at.scanId !== "", at.fit !== null];
  return html`<ol class="steps" aria-label=${t("quality.steps")}>${STEPS.map((one, k) => html`<li key=${one}
      aria-current=${k === at.step ? "step" : null}><${Button} disabled=${!may[k]} onClick=${() => go({ step: k })}>
      ${k + 1}. ${t(`quality.step-${one}`)}<//></li>`)}</ol>
    <${Panel} title=${t(`quality.step-${STEPS[at.step]}`)}>
      <${Step} recipe=${recipe} setRecipe=${setRecipe} name=${name} setName=${setName} at=${at} go=${go} /><//>`;
}

function Burn({ recipe, setRecipe, go }) {
  const { data: plan, problem, busy } = useAsked("/plans", { recipe, coupon: "power" });
  const [press, pressed] = usePress(() => saveProgram("power", recipe));
  const command = `pinmark stream power-${recipe}.gcode --fire --port`;
  return html`<${RecipeField} value=${recipe} onValue=${(one) => { setRecipe(one); go(BLANK_SCAN); }} />
    <p>${t("quality.burn-do")}</p><p><code>${command}</code> ${t("quality.port")}</p>
    <${Notice} problem=${problem || pressed.problem} />
    ${plan ? html`<p class="quiet">${t("quality.burn-takes", { s: figure(plan.machine_s, 0), strokes: number(plan.strokes) })}</p>
      <${PlanViewer} plan=${plan} />` : busy && html`<p role="status">${t("plans.planning")}</p>`}
    <div class="row"><${Button} busy=${pressed.busy} disabled=${!plan} onClick=${() => press()}>${t("bench.save-program")}<//>
      <${Button} kind="main" onClick=${() => go({ step: 1 })}>${t("quality.burned")}<//></div>`;
}

const BLANK_SCAN = { scanId: "", fit: null, kept: null };

function Scan({ at, go, recipe }) {
  const { data: maps, problem } = useAsked(at.scanId ? `/scans/${at.scanId}/maps` : null, { recipe, side: 300 });
  const [send, sent] = usePress(async (_key, file) => {
    go({ ...BLANK_SCAN, scanId: (await upload(file)).scan_id });
  });
  const map = useMemo(() => maps && openGrid(maps.heights), [maps]);
  return html`<${FileField} name="coupon" label=${t("bench.coupon-file")} hint=${t("bench.coupon-hint")} accept=".x3p" onFile=${send} />
    ${sent.busy && html`<p role="status">${t("bench.uploading")}</p>`}<${Notice} problem=${sent.problem || problem} />
    ${map && html`<${FlatMap} map=${map} scale="height" label=${t("quality.coupon-map")} name=${t("scans.height-bar")} />
      <p class="quiet">${t("bench.scan")} <code>${at.scanId.slice(0, 16)}</code></p>`}
    <${Button} kind="main" disabled=${!at.scanId} onClick=${() => go({ step: 2 })}>${t("quality.next-fit")}<//>`;
}

function Fit({ recipe, name, setName, at, go }) {
  const [press, pressed] = usePress(async () => {
    const body = { scan_id: at.scanId, recipe, save_as: name.trim() };
    go({ fit: await api("/coupon-fits", { method: "POST", body }), kept: null });
  });
  return html`<p>${t("quality.fit-do", { recipe })}</p>
    <${Field} name="save-as" label=${t("quality.save-as")} hint=${t("quality.save-as-hint")} value=${name}
      onValue=${(text) => { setName(text); go({ fit: null, kept: null }); }} />
    <${Button} kind=${at.fit ? "plain" : "main"} busy=${pressed.busy} disabled=${!name.trim()} onClick=${() => press()}>
      ${t(pressed.busy ? "quality.fitting" : "quality.do-fit")}<//>
    <${Notice} problem=${pressed.problem} />
    ${at.fit && html`<${Fitted} fit=${at.fit} recipe=${recipe} />
      <${Button} kind="main" onClick=${() => go({ step: 3 })}>${t("quality.next-keep")}<//>`}`;
}

/** Each figure with its interval, drawn beside what the recipe assumed. */
function Fitted({ fit, recipe }) {
  const assumed = useAssumed(recipe);
  return html`<table class="results"><caption>${t("quality.fitted", { used: fit.used })}</caption>
    <thead><tr><th scope="col">${t("quality.figure")}</th><th scope="col" class="number">${t("quality.found")}</th>
      <th scope="col" class="number">${t("quality.assumed")}</th><th scope="col">${t("quality.unit")}</th>
      <th scope="col">${t("quality.interval")}</th></tr></thead>
    <tbody>${METAL.map(([key, word, unit]) => html`<tr key=${key} data-figure=${word}><th scope="row">${t(`quality.${word}`)}</th>
      <td class="number">${between(fit[key])}</td>
      <td class="number">${figure(assumed[key], 3)}</td><td>${unit}</td>
      <td><${Interval} of=${fit[key]} assumed=${assumed[key]} /></td></tr>`)}</tbody></table>
    <p><strong>${t("quality.proposed", { passes: fit.proposed_passes, khz: figure(fit.proposed_repetition_rate_khz, 3) })}</strong></p>`;
}

function Interval({ of, assumed }) {
  const all = [of.low, of.high, of.value, ...(assumed === undefined ? [] : [assumed])];
  const room = (Math.max(...all) - Math.min(...all)) * 0.15 || 1;
  const x = (v) => (220 * (v - Math.min(...all) + room)) / (Math.max(...all) - Math.min(...all) + 2 * room);
  const said = t("quality.interval-said", { low: figure(of.low, 3), high: figure(of.high, 3) });
  return html`<svg class="chart interval" viewBox="0 0 220 28" role="img" aria-label=${said}>
    <path class="control" d=${`M${x(of.low)} 14H${x(of.high)}M${x(of.low)} 8V20M${x(of.high)} 8V20`} />
    <circle class="dot" r="5" cx=${x(of.value)} cy="14" />
    ${assumed !== undefined && html`<path class="assumed" d=${`M${x(assumed)} 3V25`} />`}</svg>`;
}

/** The figures of the metal that a recipe names, from the profiles in use. */
function useAssumed(recipe) {
  const { data } = useQuery("/profiles");
  const inUse = (kind, name) => data && data.profiles.filter((one) =>
    one.kind === kind && one.name === name && one.state === "released").pop();
  const ofRecipe = inUse("recipes", recipe);
  const { data: text } = useQuery(ofRecipe ? `/profiles/recipes/${recipe}/${ofRecipe.version}` : null);
  const metal = text && (text.text.match(/^material *= *"([^"]+)"/m) || [])[1];
  const ofMetal = metal && inUse("materials", metal);
  const { data: found } = useQuery(ofMetal ? `/profiles/materials/${metal}/${ofMetal.version}` : null);
  const value = (key) => {
    const hit = found && found.text.match(new RegExp(`^${key} *= *(?:\\{ *value *= *)?([0-9.eE+-]+)`, "m"));
    return hit ? Number(hit[1]) : undefined;
  };
  return Object.fromEntries(METAL.map(([key]) => [key, value(key)]));
}

function Keep({ name, at, go }) {
  const [press, pressed] = usePress(async () => {
    const called = name.trim();
    const metal = await api(`/profiles/materials/${called}`, { method: "POST", body: { text: at.fit.material } });
    await api(`/profiles/materials/${called}/${metal.version}/release`, { method: "POST" });
    const made = await api(`/profiles/recipes/${called}`, { method: "POST", body: { text: at.fit.recipe } });
    go({ kept: { name: called, version: made.version } });
  });
  return html`<p>${t("quality.keep-do", { name: name.trim() })}</p>
    <div class="two"><div><h3>${t("quality.the-material")}</h3><pre class="text">${at.fit.material}</pre></div>
      <div><h3>${t("quality.the-recipe")}</h3><pre class="text">${at.fit.recipe}</pre></div></div>
    <${Notice} problem=${pressed.problem} />
    ${at.kept ? html`<div class="notice good" role="status"><strong>${t("quality.kept", at.kept)}</strong>
        <p><a class="button" href="/pages/recipes">${t("quality.to-recipes")}</a></p></div>
      <${Button} onClick=${() => go(BLANK)}>${t("quality.again")}<//>`
      : html`<${Button} kind="main" busy=${pressed.busy} onClick=${() => press()}>${t("quality.do-keep")}<//>`}`;
}
