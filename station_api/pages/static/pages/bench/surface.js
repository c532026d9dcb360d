/* A grid of heights as a surface to turn, by finger, by mouse and by the arrow keys.

Drawn by the processor, triangle by triangle with a depth buffer: some 50,000 of them, which takes a
few milliseconds, and less while it turns. No graphics card is asked for: the board of a station may
have none, and a screen looked at from afar has none. Lit from the upper left; heights are drawn
larger than they are, and the page says how much. */
import { html, number, t, useEffect, useMemo, useRef } from "./kit.js";
import { colours, fitted, FONT, onChange } from "./canvas.js";
import { drawColourBar, shadeOf, shades } from "./colourmap.js";
import { thinned } from "./grid.js";

const RESTING = 240;
const TURNING = 110;
const TALL = 0.16; // the drawn height of the relief, as a share of the longer side
const BEFORE = { round: 0.55, tilt: 0.85 };
const LIGHT = [-0.45, 0.5, 0.74];

export function Surface({ map, scale, label, name }) {
  const canvas = useRef(null);
  const turn = useRef({ ...BEFORE });
  const held = useRef(null);
  const rest = useRef(0);
  const fine = useMemo(() => lit(thinned(map, RESTING)), [map]);
  const coarse = useMemo(() => lit(thinned(map, TURNING)), [map]);
  const paint = (mesh) => canvas.current && draw(canvas.current, mesh, turn.current, scale, name);
  useEffect(() => {
    paint(fine);
    const stop = onChange(canvas.current, () => paint(fine));
    return () => {
      stop();
      clearTimeout(rest.current);
    };
  }, [fine, scale, name]);
  const move = (dx, dy) => {
    const { round, tilt } = turn.current;
    turn.current = { round: round + dx, tilt: Math.min(Math.max(tilt + dy, 0.12), Math.PI / 2) };
    canvas.current.dataset.turned = `${turn.current.round.toFixed(2)} ${turn.current.tilt.toFixed(2)}`;
    window.requestAnimationFrame(() => paint(coarse));
    clearTimeout(rest.current);
    rest.current = setTimeout(() => paint(fine), 160);
  };
  const down = (event) => {
    held.current = [event.clientX, event.clientY];
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const drag = (event) => {
    if (!held.current) return;
    move((event.clientX - held.current[0]) / 160, (event.clientY - held.current[1]) / 200);
    held.current = [event.clientX, event.clientY];
  };
  const up = () => (held.current = null);
  const key = (event) => {
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.08], ArrowDown: [0, 0.08] }[event.key];
    if (!step) return;
    event.preventDefault();
    move(...step);
  };
  return html`<figure class="map turned"><canvas ref=${canvas} role="img" tabindex="0"
      aria-label=${`${label}. ${t("scans.turn")}`} onPointerDown=${down} onPointerMove=${drag}
      onPointerUp=${up} onPointerCancel=${up} onKeyDown=${key}></canvas>
    <figcaption>${t("scans.turn")} ${t("scans.lifted", { times: number(fine.lift, 1) })}</figcaption></figure>`;
}

/* Heights drawn `lift` times as tall, and how bright each point is. */
function lit(map) {
  const { z, rows, columns, pitch_um: pitch } = map;
  const lift = (TALL * Math.max(rows, columns) * pitch) / (map.high - map.low);
  const bright = new Float32Array(z.length);
  const at = (row, column) => {
    const value = z[Math.min(Math.max(row, 0), rows - 1) * columns + Math.min(Math.max(column, 0), columns - 1)];
    return Math.min(Math.max(value, map.low), map.high);
  };
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const gx = ((at(row, column + 1) - at(row, column - 1)) / (2 * pitch)) * lift;
      const gy = ((at(row + 1, column) - at(row - 1, column)) / (2 * pitch)) * lift;
      const size = Math.hypot(gx, gy, 1);
      const toLight = (-gx * LIGHT[0] - gy * LIGHT[1] + LIGHT[2]) / size;
      bright[row * columns + column] = 0.42 + 0.68 * Math.max(toLight || 0, 0);
    }
  }
  return { ...map, lift, bright };
}

function draw(canvas, mesh, turn, scale, name) {
  const { context, width, height } = fitted(canvas);
  const ink = colours();
  context.clearRect(0, 0, width, height);
  const room = { width: width - 90, height };
  if (room.width < 40 || height < 40) return;
  const see = camera(mesh, room, turn);
  frame(context, mesh, see, ink);
  context.drawImage(rastered(mesh, see, room, scale), 0, 0);
  const bar = { x: width - 78, y: 34, width: 18, height: height - 60 };
  drawColourBar(context, scale, mesh, bar, ink, { name, write: (v) => number(v, Math.abs(v % 1) > 1e-6 ? 1 : 0) });
}

