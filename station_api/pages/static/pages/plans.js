/* A plan before it is burned: its passes, its gated sweeps and jumps, and what holds it up. */
import {
  api, Button, Field, html, Notice, number, Panel, t, Table, useKept, usePress, useQuery, useState,
} from "./bench/kit.js";
import { Figures, figure, RecipeField, saveProgram } from "./bench/parts.js";
import { PlanViewer } from "./plans/viewer.js";

const COUPONS = ["power", "offset", "focus", "squareness"];

export default function Plans() {
  const [recipe, setRecipe] = useKept("recipe", "default");
  const [code, setCode] = useKept("code", "");
  const [what, setWhat] = useKept("what", "code");
  const [order, setOrder] = useKept("order", "");
  const [plan, setPlan] = useState(null);
  const body = { code: { recipe, code: code.trim() }, order: { order_id: order } }[what] || { recipe, coupon: what };
  const ready = what === "code" ? code.trim() : what === "order" ? order : true;
  const [press, pressed] = usePress(async () => setPlan(await api("/plans", { method: "POST", body })));
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  return html`<h1>${t("plans.title")}</h1>
    <${Panel}><form class="asking" onSubmit=${submit}>
      <${Field} name="what" label=${t("plans.what")} value=${what} onValue=${setWhat}>
        <option value="code">${t("plans.a-code")}</option><option value="order">${t("plans.an-order")}</option>
        ${COUPONS.map((one) => html`<option key=${one} value=${one}>${t(`plans.${one}`)}</option>`)}<//>
      ${what === "order" ? html`<${OrderField} value=${order} onValue=${setOrder} />`
        : html`<${RecipeField} value=${recipe} onValue=${setRecipe} />`}
      <${Field} name="code" label=${t("bench.code")} value=${code} onValue=${setCode} class="code" disabled=${what !== "code"} />
      <${Button} kind="main" type="submit" busy=${pressed.busy} disabled=${!ready}>
        ${t(pressed.busy ? "plans.planning" : "plans.plan")}<//>
    </form><${Notice} problem=${pressed.problem} /><//>
    ${plan && html`<${Planned} plan=${plan} key=${plan.program_sha256} />`}`;
}

function OrderField({ value, onValue }) {
  const { data } = useQuery("/orders?limit=500");
  const known = data ? data.orders : [];
  return html`<${Field} name="order" label=${t("plans.order")} value=${value} onValue=${onValue}>
    <option value="">${t("plans.choose")}</option>
    ${known.map((one) => html`<option key=${one.order_id} value=${one.order_id}>${t("plans.order-of", one)}</option>`)}<//>`;
}

function Planned({ plan }) {
  const stale = useStale(plan);
  const [press, pressed] = usePress(() => saveProgram(plan.coupon, plan.recipe));
  return html`${stale && html`<p class="notice warn" role="status">${t("plans.stale", { recipe: plan.recipe })}</p>`}
    <${Panel} title=${t("plans.viewer", { what: plan.code || t(`plans.${plan.coupon}`) })}>
      ${plan.shown_passes < plan.passes && html`<p class="notice warn">${t("plans.hidden", {
        shown: plan.shown_passes, all: plan.passes })}</p>`}
      <${PlanViewer} plan=${plan} /><//>
    <div class="two"><${Panel} title=${t("plans.time")}><${Bottleneck} plan=${plan} /><//>
      <${Panel} title=${t("plans.figures")}><${Figures} of=${[
        [t("plans.strokes"), number(plan.strokes)], [t("plans.moves"), number(plan.moves)],
        [t("plans.lines"), number(plan.lines)], [t("plans.bytes"), number(plan.bytes)],
        [t("plans.machine"), plan.machine],
        [t("plans.program"), html`<code>${plan.program_sha256.slice(0, 16)}</code>`],
      ]} />
      ${plan.coupon && html`<p><${Button} busy=${pressed.busy} onClick=${() => press()}>${t("bench.save-program")}<//></p>`}
      <${Notice} problem=${pressed.problem} /><//></div>
    <${Passes} plan=${plan} />`;
}

/* A plan is of a setup: when somebody puts another figure in use, this one is of the past. */
function useStale(plan) {
  const { data } = useQuery("/releases");
  const now = data && data.recipes.find((one) => one.recipe === plan.recipe);
  return Boolean(now && now.setup_sha256 && now.setup_sha256 !== plan.setup_sha256);
}

function Passes({ plan }) {
  const length = (key) => ({ key, head: t(`plans.${key}`), number: true, of: (row) => figure(row[key], 1) });
  const columns = [
    { key: "pass", head: t("plans.pass"), of: (row) => row.pass + 1 },
    { key: "strokes", head: t("plans.strokes"), number: true, of: (row) => number(row.strokes) },
    length("burn_mm"), length("gated_mm"), length("jump_mm"),
    { key: "share", head: t("plans.burning"), number: true, of: (row) =>
      `${figure((100 * row.burn_mm) / Math.max(row.burn_mm + row.gated_mm + row.jump_mm, 1e-9), 1)} %` },
  ];
  return html`<div class="tight"><${Table} caption=${t("plans.passes")} columns=${columns} rows=${plan.by_pass} by="pass" /></div>`;
}

/* All three work at once, ahead of each other by a buffer: the slowest is the time. */
function Bottleneck({ plan }) {
  const longest = Math.max(...Object.values(plan.seconds));
  const rows = Object.entries(plan.seconds).sort(([, a], [, b]) => b - a);
  return html`<p>${t("plans.takes", { time: figure(plan.machine_s, 1), by: t(`plans.by-${plan.bottleneck}`) })}</p>
    <table class="bars"><tbody>${rows.map(([name, seconds]) => html`<tr key=${name}>
      <th scope="row">${t(`plans.by-${name}`)}</th>
      <td class="room"><span class=${`bar ${name === plan.bottleneck ? "most" : ""}`}
        style=${{ width: `${(100 * seconds) / longest}%` }}></span></td>
      <td class="number">${t("plans.seconds", { s: figure(seconds, 1) })}</td></tr>`)}</tbody></table>`;
}
