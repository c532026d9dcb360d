/* Requests: the list with its clocks, the one that is being worked on, a new one. */
import {
  api, Button, Dialog, Field, html, moment, Notice, t, useKept, usePress,
} from "../../frame/kit.js";
import { Clock } from "./clock.js";

/** `open` comes with what is due first on top. */
export function Requests({ open, closed, chosen, onChoose, mayRecord }) {
  const [adding, setAdding] = useKept("adding", false);
  const item = (one) => html`<li key=${one.request_id}>
    <button type="button" class="request" aria-current=${one.request_id === chosen ? "true" : null}
      onClick=${() => onChoose(one.request_id)}>
      <span class="request-who"><strong>${one.agency}</strong>
        <span class="code">${one.reference || one.request_id}</span></span>
      <${Clock} request=${one} /></button></li>`;
  return html`<section class="requests" aria-label=${t("trace.requests")}>
    <div class="title"><h2>${t("trace.requests")}</h2>
      ${mayRecord && html`<${Button} kind="main" onClick=${() => setAdding(true)}>
        ${t("trace.new-request")}<//>`}</div>
    <h3>${t("trace.open-requests", { count: open.length })}</h3>
    ${open.length === 0 && html`<p class="empty">${t("trace.none-open")}</p>`}
    <ul class="list">${open.map(item)}</ul>
    ${closed.length > 0 && html`<h3>${t("trace.closed-requests")}</h3>
      <ul class="list">${closed.map(item)}</ul>`}
    ${adding && html`<${NewRequest} onClose=${() => setAdding(false)} onMade=${(made) => {
      setAdding(false);
      onChoose(made.request_id);
    }} />`}
  </section>`;
}

const BLANK = {
  agency: "", person: "", contact: "", authority: "", reference: "", note: "", received: "",
};
const ROWS = ["agency", "person", "contact", "authority", "reference", "note"];

function NewRequest({ onClose, onMade }) {
  const [typed, setTyped] = useKept("request", BLANK);
  const [press, pressed] = usePress(async (key) => {
    const { received, ...body } = typed;
    if (received) body.received_at_us = new Date(received).getTime() * 1000;
    const made = await api("/trace/requests", { method: "POST", key, body });
    setTyped(BLANK);
    onMade(made);
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  const field = (name, more) => html`<${Field} key=${name} name=${name} label=${t(`trace.${name}`)}
    value=${typed[name]} onValue=${(text) => setTyped((old) => ({ ...old, [name]: text }))}
    ...${more} />`;
  return html`<${Dialog} title=${t("trace.new-request")} onClose=${onClose}>
    <form onSubmit=${submit} class="two-columns">
      ${ROWS.map((name) => field(name, { maxlength: 128 }))}
      ${field("received", { type: "datetime-local", step: 1, hint: t("trace.received-hint") })}
      <div class="whole-row"><${Notice} problem=${pressed.problem} />
        <div class="row"><${Button} kind="main" type="submit" busy=${pressed.busy}>
          ${t("trace.record-request")}<//>
        <${Button} onClick=${onClose}>${t("trace.cancel")}<//></div></div>
    </form><//>`;
}

/** Who asks, on what authority, what was told; the way to take it back. */
export function RequestHead({ request, mayAnswer }) {
  const [asking, setAsking] = useKept("withdrawing", "");
  const terms = [
    ["person", request.person], ["contact", request.contact], ["authority", request.authority],
    ["reference", request.reference], ["note", request.note],
    ["received", moment(request.received_at_us)], ["due", moment(request.due_at_us)],
    ["recorded-by", request.recorded_by],
  ].filter(([, value]) => value);
  const ended = request.state !== "open";
  return html`<section class="panel head" aria-label=${request.request_id}>
    <div class="title"><h2>${request.agency} <span class="code quiet">${request.request_id}</span></h2>
      <${Clock} request=${request} />
      ${mayAnswer && !ended && html`<${Button} onClick=${() => setAsking(request.request_id)}>
        ${t("trace.withdraw")}<//>`}</div>
    <dl class="pairs">${terms.map(([name, value]) => html`<div key=${name}><dt>${t(`trace.${name}`)}</dt>
      <dd>${value}</dd></div>`)}</dl>
    ${ended && html`<div class=${`notice ${request.state === "answered" ? "good" : "warn"}`}>
      <strong>${t(`trace.was-${request.state}`, {
        by: request.answered_by, at: moment(request.answered_at_us),
        query: request.query_id || "",
      })}</strong>
      <ul>${request.disclosed.map((line) => html`<li key=${line}>${line}</li>`)}</ul></div>`}
    ${asking === request.request_id && html`<${Withdraw} id=${asking}
      onClose=${() => setAsking("")} />`}</section>`;
}

function Withdraw({ id, onClose }) {
  const [reason, setReason] = useKept("withdraw-reason", "");
  const [press, pressed] = usePress(async (key) => {
    await api(`/trace/requests/${id}/withdraw`, { method: "POST", key, body: { reason } });
    setReason("");
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  return html`<${Dialog} title=${t("trace.withdraw-title", { id })} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field} label=${t("trace.reason")} value=${reason} onValue=${setReason} required />
      <${Notice} problem=${pressed.problem} />
      <${Button} kind="danger" type="submit" busy=${pressed.busy}>${t("trace.withdraw")}<//>
      <${Button} onClick=${onClose} class="button plain">${t("trace.cancel")}<//></form><//>`;
}
