/* One recipe as it stands: its evidence gathered and judged, then released or withdrawn by a person. */
import {
  api, Button, Dialog, Field, html, Notice, Panel, State, t, useCallback, useEffect, useHear, useKept,
  useRef, usePress, useState,
} from "../bench/kit.js";
import { FileField, RecipeField, TextField, upload } from "../bench/parts.js";
import { Exhibits } from "./exhibits.js";

const NOTHING = { gauge_table: "", coupon_scan_id: "", coupon_recipe: "", conditions: "" };

/** The judgement is made anew whenever the evidence changes or something is recorded. */
export function ReleaseOf({ standing, found, who }) {
  const recipe = standing.recipe;
  const [given, setGiven] = useKept(`evidence.${recipe}`, NOTHING);
  const [asking, setAsking] = useState(null);
  const { judged, problem, busy } = useJudgement(recipe, given, standing.state !== "faulty");
  const give = (more) => setGiven((old) => ({ ...old, ...more }));
  if (standing.fault) {
    return html`<${Panel} title=${recipe}><p class="notice bad" role="alert">${standing.fault}</p><//>`;
  }
  return html`<${Panel} title=${t("recipes.release-of", { recipe })} aria-busy=${busy ? "true" : null}>
    <p><${State} of=${standing.state} /> <span class="quiet">${t(`recipes.means-${standing.state}`)}</span></p>
    <p class="quiet">${t("recipes.setup")} <code>${standing.setup_sha256.slice(0, 16)}</code></p>
    <${Notice} problem=${problem} />
    ${judged && html`<${Exhibits} exhibits=${judged.exhibits} limits=${found.limits} reasons=${judged.reasons}
      inputs=${inputsOf(given, give)} />
      <${Verdict} judged=${judged} busy=${busy} />`}
    <div class="row">
      <${Button} kind="main" disabled=${busy || !judged || !judged.released || standing.state === "released"}
        onClick=${() => setAsking("release")}>${t("recipes.do-release")}<//>
      ${standing.state === "released" && html`<${Button} kind="danger"
        onClick=${() => setAsking("withdraw")}>${t("recipes.do-withdraw")}<//>`}
    </div>
    ${asking === "release" && html`<${Release} recipe=${recipe} given=${given} who=${who}
      onClose=${() => setAsking(null)} />`}
    ${asking === "withdraw" && html`<${Withdraw} recipe=${recipe} who=${who} onClose=${() => setAsking(null)} />`}
  <//>`;
}

/** What the service would say to this evidence; nothing is written. */
function useJudgement(recipe, given, wanted) {
  const [state, setState] = useState({ busy: false });
  const turn = useRef({ number: 0, again: 0 });
  const judge = useCallback(async () => {
    if (!wanted) return;
    const mine = (turn.current.number += 1);
    setState((old) => ({ ...old, busy: true }));
    try {
      const body = bodyOf(recipe, given, true);
      const judged = await api("/releases", { method: "POST", body, reads: true });
      if (mine === turn.current.number) setState({ judged, busy: false });
    } catch (problem) {
      if (mine === turn.current.number) setState((old) => ({ ...old, problem, busy: false }));
    }
  }, [recipe, given, wanted]);
  useEffect(() => {
    judge();
  }, [judge]);
  useHear((event) => {
    if (event.event !== "resumed" && event.event !== "grown" && event.event !== "transition") return;
    clearTimeout(turn.current.again); // a shift at work is judged once it rests
    turn.current.again = setTimeout(judge, 400);
  });
  useEffect(() => () => clearTimeout(turn.current.again), []);
  return state;
}

function bodyOf(recipe, given, check) {
  const filled = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
  return { recipe, ...filled, check };
}

const inputsOf = (given, give) => ({
  gauge: html`<details><summary class="button">${t("recipes.give-gauge")}</summary>
    <${FileField} name="gauge" label=${t("bench.study-file")} hint=${t("bench.study-hint")} accept=".csv"
      onFile=${async (file) => give({ gauge_table: await file.text() })} />
    <${TextField} name="gauge-table" label=${t("bench.study-table")} value=${given.gauge_table} rows=${5}
      onValue=${(text) => give({ gauge_table: text })} /></details>`,
  coupon: html`<${Coupon} given=${given} give=${give} />`,
  prediction: html`<${Field} name="conditions" label=${t("bench.conditions")} value=${given.conditions}
    hint=${t("bench.simulated")} onValue=${(conditions) => give({ conditions })}>
    <option value="">${t("recipes.not-asked")}</option>
    <option value="good">${t("bench.good")}</option><option value="poor">${t("bench.poor")}</option><//>`,
});

function Coupon({ given, give }) {
  const [press, pressed] = usePress(async (_key, file) => {
    give({ coupon_scan_id: (await upload(file)).scan_id });
  });
  return html`<details><summary class="button">${t("recipes.give-coupon")}</summary>
    <${FileField} name="coupon" label=${t("bench.coupon-file")} hint=${t("bench.coupon-hint")} accept=".x3p"
      onFile=${press} />
    ${pressed.busy && html`<p role="status">${t("bench.uploading")}</p>`}<${Notice} problem=${pressed.problem} />
    <${RecipeField} name="coupon-recipe" label=${t("bench.burned-with")} value=${given.coupon_recipe || "default"}
      onValue=${(name) => give({ coupon_recipe: name })} />
    ${given.coupon_scan_id && html`<p class="quiet">${t("bench.scan")} <code>${given.coupon_scan_id.slice(0, 16)}</code></p>`}
  </details>`;
}

function Verdict({ judged, busy }) {
  if (busy) return html`<p class="notice" role="status">${t("recipes.judging")}</p>`;
  const kind = judged.released ? "good" : "bad";
  return html`<div class=${`notice ${kind}`} role="status"><strong>${t(judged.released
    ? "recipes.may" : "recipes.may-not", { count: judged.reasons.length })}</strong></div>`;
}

function Release({ recipe, given, who, onClose }) {
  const [press, pressed] = usePress(async (key) => {
    await api("/releases", { method: "POST", key, body: bodyOf(recipe, given, false) });
    onClose();
  });
  return html`<${Dialog} title=${t("recipes.release-of", { recipe })} onClose=${onClose}>
    <p>${t("recipes.sign-release", { name: who.name, recipe })}</p><${Notice} problem=${pressed.problem} />
    <${Button} kind="main" busy=${pressed.busy} onClick=${() => press()}>${t("recipes.do-release")}<//>
    <${Button} onClick=${onClose}>${t("bench.not-now")}<//><//>`;
}

function Withdraw({ recipe, who, onClose }) {
  const [reason, setReason] = useKept("withdraw-reason", "");
  const [press, pressed] = usePress(async (key) => {
    await api(`/releases/${recipe}/withdraw`, { method: "POST", key, body: { reason } });
    setReason("");
    onClose();
  });
  return html`<${Dialog} title=${t("recipes.withdraw-of", { recipe })} onClose=${onClose}>
    <p>${t("recipes.sign-withdraw", { name: who.name })}</p>
    <${Field} name="reason" label=${t("recipes.reason")} value=${reason} onValue=${setReason} required />
    <${Notice} problem=${pressed.problem} />
    <${Button} kind="danger" busy=${pressed.busy} disabled=${!reason.trim()}
      onClick=${() => press()}>${t("recipes.do-withdraw")}<//>
    <${Button} onClick=${onClose}>${t("bench.not-now")}<//><//>`;
}
