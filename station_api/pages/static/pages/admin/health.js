/* Database, log and service in figures, as a monitoring system reads them (/v1/metrics). */
import { html, Notice, number, t, useQuery, recorded, useEvery } from "../../frame/kit.js";

/** Prometheus text -> {name: value}; labels stay in the name. */
export function parseMetrics(text) {
  const figures = {};
  for (const line of text.split("\n")) {
    const parts = /^(pinmark_\w+(?:\{[^}]*\})?) (\S+)$/.exec(line);
    if (parts) figures[parts[1]] = Number(parts[2]);
  }
  return figures;
}

const GB = 1e9;
const HOUR_S = 3600;

export function Health() {
  const { data: text, problem } = useEvery("/metrics", 15, recorded);
  const { data: health } = useQuery("/health");
  if (!text || !health) return html`<${Notice} problem=${problem} />`;
  const of = parseMetrics(text);
  const build = Object.keys(of).find((name) => name.startsWith("pinmark_build")) || "";
  const database = (/database="([^"]*)"/.exec(build) || [])[1] || "";
  const version = (/version="([^"]*)"/.exec(build) || [])[1] || "";
  const age_s = of.pinmark_backup_age_seconds;
  const rows = [
    ["version", version, "plain"],
    ["database", database, "plain"],
    ["entries", number(health.entries), "plain"],
    ["in-doubt", number(health.in_doubt), health.in_doubt ? "warn" : "good"],
    ["engraver", t(`admin.engraver-${health.engraver}`), "plain"],
    ["people", number(of.pinmark_sessions || 0), "plain"],
    ["screens", number(of.pinmark_streams || 0), "plain"],
    ["disk", t("admin.gigabytes", { count: number((of.pinmark_disk_free_bytes || 0) / GB, 1) }), "plain"],
    ["backup-age", age_s === undefined ? t("admin.none-yet")
      : t("admin.hours", { count: number(age_s / HOUR_S, 1) }), age_s === undefined ? "warn" : "plain"],
    ["key-copied", t(of.pinmark_key_backup_noted ? "admin.yes" : "admin.no"),
      of.pinmark_key_backup_noted ? "good" : "warn"],
  ];
  return html`<dl class="strip" aria-label=${t("admin.health")}>${rows.map(([name, value, kind]) => html`
    <div key=${name} class=${kind} data-figure=${name}><dt>${t(`admin.${name}`)}</dt><dd>${value}</dd></div>`)}</dl>`;
}
