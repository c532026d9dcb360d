/* The plan viewer: what is shown, and every way to move it: mouse, fingers, keys, buttons. */
import {
  Button, Field, html, number, t, useEffect, useMemo, useRef, useState,
} from "../bench/kit.js";
import { figure } from "../bench/parts.js";
import { KINDS, openPlan, Strokes } from "../bench/strokes.js";

const STEP = 60;
const CLOSER = 1.4;

export function PlanViewer({ plan }) {
  const opened = useMemo(() => openPlan(plan), [plan]);
  const [pass, setPass] = useState(0);
  const [kinds, setKinds] = useState([0, 1, 2]);
  const [drawn, setDrawn] = useState(null);
  const canvas = useRef(null);
  const strokes = useRef(null);
  useEffect(() => {
    const names = { x: t("plans.axis-x"), y: t("plans.axis-y"), write: (v) => number(v, v % 1 ? 1 : 0) };
    strokes.current = new Strokes(canvas.current, opened, names, setDrawn);
    strokes.current.redraw();
    return () => strokes.current.close();
  }, [opened]);
  useEffect(() => {
    strokes.current.show({ pass: pass ? pass - 1 : null, kinds: new Set(kinds) });
  }, [opened, pass, kinds]);
  const toggle = (kind) =>
    setKinds((old) => (old.includes(kind) ? old.filter((one) => one !== kind) : [...old, kind]));
  const words = pass ? t("plans.one-pass", { pass, all: plan.passes }) : t("plans.all-passes", { all: plan.passes });
  return html`<div class="viewer-tools">
      <div class="row" role="group" aria-label=${t("plans.kinds")}>
        ${KINDS.map((name, kind) => html`<${Button} key=${name} aria-pressed=${kinds.includes(kind)}
          onClick=${() => toggle(kind)}><span class=${`ink ${name}`}></span>${t(`plans.${name}`)}<//>`)}</div>
      <${Field} name="pass" type="range" min="0" max=${plan.shown_passes} step="1" label=${words}
        aria-valuetext=${words} value=${pass} onValue=${(value) => setPass(Number(value))} />
    </div>
    <${Movable} canvas=${canvas} strokes=${strokes} />
    <${Said} drawn=${drawn} />`;
}

function Said({ drawn }) {
  if (!drawn) return html`<p class="quiet" role="status">${t("plans.drawing")}</p>`;
  const values = { every: drawn.every, drawn: number(drawn.drawn), of: number(drawn.of), all: number(drawn.all) };
  return html`<p class="quiet" role="status" data-every=${drawn.every}>${t(
    drawn.every > 1 ? "plans.one-of" : "plans.every-one", values)}</p>`;
}

function Movable({ canvas, strokes }) {
  const held = useRef(new Map());
  const [at, setAt] = useState(null);
  const local = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const down = (event) => {
    held.current.set(event.pointerId, local(event));
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const move = (event) => {
    const now = local(event);
    setAt(strokes.current.place(...now));
    const before = held.current.get(event.pointerId);
    if (!before) return;
    const other = [...held.current].find(([id]) => id !== event.pointerId);
    if (other) pinch(strokes.current, before, now, other[1]);
    else strokes.current.shift(now[0] - before[0], now[1] - before[1]);
    held.current.set(event.pointerId, now);
  };
  const up = (event) => held.current.delete(event.pointerId);
  const wheel = (event) => {
    event.preventDefault();
    strokes.current.zoom(Math.exp(-event.deltaY / 400), ...local(event));
  };
  const key = (event) => {
    const way = {
      ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP],
    }[event.key];
    if (way) strokes.current.shift(...way);
    else if (event.key === "+" || event.key === "-") strokes.current.zoom(event.key === "+" ? CLOSER : 1 / CLOSER);
    else if (event.key === "0") strokes.current.whole();
    else return;
    event.preventDefault();
  };
  const place = at ? t("plans.place", { x: figure(at[0], 1), y: figure(at[1], 1) }) : "";
  return html`<div class="movable">
    <canvas ref=${canvas} tabindex="0" role="img" aria-label=${t("plans.picture")} onPointerDown=${down}
      onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up} onPointerLeave=${() => setAt(null)}
      onWheel=${wheel} onKeyDown=${key}></canvas>
    <div class="movers">
      <${Button} aria-label=${t("plan.closer")} onClick=${() => strokes.current.zoom(CLOSER)}>${"+"}<//>
      <${Button} aria-label=${t("plan.farther")} onClick=${() => strokes.current.zoom(1 / CLOSER)}>${"−"}<//>
      <${Button} aria-label=${t("plan.whole")} onClick=${() => strokes.current.whole()}>${"⤢"}<//></div>
    <p class="place">${place}</p></div>
    <p class="quiet">${t("plans.ways")}</p>`;
}

/* Two fingers: as far apart as they are, round the middle between them. */
function pinch(strokes, before, now, other) {
  const apart = (one) => Math.max(Math.hypot(one[0] - other[0], one[1] - other[1]), 1);
  strokes.shift((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  strokes.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
}
