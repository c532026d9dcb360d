/* A plan drawn on canvas: moved as a picture, redrawn stroke by stroke when it rests.

While a finger moves it, the last picture is shifted and scaled: that costs the same for a hundred
strokes and for four hundred thousand. At rest the moves that touch the window are drawn, a few
milliseconds a frame, so that the page never stands still. If more than MOST touch it, every n-th is
drawn, and the page says so: nothing is left out unsaid. Lengths are um, y points up as on the pin. */
import { colours, drawAxes, fitted, numbers, onChange } from "./canvas.js";

export const KINDS = ["burn", "gated", "jump"]; // engraver.strokes.MoveKind
const MOST = 60_000;
const SLICE_MS = 6;
const REST_MS = 140;
const OVER = 1.4; // the picture is larger than the window, so that a shift shows no empty edge at once
const LEFT = 64;
const FOOT = 46;
const LOOK = [
  { colour: "accent", width: 1.3, dash: [] },
  { colour: "warn", width: 1.1, dash: [5, 3] },
  { colour: "bad", width: 1, dash: [1.5, 3] },
];

/** A reply of /v1/plans -> moves as flat arrays in um, where each pass begins, and its box. */
export function openPlan(reply) {
  const scale = (text) => Float32Array.from(numbers(text, Int32Array), (v) => v * reply.step_um);
  const moves = {
    start: scale(reply.start), end: scale(reply.end),
    kind: numbers(reply.kind, Uint8Array), pass: numbers(reply.pass, Uint16Array),
  };
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const points of [moves.start, moves.end]) {
    for (let k = 0; k < points.length; k += 2) {
      box[0] = Math.min(box[0], points[k]);
      box[1] = Math.min(box[1], points[k + 1]);
      box[2] = Math.max(box[2], points[k]);
      box[3] = Math.max(box[3], points[k + 1]);
    }
  }
  return { ...moves, box, count: moves.kind.length, outline: reply.outline_um };
}

export class Strokes {
  /** `names` {x, y, write}; `tell` hears {drawn, of, all, every, resting} when a picture is done. */
  constructor(canvas, plan, names, tell) {
    Object.assign(this, { canvas, plan, names, tell, frames: 0 });
    this.shown = { pass: null, kinds: new Set([0, 1, 2]) };
    this.view = null;
    this.picture = null;
    this.stop = onChange(canvas, () => this.redraw());
  }

  close() {
    this.stop();
    cancelAnimationFrame(this.drawing);
    cancelAnimationFrame(this.painting);
    clearTimeout(this.timer);
  }

  show(shown) {
    this.shown = shown;
    this.redraw();
  }

  room() {
    const { clientWidth, clientHeight } = this.canvas;
    return { x: LEFT, y: 8, width: clientWidth - LEFT - 8, height: clientHeight - FOOT - 8 };
  }

  /** See all of it. */
  fit() {
    const [x0, y0, x1, y1] = this.plan.box;
    const room = this.room();
    const zoom = 0.94 * Math.min(room.width / Math.max(x1 - x0, 1), room.height / Math.max(y1 - y0, 1));
    return { zoom, x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
  }

  whole() {
    this.moved(() => Object.assign(this.view, this.fit()));
  }

  shift(dx, dy) {
    this.moved((view) => {
      view.x -= dx / view.zoom;
      view.y += dy / view.zoom;
    });
  }

  /** Closer or farther; the point under (px, py) of the canvas stays where it is. */
  zoom(factor, px, py) {
    const room = this.room();
    const [rx, ry] = px === undefined ? [0, 0] : [px - room.x - room.width / 2, py - room.y - room.height / 2];
    this.moved((view) => {
      const next = Math.min(Math.max(view.zoom * factor, 0.005), 400);
      view.x += rx / view.zoom - rx / next;
      view.y -= ry / view.zoom - ry / next;
      view.zoom = next;
    });
  }

  /** Where a pixel of the canvas is on the tip, um. */
  place(px, py) {
    if (!this.view) return null;
    const room = this.room();
    return [
      this.view.x + (px - room.x - room.width / 2) / this.view.zoom,
      this.view.y - (py - room.y - room.height / 2) / this.view.zoom,
    ];
  }

  moved(change) {
    if (!this.view) return;
    change(this.view);
    this.note();
    cancelAnimationFrame(this.drawing); // a picture in the making is of the past
    this.later();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.redraw(), REST_MS);
  }

  later() {
    if (this.painting) return;
    this.painting = requestAnimationFrame(() => {
      this.painting = 0;
      this.paint();
    });
  }

