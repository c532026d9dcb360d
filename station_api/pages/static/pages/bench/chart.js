/* Charts as SVG: control charts with their limits and signals, gauge studies, curves by rounds. */
import { html, number, t } from "./kit.js";
import { ticks } from "./canvas.js";

const WIDE = 1160;
const LEFT = 76;
const RIGHT = 118;
const INNER = WIDE - LEFT - RIGHT;

/** Digits that tell a step apart. */
const digitsOf = (values) => {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : 1;
  return Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9)));
};

/** A scale over a range with a little room: {at(value), ticks, write}. */
function scaleOf(values, top, tall) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = Math.max(high - low, Math.abs(high) * 1e-6, 1e-9) * 0.08;
  const [from, to] = [low - room, high + room];
  const at = (value) => top + tall - ((value - from) / (to - from)) * tall;
  const found = ticks(from, to, tall / 45);
  const digits = digitsOf(found);
  return { at, ticks: found, write: (value) => number(value, digits) };
}

function YAxis({ scale, top, tall, name, inner = INNER }) {
  return html`<g><rect class="plot" x=${LEFT} y=${top} width=${inner} height=${tall} />
    ${scale.ticks.map((value) => html`<g key=${value}>
      <line class="grid" x1=${LEFT} x2=${LEFT + inner} y1=${scale.at(value)} y2=${scale.at(value)} />
      <text class="quiet" x=${LEFT - 8} y=${scale.at(value) + 4} text-anchor="end">${scale.write(value)}</text></g>`)}
    <text class="name" text-anchor="middle" transform=${`translate(16 ${top + tall / 2}) rotate(-90)`}>${name}</text></g>`;
}

/** The chart of a reply of /v1/charts; `name` is the figure with its unit. */
export function ControlChart({ chart, name }) {
  const many = chart.points.length;
  const fired = firing(chart.signals);
  const said = t("quality.chart-said", { points: many, figure: name, signals: chart.signals.length });
  const lines = linesOf([["centre", chart.centre], ["control", chart.lower], ["control", chart.upper],
    ["limit", chart.lower_limit], ["limit", chart.upper_limit]]);
  const spreads = linesOf([["centre", chart.spread_centre], ["control", chart.spread_upper]]);
  const first = many - chart.spreads.length;
  const x = (k) => LEFT + ((k + 0.5) / many) * INNER;
  const every = Math.ceil(many / 10);
  return html`<svg class="chart" viewBox=${`0 0 ${WIDE} 520`} role="img" aria-label=${said}>
    <${Band} top=${14} tall=${280} values=${chart.points} x=${x} lines=${lines} fired=${fired}
      marks=${chart.marks} name=${name} />
    <${Band} top=${332} tall=${120} values=${chart.spreads} x=${(k) => x(k + first)} lines=${spreads}
      fired=${new Map()} marks=${chart.marks.slice(first)} name=${t(`quality.spread-${chart.kind}`)} />
    ${chart.marks.map((mark, k) => k % every === 0 && html`<text key=${mark} class="quiet" x=${x(k)} y="472"
      text-anchor="middle">${mark.replace(/^M0*/, "M")}</text>`)}
    <text class="name" x=${LEFT + INNER / 2} y="500" text-anchor="middle">${t("quality.axis-marks")}</text>
  </svg>`;
}

const linesOf = (of) => of.filter(([, value]) => value !== null && value !== undefined);

/* Which rules begin to fire at which point: a rule is numbered where it fires, not while it lasts. */
function firing(signals) {
  const all = new Set(signals.map((one) => `${one.point}/${one.rule}`));
  const at = new Map();
  for (const { point, rule } of signals) {
    const news = at.get(point) || [];
    if (!all.has(`${point - 1}/${rule}`)) news.push(rule);
    at.set(point, news);
  }
  return at;
}

