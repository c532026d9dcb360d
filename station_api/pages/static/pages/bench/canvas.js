/* What every drawing here needs: colours of the theme, canvases sharp on every screen, axes with units. */

/** Base64 of little-endian numbers -> a typed array; Kind is a constructor such as Int16Array. */
export function numbers(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  return new Kind(bytes.buffer);
}

/** The colours of the theme, by the names of frame.css without their dashes. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${String(name)}`).trim() });
}

/** Make a canvas as large as its box; returns its context in CSS pixels. */
export function fitted(canvas) {
  const dots = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(height * dots)) {
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round(height * dots);
  }
  const context = canvas.getContext("2d");
  context.setTransform(dots, 0, 0, dots, 0, 0);
  return { context, width, height };
}

/** Call `again` when the size of an element or the theme changes; returns how to stop. */
export function onChange(element, change) {
  const again = () => element.isConnected && change();
  const size = new ResizeObserver(again);
  size.observe(element);
  const theme = new MutationObserver(again);
  theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    size.disconnect();
    theme.disconnect();
  };
}

/** The step of 1, 2 or 5 times a power of ten that cuts a range into about so many parts. */
export function niceStep(range, parts) {
  const rough = range / Math.max(parts, 1);
  const ten = 10 ** Math.floor(Math.log10(rough));
  return ten * ([1, 2, 5].find((one) => one * ten >= rough) || 10);
}

/** Multiples of a nice step between two values. */
export function ticks(low, high, parts) {
  const step = niceStep(high - low, parts);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k += 1) found.push(k === 0 ? 0 : k * step);
  return found;
}

export const FONT = '13px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

/**
 * Axes along the left and the lower edge of `box` {x, y, width, height}. `x` and `y` are
 * {low, high, at(value) -> pixel, name}; a name says what and in which unit.
 */
export function drawAxes(context, box, { x, y }, ink, write) {
  context.save();
  context.font = FONT;
  context.fillStyle = ink.quiet;
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  context.beginPath();
  context.textAlign = "center";
  context.textBaseline = "top";
  const floor = box.y + box.height;
  for (const value of ticks(x.low, x.high, box.width / 90)) {
    const at = Math.round(x.at(value)) + 0.5;
    context.moveTo(at, floor);
    context.lineTo(at, floor + 5);
    context.fillText(write(value), at, floor + 8);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(y.low, y.high, box.height / 60)) {
    const at = Math.round(y.at(value)) + 0.5;
    context.moveTo(box.x, at);
    context.lineTo(box.x - 5, at);
    context.fillText(write(value), box.x - 8, at);
  }
  context.stroke();
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(x.name, box.x + box.width / 2, floor + 42);
  context.translate(box.x - 46, box.y + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(y.name, 0, 0);
  context.restore();
}
