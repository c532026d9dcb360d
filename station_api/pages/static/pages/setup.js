/* The first start on a page: one step after the other, each answer checked and written at once.

All that it shows is GET /v1/setup, which is read from the things themselves. What was typed is kept
until it was taken, passwords excepted. */
import {
  api, Button, Field, html, Notice, Panel, t, useKept, usePress, useQuery, useState,
} from "../frame/kit.js";

const STATES = { done: "verified", skipped: "unknown", open: "intended" };

export default function Setup() {
  const { data, problem, reload } = useQuery("/setup", () => true);
  const [ended, setEnded] = useState(false);
  if (ended) return html`<h1>${t("setup.ended")}</h1><p>${t("setup.next")}</p>`;
  if (!data) return html`<h1>${t("page.setup")}</h1><${Notice} problem=${problem} />`;
  const at = data.steps.find((one) => one.state === "open");
  return html`<h1>${t("page.setup")}</h1><p>${t("setup.hint")}</p>
    <div class="setup"><ol class="steps" aria-label=${t("setup.steps")}>
      ${data.steps.map((one) => html`<li key=${one.step} class=${one.state}
        aria-current=${at && one.step === at.step ? "step" : null}>
        <strong>${t(`setup.step-${one.step}`)}</strong>
        <span>${t(`setup.state-${one.state}`)}</span>${one.found && html`<small>${one.found}</small>`}
      </li>`)}</ol>
    ${at ? html`<${Ask} key=${at.step} step=${at} data=${data} reload=${reload} />`
      : html`<${Done} data=${data} onEnd=${() => setEnded(true)} />`}</div>`;
}

function Ask({ step, data, reload }) {
  const [open, setOpen] = useKept(step.step, {});
  const [secret, setSecret] = useState({});
  const [press, pressed] = usePress(async (key, path, body) => {
    await api(path, { method: "POST", key, body });
    await reload();
  });
  const valueOf = (one) => (one.secret ? secret : open)[one.name] ?? one.default;
  const submit = (event) => {
    event.preventDefault();
    const answers = Object.fromEntries(step.questions.map((one) => [one.name, valueOf(one)]));
    press(`/setup/${step.step}`, { answers });
  };
  return html`<${Panel} title=${t(`setup.step-${step.step}`)}><p>${t(`setup.why-${step.step}`)}</p>
    <form onSubmit=${submit}>${step.questions.map((one) => html`<${Field} key=${one.name}
      name=${one.name} label=${t(`setup.${step.step}-${one.name}`)} value=${valueOf(one)}
      type=${one.secret ? "password" : "text"} required=${!one.optional}
      autocomplete=${one.secret ? "new-password" : "off"}
      onValue=${(text) => (one.secret ? setSecret : setOpen)((old) => ({ ...old, [one.name]: text }))}>
      ${one.name === "recipe" ? data.recipes.map((name) => html`<option key=${name}>${name}</option>`)
        : null}<//>`)}
      <${Notice} problem=${pressed.problem} />
      ${step.step === "mark" && html`<${Marking} data=${data} />`}
      <div class="row"><${Button} kind="main" type="submit" busy=${pressed.busy || data.marking}>
        ${t(step.step === "mark" ? "setup.mark" : "setup.take")}<//>
      ${step.may_wait && html`<${Button} onClick=${() => press(`/setup/${step.step}/skip`)}>
        ${t("setup.later")}<//>`}</div></form><//>`;
}

const Marking = ({ data }) => html`<ul role="status" class="said">
    ${data.said.map((line) => html`<li key=${line}>${line}</li>`)}
    ${data.marking && html`<li>${t("setup.marking")}</li>`}</ul>
  ${data.problem && html`<p class="notice bad" role="alert">${data.problem}</p>`}`;

function Done({ data, onEnd }) {
  const [press, pressed] = usePress(async () => {
    await api("/setup-end", { method: "POST" });
    onEnd();
  });
  const { trial } = data;
  return html`<${Panel} title=${t("setup.done")}>
    <p>${trial.make} ${trial.model} <span class="code">${trial.serial}</span></p>
    <p>${t("setup.read-back")} <span class="code large">${trial.read_back}</span>
      ${" "}${t(trial.good ? "setup.good" : "setup.bad")}</p>
    <div class="pictures">${["plan", "read_back"].map((name) => html`<img key=${name}
      src=${`/v1/setup-picture/${name}`} alt=${t(`setup.picture-${name}`)} />`)}</div>
    <p>${t("setup.first", { serial: trial.next_serial, code: trial.next_code })}</p>
    <p>${t("setup.next")}</p><${Notice} problem=${pressed.problem} />
    <${Button} kind="main" busy=${pressed.busy} onClick=${() => press()}>${t("setup.end")}<//><//>`;
}
