/* A mark's own record as first written, as corrected, or both: a correction is an entry more, never less. */
import { Button, html, moment, Notice, t, useKept, useQuery } from "../../frame/kit.js";
import { VIEWS } from "./book.js";

const FIELDS = ["serial", "make", "model", "order_id"];

export function Corrected({ id }) {
  const [view, setView] = useKept("mark-view", "both");
  const { data, problem } = useQuery(`/marks/${encodeURIComponent(id)}/corrections`);
  if (!data) return html`<${Notice} problem=${problem} />`;
  if (data.versions.length < 2) return null;
  const { versions } = data;
  const shown = { original: versions.slice(0, 1), corrected: versions.slice(-1), both: versions }[view];
  return html`<section class="corrected" aria-label=${t("audit.mark-corrected")}>
    <div class="title"><strong class="judged warn">${t("audit.mark-corrected")}</strong>
      <div class="row" role="group" aria-label=${t("audit.view")}>${VIEWS.map((one) => html`
        <${Button} key=${one} aria-pressed=${view === one} onClick=${() => setView(one)}>
          ${t(`audit.view-${one}`)}<//>`)}</div></div>
    <ul class="versions">${shown.map((one) => html`<li key=${one.version}>${one.version < versions.length - 1
      ? html`<s>${words(one)}</s>` : words(one)}
      ${one.version > 0 && html`<p class="quiet">${t("audit.corrected-by", {
        by: one.corrected_by, and: one.approved_by, at: moment(one.corrected_at_us), reason: one.reason,
      })}</p>`}</li>`)}</ul></section>`;
}

const words = (version) => FIELDS.map((name) => version[name]).join(", ");
