/* The log: where it stands, that it only grew, who else signed, and what lies between two of its sizes. */
import {
  api, Button, html, moment, Notice, number, t, Table, useEffect, useEvery, useKept, useQuery, useState,
} from "../../frame/kit.js";
import { Between } from "./between.js";
import { Broken, checkConsistency, hex } from "./merkle.js";
import { cosignedAt, fromBase64, openCheckpoint, parseCheckpoint, splitNote } from "./note.js";
import { Judged } from "./said.js";

const SEEN = "pinmark.seen-checkpoint"; // of this browser: what this screen verified last
const PAGE = 20;

/** Check that the log of one verified checkpoint is the beginning of another's, by a proof asked for here. */
export async function onlyGrew(older, newer) {
  if (older.size > newer.size) throw new Broken("rolled-back", { first: older.size, second: newer.size });
  const { hashes } = older.size === newer.size ? { hashes: [] }
    : await api(`/log/consistency?first=${older.size}&second=${newer.size}`);
  const proof = hashes.map((one) => fromBase64(one, "hash"));
  await checkConsistency(older.size, newer.size, proof, older.root, newer.root);
}

export function Log({ logKey }) {
  const [pages, setPages] = useKept("checkpoint-pages", []);
  const before = pages[pages.length - 1];
  const { data, problem } = useQuery(`/log/checkpoints?limit=${PAGE}${before ? `&before=${before}` : ""}`);
  const { data: seen } = useQuery("/log/witnessed");
  const { data: ours } = useEvery("/log/witnesses", 15);
  return html`<${Notice} problem=${problem} />
    <div class="halves"><div>
      <${Standing} logKey=${logKey} />
      <${OurWitnesses} rows=${ours ? ours.witnesses : []} />
      <${Witnesses} logs=${seen ? seen.logs : []} />
    </div><div>
      ${data && html`<${Checkpoints} rows=${data.checkpoints} logKey=${logKey} />
      <div class="row pager">
        ${before && html`<${Button} onClick=${() => setPages(pages.slice(0, -1))}>${t("audit.newer")}<//>`}
        ${data.next && html`<${Button} onClick=${() => setPages([...pages, data.next])}>
          ${t("audit.older")}<//>`}</div>`}
    </div></div>
    ${data && html`<${Between} checkpoints=${data.checkpoints} keys=${logKey.keys} />`}`;
}

/** The newest checkpoint, and that it continues what this browser verified before. */
function Standing({ logKey }) {
  const { data: note, problem } = useEvery("/log/checkpoint", 15); // asking for it signs one
  const [before] = useState(() => JSON.parse(localStorage.getItem(SEEN) || "null"));
  const [checked, setJudged] = useState({ state: "checking" });
  const judged = logKey.state === "bad" ? { state: "bad", why: logKey.problem } : checked;
  const { keys } = logKey;
  useEffect(() => {
    let gone = false;
    const work = async () => {
      const newest = await openCheckpoint(note, keys);
      // verified when it was kept, perhaps under a key that was replaced since
      const kept = before && before.origin === newest.origin ? parsed(before.note) : null;
      if (kept) await onlyGrew(kept, newest);
      const made = { origin: newest.origin, note, at_us: Date.now() * 1000 };
      localStorage.setItem(SEEN, JSON.stringify(made));
      return { state: "good", newest, kept };
    };
    if (note && keys.length) {
      work().then((made) => gone || setJudged(made), (why) => gone || setJudged({ state: "bad", why }));
    }
    return () => (gone = true);
  }, [note, keys]);
  if (!note) return html`<${Notice} problem=${problem} />`;
  const said = parsed(note);
  return html`<section class="panel" aria-label=${t("audit.stands")} data-judged=${judged.state}>
    <h2>${t("audit.stands")}</h2>
    ${said && html`<dl class="pairs"><div><dt>${t("audit.origin")}</dt><dd class="code">${said.origin}</dd></div>
      <div><dt>${t("audit.tree-size")}</dt><dd>${number(Number(said.size))}</dd></div>
      <div class="wide"><dt>${t("audit.root")}</dt><dd class="code hash">${hex(said.root)}</dd></div></dl>`}
    <p><${Judged} of=${judged} good=${t("audit.signature-good")} /></p>
    ${judged.state === "good" && html`<p class=${judged.kept ? "judged good" : "quiet"}>${judged.kept
      ? t("audit.only-grew", {
        at: moment(before.at_us), count: number(Number(judged.newest.size - judged.kept.size)),
      }) : t("audit.first-look")}</p>
      <${Signatures} checkpoint=${judged.newest} />`}
    <pre class="note code" tabindex="0" role="region" aria-label=${t("audit.checkpoint")}>${note}</pre>
  </section>`;
}