  /** Show the last picture where the view is now, and the axes. */
  paint() {
    const { context, width, height } = fitted(this.canvas);
    const ink = colours();
    const room = this.room();
    context.fillStyle = ink.surface;
    context.fillRect(0, 0, width, height);
    const { view, picture: old } = this;
    if (!view || room.width <= 0 || room.height <= 0) return;
    const middle = [room.x + room.width / 2, room.y + room.height / 2];
    if (old) {
      context.save();
      context.beginPath();
      context.rect(room.x, room.y, room.width, room.height);
      context.clip();
      const zoom = view.zoom / old.view.zoom;
      const [wide, high] = [old.width * zoom, old.height * zoom];
      const left = middle[0] + (old.view.x - view.x) * view.zoom - wide / 2;
      const top = middle[1] - (old.view.y - view.y) * view.zoom - high / 2;
      context.drawImage(old.canvas, left, top, wide, high);
      context.restore();
    }
    const [wide, high] = [room.width / 2 / view.zoom, room.height / 2 / view.zoom];
    drawAxes(context, room, {
      x: { low: view.x - wide, high: view.x + wide, at: (v) => middle[0] + (v - view.x) * view.zoom, name: this.names.x },
      y: { low: view.y - high, high: view.y + high, at: (v) => middle[1] - (v - view.y) * view.zoom, name: this.names.y },
    }, ink, this.names.write);
    this.frames += 1;
    this.canvas.dataset.frames = String(this.frames);
  }

  /** Where the view is, for whoever looks from outside. */
  note() {
    const { x, y, zoom } = this.view;
    this.canvas.dataset.view = [x, y, zoom].map((v) => v.toFixed(5)).join(" ");
  }

  redraw() {
    cancelAnimationFrame(this.drawing);
    clearTimeout(this.timer);
    const room = this.room();
    if (room.width <= 0 || room.height <= 0) return;
    if (!this.view) this.view = this.fit();
    this.note();
    const pen = new Pen(this.plan, this.shown, { ...this.view }, room.width * OVER, room.height * OVER);
    const step = () => {
      const ended = pen.draw(performance.now() + SLICE_MS);
      if (!ended) {
        this.drawing = requestAnimationFrame(step);
        return;
      }
      this.picture = pen;
      this.paint();
      this.tell({ drawn: pen.drawn, of: pen.inside, all: this.plan.count, every: pen.every });
      this.canvas.dataset.drawn = String(pen.drawn);
      this.canvas.dataset.drawnAt = this.canvas.dataset.view;
    };
    step();
  }
}

/** One picture in the making. */
class Pen {
  constructor(plan, shown, view, width, height) {
    Object.assign(this, { plan, shown, view, width, height, at: 0, drawn: 0, seen: 0 });
    const dots = window.devicePixelRatio || 1;
    this.canvas = document.createElement("canvas");
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(height * dots);
    this.context = this.canvas.getContext("2d");
    this.context.scale(dots, dots);
    this.ink = colours();
    this.box = [
      view.x - width / 2 / view.zoom, view.y - height / 2 / view.zoom,
      view.x + width / 2 / view.zoom, view.y + height / 2 / view.zoom,
    ];
    this.inside = 0;
    for (let k = 0; k < plan.count; k += 1) if (this.touches(k)) this.inside += 1;
    this.every = Math.max(1, Math.ceil(this.inside / MOST));
    this.outline();
  }

  touches(k) {
    const { start, end, kind, pass } = this.plan;
    if (this.shown.pass !== null && pass[k] !== this.shown.pass) return false;
    if (!this.shown.kinds.has(kind[k])) return false;
    const [x0, y0, x1, y1] = this.box;
    return (
      Math.max(start[2 * k], end[2 * k]) >= x0 && Math.min(start[2 * k], end[2 * k]) <= x1 &&
      Math.max(start[2 * k + 1], end[2 * k + 1]) >= y0 && Math.min(start[2 * k + 1], end[2 * k + 1]) <= y1
    );
  }

  x(um) {
    return this.width / 2 + (um - this.view.x) * this.view.zoom;
  }

  y(um) {
    return this.height / 2 - (um - this.view.y) * this.view.zoom;
  }

  outline() {
    const { context } = this;
    context.beginPath();
    for (const ring of this.plan.outline) {
      ring.forEach(([x, y], k) => context[k ? "lineTo" : "moveTo"](this.x(x), this.y(y)));
      context.closePath();
    }
    context.fillStyle = this.ink.sunken;
    context.fill("evenodd");
    context.strokeStyle = this.ink.line;
    context.stroke();
  }

  /** Draw until the time is up; true when nothing is left. */
  draw(until) {
    const { plan } = this;
    while (this.at < plan.count) {
      const paths = LOOK.map(() => new Path2D());
      const last = Math.min(this.at + 4000, plan.count);
      for (; this.at < last; this.at += 1) {
        if (!this.touches(this.at)) continue;
        this.seen += 1;
        if (this.seen % this.every) continue;
        this.drawn += 1;
        const path = paths[plan.kind[this.at]];
        path.moveTo(this.x(plan.start[2 * this.at]), this.y(plan.start[2 * this.at + 1]));
        path.lineTo(this.x(plan.end[2 * this.at]), this.y(plan.end[2 * this.at + 1]));
      }
      paths.forEach((path, kind) => this.ink_(path, LOOK[kind]));
      if (performance.now() > until) break;
    }
    return this.at >= plan.count;
  }

  ink_(path, look) {
    this.context.strokeStyle = this.ink[look.colour];
    this.context.lineWidth = look.width;
    this.context.setLineDash(this.inside < 20_000 ? look.dash : []);
    this.context.globalAlpha = this.shown.pass === null ? 0.6 : 0.95;
    this.context.stroke(path);
  }
}
