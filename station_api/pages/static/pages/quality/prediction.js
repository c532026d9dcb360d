/* Legibility before the laser is on: what simulated firearms leave on cases, by rounds. */
import {
  api, Button, Field, html, Notice, number, Panel, t, Table, useKept, usePress, useState,
} from "../bench/kit.js";
import { RoundsChart } from "../bench/chart.js";
import { figure, Figures, percent, RecipeField } from "../bench/parts.js";
import { shades } from "../bench/colourmap.js";

const SETS = ["good", "poor"];

const mean = (row) => row.reduce((sum, one) => sum + one, 0) / row.length;

export function Prediction() {
  const [recipe, setRecipe] = useKept("recipe", "default");
  const [code, setCode] = useKept("code", "");
  const [rounds, setRounds] = useKept("rounds", "0 500 1500 3000 5000");
  const [firearms, setFirearms] = useKept("firearms", "20");
  const [found, setFound] = useState({});
  const asked = rounds.trim().split(/[\s,;]+/).map(Number);
  const [press, pressed] = usePress(async () => {
    setFound({});
    for (const conditions of SETS) {
      const body = { recipe, code: code.trim(), conditions, rounds: asked, firearms: Number(firearms) };
      const told = await api("/predictions", { method: "POST", body });
      setFound((old) => ({ ...old, [conditions]: told }));
    }
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  const seen = SETS.filter((one) => found[one]);
  return html`<${Panel} title=${t("quality.prediction-title")}>
    <p class="notice warn"><strong>${t("quality.simulation")}</strong></p>
    <form class="asking" onSubmit=${submit}>
      <${RecipeField} value=${recipe} onValue=${setRecipe} />
      <${Field} name="code" label=${t("bench.code")} value=${code} onValue=${setCode} class="code" />
      <${Field} name="rounds" label=${t("quality.rounds")} hint=${t("quality.rounds-hint")} value=${rounds} onValue=${setRounds} />
      <${Field} name="firearms" label=${t("quality.firearms")} inputmode="numeric" value=${firearms} onValue=${setFirearms} />
      <${Button} kind="main" type="submit" busy=${pressed.busy} disabled=${!code.trim()}>
        ${t(pressed.busy ? "quality.predicting" : "quality.predict")}<//></form>
    <${Notice} problem=${pressed.problem} /><//>
    ${seen.length > 0 && html`<${Told} found=${found} seen=${seen} />`}`;
}

function Told({ found, seen }) {
  const curves = seen.flatMap((one) => [
    { name: t(`quality.symbols-${one}`), rounds: found[one].rounds, shares: found[one].by_position.map(mean), look: `${one} symbols` },
    { name: t(`quality.whole-${one}`), rounds: found[one].rounds, shares: found[one].whole_code, look: `${one} whole` },
  ]);
  const first = found[seen[0]];
  const share = (one, of) => ({ key: `${one}-${of}`, head: t(`quality.${of}-${one}`), number: true, of: (row) =>
    percent(of === "whole" ? found[one].whole_code[row.at] : mean(found[one].by_position[row.at])) });
  const columns = [
    { key: "rounds", head: t("quality.rounds"), number: true, of: (row) => number(row.rounds) },
    ...seen.flatMap((one) => [share(one, "symbols"), share(one, "whole")]),
  ];
  const rows = first.rounds.map((rounds, at) => ({ rounds, at }));
  return html`<${Panel} title=${t("quality.by-rounds", { code: first.code, recipe: first.recipe })}>
      <${RoundsChart} curves=${curves} label=${t("quality.curve-said")} />
      <p class="quiet">${t("quality.stated", { firearms: first.firearms, seed: first.seed })}</p>
      <${Figures} of=${[[t("quality.pin-reads"), first.pin_read_back], [t("quality.pin-relief"), `${figure(first.pin_relief_um)} µm`]]} /><//>
    <div class="tight"><${Table} caption=${t("quality.shares")} columns=${columns} rows=${rows} by="rounds" /></div>
    ${seen.map((one) => html`<${Positions} key=${one} told=${found[one]} which=${one} />`)}`;
}

/** Which places on the tip are lost first: a row a number of rounds, a column a position. */
function Positions({ told, which }) {
  const colours = shades("height");
  const cell = (share) => {
    const [r, g, b] = colours.subarray(3 * Math.round(255 * share));
    // WCAG: where black on a ground reaches 4.5 to 1, white does not, and the other way round
    const light = 0.2126 * (r / 255) ** 2.2 + 0.7152 * (g / 255) ** 2.2 + 0.0722 * (b / 255) ** 2.2;
    return { background: `rgb(${r},${g},${b})`, color: light > 0.18 ? "#000" : "#fff" };
  };
  return html`<div class="scroll heat" tabindex="0" role="region" aria-label=${t(`quality.positions-${which}`)}><table>
    <caption>${t(`quality.positions-${which}`)}</caption>
    <thead><tr><th scope="col">${t("quality.rounds")}</th>${[...told.code].map((symbol, k) => html`<th scope="col" key=${k}>${k + 1} <span class="code">${symbol}</span></th>`)}</tr></thead>
    <tbody>${told.rounds.map((rounds, n) => html`<tr key=${rounds}><th scope="row" class="number">${number(rounds)}</th>
      ${told.by_position[n].map((share, k) => html`<td key=${k} style=${cell(share)}>${figure(100 * share, 0)}</td>`)}</tr>`)}</tbody></table></div>`;
}