/** um on the grid -> pixel and nearness: turned about the vertical, tilted, without perspective. */
function camera(mesh, room, { round, tilt }) {
  const [c, s] = [Math.cos(round), Math.sin(round)];
  const [up, over] = [Math.sin(tilt), Math.cos(tilt)];
  const [wide, deep] = [(mesh.columns - 1) * mesh.pitch_um, (mesh.rows - 1) * mesh.pitch_um];
  const across = Math.abs(wide * c) + Math.abs(deep * s);
  const along = (Math.abs(wide * s) + Math.abs(deep * c)) * up + (mesh.high - mesh.low) * mesh.lift * over;
  const zoom = Math.min((room.width - 70) / across, (room.height - 60) / along);
  const middle = (mesh.high + mesh.low) / 2;
  return (x, y, z) => {
    const [u, v] = [x - wide / 2, y - deep / 2];
    const back = u * s + v * c;
    const rise = (z - middle) * mesh.lift;
    return [
      room.width / 2 + zoom * (u * c - v * s), room.height / 2 - zoom * (back * up + rise * over),
      rise * up - back * over,
    ];
  };
}

/* The floor, a post with the lowest and the highest value, and how long the sides are. */
function frame(context, mesh, see, ink) {
  const [wide, deep] = [(mesh.columns - 1) * mesh.pitch_um, (mesh.rows - 1) * mesh.pitch_um];
  const corners = [[0, 0], [wide, 0], [wide, deep], [0, deep]];
  const floor = corners.map(([x, y]) => see(x, y, mesh.low));
  const left = floor.indexOf([...floor].sort((a, b) => a[0] - b[0])[0]);
  const top = see(...corners[left], mesh.high);
  context.strokeStyle = ink.line;
  context.beginPath();
  floor.forEach((one, k) => context[k ? "lineTo" : "moveTo"](one[0], one[1]));
  context.closePath();
  context.moveTo(floor[left][0], floor[left][1]);
  context.lineTo(top[0], top[1]);
  context.stroke();
  context.font = FONT;
  context.fillStyle = ink.quiet;
  const near = floor.indexOf([...floor].sort((a, b) => b[1] - a[1])[0]);
  for (const next of [(near + 1) % 4, (near + 3) % 4]) {
    const [ax, ay] = floor[near];
    const [bx, by] = floor[next];
    const isX = corners[near][1] === corners[next][1];
    context.textAlign = bx > ax ? "left" : "right";
    context.textBaseline = "top";
    const text = t(isX ? "scans.side-x" : "scans.side-y", { um: number(isX ? wide : deep) });
    context.fillText(text, (ax + bx) / 2 + (bx > ax ? 6 : -6), (ay + by) / 2 + 6);
  }
}

function rastered(mesh, see, room, scale) {
  const [width, height] = [Math.floor(room.width), Math.floor(room.height)];
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  const context = made.getContext("2d");
  const pixels = context.createImageData(width, height);
  const depth = new Float32Array(width * height).fill(-Infinity);
  const { z, rows, columns, pitch_um: pitch } = mesh;
  const points = new Float32Array(z.length * 3);
  for (let k = 0; k < z.length; k += 1) {
    const held = Math.min(Math.max(z[k], mesh.low), mesh.high);
    points.set(see((k % columns) * pitch, Math.floor(k / columns) * pitch, held), 3 * k);
  }
  const into = { width, height, data: pixels.data, depth, points, mesh, table: shades(scale) };
  for (let row = 0; row + 1 < rows; row += 1) {
    for (let column = 0; column + 1 < columns; column += 1) {
      const k = row * columns + column;
      triangle(into, k, k + 1, k + columns);
      triangle(into, k + 1, k + columns + 1, k + columns);
    }
  }
  context.putImageData(pixels, 0, 0);
  return made;
}

/** Fill one triangle: the colour of its middle, the depth of each pixel. Not measured stays open. */
function triangle({ width, height, data, depth, points, mesh, table }, a, b, c) {
  const mean = (mesh.z[a] + mesh.z[b] + mesh.z[c]) / 3;
  if (Number.isNaN(mean)) return;
  const [ax, ay, az] = [points[3 * a], points[3 * a + 1], points[3 * a + 2]];
  const [bx, by, bz] = [points[3 * b], points[3 * b + 1], points[3 * b + 2]];
  const [cx, cy, cz] = [points[3 * c], points[3 * c + 1], points[3 * c + 2]];
  const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  if (Math.abs(area) < 1e-6) return;
  const from = 3 * shadeOf(mesh, mean);
  const bright = (mesh.bright[a] + mesh.bright[b] + mesh.bright[c]) / 3;
  const [x0, x1] = [Math.max(0, Math.floor(Math.min(ax, bx, cx))), Math.min(width - 1, Math.ceil(Math.max(ax, bx, cx)))];
  const [y0, y1] = [Math.max(0, Math.floor(Math.min(ay, by, cy))), Math.min(height - 1, Math.ceil(Math.max(ay, by, cy)))];
  for (let y = y0; y <= y1; y += 1) {
    for (let x = x0; x <= x1; x += 1) {
      const u = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area;
      const v = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area;
      if (u < -0.02 || v < -0.02 || u + v > 1.02) continue;
      const near = az + u * (bz - az) + v * (cz - az);
      const at = y * width + x;
      if (near <= depth[at]) continue;
      depth[at] = near;
      data[4 * at] = table[from] * bright;
      data[4 * at + 1] = table[from + 1] * bright;
      data[4 * at + 2] = table[from + 2] * bright;
      data[4 * at + 3] = 255;
    }
  }
}
