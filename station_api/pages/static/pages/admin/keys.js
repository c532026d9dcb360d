/* Keys of machines: made, shown once, revoked. The service keeps no key that could be read again. */
import {
  api, Button, Dialog, Field, html, moment, Notice, State, t, Table, useKept, usePress, useQuery, useState,
} from "../../frame/kit.js";

const ROLES = ["station", "auditor", "tracer"];

export function Keys() {
  const { data, problem } = useQuery("/keys");
  const [made, setMade] = useState(null);
  const [ending, setEnding] = useState(null);
  const columns = [
    { key: "name", head: t("admin.machine") },
    { key: "role", head: t("admin.role"), of: (row) => t(`role.${row.role}`) },
    { key: "state", head: t("admin.state"), of: (row) => html`<${State} of=${standing(row)} />` },
    { key: "until", head: t("admin.until"), of: (row) => moment(row.expires_at_us) },
    { key: "act", head: t("admin.act"), of: (row) => standing(row) === "active"
      && html`<${Button} onClick=${() => setEnding(row)}>${t("admin.revoke")}<//>` },
  ];
  return html`<section class="panel" aria-label=${t("admin.keys")}><h2>${t("admin.keys")}</h2>
    <${Notice} problem=${problem} />
    <${NewKey} onMade=${setMade} />
    ${data && html`<div class="dense"><${Table} caption=${t("admin.keys-made")} columns=${columns}
      rows=${data.keys} by="key_id" /></div>`}
    ${made && html`<${Shown} made=${made} onClose=${() => setMade(null)} />`}
    ${ending && html`<${Revoke} machine=${ending} onClose=${() => setEnding(null)} />`}</section>`;
}

const standing = (key) =>
  key.state === "active" && key.expires_at_us < Date.now() * 1000 ? "expired" : key.state;

function NewKey({ onMade }) {
  const [name, setName] = useKept("machine", "");
  const [role, setRole] = useKept("machine-role", "station");
  const [days, setDays] = useKept("machine-days", "365");
  const [press, pressed] = usePress(async () => {
    onMade(await api("/keys", { method: "POST", body: { name, role, days: Number(days) } }));
    setName("");
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  return html`<form class="search" onSubmit=${submit}>
    <${Field} label=${t("admin.machine")} value=${name} onValue=${setName} required />
    <${Field} label=${t("admin.role")} value=${role} onValue=${setRole}>
      ${ROLES.map((one) => html`<option key=${one} value=${one}>${t(`role.${one}`)}</option>`)}<//>
    <${Field} label=${t("admin.days")} type="number" min="1" max="3650" value=${days} onValue=${setDays} />
    <${Button} kind="main" type="submit" busy=${pressed.busy}>${t("admin.make-key")}<//></form>
    <${Notice} problem=${pressed.problem} />`;
}

function Shown({ made, onClose }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(made.text);
    setCopied(true);
  };
  return html`<${Dialog} title=${t("admin.key-of", { name: made.key.name })} solid>
    <p>${t("admin.shown-once")}</p>
    <p class="code print" data-key-text>${made.text}</p>
    <div class="row">${navigator.clipboard && html`<${Button} onClick=${copy}>
        ${t(copied ? "admin.copied" : "admin.copy")}<//>`}
      <${Button} kind="main" onClick=${onClose}>${t("admin.kept-it")}<//></div><//>`;
}

function Revoke({ machine, onClose }) {
  const [press, pressed] = usePress(async () => {
    await api(`/keys/${encodeURIComponent(machine.key_id)}/revoke`, { method: "POST" });
    onClose();
  });
  return html`<${Dialog} title=${t("admin.revoke-title", { name: machine.name })} onClose=${onClose}>
    <p>${t("admin.revoke-hint")}</p><${Notice} problem=${pressed.problem} />
    <div class="row"><${Button} kind="danger" busy=${pressed.busy} onClick=${() => press()}>
        ${t("admin.revoke-now")}<//>
      <${Button} onClick=${onClose}>${t("admin.cancel")}<//></div><//>`;
}
