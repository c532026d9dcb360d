/* The trace desk: requests with their 24 hours on the left; the question and its answer on the right. */
import { Button, html, Notice, t, useKept, useQuery } from "../frame/kit.js";
import { Answer } from "./trace/answer.js";
import { Ask } from "./trace/ask.js";
import { AllQueries, QueriesOf } from "./trace/queries.js";
import { RequestHead, Requests } from "./trace/requests.js";

export default function Trace({ who }) {
  const mayAnswer = who.role === "tracer";
  const { data: open, problem } = useQuery("/trace/requests?open=true&limit=500");
  const { data: recent } = useQuery("/trace/requests?limit=100");
  const [chosen, setChosen] = useKept("chosen", "");
  if (!open || !recent) return html`<h1>${t("page.trace")}</h1><${Notice} problem=${problem} />`;
  return html`<h1 class="unseen">${t("page.trace")}</h1>
    <div class="trace"><${Requests} open=${open.requests}
      closed=${recent.requests.filter((one) => one.state !== "open")} chosen=${chosen} onChoose=${setChosen}
      mayRecord=${mayAnswer} />
    <div class="work">${chosen
      ? html`<${OneRequest} key=${chosen} id=${chosen} mayAnswer=${mayAnswer}
          onClose=${() => setChosen("")} />`
      : html`<${NoRequest} mayAnswer=${mayAnswer} />`}</div></div>`;
}

function OneRequest({ id, mayAnswer, onClose }) {
  const { data, problem } = useQuery(`/trace/requests/${id}`);
  const [queryId, setQueryId] = useKept(`query.${id}`, "");
  if (!data) {
    return html`<${Notice} problem=${problem} />
      ${problem && html`<${Button} onClick=${onClose}>${t("trace.back")}<//>`}`;
  }
  const shown = queryId || data.query_id;
  return html`<${RequestHead} request=${data} mayAnswer=${mayAnswer} />
    ${mayAnswer && data.state === "open" && html`<${Ask} requestId=${id} mayUpload onAsked=${setQueryId} />`}
    ${shown && html`<${Answer} key=${shown} queryId=${shown} request=${data} mayAnswer=${mayAnswer} />`}
    <${QueriesOf} queries=${data.queries} chosen=${shown} onChoose=${setQueryId} />
    ${!mayAnswer && html`<${Button} onClick=${onClose}>${t("trace.back")}<//>`}`;
}

/** A tracer needs a request; an auditor looks at every question and may ask without one. */
function NoRequest({ mayAnswer }) {
  const [queryId, setQueryId] = useKept("query", "");
  if (mayAnswer) return html`<p class="waiting">${t("trace.choose")}</p>`;
  return html`<${Ask} requestId="" onAsked=${setQueryId} />
    ${queryId && html`<${Answer} key=${queryId} queryId=${queryId} />`}
    <${AllQueries} chosen=${queryId} onChoose=${setQueryId} />`;
}
