/* A plan drawn: what will be burned, what the controller has acknowledged, what is surely done.

Two canvases. The lower holds the plan and is drawn in slices, so that 200,000 strokes never hold a
frame up; the upper takes each acknowledged stroke once, as it comes. While a finger moves the view
the picture so far is moved; it is drawn sharp again when the finger rests. Nothing is left out. */
import { useCallback, useEffect, useRef, useState } from "../vendor/hooks.js";
import { api } from "./api.js";
import { html } from "./ui.js";
import { number, t } from "./words.js";

const TYPES = { i4: [Int32Array, 4], u1: [Uint8Array, 1] };
const SLICE_MOVES = 6000;
const MARGIN = 1.06;
const BURN = 0;

/** Bytes of /v1/orders/{id}/plan -> head with xy, stroke, kind, pass as typed arrays. */
export function readPlan(bytes) {
  const view = new DataView(bytes);
  const size = view.getUint32(4, true);
  const plan = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, size)));
  for (const one of plan.arrays) {
    const [Kind] = TYPES[one.type];
    plan[one.name] = new Kind(bytes, 8 + size + one.at, one.size);
  }
  plan.firstMove = firstMoves(plan);
  plan.box = boxOf(plan);
  return plan;
}

function firstMoves(plan) {
  const first = new Int32Array(plan.strokes + 1).fill(plan.moves);
  for (let move = plan.moves - 1; move >= 0; move -= 1) {
    if (plan.stroke[move] >= 0) first[plan.stroke[move]] = move;
  }
  for (let stroke = plan.strokes - 1; stroke >= 0; stroke -= 1) {
    if (first[stroke] > first[stroke + 1]) first[stroke] = first[stroke + 1];
  }
  return first;
}

function boxOf(plan) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < plan.xy.length; at += 2) {
    x0 = Math.min(x0, plan.xy[at]);
    x1 = Math.max(x1, plan.xy[at]);
    y0 = Math.min(y0, plan.xy[at + 1]);
    y1 = Math.max(y1, plan.xy[at + 1]);
  }
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, size: Math.max(x1 - x0, y1 - y0, 1) };
}

/** The plan of an order, read once; null while it is on its way. */
export function usePlan(orderId) {
  const [found, setFound] = useState({ orderId: null });
  useEffect(() => {
    if (!orderId) return undefined;
    const stopper = new AbortController();
    api(`/orders/${encodeURIComponent(orderId)}/plan`, { bytes: true, signal: stopper.signal })
      .then((bytes) => setFound({ orderId, plan: readPlan(bytes) }))
      .catch((problem) => {
        if (problem.name !== "AbortError") setFound({ orderId, problem });
      });
    return () => stopper.abort();
  }, [orderId]);
  return found.orderId === orderId ? found : {};
}

/** Draw a plan. `pass` shows one pass alone; acknowledged and done count strokes, -1 for none. */
export function PlanView({ plan, acknowledged = -1, done = -1, pass = null, label }) {
  const frame = useRef(null);
  const painter = useRef(null);
  useEffect(() => {
    painter.current = new Painter(frame.current, plan, pass);
    painter.current.goTo(acknowledged, done);
    return () => painter.current.close();
  }, [plan, pass]);
  useEffect(() => painter.current.goTo(acknowledged, done), [plan, pass, acknowledged, done]);
  const zoom = useCallback((factor) => painter.current.zoom(factor), []);
  const onKey = useCallback((event) => {
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (steps[event.key]) painter.current.move(...steps[event.key]);
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.5 : 1 / 1.5);
    else return;
    event.preventDefault();
  }, []);
  return html`<figure class="plan">
    <div class="plan-frame" ref=${frame} tabindex="0" role="img" aria-label=${label} onKeyDown=${onKey}>
      <canvas></canvas><canvas></canvas></div>
    <div class="zoom"><button type="button" class="button" aria-label=${t("plan.closer")}
        onClick=${() => zoom(1.5)}>${"+"}</button>
      <button type="button" class="button" aria-label=${t("plan.farther")}
        onClick=${() => zoom(1 / 1.5)}>${"−"}</button>
      <button type="button" class="button" aria-label=${t("plan.whole")}
        onClick=${() => zoom(0)}>${"⤢"}</button></div>
    <figcaption><span class="key planned">${t("plan.planned")}</span>
      <span class="key acknowledged">${t("plan.acknowledged")}</span>
      <span class="key done">${t("plan.done")}</span>
      <span>${t("plan.strokes", { count: number(plan.strokes) })}</span>
    </figcaption></figure>`;
}

