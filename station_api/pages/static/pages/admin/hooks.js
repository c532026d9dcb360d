/* Webhooks: who is told of every transition, how far each was told, and what went wrong. */
import {
  api, Button, Dialog, Field, html, Notice, number, recorded, State, t, Table, useKept, usePress, useQuery, useState,
} from "../../frame/kit.js";

export function Hooks() {
  const { data, problem, reload } = useQuery("/webhooks", recorded);
  const [made, setMade] = useState(null);
  const [ending, setEnding] = useState(null);
  const columns = [
    { key: "url", head: t("admin.hook-url"), of: (row) => html`<span class="code">${row.url}</span>` },
    { key: "state", head: t("admin.state"), of: (row) => html`<${State} of=${row.failures ? "failing" : row.state} />` },
    { key: "delivered", head: t("admin.hook-told"), number: true, of: (row) => number(row.delivered) },
    { key: "failures", head: t("admin.hook-failures"), number: true, of: (row) => number(row.failures) },
    { key: "said", head: t("admin.hook-said"), of: (row) => row.said || "–" },
    { key: "act", head: t("admin.act"), of: (row) => html`<${Button} onClick=${() => setEnding(row)}>
      ${t("admin.hook-remove")}<//>` },
  ];
  return html`<section class="panel" aria-label=${t("admin.hooks")}><h2>${t("admin.hooks")}</h2>
    <p class="quiet">${t("admin.hooks-what")}</p><${Notice} problem=${problem} />
    <${NewHook} onMade=${setMade} />
    ${data && html`<div class="dense"><${Table} caption=${t("admin.hooks-made")} columns=${columns}
      rows=${data.webhooks} by="hook_id" /></div>`}
    <${Button} onClick=${() => reload()}>${t("admin.hook-again")}<//>
    ${made && html`<${Shown} made=${made} onClose=${() => setMade(null)} />`}
    ${ending && html`<${Remove} hook=${ending} onClose=${() => setEnding(null)} />`}</section>`;
}

function NewHook({ onMade }) {
  const [url, setUrl] = useKept("hook", "");
  const [press, pressed] = usePress(async () => {
    onMade(await api("/webhooks", { method: "POST", body: { url } }));
    setUrl("");
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  return html`<form class="search" onSubmit=${submit}>
    <${Field} label=${t("admin.hook-url")} hint=${t("admin.hook-hint")} value=${url} onValue=${setUrl} required />
    <${Button} kind="main" type="submit" busy=${pressed.busy}>${t("admin.hook-add")}<//></form>
    <${Notice} problem=${pressed.problem} />`;
}

function Shown({ made, onClose }) {
  return html`<${Dialog} title=${t("admin.hook-secret")} solid>
    <p>${t("admin.hook-secret-what", { url: made.webhook.url })}</p>
    <p class="code print" data-hook-secret>${made.secret}</p>
    <div class="row"><${Button} kind="main" onClick=${onClose}>${t("admin.kept-it")}<//></div><//>`;
}

function Remove({ hook, onClose }) {
  const [press, pressed] = usePress(async () => {
    await api(`/webhooks/${hook.hook_id}/remove`, { method: "POST" });
    onClose();
  });
  return html`<${Dialog} title=${t("admin.hook-remove-title")} onClose=${onClose}>
    <p class="code">${hook.url}</p><p>${t("admin.hook-remove-what")}</p><${Notice} problem=${pressed.problem} />
    <div class="row"><${Button} kind="danger" busy=${pressed.busy} onClick=${() => press()}>
        ${t("admin.hook-remove-now")}<//>
      <${Button} onClick=${onClose}>${t("admin.cancel")}<//></div><//>`;
}