function Band({ top, tall, values, x, lines, fired, marks, name }) {
  const scale = scaleOf([...values, ...lines.map(([, value]) => value)], top, tall);
  const path = values.map((value, k) => `${k ? "L" : "M"}${x(k).toFixed(1)} ${scale.at(value).toFixed(1)}`).join("");
  return html`<g><${YAxis} scale=${scale} top=${top} tall=${tall} name=${name} />
    ${lines.map(([kind, value], n) => html`<g key=${n}>
      <line class=${kind} x1=${LEFT} x2=${LEFT + INNER} y1=${scale.at(value)} y2=${scale.at(value)} />
      <text x=${LEFT + INNER + 8} y=${scale.at(value) + 4} class=${`quiet ${kind}`}>${t(`quality.line-${kind}`)} ${number(value, 2)}</text></g>`)}
    <path class="line" d=${path} />
    ${values.map((value, k) => html`<circle key=${k} class="dot" cx=${x(k)} cy=${scale.at(value)} r="4">
      <title>${`${marks[k] || ""} ${number(value, 3)}`}</title></circle>`)}
    ${[...fired].map(([k, rules]) => html`<g key=${k} class="signal" data-mark=${marks[k]}>
      <circle class="fired" cx=${x(k)} cy=${scale.at(values[k])} r="9" />
      <text class="rule" x=${x(k)} y=${scale.at(values[k]) - 14} text-anchor="middle">${rules.join(",")}</text>
    </g>`)}</g>`;
}

/** The measurements of a gauge study: a column a part, a colour and a shape an operator. */
export function StudyChart({ study, name }) {
  const flat = study.values.flat(2);
  const scale = scaleOf(flat, 14, 240);
  const step = INNER / study.parts.length;
  return html`<svg class="chart" viewBox=${`0 0 ${WIDE} 310`} role="img" aria-label=${t("quality.study-said")}>
    <${YAxis} scale=${scale} top=${14} tall=${240} name=${name} />
    ${study.values.map((part, p) => part.map((trials, o) => trials.map((value, k) => html`<${Shape}
      key=${`${p}/${o}/${k}`} of=${o} y=${scale.at(value)} x=${LEFT + step * (p + (o + 1) / (study.operators.length + 1))} />`)))}
    ${study.parts.map((part, p) => html`<text key=${part} class="quiet" text-anchor="middle"
      x=${LEFT + step * (p + 0.5)} y="272">${part}</text>`)}
    <text class="name" x=${LEFT + INNER / 2} y="298" text-anchor="middle">${t("quality.part")}</text>
    ${study.operators.map((operator, o) => html`<g key=${operator}><${Shape} of=${o} x=${LEFT + INNER + 20} y=${30 + 22 * o} />
      <text x=${LEFT + INNER + 34} y=${35 + 22 * o}>${operator}</text></g>`)}
  </svg>`;
}

function Shape({ of, x, y }) {
  const k = of % 5;
  if (k === 0) return html`<circle class="part0" r="4.5" cx=${x} cy=${y} />`;
  const paths = [null, "M-5 4L0-5L5 4Z", "M-4-4H4V4H-4Z", "M0-6L5 0L0 6L-5 0Z", "M-5-4L0 5L5-4Z"];
  return html`<path class=${`part${k}`} d=${paths[k]} transform=${`translate(${x} ${y})`} />`;
}

/** Shares by rounds, 0 to 100 %. curves: [{name, rounds, shares, look}]. */
export function RoundsChart({ curves, label }) {
  const inner = INNER - 80; // room for the names of the curves
  const most = Math.max(...curves.flatMap((one) => one.rounds), 1);
  const x = (rounds) => LEFT + (rounds / most) * inner;
  const y = (share) => 14 + (1 - share) * 280;
  const scale = { at: y, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], write: (v) => number(100 * v) };
  return html`<svg class="chart" viewBox=${`0 0 ${WIDE} 360`} role="img" aria-label=${label}>
    <${YAxis} scale=${scale} top=${14} tall=${280} name=${t("quality.axis-legible")} inner=${inner} />
    ${ticks(0, most, 10).map((value) => html`<text key=${value} class="quiet" x=${x(value)} y="314" text-anchor="middle">${number(value)}</text>`)}
    <text class="name" x=${LEFT + inner / 2} y="342" text-anchor="middle">${t("quality.axis-rounds")}</text>
    ${curves.map((one, n) => html`<g key=${one.name} class=${`curve ${one.look}`} data-curve=${one.name}>
      <path d=${one.shares.map((share, k) => `${k ? "L" : "M"}${x(one.rounds[k])} ${y(share)}`).join("")} />
      ${one.shares.map((share, k) => html`<circle key=${k} r="5" cx=${x(one.rounds[k])} cy=${y(share)}>
        <title>${`${one.rounds[k]}: ${number(100 * share, 1)} %`}</title></circle>`)}
      <path d=${`M${LEFT + inner + 10} ${40 + 40 * n}h24`} />
      <text x=${LEFT + inner + 10} y=${58 + 40 * n}>${one.name}</text></g>`)}
  </svg>`;
}
