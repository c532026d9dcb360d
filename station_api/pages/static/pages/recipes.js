/* Recipes and profiles: may one be used on firearms, on what evidence; versions side by side. */
import {
  Button, html, moment, Notice, Panel, State, t, Table, useKept, useQuery, useState,
} from "./bench/kit.js";
import { Choice } from "./bench/parts.js";
import { Exhibits } from "./recipes/exhibits.js";
import { ReleaseOf } from "./recipes/release.js";
import { Versions } from "./recipes/versions.js";

export default function Recipes({ who }) {
  const [part, setPart] = useKept("part", "release");
  const parts = ["release", "versions", "history"].map((one) => [one, t(`recipes.${one}`)]);
  const { data, problem } = useQuery("/releases");
  return html`<h1>${t("recipes.title")}</h1>
    <${Choice} label=${t("recipes.title")} of=${parts} value=${part} onValue=${setPart} />
    <${Notice} problem=${problem} />
    ${part === "release" && data && html`<${Standing} found=${data} who=${who} />`}
    ${part === "versions" && html`<${Versions} />`}
    ${part === "history" && data && html`<${History} found=${data} />`}`;
}

function Standing({ found, who }) {
  const [recipe, setRecipe] = useKept("recipe", "default");
  const chosen = found.recipes.find((one) => one.recipe === recipe) || found.recipes[0];
  const columns = [
    { key: "recipe", head: t("bench.recipe") },
    { key: "state", head: t("recipes.on-firearms"), of: (row) => html`<${State} of=${row.state} />` },
  ];
  return html`<div class="bench-recipes">
    <${Table} caption=${t("recipes.standing")} columns=${columns} rows=${found.recipes} by="recipe"
      chosen=${chosen.recipe} onRow=${(row) => setRecipe(row.recipe)} />
    <${ReleaseOf} key=${chosen.recipe} standing=${chosen} found=${found} who=${who} /></div>`;
}

function History({ found }) {
  const [opened, setOpened] = useState(null);
  const columns = [
    { key: "recipe", head: t("bench.recipe") },
    { key: "state", head: t("recipes.state"), of: (row) => html`<${State} of=${row.state} />` },
    { key: "by", head: t("recipes.by"), of: (row) => row.released_by },
    { key: "at", head: t("recipes.at"), of: (row) => moment(row.changed_at_us) },
    { key: "setup", head: t("recipes.setup"), of: (row) => html`<code>${row.setup_sha256.slice(0, 12)}</code>` },
    { key: "reason", head: t("recipes.reason") },
    { key: "position", head: t("recipes.entry"), number: true },
  ];
  const row = found.releases.find((one) => one.position === opened);
  return html`<${Table} caption=${t("recipes.history")} columns=${columns} rows=${found.releases}
      by="position" chosen=${opened} onRow=${(one) => setOpened(one.position)} empty=${t("recipes.none")} />
    ${row && html`<${Panel} title=${t("recipes.evidence-of", { recipe: row.recipe })}>
      <${Exhibits} exhibits=${row.evidence.exhibits} limits=${found.limits} reasons=${[]} />
      <p class="quiet">${t("recipes.digest")} <code>${row.evidence_sha256}</code></p>
      <${Button} onClick=${() => setOpened(null)}>${t("bench.close")}<//><//>`}`;
}
