/* What a person does about a mark that is not good: look, decide, scrap, or ask for another one. */
import {
  api, Button, Field, html, moment, Notice, State, t, useKept, usePress, useQuery, useState,
} from "../../frame/kit.js";

const DECIDERS = ["supervisor", "engineer"];
const ASKERS = ["operator", ...DECIDERS];
const OUTCOMES = ["verified", "rejected", "scrapped"];

/** Everything about one mark that needs a person; `approvals` are the requests still open. */
export function Decide({ markId, who, approvals }) {
  const { data, etag, problem } = useQuery(`/marks/${markId}`);
  if (problem) return html`<${Notice} problem=${problem} />`;
  if (!data) return null;
  const asked = approvals.find((one) => one.subject === markId && one.action === "re-mark");
  const { state } = data.mark;
  const last = data.history[data.history.length - 1];
  const common = { markId, etag };
  return html`<div class="decide">
    <p><${State} of=${state} /> ${moment(last.at_us)}, ${last.actor}</p>
    ${last.reason && html`<p class="said">${last.reason}</p>`}
    ${state === "unknown" && html`<${Doubt} ...${common} may=${DECIDERS.includes(who.role)} />`}
    ${asked && html`<${Second} asked=${asked} who=${who} />`}
    ${!asked && ["rejected", "scrapped"].includes(state) && html`<${Another} ...${common}
      may=${ASKERS.includes(who.role)} />`}
    ${state === "rejected" && DECIDERS.includes(who.role) && html`<${Scrap} ...${common} />`}
  </div>`;
}

/** A mark in doubt: what was seen under the microscope, and by whom it may be said. */
function Doubt({ markId, etag, may }) {
  const [state, setState] = useState("");
  const [reason, setReason] = useKept(`reason.${markId}`, "");
  const [press, pressed] = usePress((key) =>
    api(`/marks/${markId}/conclude`, { method: "POST", key, match: etag, body: { state, reason } }),
  );
  if (!may) return html`<p>${t("operator.doubt-call")}</p>`;
  return html`<fieldset><legend>${t("operator.doubt-seen")}</legend>
    ${OUTCOMES.map((one) => html`<label class="choice" key=${one}><input type="radio" name="outcome"
      value=${one} checked=${state === one} onChange=${() => setState(one)} />
      <span>${t(`operator.outcome-${one}`)}</span></label>`)}</fieldset>
    <${Field} name="reason" label=${t("operator.reason")} value=${reason} onValue=${setReason} />
    <${Notice} problem=${pressed.problem} />
    <${Button} kind="main" busy=${pressed.busy} disabled=${!state || !reason.trim()}
      onClick=${() => press()}>${t("operator.decide")}<//>`;
}

function Scrap({ markId, etag }) {
  const [reason, setReason] = useKept(`scrap.${markId}`, "");
  const [press, pressed] = usePress((key) =>
    api(`/marks/${markId}/scrap`, { method: "POST", key, match: etag, body: { reason } }),
  );
  return html`<${Field} name="scrap" label=${t("operator.scrap-why")} value=${reason}
      onValue=${setReason} />
    <${Notice} problem=${pressed.problem} />
    <${Button} kind="danger" busy=${pressed.busy} disabled=${!reason.trim()}
      onClick=${() => press()}>${t("operator.scrap")}<//>`;
}

/** Ask for a mark in this one's place; it takes a second person. */
function Another({ markId, etag, may }) {
  const [reason, setReason] = useKept(`another.${markId}`, "");
  const [press, pressed] = usePress(() =>
    api(`/marks/${markId}/re-mark`, { method: "POST", match: etag, body: { reason } }),
  );
  if (!may) return null;
  return html`<p>${t("operator.another-what")}</p>
    <${Field} name="another" label=${t("operator.another-why")} value=${reason}
      onValue=${setReason} />
    <${Notice} problem=${pressed.problem} />
    <${Button} kind="main" busy=${pressed.busy} disabled=${!reason.trim()}
      onClick=${() => press()}>${t("operator.another")}<//>`;
}

/** The second person's answer: at this screen by their own secret, or at a screen of their own. */
export function Second({ asked, who }) {
  const mine = asked.asked_by === who.name;
  const [press, pressed] = usePress((key, what) =>
    api(`/approvals/${asked.approval_id}/${what}`, { method: "POST" }),
  );
  const said = t("operator.asked", { name: asked.asked_by, reason: asked.reason });
  if (!mine && DECIDERS.includes(who.role)) {
    return html`<p>${said}</p><${Notice} problem=${pressed.problem} />
      <div class="row"><${Button} kind="main" onClick=${() => press("approve")}>${t("operator.agree")}<//>
      <${Button} onClick=${() => press("refuse")}>${t("operator.refuse")}<//></div>`;
  }
  return html`<p>${said}</p><${Countersign} asked=${asked} />`;
}

function Countersign({ asked }) {
  const [name, setName] = useState("");
  const [secret, setSecret] = useState("");
  const [press, pressed] = usePress(async (key, agree) => {
    const body = { name, secret, agree };
    setSecret("");
    await api(`/approvals/${asked.approval_id}/countersign`, { method: "POST", body, open: true });
  });
  const ready = name.trim() && secret;
  return html`<fieldset><legend>${t("operator.second")}</legend>
    <${Field} name="second-name" label=${t("enter.name")} value=${name} onValue=${setName} />
    <${Field} name="second-secret" type="password" label=${t("enter.secret")} value=${secret}
      autocomplete="new-password" onValue=${setSecret} />
    <${Notice} problem=${pressed.problem} />
    <div class="row"><${Button} kind="main" disabled=${!ready} busy=${pressed.busy}
      onClick=${() => press(true)}>${t("operator.agree")}<//>
    <${Button} disabled=${!ready} onClick=${() => press(false)}>${t("operator.refuse")}<//></div>
  </fieldset>`;
}