function parsed(note) {
  try {
    return parseCheckpoint(splitNote(note).text);
  } catch {
    return null;
  }
}

function Signatures({ checkpoint }) {
  const others = checkpoint.signatures.filter((one) => !one.by);
  if (!others.length) return html`<p class="quiet">${t("audit.no-witness")}</p>`;
  return html`<ul>${others.map((one) => html`<li key=${one.name + hex(one.id)}>${t("audit.cosigned", {
    name: one.name, at: cosignedAt(one) === null ? "" : moment(cosignedAt(one) * 1e6),
  })}</li>`)}</ul>`;
}

function Witnesses({ logs }) {
  const columns = [
    { key: "origin", head: t("audit.origin"), of: (row) => html`<span class="code">${row.origin}</span>` },
    { key: "size", head: t("audit.tree-size"), number: true, of: (row) => number(row.size) },
    { key: "at", head: t("audit.cosigned-at"), of: (row) => cosigned(row.note) },
    { key: "position", head: t("audit.entry-head"), number: true, of: (row) => number(row.position) },
  ];
  return html`<div class="dense"><${Table} caption=${t("audit.witnessed")} columns=${columns} rows=${logs}
    by="origin" empty=${t("audit.none-witnessed")} /></div>`;
}

function OurWitnesses({ rows }) {
  const columns = [
    { key: "witness", head: t("audit.witness"), of: (row) => html`<span class="code">${row.witness}</span>` },
    { key: "size", head: t("audit.tree-size"), number: true, of: (row) => number(row.size) },
    { key: "at", head: t("audit.cosigned-at"), of: (row) => (row.at_s ? moment(row.at_s * 1e6) : "") },
    { key: "state", head: t("audit.answers"), of: (row) => html`<${Answer} row=${row} />` },
  ];
  return html`<div class="dense"><${Table} caption=${t("audit.witnesses")} columns=${columns} rows=${rows}
    by="witness" empty=${t("audit.no-witnesses")} /></div>`;
}

/** How a witness answered last; what is wrong is said in the service's own words. */
function Answer({ row }) {
  const word = t(`audit.witness-${row.state}`);
  if (row.state === "cosigned" || row.state === "waiting") return word;
  return html`<strong>${word}</strong>: ${row.said}`;
}

function cosigned(note) {
  try {
    const times = splitNote(note).signatures.map(cosignedAt).filter((one) => one !== null);
    return times.length ? moment(Math.max(...times) * 1e6) : "";
  } catch {
    return "";
  }
}

function Checkpoints({ rows, logKey }) {
  const { keys } = logKey;
  const unchecked = logKey.state === "bad" && { state: "bad", why: logKey.problem };
  const [judged, setJudged] = useState({});
  const numbers = rows.map((row) => row.number).join();
  useEffect(() => {
    let gone = false;
    const work = async () => {
      for (const row of rows) {
        if (!keys.length || gone) return;
        const made = await openCheckpoint(row.note, keys).then(
          (opened) => ({ state: "good", opened }), (why) => ({ state: "bad", why }));
        if (!gone) setJudged((old) => ({ ...old, [row.number]: made }));
      }
    };
    work();
    return () => (gone = true);
  }, [numbers, keys]);
  const columns = [
    { key: "number", head: t("audit.number"), number: true, of: (row) => number(row.number) },
    { key: "size", head: t("audit.tree-size"), number: true, of: (row) => number(row.size) },
    { key: "root", head: t("audit.root"), of: (row) => html`<span class="code">${short(row.note)}</span>` },
    { key: "judged", head: t("audit.signature"),
      of: (row) => html`<${Judged} of=${unchecked || judged[row.number]} good=${t("audit.holds")} />` },
  ];
  return html`<div class="dense"><${Table} caption=${t("audit.checkpoints")} columns=${columns} rows=${rows}
    by="number" /></div>`;
}

const short = (note) => {
  const said = parsed(note);
  return said ? `${hex(said.root).slice(0, 16)}\u2026` : "";
};