class Painter {
  constructor(frame, plan, pass) {
    Object.assign(this, { frame, plan, pass, acknowledged: -1, done: -1, wanted: [-1, -1] });
    [this.lower, this.upper] = frame.querySelectorAll("canvas");
    this.view = { x: plan.box.x, y: plan.box.y, zoom: 1 };
    this.shift = [0, 0];
    this.drawing = 0;
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(frame);
    this.themes = new MutationObserver(() => this.redraw());
    this.themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.onDown = (event) => this.grab(event);
    this.onWheel = (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2);
    };
    frame.addEventListener("pointerdown", this.onDown);
    frame.addEventListener("wheel", this.onWheel, { passive: false });
  }

  close() {
    this.observer.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.drawing);
    cancelAnimationFrame(this.painting);
    this.frame.removeEventListener("pointerdown", this.onDown);
    this.frame.removeEventListener("wheel", this.onWheel);
  }

  zoom(factor) {
    const { box } = this.plan;
    if (factor === 0) this.view = { x: box.x, y: box.y, zoom: 1 };
    else this.view.zoom = Math.min(Math.max(this.view.zoom * factor, 0.5), 64);
    this.redraw();
  }

  /** Shift the picture at once; draw it sharp when no other shift follows. */
  move(dx, dy) {
    this.view.x -= dx / this.scale;
    this.view.y += dy / this.scale;
    this.shift = [this.shift[0] + dx, this.shift[1] + dy];
    for (const canvas of [this.lower, this.upper]) {
      canvas.style.transform = `translate(${this.shift[0]}px, ${this.shift[1]}px)`;
    }
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.redraw(), 120);
  }

  grab(event) {
    let [x, y] = [event.clientX, event.clientY];
    const onMove = (next) => {
      this.move(next.clientX - x, next.clientY - y);
      [x, y] = [next.clientX, next.clientY];
    };
    const onUp = () => {
      window.removeEventListener("pointermove", onMove);
      window.removeEventListener("pointerup", onUp);
      window.removeEventListener("pointercancel", onUp);
    };
    window.addEventListener("pointermove", onMove);
    window.addEventListener("pointerup", onUp);
    window.addEventListener("pointercancel", onUp);
  }

  goTo(acknowledged, done) {
    this.wanted = [acknowledged, done];
    if (acknowledged < this.acknowledged) this.redraw(); // another run
    else if (!this.painting) this.painting = requestAnimationFrame(() => this.paint());
  }

  redraw() {
    clearTimeout(this.resting);
    cancelAnimationFrame(this.drawing);
    const { clientWidth: width, clientHeight: height } = this.frame;
    if (!width || !height) return;
    const dots = window.devicePixelRatio || 1;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.colours = {
      planned: colour("--line"), outline: colour("--warn-ground"), rim: colour("--warn"),
      acknowledged: colour("--accent"), done: colour("--good"),
    };
    this.scale = (Math.min(width, height) / (this.plan.box.size * MARGIN)) * this.view.zoom;
    for (const canvas of [this.lower, this.upper]) {
      canvas.width = Math.round(width * dots);
      canvas.height = Math.round(height * dots);
      canvas.style.transform = "";
      const context = canvas.getContext("2d");
      const { scale, view } = this;
      context.setTransform(
        scale * dots, 0, 0, -scale * dots,
        (width / 2 - view.x * scale) * dots, (height / 2 + view.y * scale) * dots,
      );
      context.lineCap = "round";
      context.lineWidth = Math.max(1 / scale, Math.min(12, 2.2 / scale));
    }
    this.shift = [0, 0];
    this.acknowledged = this.done = -1;
    this.outline();
    this.slice(0);
    this.paint();
  }

  outline() {
    const context = this.lower.getContext("2d");
    const { unit_um: unit } = this.plan;
    context.beginPath();
    for (const ring of this.plan.outlines_um) {
      for (let at = 0; at < ring.length; at += 2) {
        context[at ? "lineTo" : "moveTo"](ring[at] / unit, ring[at + 1] / unit);
      }
      context.closePath();
    }
    context.fillStyle = this.colours.outline;
    context.strokeStyle = this.colours.rim;
    context.fill("evenodd");
    context.stroke();
  }

  /** Draw the next few thousand moves of the plan, then let the page breathe. */
  slice(first) {
    const last = Math.min(first + SLICE_MOVES, this.plan.moves);
    const context = this.lower.getContext("2d");
    context.strokeStyle = this.colours.planned;
    context.globalAlpha = 0.35;
    this.trace(context, first, last);
    context.globalAlpha = 1;
    this.frame.dataset.drawn = String(last);
    if (last < this.plan.moves) this.drawing = requestAnimationFrame(() => this.slice(last));
  }

  trace(context, first, last) {
    const { xy, kind, pass } = this.plan;
    context.beginPath();
    for (let move = first; move < last; move += 1) {
      if (kind[move] !== BURN || (this.pass !== null && pass[move] !== this.pass)) continue;
      context.moveTo(xy[2 * move], xy[2 * move + 1]);
      context.lineTo(xy[2 * move + 2], xy[2 * move + 3]);
    }
    context.stroke();
  }

  /** Draw what was acknowledged and done since the last time. */
  paint() {
    this.painting = 0;
    if (!this.colours) return;
    const context = this.upper.getContext("2d");
    const [acknowledged, done] = this.wanted;
    this.advance(context, "acknowledged", acknowledged);
    this.advance(context, "done", done);
    this.frame.dataset.acknowledged = String(acknowledged);
  }

  advance(context, what, to) {
    if (to <= this[what]) return;
    const { firstMove, strokes } = this.plan;
    context.strokeStyle = this.colours[what];
    const end = firstMove[Math.min(to + 1, strokes)];
    this.trace(context, firstMove[this[what] + 1], end);
    this[what] = to;
  }
}
