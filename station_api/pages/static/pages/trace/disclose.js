/* What the agency is told: the clock stops, and the lines stand in the records. */
import { api, Button, Dialog, html, Notice, t, useKept, usePress } from "../../frame/kit.js";

export function Disclose({ query, request, onClose }) {
  const [text, setText] = useKept(`tell.${query.query_id}`, proposed(query.answer));
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const [press, pressed] = usePress(async (key) => {
    await api(`/trace/requests/${request.request_id}/answer`, {
      method: "POST", key, body: { query_id: query.query_id, disclosed: lines },
    });
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  return html`<${Dialog} title=${t("trace.disclose-title", { agency: request.agency })} onClose=${onClose}>
    <form onSubmit=${submit}><p>${t("trace.disclose-hint")}</p>
      <div class="field"><label for="told">${t("trace.told")}</label>
        <textarea id="told" rows="5" value=${text} required
          onInput=${(event) => setText(event.target.value)}></textarea></div>
      <${Notice} problem=${pressed.problem} />
      <div class="row"><${Button} kind="main" type="submit" busy=${pressed.busy}>
        ${t("trace.disclose-now")}<//>
      <${Button} onClick=${onClose}>${t("trace.cancel")}<//></div></form><//>`;
}

/** The best candidate if it was identified, else that nothing was. */
function proposed(answer) {
  const best = answer.candidates[0];
  const sure = answer.verdict === "identified" || answer.verdict === "found";
  if (!sure || !best || !best.marks.length) return t("trace.tell-nothing");
  return best.marks
    .map((mark) => `${mark.make} ${mark.model} ${mark.serial} (${mark.mark_id}, ${mark.state})`)
    .join("\n");
}
