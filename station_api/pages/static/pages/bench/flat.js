/* A grid of heights as a flat map: axes, scale bar, colour bar, what was not measured. */
import { html, number, t, useEffect, useMemo, useRef, useState } from "./kit.js";
import { colours, drawAxes, fitted, FONT, niceStep, onChange } from "./canvas.js";
import { drawColourBar, hatch, shadeOf, shades } from "./colourmap.js";

const LEFT = 64;
const FOOT = 46;
const RIGHT = 96;
const TOP = 30;

/** `map` from grid.js; `name` says what its colours are; y points up, as on the pin. */
export function FlatMap({ map, scale, label, name }) {
  const canvas = useRef(null);
  const [at, setAt] = useState(null);
  const picture = useMemo(() => painted(map, scale), [map, scale]);
  useEffect(() => {
    const paint = () => draw(canvas.current, map, scale, picture, name);
    paint();
    return onChange(canvas.current, paint);
  }, [map, scale, picture, name]);
  const move = (event) => {
    const box = canvas.current.getBoundingClientRect();
    setAt(valueAt(map, layoutOf(canvas.current, map), event.clientX - box.left, event.clientY - box.top));
  };
  const missing = t("scans.not-measured", { share: number(100 * map.missing, 1) });
  return html`<figure class="map"><canvas ref=${canvas} role="img" aria-label=${`${label}. ${missing}`}
      onPointerMove=${move} onPointerLeave=${() => setAt(null)}></canvas>
    <figcaption><span class="hatched">${missing}</span>
      <span class="place">${at ? t(Number.isNaN(at.z) ? "scans.place-none" : "scans.place", {
        x: number(at.x, 1), y: number(at.y, 1), z: number(at.z || 0, 2) }) : ""}</span></figcaption></figure>`;
}

function painted(map, scale) {
  const made = document.createElement("canvas");
  made.width = map.columns;
  made.height = map.rows;
  const context = made.getContext("2d");
  const pixels = context.createImageData(map.columns, map.rows);
  const table = shades(scale);
  for (let row = 0; row < map.rows; row += 1) {
    for (let column = 0; column < map.columns; column += 1) {
      const value = map.z[row * map.columns + column];
      if (Number.isNaN(value)) continue; // stays clear: the hatching shows through
      const from = 3 * shadeOf(map, value);
      const to = ((map.rows - 1 - row) * map.columns + column) * 4;
      pixels.data[to] = table[from];
      pixels.data[to + 1] = table[from + 1];
      pixels.data[to + 2] = table[from + 2];
      pixels.data[to + 3] = 255;
    }
  }
  context.putImageData(pixels, 0, 0);
  return made;
}

function layoutOf(canvas, map) {
  const room = { width: canvas.clientWidth - LEFT - RIGHT, height: canvas.clientHeight - FOOT - TOP };
  const zoom = Math.max(Math.min(room.width / map.columns, room.height / map.rows), 0.01);
  const [width, height] = [map.columns * zoom, map.rows * zoom];
  const box = { x: LEFT + (room.width - width) / 2, y: TOP + (room.height - height) / 2, width, height };
  return { box, zoom };
}

function valueAt(map, { box, zoom }, px, py) {
  const column = Math.floor((px - box.x) / zoom);
  const row = Math.floor((box.y + box.height - py) / zoom);
  if (column < 0 || row < 0 || column >= map.columns || row >= map.rows) return null;
  return {
    x: map.x0_um + column * map.pitch_um, y: map.y0_um + row * map.pitch_um, z: map.z[row * map.columns + column],
  };
}

function draw(canvas, map, scale, picture, name) {
  const { context, width, height } = fitted(canvas);
  const ink = colours();
  const { box, zoom } = layoutOf(canvas, map);
  const pixel = zoom / map.pitch_um;
  context.clearRect(0, 0, width, height);
  context.fillStyle = hatch(context);
  context.fillRect(box.x, box.y, box.width, box.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, box.x, box.y, box.width, box.height);
  const write = (v) => number(v, Math.abs(v % 1) > 1e-6 ? 1 : 0);
  const [x0, y0] = [map.x0_um, map.y0_um];
  drawAxes(context, box, {
    x: { low: x0, high: x0 + box.width / pixel, at: (v) => box.x + (v - x0) * pixel, name: t("scans.axis-x") },
    y: { low: y0, high: y0 + box.height / pixel, at: (v) => box.y + box.height - (v - y0) * pixel, name: t("scans.axis-y") },
  }, ink, write);
  scaleBar(context, box, pixel);
  const bar = { x: box.x + box.width + 16, y: box.y, width: 18, height: box.height };
  drawColourBar(context, scale, map, bar, ink, { name, write });
}

function scaleBar(context, box, pixel) {
  const length = niceStep(box.width / pixel, 6);
  const y = box.y + box.height - 16;
  context.fillStyle = "rgb(0 0 0 / .75)";
  context.fillRect(box.x + 8, y - 22, length * pixel + 16, 32);
  context.fillStyle = "#fff";
  context.fillRect(box.x + 16, y, length * pixel, 4);
  context.font = `bold ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(t("scans.length", { um: number(length) }), box.x + 16 + (length * pixel) / 2, y - 2);
}
