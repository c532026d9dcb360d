/* The auditor's desk: marks and their proofs, the log, a month, the firearms book, files. Nothing is believed
that this page can check by itself. */
import { Button, html, t, useKept } from "../frame/kit.js";
import { Book } from "./audit/book.js";
import { Exports } from "./audit/exports.js";
import { KeyBar, useLogKey } from "./audit/key.js";
import { Log } from "./audit/log.js";
import { Marks } from "./audit/marks.js";
import { Month } from "./audit/month.js";

const PARTS = { marks: Marks, log: Log, month: Month, book: Book, exports: Exports };

export default function Audit({ who }) {
  const [part, setPart] = useKept("part", "marks");
  const logKey = useLogKey(who);
  const Part = PARTS[part];
  return html`<h1 class="unseen">${t("page.audit")}</h1>
    <div class="bar"><div class="row" role="group" aria-label=${t("audit.parts")}>
      ${Object.keys(PARTS).map((one) => html`<${Button} key=${one} aria-pressed=${one === part}
        onClick=${() => setPart(one)}>${t(`audit.part-${one}`)}<//>`)}</div>
      <${KeyBar} logKey=${logKey} /></div>
    <${Part} logKey=${logKey} />`;
}
