/* The administrator's page: how the station stands, its doctor, its backups, keys of machines, webhooks. */
import { html, t, useState } from "../frame/kit.js";
import { Backups } from "./admin/backups.js";
import { Doctor } from "./admin/doctor.js";
import { Health } from "./admin/health.js";
import { Hooks } from "./admin/hooks.js";
import { Keys } from "./admin/keys.js";

export default function Admin() {
  const [taken, setTaken] = useState(0);
  return html`<h1 class="unseen">${t("page.admin")}</h1>
    <${Health} />
    <div class="halves"><${Doctor} after=${taken} />
      <div><${Backups} onTaken=${() => setTaken(taken + 1)} /><${Keys} /></div></div>
    <${Hooks} />`;
}
