/* Questions that were asked, refused ones too: those of a request, or all of the desk's. */
import { Button, html, moment, Notice, number, t, Table, useKept, useQuery } from "../../frame/kit.js";

/** A question in one line. */
const inShort = (question) => {
  if (typeof question !== "object") return question;
  return question.pattern || question.serial || t("trace.by-cases");
};

const columns = () => [
  { key: "query_id", head: t("trace.query") },
  { key: "question", head: t("trace.question"),
    of: (row) => html`<span class="code">${inShort(row.question)}</span>` },
  { key: "asked_by", head: t("trace.by-whom") },
  { key: "at", head: t("trace.at"), of: (row) => moment(row.changed_at_us) },
  { key: "outcome", head: t("trace.outcome"), of: (row) => t(`trace.outcome-${row.outcome}`) },
  { key: "found", head: t("trace.figure-fitted"), number: true, of: (row) => number(row.found) },
];

export const QueriesOf = ({ queries, chosen, onChoose }) =>
  queries.length > 0 && html`<div class="dense"><${Table} caption=${t("trace.queries")} by="query_id"
    columns=${columns()} rows=${queries} chosen=${chosen} onRow=${(row) => onChoose(row.query_id)} /></div>`;

export function AllQueries({ chosen, onChoose }) {
  const [before, setBefore] = useKept("before", []);
  const at = before[before.length - 1];
  const { data, problem } = useQuery(`/trace/queries?limit=20${at ? `&before=${at}` : ""}`);
  if (!data) return html`<${Notice} problem=${problem} />`;
  return html`<${QueriesOf} queries=${data.queries} chosen=${chosen} onChoose=${onChoose} />
    <div class="row">${at && html`<${Button} onClick=${() => setBefore(before.slice(0, -1))}>
      ${t("trace.newer")}<//>`}
    ${data.next && html`<${Button} onClick=${() => setBefore([...before, data.next])}>
      ${t("trace.older")}<//>`}</div>`;
}
