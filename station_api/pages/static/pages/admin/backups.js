/* Backups: the newest and its age, one taken now, and what lies in the folder. */
import {
  announce, api, Button, html, moment, Notice, number, save, t, Table, useEffect, useEvery, usePress, useState,
} from "../../frame/kit.js";

const MB = 1e6;

export function Backups({ onTaken }) {
  const { data, problem, reload } = useEvery("/backups", 30);
  const [taken, setTaken] = useState(null);
  const [press, pressed] = usePress(async () => {
    setTaken(null);
    const made = await api("/backups", { method: "POST" });
    setTaken(made);
    announce(t("admin.taken", { file: made.file }));
    onTaken();
    await reload();
  });
  const [bundle, bundled] = usePress(() => save("/support-bundle", "pinmark-support.zip", "application/zip"));
  const columns = [
    { key: "name", head: t("admin.file"), of: (row) => html`<span class="code">${row.name}</span>` },
    { key: "taken", head: t("admin.when"), of: (row) => moment(row.taken_at_us) },
    { key: "bytes", head: t("admin.megabytes"), number: true, of: (row) => number(row.bytes / MB, 1) },
  ];
  return html`<section class="panel" aria-label=${t("admin.backups")}>
    <div class="title"><h2>${t("admin.backups")}</h2>
      <div class="row"><${Button} kind="main" busy=${pressed.busy} onClick=${() => press()}>
        ${t(pressed.busy ? "admin.taking" : "admin.take-now")}<//>
      <${Button} busy=${bundled.busy} onClick=${() => bundle()}>${t("admin.bundle")}<//></div></div>
    ${data && html`<${Newest} backups=${data.backups} />`}
    <${Notice} problem=${problem || pressed.problem || bundled.problem} />
    ${taken && html`<div class="notice good" role="status"><strong>${t("admin.taken", { file: taken.file })}</strong>
      <p>${Object.entries(taken.sizes).map(([log, size]) => t("admin.holds", { log, size: number(size) }))
        .join("; ")}</p></div>`}
    ${data && data.backups.length > 0 && html`<div class="dense"><${Table} caption=${t("admin.in-folder")}
      columns=${columns} rows=${data.backups.slice(0, 20)} by="name" /></div>`}</section>`;
}

function Newest({ backups }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30000);
    return () => clearInterval(timer);
  }, []);
  if (!backups.length) return html`<p class="check warning">${t("admin.no-backup")}</p>`;
  const hours = Math.max(0, (now - backups[0].taken_at_us / 1000) / 3600000);
  return html`<p>${t("admin.newest", { at: moment(backups[0].taken_at_us), hours: number(hours, 1) })}</p>`;
}
