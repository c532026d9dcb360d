/* A scan of a pin: heights and deviation as maps and as surfaces, its symbols, a report to sign. */
import {
  api, Button, Field, html, moment, Notice, number, Panel, Problem, t, Table, useKept, useMemo, usePress,
  useQuery,
} from "./bench/kit.js";
import { FlatMap } from "./bench/flat.js";
import { evenly, openGrid } from "./bench/grid.js";
import { AcceptanceField, Choice, FileField, figure, RecipeField, saveAs, upload, useAsked } from "./bench/parts.js";
import { Surface } from "./bench/surface.js";
import { Symbols, Verdict } from "./scans/judged.js";
import { Kept } from "./scans/kept.js";

const SIDE = 400;

export default function Scans() {
  const [scanId, setScan] = useKept("scan", "");
  const [recipe, setRecipe] = useKept("recipe", "default");
  const [code, setCode] = useKept("code", "");
  const [acceptance, setAcceptance] = useKept("acceptance", "default");
  const [asked, setAsked] = useKept("asked", null);
  const { data: maps, problem, busy, again } = useAsked(asked && `/scans/${asked.id}/maps`, asked && asked.body);
  const look = (id) => {
    setScan(id);
    again();
    setAsked({ id, body: { recipe, acceptance, side: SIDE, ...(code.trim() ? { code: code.trim() } : {}) } });
  };
  const [send, sent] = usePress(async (_key, file) => look((await upload(file)).scan_id));
  const [print, printed] = usePress(() => download(scanId, { recipe, acceptance, code: code.trim() }));
  const submit = (event) => {
    event.preventDefault();
    look(scanId);
  };
  return html`<h1>${t("scans.title")}</h1>
    <${Panel}><form class="looking" onSubmit=${submit}>
      <${FileField} name="scan" label=${t("scans.file")} hint=${t("scans.file-hint")} accept=".x3p" onFile=${send} />
      <div><${RecipeField} value=${recipe} onValue=${setRecipe} />
        <${AcceptanceField} value=${acceptance} onValue=${setAcceptance} /></div>
      <${Field} name="code" label=${t("scans.ordered-code")} hint=${t("scans.code-hint")} value=${code} onValue=${setCode} class="code" />
      <div class="row"><${Button} kind="main" type="submit" busy=${busy} disabled=${!scanId}>${t("scans.look")}<//>
        <${Button} busy=${printed.busy} disabled=${!scanId || !code.trim()} onClick=${() => print()}>${t("scans.report")}<//></div>
    </form>
    ${(sent.busy || busy) && html`<p role="status">${t(sent.busy ? "bench.uploading" : "scans.measuring")}</p>`}
    <${Notice} problem=${sent.problem || problem || printed.problem} /><//>
    ${maps && html`<${Looked} maps=${maps} key=${asked.id} />`}
    <${Kept} />
    <${Recent} chosen=${scanId} onChoose=${look} />`;
}

/* A PDF is bytes: the frame's api reads text and JSON. */
async function download(scanId, body) {
  const reply = await fetch(`/v1/scans/${scanId}/report`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (!reply.ok) {
    const said = await reply.json();
    throw new Problem(reply.status, said.type.split(":").pop(), said.detail);
  }
  saveAs(await reply.blob(), `inspection-${body.code}.pdf`);
}

function Looked({ maps }) {
  const [how, setHow] = useKept("how", "flat");
  const heights = useMemo(() => openGrid(maps.heights), [maps]);
  const off = useMemo(() => maps.deviation && evenly(openGrid(maps.deviation)), [maps]);
  const Shown = how === "flat" ? FlatMap : Surface;
  return html`${maps.inspection && html`<${Verdict} maps=${maps} />`}
    ${maps.oddities.length > 0 && html`<div class="notice warn"><strong>${t("scans.oddities")}</strong>
      ${maps.oddities.map((one) => html`<p key=${one}>${one}</p>`)}</div>`}
    <${Choice} label=${t("scans.how")} value=${how} onValue=${setHow}
      of=${[["flat", t("scans.flat")], ["turned", t("scans.turned")]]} />
    <div class="two">
      <${Panel} title=${t("scans.heights")}><${Shown} map=${heights} scale="height" label=${t("scans.heights")} name=${t("scans.height-bar")} />
        <p class="quiet">${t("scans.averaged", { pitch: figure(maps.heights.pitch_um), count: number(maps.heights.points_a_block) })}</p><//>
      ${off && html`<${Panel} title=${t("scans.deviation")}><${Shown} map=${off} scale="off" label=${t("scans.deviation")} name=${t("scans.off-bar")} />
        <p class="quiet">${t("scans.white")}</p><//>`}
    </div>
    ${maps.inspection && html`<${Symbols} maps=${maps} />`}`;
}

function Recent({ chosen, onChoose }) {
  const { data, problem } = useQuery("/scans?limit=20");
  const columns = [
    { key: "scan_id", head: t("bench.scan"), of: (row) => html`<code>${row.scan_id.slice(0, 16)}</code>` },
    { key: "at", head: t("scans.at"), of: (row) => moment(row.changed_at_us) },
    { key: "by", head: t("scans.by"), of: (row) => row.uploaded_by },
    { key: "points", head: t("scans.points"), number: true, of: (row) => `${number(row.columns)} × ${number(row.rows)}` },
    { key: "size", head: t("scans.size"), number: true, of: (row) => t("scans.kib", { kib: number(row.size_bytes / 1024) }) },
  ];
  return html`<${Notice} problem=${problem} />${data && html`<${Table} caption=${t("scans.recent")} columns=${columns}
    rows=${data.scans} by="scan_id" chosen=${chosen} onRow=${(row) => onChoose(row.scan_id)} />`}`;
}
