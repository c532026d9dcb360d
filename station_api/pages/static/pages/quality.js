/* Is the process steady, can the gauge tell, what does the metal ask for, what will cases show? */
import { html, t, useKept } from "./bench/kit.js";
import { loadWords } from "../frame/words.js";
import { Choice } from "./bench/parts.js";
import { Charts } from "./quality/charts.js";
import { Coupon } from "./quality/coupon.js";
import { Gauge } from "./quality/gauge.js";
import { Prediction } from "./quality/prediction.js";

await loadWords("plans", "scans"); // the viewer and the maps speak the words of their own pages

const PARTS = { charts: Charts, gauge: Gauge, coupon: Coupon, prediction: Prediction };

export default function Quality() {
  const [part, setPart] = useKept("part", "charts");
  const Shown = PARTS[part];
  return html`<h1>${t("quality.title")}</h1>
    <${Choice} label=${t("quality.title")} value=${part} onValue=${setPart}
      of=${Object.keys(PARTS).map((one) => [one, t(`quality.${one}`)])} />
    <${Shown} />`;
}
