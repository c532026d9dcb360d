/* What the doctor finds, and what to do about it. Looked at anew every half minute; the controller is asked
only on a press, because no pin can be begun meanwhile. */
import {
  api, Button, clock, has, html, Notice, t, useEffect, useEvery, usePress, useState,
} from "../../frame/kit.js";

const OF_CONTROLLER = ["port", "controller"];

/** `after` changes when something was done that the doctor looks at. */
export function Doctor({ after }) {
  const { data: quick, problem, reload } = useEvery("/doctor?ask_controller=false", 30);
  const [asked, setAsked] = useState(null);
  const [press, pressed] = usePress(async () => setAsked(await api("/doctor")));
  const [at, setAt] = useState(null);
  useEffect(() => {
    if (quick || asked) setAt(Date.now() * 1000);
  }, [quick, asked]);
  useEffect(() => {
    if (after) reload();
  }, [after]);
  if (!quick) return html`<section class="panel"><h2>${t("admin.doctor")}</h2><${Notice} problem=${problem} /></section>`;
  const checks = quick.checks.map((one) => (asked && OF_CONTROLLER.includes(one.name)
    ? asked.checks.find((other) => other.name === one.name) || one : one));
  const order = ["fault", "warning", "skipped", "ok"];
  const sorted = [...checks].sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state));
  const worst = sorted.length ? sorted[0].state : "ok";
  return html`<section class="panel doctor" aria-label=${t("admin.doctor")} data-worst=${worst}>
    <div class="title"><h2>${t("admin.doctor")} <span class=${`check ${worst}`}>${t(`admin.is-${worst}`)}</span></h2>
      <span class="quiet">${at && t("admin.looked-at", { at: clock(at) })}</span>
      <${Button} busy=${pressed.busy} onClick=${() => press()}>
        ${t(pressed.busy ? "admin.looking" : "admin.look-again")}<//></div>
    <${Notice} problem=${problem || pressed.problem} />
    <ul class="checks">${sorted.map((one) => html`<li key=${one.name} data-check=${one.name}
      data-state=${one.state}>
      <span class=${`check ${one.state}`}>${t(`admin.is-${one.state}`)}</span>
      <div><strong>${named(one.name)}</strong> <span>${one.found}</span>
        ${one.remedy && html`<p class="remedy">${one.remedy}</p>`}</div></li>`)}</ul></section>`;
}

const named = (name) => {
  const key = `admin.check-${name.replaceAll(" ", "-")}`;
  return has(key) ? t(key) : name;
};
