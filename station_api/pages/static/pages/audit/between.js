/* Two sizes of the tree: that one is the beginning of the other, and every entry that came between. */
import {
  api, Button, Field, html, moment, Notice, number, t, Table, useEffect, useKept, useQuery, usePress, useState,
} from "../../frame/kit.js";
import { Broken } from "./merkle.js";
import { openCheckpoint } from "./note.js";
import { onlyGrew } from "./log.js";
import { checkProof } from "./proof.js";
import { Judged } from "./said.js";

const PAGE = 50;

export function Between({ checkpoints, keys }) {
  const [older, setOlder] = useKept("older", "");
  const [newer, setNewer] = useKept("newer", "");
  const [pasted, setPasted] = useKept("pasted", "");
  const [shown, setShown] = useState(null);
  const noteOf = (chosen) => (checkpoints.find((one) => String(one.number) === chosen) || {}).note;
  const [press, pressed] = usePress(async () => {
    setShown({ state: "checking" });
    try {
      const first = await openCheckpoint(older === "pasted" ? `${pasted.trim()}\n` : noteOf(older) || "", keys);
      const second = await openCheckpoint(noteOf(newer) || "", keys);
      await onlyGrew(first, second);
      setShown({ state: "good", first: Number(first.size), second: Number(second.size) });
    } catch (why) {
      setShown({ state: "bad", why });
    }
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  const choices = checkpoints.map((one) => html`<option key=${one.number} value=${String(one.number)}>
    ${t("audit.choice", { number: number(one.number), size: number(one.size) })}</option>`);
  const blank = html`<option key="" value="">${t("audit.choose")}</option>`;
  return html`<section class="panel" aria-label=${t("audit.between")}><h2>${t("audit.between")}</h2>
    <form class="search" onSubmit=${submit}>
      <${Field} label=${t("audit.older-tree")} value=${older} onValue=${setOlder} required>
        ${[blank, html`<option key="pasted" value="pasted">${t("audit.pasted")}</option>`, ...choices]}<//>
      <${Field} label=${t("audit.newer-tree")} value=${newer} onValue=${setNewer} required>
        ${[blank, ...choices]}<//>
      <${Button} kind="main" type="submit" busy=${pressed.busy}>${t("audit.compare")}<//></form>
    ${older === "pasted" && html`<div class="field"><label for="pasted">${t("audit.paste-checkpoint")}</label>
      <textarea id="pasted" class="code" rows="5" value=${pasted}
        onInput=${(event) => setPasted(event.target.value)}></textarea></div>`}
    ${shown && html`<p data-compared=${shown.state}><${Judged} of=${shown} good=${t("audit.is-beginning", {
      first: number(shown.first || 0), second: number(shown.second || 0),
    })} /></p>`}
    ${shown && shown.state === "good" && html`<${Entries} key=${`${shown.first}-${shown.second}`}
      first=${shown.first} second=${shown.second} keys=${keys} />`}</section>`;
}

function Entries({ first, second, keys }) {
  const [pages, setPages] = useState([first]);
  const from = pages[pages.length - 1];
  const limit = Math.min(PAGE, second - from);
  const { data, problem } = useQuery(
    limit > 0 ? `/log/entries?after=${from - 1}&limit=${limit}` : null, () => false);
  const [judged, setJudged] = useState({});
  useEffect(() => setJudged({}), [from]);
  const [press, pressed] = usePress(async (_, rows) => {
    for (const row of rows) {
      const made = await prove(row, keys);
      setJudged((old) => ({ ...old, [row.position]: made }));
    }
  });
  if (second === first) return html`<p class="quiet">${t("audit.none-between")}</p>`;
  if (!data) return html`<${Notice} problem=${problem} />`;
  const columns = [
    { key: "position", head: t("audit.entry-head"), number: true, of: (row) => number(row.position) },
    { key: "kind", head: t("audit.kind") },
    { key: "at", head: t("audit.when"), of: (row) => (timeOf(row.record) ? moment(timeOf(row.record)) : "") },
    { key: "what", head: t("audit.what"), of: (row) => html`<span class="what">${inShort(row)}</span>` },
    { key: "judged", head: t("audit.proof"), of: (row) => (judged[row.position]
      ? html`<${Judged} of=${judged[row.position]} good=${t("audit.holds")} />` : "") },
  ];
  return html`<div class="dense"><${Table} caption=${t("audit.entries-between", { count: number(second - first) })}
      columns=${columns} rows=${data.entries} by="position" /></div>
    <div class="row"><${Button} busy=${pressed.busy} onClick=${() => press(data.entries)}>
        ${t("audit.prove-shown")}<//>
      ${pages.length > 1 && html`<${Button} onClick=${() => setPages(pages.slice(0, -1))}>
        ${t("audit.previous")}<//>`}
      ${from + limit < second && html`<${Button} onClick=${() => setPages([...pages, from + limit])}>
        ${t("audit.next")}<//>`}</div>`;
}

async function prove(row, keys) {
  try {
    const proof = await checkProof(await api(`/log/records/${row.position}`), keys);
    if (proof.position !== BigInt(row.position)) throw new Broken("other-entry", { position: proof.position });
    if (JSON.stringify(proof.record) !== JSON.stringify(row.record)) {
      throw new Broken("differs", { names: row.kind });
    }
    return { state: "good" };
  } catch (why) {
    return { state: "bad", why };
  }
}

function timeOf(record) {
  if (record.transition) return record.transition.at_us;
  return record.at_us || (record.clock && record.clock.wall_us) || null;
}

/** An entry in one line: a transition by its mark and states, anything else by its own words. */
function inShort({ record }) {
  if (record.transition) {
    const { mark_id, from_state, to_state, actor } = record.transition;
    return `${mark_id}: ${from_state || "-"} \u2192 ${to_state}, ${actor}`;
  }
  const { v, clock, at_us, ...rest } = record;
  const text = Object.values(rest).map(flat).join("; ");
  return text.length > 200 ? `${text.slice(0, 200)}\u2026` : text;
}

/** An object as "name: value; ...", what is nested in it as it is kept. */
function flat(value) {
  if (value === null || typeof value !== "object") return String(value);
  const said = (one) => (one !== null && typeof one === "object" ? JSON.stringify(one) : one);
  return Object.entries(value).filter(([, one]) => one !== null && one !== "")
    .map(([name, one]) => `${name}: ${said(one)}`).join("; ");
}
