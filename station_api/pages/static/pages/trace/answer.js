/* An answer: how sure, which firearms, what was corrected, what was searched; disclose, print. */
import {
  Button, html, moment, Notice, number, save, State, t, usePress, useQuery, useState,
} from "../../frame/kit.js";
import { Disclose } from "./disclose.js";

const never = () => false;
const SHAPE = { identified: "good", lead: "warn", "not issued": "doubt", "no call": "plain",
  found: "good", "nothing found": "plain" };

export function Answer({ queryId, request, mayAnswer }) {
  const { data, problem } = useQuery(`/trace/queries/${encodeURIComponent(queryId)}`, never);
  const [telling, setTelling] = useState(false);
  const [print, printed] = usePress(() =>
    save(`/trace/queries/${queryId}/sheet.pdf`, `${queryId}.pdf`, "application/pdf"));
  if (!data) return html`<${Notice} problem=${problem} />`;
  if (data.outcome === "refused") {
    return html`<section class="panel" aria-label=${t("trace.answer")}><h2>${data.query_id}</h2>
      <div class="notice bad"><strong>${t("trace.refused")}</strong><p>${data.reason}</p></div></section>`;
  }
  const { answer } = data;
  const mayTell = mayAnswer && request && request.state === "open";
  return html`<section class="panel answer" aria-label=${t("trace.answer")}>
    <div class="title"><h2>${t("trace.answer")} <span class="code quiet">${data.query_id}</span></h2>
      <span class="quiet">${t("trace.asked-by", {
        name: data.asked_by, at: moment(data.changed_at_us),
      })}</span></div>
    <${Verdict} answer=${answer} />
    ${answer.candidates.map((one, at) => html`<${Candidate} key=${one.code + at} at=${at} one=${one} />`)}
    <${Figures} answer=${answer} />
    <${Searched} answer=${answer} />
    <${Notice} problem=${printed.problem} />
    <div class="row">
      ${mayTell && html`<${Button} kind="main" onClick=${() => setTelling(true)}>
        ${t("trace.disclose")}<//>`}
      <${Button} busy=${printed.busy} onClick=${() => print()}>${t("trace.sheet")}<//></div>
    ${telling && mayTell && html`<${Disclose} query=${data} request=${request}
      onClose=${() => setTelling(false)} />`}
  </section>`;
}

function Verdict({ answer }) {
  const kind = SHAPE[answer.verdict] || "plain";
  const word = answer.verdict.replaceAll(" ", "-");
  return html`<div class=${`verdict ${kind}`} role="status"><strong>${t(`trace.verdict-${word}`)}</strong>
    <span>${t(`trace.means-${word}`)}</span>
    ${answer.reasons.length > 0 && html`<ul>${answer.reasons.map((one) => html`<li key=${one}>${one}</li>`)}
    </ul>`}</div>`;
}

function Candidate({ one, at }) {
  const changed = new Map(one.corrections.map((c) => [c.position, c]));
  const mark = one.marks[one.marks.length - 1];
  const name = one.firearm
    ? `${one.firearm.make} ${one.firearm.model}` : mark ? `${mark.make} ${mark.model}` : "";
  return html`<article class="candidate" aria-label=${t("trace.candidate", { rank: at + 1 })}>
    <span class="rank">${at + 1}</span>
    <div><strong class="serial code">${one.firearm ? one.firearm.serial : mark && mark.serial}</strong>
      <span>${name}</span></div>
    <div><span class="code spelled" aria-label=${one.code}>${[...one.code].map((symbol, place) => html`
      <span key=${place} data-kind=${changed.has(place) ? changed.get(place).kind : null}>${symbol}</span>`)}
      </span>
      <span class="quiet">${corrected(one)}</span></div>
    ${one.posterior !== null && html`<div class="sure"><strong>${percent(one.posterior)}</strong>
      <span class="clock-bar" aria-hidden="true"><span style=${{ width: `${100 * one.posterior}%` }}></span>
      </span></div>`}
    <ul class="carriers">${one.marks.map((carrier) => html`<li key=${carrier.mark_id}>
      <span class="code">${carrier.mark_id}</span> <${State} of=${carrier.state} />
      <span class="quiet">${t("trace.carrier", {
        entry: carrier.newest_entry, at: moment(carrier.changed_at_us),
      })}</span></li>`)}</ul></article>`;
}

function corrected(one) {
  const said = one.corrections
    .filter((c) => c.kind === "error")
    .map((c) => t("trace.correction", { place: c.position + 1, written: c.written, symbol: c.symbol }));
  const filled = one.corrections.filter((c) => c.kind === "erasure").length;
  if (filled) said.push(t("trace.filled", { count: filled }));
  if (one.assumption && one.assumption !== "as written") said.push(one.assumption);
  return said.length ? said.join("; ") : t("trace.as-written");
}

/** A probability; none of them is ever 0 or 1. */
function percent(p) {
  if (p < 0.00005) return `<\u00a0${number(0.01, 2)}\u00a0%`;
  if (p >= 0.99999) return `>\u00a0${number(99.999, 3)}\u00a0%`;
  return `${number(100 * p, p > 0.99 ? 3 : 2)}\u00a0%`;
}
const small = (value) => (value !== 0 && value < 0.001 ? value.toExponential(1) : number(value, 3));

function Figures({ answer }) {
  if (answer.not_issued === undefined) return null;
  const rows = [
    ["not-issued", percent(answer.not_issued)], ["others", percent(answer.others)],
    ["prior", percent(answer.prior_not_issued)], ["chance", small(answer.chance_matches)],
    ["searched", number(answer.searched)], ["fitted", number(answer.found)],
  ];
  return html`<dl class="figures" aria-label=${t("trace.figures")}>${rows.map(([name, value]) => html`
    <div key=${name}><dt>${t(`trace.figure-${name}`)}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function Searched({ answer }) {
  return html`<details class="searched" open><summary>${t("trace.completeness")}</summary>
    ${answer.log.map((one) => html`<dl class="pairs" key=${one.station}>
      <div><dt>${t("trace.log")}</dt><dd>${one.station}</dd></div>
      <div><dt>${t("trace.tree-size")}</dt><dd>${number(one.size)}</dd></div>
      <div class="wide"><dt>${t("trace.root")}</dt><dd class="code">${one.root}</dd></div></dl>
      ${one.checkpoint && html`<pre class="note code" tabindex="0" role="region"
        aria-label=${t("trace.checkpoint")}>${one.checkpoint}</pre>`}`)}
    <p class="quiet">${answer.statement}</p></details>`;
}
