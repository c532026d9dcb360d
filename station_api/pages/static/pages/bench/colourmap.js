/* Colours of heights and of deviations: even to the eye, and safe for the colour-blind. */
import { FONT, ticks } from "./canvas.js";

/* viridis, by Smith, van der Walt and Firing (CC0), at 17 places: equal steps look equal */
const HEIGHT = [
  [68, 1, 84], [72, 24, 106], [71, 45, 123], [66, 64, 134], [59, 82, 139], [51, 99, 141], [44, 114, 142],
  [38, 130, 142], [33, 145, 140], [31, 160, 136], [40, 174, 128], [63, 188, 115], [94, 201, 98],
  [132, 212, 75], [173, 220, 48], [216, 226, 25], [253, 231, 37],
];
/* ColorBrewer RdBu reversed (Apache-2.0) without its darkest ends: white is on design */
const OFF = [
  [23, 82, 144], [42, 113, 178], [63, 142, 192], [107, 172, 209], [155, 201, 224], [194, 221, 236],
  [224, 236, 243], [247, 246, 246], [251, 229, 216], [251, 204, 180], [245, 170, 137], [228, 128, 102],
  [208, 85, 72], [186, 40, 50], [147, 14, 38],
];
const SCALES = { height: table(HEIGHT), off: table(OFF) };

function table(stops) {
  const made = new Uint8Array(256 * 3);
  for (let k = 0; k < 256; k += 1) {
    const at = (k / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    for (let c = 0; c < 3; c += 1) made[3 * k + c] = stops[low][c] + (at - low) * (stops[low + 1][c] - stops[low][c]);
  }
  return made;
}

/** The colours of a scale, 256 of three bytes. */
export const shades = (scale) => SCALES[scale];

/** Which of the 256 a value has. */
export const shadeOf = (map, value) =>
  Math.max(0, Math.min(255, Math.round((255 * (value - map.low)) / (map.high - map.low))));

/** A bar of the scale with ticks, and the unit above it. */
export function drawColourBar(context, scale, map, box, ink, { name, write }) {
  const colours = shades(scale);
  for (let k = 0; k < box.height; k += 1) {
    const at = 3 * Math.round(255 * (1 - k / box.height));
    context.fillStyle = `rgb(${colours[at]},${colours[at + 1]},${colours[at + 2]})`;
    context.fillRect(box.x, box.y + k, box.width, 1.5);
  }
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  context.strokeRect(box.x + 0.5, box.y + 0.5, box.width, box.height);
  context.font = FONT;
  context.fillStyle = ink.text;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const value of ticks(map.low, map.high, box.height / 45)) {
    const y = box.y + box.height * (1 - (value - map.low) / (map.high - map.low));
    context.fillRect(box.x + box.width, y, 5, 1);
    context.fillText(write(value), box.x + box.width + 9, y);
  }
  context.textBaseline = "bottom";
  context.textAlign = "center";
  context.fillText(name, box.x + box.width / 2 + 14, box.y - 8);
}

/** A patch of what was not measured: hatched, which no colour of a scale is. */
export function hatch(context) {
  const cell = document.createElement("canvas");
  cell.width = cell.height = 6;
  const pen = cell.getContext("2d");
  pen.fillStyle = "#777";
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = "#ddd";
  pen.lineWidth = 1.2;
  for (const at of [-6, 0, 6]) {
    pen.moveTo(at, 6);
    pen.lineTo(at + 6, 0);
  }
  pen.stroke();
  return context.createPattern(cell, "repeat");
}
