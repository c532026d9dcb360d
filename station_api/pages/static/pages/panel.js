/* The station's contacts and lamps; of a virtual panel its buttons as well.

All that it shows is GET /v1/panel and its recorded changes. A real panel has buttons of its own. */
import {
  api, Button, Chain, html, moment, Notice, Panel, t, Table, usePress, useQuery,
} from "../frame/kit.js";

const BUTTONS = ["door", "key", "stop", "extraction"];
const RESETTERS = ["supervisor", "engineer"];
const moved = (event) => event.event === "panel" || event.event === "resumed";

export default function PanelPage({ who }) {
  const { data: panel, problem, reload } = useQuery("/panel", moved);
  const { data: past } = useQuery("/panel/changes?limit=12");
  const [press, pressed] = usePress(async (key, path, body) => {
    await api(path, { method: "POST", key, body });
    await reload();
  });
  if (!panel) return html`<h1>${t("page.panel")}</h1><${Notice} problem=${problem} />`;
  const set = (input, closed) => press("/panel/press", { input, closed });
  return html`<h1>${t("page.panel")}</h1><${Chain} panel=${panel} whole />
    <${Notice} problem=${pressed.problem} />
    <div class="panel-page">
    ${panel.wiring === "virtual" && html`<${Panel} title=${t("panel.buttons")}>
      <p>${t("panel.virtual")}</p><div class="contacts">
      ${BUTTONS.map((name) => html`<${Contact} key=${name} name=${name} set=${set}
        closed=${panel.inputs[name === "door" ? "door_a" : name] === "closed"} />`)}
      <${Button} kind="big" onClick=${() => set("start", true)}>${t("panel.press-start")}<//></div><//>`}
    <${Panel} title=${t("panel.tower")}><${Tower} lamps=${panel.lamps} /></${Panel}>
    ${panel.state === "fault" && RESETTERS.includes(who.role) && html`<${Button} kind="danger"
      onClick=${() => press("/panel/reset")}>${t("panel.reset")}<//>`}
    </div>
    ${past && html`<${Table} caption=${t("panel.changes")} by="change_id" rows=${past.changes}
      columns=${[{ key: "at", head: t("panel.at"), of: (row) => moment(row.at_us) },
        { key: "to_state", head: t("panel.state"), of: (row) => t(`chain.state-${row.to_state.replaceAll(" ", "-")}`) },
        { key: "cause", head: t("panel.cause") }, { key: "mark_id", head: t("panel.mark") }]} />`}`;
}

const Contact = ({ name, closed, set }) => html`<${Button} aria-pressed=${closed}
  onClick=${() => set(name, !closed)}>${t(`panel.press-${name}-${closed ? "open" : "closed"}`)}<//>`;

function Tower({ lamps }) {
  const names = Object.keys(lamps);
  if (!names.length) return html`<p>${t("panel.no-lamps")}</p>`;
  return html`<ul class="tower">${names.map((name) => html`<li key=${name}
    class=${`lamp ${name} ${lamps[name]}`}><span class="light" aria-hidden="true"></span>
    ${t(`panel.lamp-${name}`)}: ${t(`panel.lamp-${lamps[name]}`)}</li>`)}</ul>`;
}
