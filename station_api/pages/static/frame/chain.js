/* The interlock chain in one strip: where it stands, why, and each contact. */
import { html } from "./ui.js";
import { t } from "./words.js";

const GOOD = ["closed", "waiting for start", "armed", "firing"];
const WORDS = { closed: "✔", open: "✖", "cannot be read": "?" };

/** `panel` is GET /v1/panel; `whole` shows contacts that are closed as well. */
export function Chain({ panel, whole = false }) {
  if (panel.state === "unwatched") return html`<p class="chain">${t("chain.unwatched")}</p>`;
  const kind = panel.state === "fault" ? "bad" : GOOD.includes(panel.state) ? "good" : "warn";
  const names = Object.keys(panel.inputs).filter((name) =>
    whole || (name !== "start" && panel.inputs[name] !== "closed"));
  return html`<div class=${`chain notice ${kind}`} role="status">
    <strong>${t("chain.title")}: ${t(`chain.state-${panel.state.replaceAll(" ", "-")}`)}</strong>
    ${panel.cause && (whole || panel.state === "fault" || !names.length) && html`<p>${panel.cause}</p>`}
    ${names.length > 0 && html`<ul>${names.map((name) => html`<li key=${name}>
      ${WORDS[panel.inputs[name]]} ${t(`chain.input-${name}`)}:
      ${" "}${t(`chain.level-${panel.inputs[name].replaceAll(" ", "-")}`)}</li>`)}</ul>`}
    ${panel.unrecorded > 0 && html`<p>${t("chain.unrecorded", { count: panel.unrecorded })}</p>`}
  </div>`;
}
