/* The pin at work: progress over the plan, the controller, the interlocks; hold, resume, abort. */
import {
  api, Button, Dialog, html, Notice, number, PlanView, span, t, usePlan, usePress, useState,
} from "../../frame/kit.js";
import { isDoorOpen, isHeld } from "./stages.js";

/** The plan of an order with the strokes of its job. */
export function Picture({ orderId, job }) {
  const { plan, problem } = usePlan(orderId);
  if (problem) return html`<${Notice} problem=${problem} />`;
  if (!plan) return html`<p class="waiting" role="status">${t("operator.planning")}</p>`;
  const mine = job && job.order_id === orderId && job.step.startsWith("marking");
  return html`<${PlanView} plan=${plan} label=${t("operator.plan", { code: plan.code })}
    acknowledged=${mine ? job.stroke_acknowledged : -1} done=${mine ? job.stroke_done : -1} />`;
}

export function Progress({ job }) {
  const step = job.step.split(":")[0];
  const share = job.total ? job.done / job.total : 0;
  const door = isDoorOpen(job);
  return html`<div class="progress">
    <progress max="1" value=${share} aria-label=${t("operator.progress")}></progress>
    <dl><dt>${t("operator.step")}</dt><dd>${t(`operator.step-${step || "code"}`)}</dd>
      ${job.strokes > 0 && html`<dt>${t("operator.strokes")}</dt>
        <dd class="number">${number(job.stroke_acknowledged + 1)} / ${number(job.strokes)}</dd>`}
      ${job.left_s !== null && html`<dt>${t("operator.left")}</dt>
        <dd class="number">${span(job.left_s)}</dd>`}
      <dt>${t("operator.controller")}</dt><dd>${job.controller || t("operator.quiet")}</dd>
      <dt>${t("operator.door")}</dt><dd class=${door ? "open-door" : null}>
        ${t(door ? "operator.door-open" : "operator.door-closed")}</dd></dl></div>`;
}

/** Hold, resume, abort. An abort holds at once, laser off, and then asks. */
export function Controls({ job, focus }) {
  const [asking, setAsking] = useState(false);
  const ask = (what) => (key) =>
    api(`/jobs/${job.job_id}/${what}`, { method: "POST", key: what === "resume" ? key : undefined });
  const [hold, holding] = usePress(ask("hold"));
  const [resume, resuming] = usePress(ask("resume"));
  const [abort, aborting] = usePress(ask("abort"));
  const burning = job.step === "marking";
  const held = isHeld(job);
  const onAbort = () => {
    setAsking(true);
    if (burning && !held) hold();
  };
  return html`<div class="controls">
    <${Notice} problem=${holding.problem || resuming.problem || aborting.problem} />
    ${held
      ? html`<${Button} kind="big" key="resume" ref=${focus} busy=${resuming.busy}
          onClick=${() => resume()}>${t("operator.resume")}<//>`
      : html`<${Button} kind="big hold" key="hold" ref=${focus} disabled=${!burning}
          busy=${holding.busy} onClick=${() => hold()}>${t("operator.hold")}<//>`}
    <${Button} kind="danger" onClick=${onAbort}>${t("operator.abort")}<//>
    ${asking && html`<${Dialog} title=${t("operator.abort-sure")} onClose=${() => setAsking(false)}>
      <p>${t("operator.abort-what")}</p>
      <div class="row"><${Button} kind="danger" onClick=${() => {
        setAsking(false);
        abort();
      }}>${t("operator.abort-yes")}<//>
      <${Button} onClick=${() => setAsking(false)}>${t("operator.abort-no")}<//></div><//>`}
  </div>`;
}
