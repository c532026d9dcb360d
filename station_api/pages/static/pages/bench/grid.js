/* A grid of heights as the service sends it -> numbers, limits of its colours, share not measured. */
import { numbers } from "./canvas.js";

/** A reply's grid -> {z, rows, columns, low, high, missing}; um, NaN where nothing was measured. */
export function openGrid(grid) {
  const z = Float32Array.from(numbers(grid.z, Int16Array), (v) => (v === grid.not_measured ? NaN : v * grid.step_um));
  const seen = z.filter((v) => !Number.isNaN(v)).sort();
  const low = seen.length ? seen[Math.floor(seen.length * 0.005)] : 0;
  const high = seen.length ? seen[Math.floor((seen.length - 1) * 0.995)] : 1;
  const missing = 1 - seen.length / z.length;
  return { ...grid, z, low, high: high > low ? high : low + 1, missing };
}

/** Limits as far either way, so that the middle of the scale is on design. */
export function evenly(map) {
  const reach = Math.max(Math.abs(map.low), Math.abs(map.high), 0.1);
  return { ...map, low: -reach, high: reach };
}

/** Every n-th point, so that no side has more than `most`. */
export function thinned(map, most) {
  const step = Math.max(1, Math.ceil(Math.max(map.rows, map.columns) / most));
  const rows = Math.ceil(map.rows / step);
  const columns = Math.ceil(map.columns / step);
  const z = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      z[row * columns + column] = map.z[row * step * map.columns + column * step];
    }
  }
  return { ...map, z, rows, columns, pitch_um: map.pitch_um * step };
}
