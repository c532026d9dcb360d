/* Versions of profiles: two side by side, a new draft, what is in use. */
import {
  api, Button, Field, html, moment, Notice, Panel, State, t, Table, useKept, usePress, useQuery, useState,
} from "../bench/kit.js";
import { TextField, unitOf } from "../bench/parts.js";

const KINDS = ["recipes", "materials", "lasers", "machines", "parts", "acceptance", "fixtures", "panels"];
const keyOf = (one) => `${one.name}/${one.version}`;

export function Versions() {
  const { data, problem } = useQuery("/profiles");
  const [kind, setKind] = useKept("kind", "recipes");
  const [picked, setPicked] = useKept("picked", {});
  const rows = (data ? data.profiles : []).filter((one) => one.kind === kind)
    .map((one) => ({ ...one, id: keyOf(one) }))
    .sort((a, b) => a.name.localeCompare(b.name) || a.version - b.version);
  const now = rows.find((one) => one.id === picked.now) || newestOf(rows);
  const before = now && rows.filter((one) => one.name === now.name && one.version < now.version).pop();
  const old = rows.find((one) => one.id === picked.old) || before || rows[0];
  const choose = (which) => (id) => setPicked((had) => ({ ...had, [which]: id }));
  return html`<${Notice} problem=${problem} />
    <${Panel} title=${t("recipes.side-by-side")}>
      <div class="columns">
        <${Field} name="kind" label=${t("recipes.profile-kind")} value=${kind}
          onValue=${(one) => { setKind(one); setPicked({}); }}>
          ${KINDS.map((one) => html`<option key=${one} value=${one}>${t(`profile.${one}`)}</option>`)}<//>
        <${Pick} name="old" label=${t("recipes.old")} rows=${rows} value=${old && old.id} onValue=${choose("old")} />
        <${Pick} name="new" label=${t("recipes.new")} rows=${rows} value=${now && now.id} onValue=${choose("now")} />
      </div>
      ${old && now && html`<${Difference} kind=${kind} old=${old} now=${now} />`}
    <//>
    <${InUse} kind=${kind} rows=${rows} />
    ${now && html`<${Draft} key=${`${kind}/${now.id}`} kind=${kind} base=${now} />`}`;
}

const newestOf = (rows) => rows.reduce((best, one) => (best && best.version >= one.version ? best : one), undefined);

const called = (one) => t(one.version ? "recipes.version-of" : "recipes.shipped", { name: one.name, version: one.version });

function Pick({ name, label, rows, value, onValue }) {
  return html`<${Field} name=${name} label=${label} value=${value} onValue=${onValue}>
    ${rows.map((one) => html`<option key=${one.id} value=${one.id}>${called(one)}</option>`)}<//>`;
}

function Difference({ kind, old, now }) {
  const asked = `/profiles/${kind}/${now.name}/${now.version}/difference?other=${old.name}&other_version=${old.version}`;
  const { data, problem } = useQuery(asked);
  if (problem) return html`<${Notice} problem=${problem} />`;
  if (!data) return null;
  const columns = [
    { key: "key", head: t("recipes.key"), of: (row) => html`<code>${row.key}</code>` },
    { key: "change", head: t("recipes.change"), of: (row) => html`<span
      class=${`change ${changeOf(row)}`}>${t(`recipes.${changeOf(row)}`)}</span>` },
    { key: "unit", head: t("recipes.unit"), of: (row) => unitOf(row.key) },
    { key: "old", head: called(old), of: (row) => html`<${Side} row=${row} which="old" />` },
    { key: "new", head: called(now), of: (row) => html`<${Side} row=${row} which="new" />` },
  ];
  return html`<div class="difference tight"><${Table} caption=${t("recipes.differences", { count: data.figures.length })}
    columns=${columns} rows=${data.figures} by="key" empty=${t("recipes.alike")} /></div>`;
}

function changeOf(row) {
  if (row.old === null) return "added";
  if (row.new === null) return "removed";
  return row.old === row.new ? "source" : "changed";
}

function Side({ row, which }) {
  const value = row[which];
  if (value === null) return "–";
  const marked = changeOf(row) === "source" ? "" : which === "old" ? "was" : "is";
  return html`<span class=${marked}>${String(value)}</span>
    <span class="source">${row[`${which}_source`]}</span>`;
}

function InUse({ kind, rows }) {
  const [press, pressed] = usePress((key, row, what) =>
    api(`/profiles/${kind}/${row.name}/${row.version}/${what}`, { method: "POST", key }));
  const act = (row) => {
    if (!row.version || row.state === "withdrawn") return "";
    const what = row.state === "draft" ? "release" : "withdraw";
    return html`<${Button} busy=${pressed.busy} onClick=${() => press(row, what)}>${t(`recipes.put-${what}`)}<//>`;
  };
  const columns = [
    { key: "name", head: t("recipes.profile"), of: called },
    { key: "state", head: t("recipes.state"), of: (row) => html`<${State} of=${row.state} />` },
    { key: "author", head: t("recipes.author") },
    { key: "at", head: t("recipes.at"), of: (row) => (row.version ? moment(row.changed_at_us) : "–") },
    { key: "sha256", head: t("recipes.sha256"), of: (row) => html`<code>${row.sha256.slice(0, 12)}</code>` },
    { key: "act", head: t("recipes.act"), of: act },
  ];
  return html`<${Table} caption=${t("recipes.versions-of", { kind: t(`profile.${kind}`) })} columns=${columns} rows=${rows} by="id" />
    <p class="quiet">${t("recipes.trials-only")}</p><${Notice} problem=${pressed.problem} />`;
}

function Draft({ kind, base }) {
  const { data } = useQuery(`/profiles/${kind}/${base.name}/${base.version}`, () => false);
  const [text, setText] = useKept(`draft.${kind}.${base.id}`, null);
  const [saved, setSaved] = useState(null);
  const shown = text === null ? (data ? data.text : "") : text;
  const [press, pressed] = usePress(async (key) => {
    setSaved(await api(`/profiles/${kind}/${base.name}`, { method: "POST", key, body: { text: shown } }));
    setText(null);
  });
  return html`<${Panel} title=${t("recipes.draft-of", { name: base.name })}>
    <${TextField} name="text" label=${t("recipes.text")} hint=${t("recipes.text-hint")} rows=${12}
      value=${shown} onValue=${setText} />
    <${Notice} problem=${pressed.problem} />
    ${saved && html`<p class="notice good" role="status">${t("recipes.drafted", { name: saved.name, version: saved.version })}</p>`}
    <div class="row"><${Button} kind="main" busy=${pressed.busy} disabled=${text === null}
        onClick=${() => press()}>${t("recipes.draft")}<//>
      ${text !== null && html`<${Button} onClick=${() => setText(null)}>${t("recipes.undo")}<//>`}</div><//>`;
}
