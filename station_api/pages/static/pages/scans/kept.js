/* Scans of the watched folder that fitted no mark: read for a mark, then given to it, or discarded. */
import {
  announce, api, Button, Dialog, Field, html, moment, Notice, Panel, recorded, t, Table, usePress, useQuery,
  useState,
} from "../bench/kit.js";

export function Kept() {
  const { data, problem } = useQuery("/scan-folder", (event) => recorded(event) || event.event === "folder");
  const [open, setOpen] = useState(null);
  if (problem) return html`<${Notice} problem=${problem} />`;
  if (!data || (data.kept.length === 0 && !open)) return null;
  const close = () => setOpen(null);
  const columns = [
    { key: "file", head: t("scans.kept-file"), of: (row) => html`<strong>${row.file}</strong>` },
    { key: "at", head: t("scans.kept-at"), of: (row) => moment(Date.parse(row.at) * 1000) },
    { key: "why", head: t("scans.kept-why") },
    { key: "do", head: t("scans.kept-do"), of: (row) => row.sha256 && html`<div class="row">
      <${Button} onClick=${() => setOpen({ give: row })}>${t("scans.give")}<//>
      <${Button} onClick=${() => setOpen({ discard: row })}>${t("scans.discard")}<//></div>` },
  ];
  return html`<${Panel} title=${t("scans.kept")} class="panel kept">
    <${Table} caption=${t("scans.kept")} columns=${columns} rows=${data.kept.map((row) => ({ ...row, id: row.at + row.file }))} by="id" /><//>
    ${open && open.give && html`<${Give} scan=${open.give} onClose=${close} />`}
    ${open && open.discard && html`<${Discard} scan=${open.discard} onClose=${close} />`}`;
}

/* First what is read on the scan beside the code of the mark, then the press that records it. */
function Give({ scan, onClose }) {
  const [mark, setMark] = useState("");
  const [reason, setReason] = useState("");
  const [found, setFound] = useState(null);
  const path = `/kept-scans/${scan.sha256}`;
  const [read, reading] = usePress(async () => {
    setFound(null);
    setFound(await api(`${path}/reading`, { method: "POST", body: { mark } }));
  });
  const [give, given] = usePress(async (key) => {
    const body = { mark_id: found.mark_id, ...(reason.trim() ? { reason: reason.trim() } : {}) };
    await api(`${path}/give`, { method: "POST", key, match: `"${found.version}"`, body });
    announce(t("scans.give-done", { file: scan.file, mark: found.mark_id }));
    onClose();
  });
  const ask = (event) => {
    event.preventDefault();
    read();
  };
  const type = (text) => {
    setMark(text);
    setFound(null);
  };
  return html`<${Dialog} title=${t("scans.give-title", { file: scan.file })} onClose=${onClose}>
    <p class="quiet">${scan.why}</p>
    <form onSubmit=${ask}><${Field} name="mark" label=${t("scans.give-mark")} hint=${t("scans.give-mark-hint")}
        value=${mark} onValue=${type} class="code" />
      <${Button} type="submit" busy=${reading.busy} disabled=${!mark.trim()}>${t("scans.give-read")}<//></form>
    ${reading.busy && html`<p role="status">${t("scans.give-reading")}</p>`}
    <${Notice} problem=${reading.problem || given.problem} />
    ${found && html`<${Found} found=${found} />`}
    ${found && found.needs === "reason" && html`<${Field} name="reason" label=${t("scans.give-reason")}
      value=${reason} onValue=${setReason} />`}
    <div class="row">${found && found.needs !== "refused" && html`<${Button} kind=${found.good ? "main" : "danger"}
        busy=${given.busy} disabled=${found.needs === "reason" && !reason.trim()} onClick=${() => give()}>
        ${t("scans.give-now", { mark: found.mark_id, state: t(`scans.give-state-${found.good ? "verified" : "rejected"}`) })}<//>`}
      <${Button} onClick=${onClose}>${t("scans.close")}<//></div><//>`;
}

const TITLES = { refused: "scans.give-refused", reason: "scans.give-doubt" };

function Found({ found }) {
  const kind = { nothing: "good", reason: "warn", refused: "bad" }[found.needs];
  return html`<section class=${`notice ${kind}`} role="status" data-needs=${found.needs}>
    <strong>${t(TITLES[found.needs] || "scans.give-agrees")}</strong>
    <dl class="codes"><dt>${t("scans.give-serial")}</dt><dd>${found.serial} (${found.mark_id})</dd>
      <dt>${t("scans.give-ordered")}</dt><dd class="code"><${Code} text=${found.ordered} beside=${found.read_back} /></dd>
      <dt>${t("scans.give-read-back")}</dt><dd class="code"><${Code} text=${found.read_back} beside=${found.ordered} /></dd>
      <dt>${t("scans.give-verdict")}</dt><dd>${t(found.good ? "scans.give-good" : "scans.give-bad", { grade: found.grade })}</dd></dl>
    ${found.needs !== "nothing" && html`<p>${said(found)}</p>`}
    ${found.needs !== "refused" && found.findings.length > 0 && html`<ul>${found.findings.slice(0, 4).map((one) => html`<li key=${one}>${one}</li>`)}</ul>`}</section>`;
}

function said({ reads_mark: other, read_back: read, ordered, mark_id: mark, agrees }) {
  if (other) return t("scans.give-said-other", { read, other, ordered, mark });
  return agrees ? t("scans.give-said-older", { mark }) : t("scans.give-said-none", { read, ordered, mark });
}

/* A symbol that differs is marked by its frame, not by colour alone. */
const Code = ({ text, beside }) => html`<span role="img" aria-label=${text}>${[...text].map((one, at) => html`<span
  key=${at} aria-hidden="true" class=${one === beside[at] ? "same" : "differs"}>${one}</span>`)}</span>`;

function Discard({ scan, onClose }) {
  const [reason, setReason] = useState("");
  const [press, pressed] = usePress(async (key) => {
    await api(`/kept-scans/${scan.sha256}/discard`, { method: "POST", key, body: { reason: reason.trim() } });
    onClose();
  });
  return html`<${Dialog} title=${t("scans.discard-title", { file: scan.file })} onClose=${onClose}>
    <p>${t("scans.discard-what")}</p>
    <${Field} name="why" label=${t("scans.discard-why")} value=${reason} onValue=${setReason} />
    <${Notice} problem=${pressed.problem} />
    <div class="row"><${Button} kind="danger" busy=${pressed.busy} disabled=${!reason.trim()}
        onClick=${() => press()}>${t("scans.discard")}<//>
      <${Button} onClick=${onClose}>${t("scans.close")}<//></div><//>`;
}
