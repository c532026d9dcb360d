/* What a check came to, in words, shape and colour. */
import { has, html, t } from "../../frame/kit.js";

/** Why a check failed; a request that failed says so itself. */
export function Failure({ of }) {
  const key = of.code ? `audit.broken-${of.code}` : `problem.${of.kind}`;
  return html`<span class="judged bad" role="alert">
    <strong>${has(key) ? t(key, of.values) : of.message}</strong></span>`;
}

/** {state: "checking" | "good" | "bad", why}: one line. */
export function Judged({ of, good }) {
  if (!of || of.state === "checking") return html`<span class="judged wait">${t("audit.checking")}</span>`;
  if (of.state === "bad") return html`<${Failure} of=${of.why} />`;
  return html`<span class="judged good">${good}</span>`;
}
