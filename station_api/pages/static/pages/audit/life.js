/* A mark's whole life: every transition with its proof, fetched and checked in this page. */
import {
  api, Button, html, keepFile, moment, Notice, number, State, t, useEffect, useQuery, useState,
} from "../../frame/kit.js";
import { Corrected } from "./corrected.js";
import { Broken } from "./merkle.js";
import { checkProof } from "./proof.js";
import { Judged } from "./said.js";

const SHOWN = ["position", "mark_id", "from_state", "to_state", "at_us", "monotonic_us", "actor", "approver",
  "reason"];

/** Proofs of entries by position: {position: {state, why, text, proof}}; checked one after the other. */
export function useProofs(rows, logKey) {
  const [judged, setJudged] = useState({});
  const { keys } = logKey;
  const wantedHere = `${rows.map((row) => row.position).join(",")} ${keys.map((one) => one.text).join()}`;
  useEffect(() => {
    let gone = false;
    const put = (position, made) => gone || setJudged((old) => ({ ...old, [position]: made }));
    const work = async () => {
      for (const row of rows) {
        if (gone || !keys.length) return;
        put(row.position, { state: "checking" });
        put(row.position, await judge(row, keys));
      }
    };
    setJudged({});
    work();
    return () => (gone = true);
  }, [wantedHere]);
  if (logKey.state !== "bad") return judged;
  return Object.fromEntries(rows.map((row) => [row.position, { state: "bad", why: logKey.problem }]));
}

async function judge(row, keys) {
  let text = null;
  try {
    text = await api(`/log/records/${row.position}`);
    const proof = await checkProof(text, keys);
    if (proof.position !== BigInt(row.position)) throw new Broken("other-entry", { position: proof.position });
    refuseDifferences(row, proof.record.transition || {});
    return { state: "good", text, proof };
  } catch (why) {
    return { state: "bad", text, why };
  }
}

/** What is shown has to be what was proven. */
function refuseDifferences(row, proven) {
  const names = SHOWN.filter((name) => row[name] !== proven[name]);
  if (names.length) throw new Broken("differs", { names: names.join(", ") });
}

export function Life({ id, logKey, onChoose }) {
  const { data, problem } = useQuery(`/marks/${encodeURIComponent(id)}`);
  const judged = useProofs(data ? data.history : [], logKey);
  if (!data) return html`<${Notice} problem=${problem} />`;
  const { mark, history, lineage } = data;
  const terms = [
    ["firearm", `${mark.make} ${mark.model}`], ["order", mark.order_id], ["recipe", mark.recipe],
    ["program", mark.program_sha256.slice(0, 16)], ["began", moment(mark.intended_at_us)],
  ];
  return html`<section class="panel life" aria-label=${t("audit.life-of", { id: mark.mark_id })}>
    <div class="title"><h2 class="code">${mark.serial}</h2><${State} of=${mark.state} /></div>
    <p class="code large">${mark.code}</p>
    <dl class="pairs">${terms.map(([name, value]) => html`<div key=${name}><dt>${t(`audit.${name}`)}</dt>
      <dd>${value}</dd></div>`)}</dl>
    <${Corrected} id=${mark.mark_id} />
    <${Lineage} ids=${lineage} mark=${mark} onChoose=${onChoose} />
    <${Proven} history=${history} judged=${judged} logKey=${logKey} />
    <ol class="timeline">${history.map((row) => html`<${Step} key=${row.position} row=${row}
      judged=${judged[row.position]} />`)}</ol></section>`;
}

function Lineage({ ids, mark, onChoose }) {
  if (ids.length < 2) return null;
  return html`<div class="lineage"><span class="quiet">${t("audit.lineage")}</span>
    ${ids.map((one) => html`<${Button} key=${one} aria-current=${one === mark.mark_id ? "true" : null}
      onClick=${() => onChoose(one)}>${one}<//>`)}</div>`;
}

function Proven({ history, judged, logKey }) {
  const all = history.map((row) => judged[row.position]);
  const good = all.filter((one) => one && one.state === "good");
  const bad = all.filter((one) => one && one.state === "bad");
  if (bad.length) {
    return html`<div class="notice bad" role="alert" data-proven="no">
      <strong>${t("audit.not-proven", { count: bad.length, of: all.length })}</strong></div>`;
  }
  if (good.length < all.length) return html`<p class="quiet" role="status">${t("audit.checking")}</p>`;
  const sizes = good.map((one) => one.proof.checkpoint.size);
  const size = sizes.reduce((one, other) => (one < other ? one : other));
  const under = logKey.state === "pinned" || logKey.state === "differs" ? "pinned" : "given";
  return html`<div class=${`notice ${under === "pinned" ? "good" : "warn"}`} role="status" data-proven="yes">
    <strong>${t("audit.proven", { count: all.length, size: number(Number(size)) })}</strong>
    <p>${t(`audit.under-${under}`)}</p></div>`;
}

function Step({ row, judged }) {
  const keep = () => keepFile(new Blob([judged.text], { type: "text/plain" }), `${row.position}.tlog-proof`);
  return html`<li data-position=${row.position} data-judged=${judged ? judged.state : "checking"}>
    <div class="title"><${State} of=${row.to_state} />
      <span class="quiet">${t("audit.entry", { position: number(row.position) })}</span></div>
    <p>${moment(row.at_us)} <strong>${row.actor}</strong>
      ${row.approver && html` ${t("audit.and", { name: row.approver })}`}</p>
    <p>${row.reason}</p>
    <${Judged} of=${judged} good=${judged && judged.proof
      ? t("audit.in-tree", { size: number(Number(judged.proof.checkpoint.size)) }) : ""} />
    <details><summary>${t("audit.record")}</summary>
      <dl class="pairs"><div><dt>${t("audit.monotonic")}</dt><dd>${number(row.monotonic_us)}</dd></div>
        <div><dt>${t("audit.clock")}</dt><dd>${row.clock}</dd></div>
        <div><dt>${t("audit.drift")}</dt><dd>${number(row.drift_us)}</dd></div></dl>
      ${Object.keys(row.detail).length > 0 && html`<pre class="note" tabindex="0" role="region"
        aria-label=${t("audit.detail")}>${JSON.stringify(row.detail, null, 1)}</pre>`}
      ${judged && judged.text && html`<${Button} onClick=${keep}>${t("audit.proof-file")}<//>`}
    </details></li>`;
}
