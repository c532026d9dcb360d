/* Beside the work: where an order is scanned or typed, what waits, the queue, counts, last marks. */
import {
  Button, Chain, clock, Dialog, Field, html, number, Panel, State, t, useKept, useQuery, useState,
} from "../../frame/kit.js";
import { Decide } from "./decide.js";

const COUNTED = ["verified", "rejected", "unknown", "scrapped"];

export function Side({ floor, who, choose, scanned, canChoose }) {
  const [text, setText] = useKept("order", "");
  const [open, setOpen] = useState(null);
  const { data: panel } = useQuery("/panel", (event) => event.event === "panel");
  const submit = (event) => {
    event.preventDefault();
    if (text.trim()) scanned(text.trim()).then((done) => done && setText(""));
  };
  return html`<aside class="side" aria-label=${t("operator.shift")}>
    <form class="scan" onSubmit=${submit}><${Field} name="order" label=${t("operator.scan-label")}
      value=${text} onValue=${setText} />
      <${Button} type="submit" disabled=${!canChoose}>${t("operator.take")}<//></form>
    ${panel && html`<${Chain} panel=${panel} />`}
    ${floor.scanners.filter((one) => one.state === "away").map((one) => html`<p key=${one.device}
      class="notice warn" role="status">${t("operator.scanner-away", { name: one.name })} ${one.said}</p>`)}
    ${floor.kept_scans.length > 0 && html`<${Kept} scans=${floor.kept_scans} />`}
    ${floor.waiting.length > 0 && html`<${Waiting} floor=${floor} open=${setOpen} />`}
    <${Counts} floor=${floor} />
    <${Queue} floor=${floor} choose=${choose} canChoose=${canChoose} />
    <${Last} floor=${floor} />
    ${open && html`<${Dialog} title=${t("operator.mark", { id: open.mark_id })}
      onClose=${() => setOpen(null)}><dl><dt>${t("operator.serial")}</dt><dd>${open.serial}</dd>
      <dt>${t("operator.code")}</dt><dd class="code">${open.code}</dd></dl>
      <${Decide} markId=${open.mark_id} who=${who} approvals=${floor.approvals} />
      <${Button} onClick=${() => setOpen(null)}>${t("operator.close")}<//><//>`}
  </aside>`;
}

/** Scans that came to the watched folder and fit no mark. */
const Kept = ({ scans }) => html`<${Panel} title=${t("operator.kept-scans")} class="panel doubt">
  <ul class="list">${scans.map((one) => html`<li key=${one.file + one.at}><strong>${one.file}</strong>
    <p>${one.why}</p></li>`)}</ul><//>`;

function Waiting({ floor, open }) {
  return html`<${Panel} title=${t("operator.waiting")} class="panel doubt"><ul class="list">
    ${floor.waiting.map((mark) => html`<li key=${mark.mark_id}><button type="button" class="button item"
      onClick=${() => open(mark)}><span>${mark.serial}</span><${State} of=${mark.state} /></button></li>`)}
  </ul><//>`;
}

function Counts({ floor }) {
  return html`<${Panel} title=${t("operator.counts", { time: clock(floor.counted_since_us) })}>
    <dl class="counts">${COUNTED.map((state) => html`<div key=${state}><dt><${State} of=${state} /></dt>
      <dd>${number(floor.counts[state] || 0)}</dd></div>`)}</dl><//>`;
}

function Queue({ floor, choose, canChoose }) {
  const at = floor.order && floor.order.order_id;
  return html`<${Panel} title=${t("operator.queue", { count: number(floor.left) })}><ul class="list queue">
    ${floor.queue.map((order) => html`<li key=${order.order_id}><button type="button"
      class="button item" disabled=${!canChoose || order.order_id === at}
      aria-current=${order.order_id === at ? "true" : null} onClick=${() => choose(order.order_id)}>
      <span>${order.order_id}</span><span>${order.serial}</span></button></li>`)}</ul>
    ${floor.queue.length === 0 && html`<p class="empty">${t("operator.queue-empty")}</p>`}<//>`;
}

function Last({ floor }) {
  return html`<${Panel} title=${t("operator.last")}><ol class="list last">
    ${floor.recent.map((mark) => html`<li key=${mark.mark_id}><span class="code">${mark.mark_id}</span>
      <span>${mark.serial}</span><${State} of=${mark.state} /></li>`)}</ol>
    ${floor.recent.length === 0 && html`<p class="empty">${t("table.empty")}</p>`}<//>`;
}
