/* One box for each symbol, laid out as on the pin, and the 32 symbols to put into them.

Keys: a symbol goes in and on to the next box; in a box that has one already it makes a set. Arrows
move, Backspace empties, ? or space means that it cannot be read. */
import { html, t, useRef, useState } from "../../frame/kit.js";
import { ALPHABET, boxesOf, isSymbol, setOf, SHAPES, toggled, write } from "./reading.js";

export function Boxes({ text, shape, onText }) {
  const { symbols, columns } = SHAPES[shape];
  const cells = boxesOf(text, symbols);
  const [at, setAt] = useState(0);
  const grid = useRef(null);
  const put = (place, cell) => onText(write(cells.map((old, i) => (i === place ? cell : old))));
  const go = (place) => {
    const wanted = Math.max(0, Math.min(cells.length - 1, place));
    setAt(wanted);
    grid.current.querySelectorAll("input")[wanted].focus();
  };
  const onKeyDown = (place) => (event) => {
    const done = pressed(event, { place, cell: cells[place], columns, put, go });
    if (done) event.preventDefault();
  };
  const here = Math.min(at, cells.length - 1);
  return html`<div class="reading">
    <div class="boxes" ref=${grid} role="group" aria-label=${t("trace.boxes")}
      style=${{ gridTemplateColumns: `repeat(${columns}, 58px)` }}>
      ${cells.map((cell, place) => html`<input key=${place} class="box code" value=${cell}
        data-kind=${cell.length > 1 ? "set" : cell ? "one" : "none"} placeholder=${"?"}
        data-here=${place === here ? "yes" : null} inputmode="text" autocomplete="off"
        autocapitalize="characters" spellcheck=${false}
        aria-label=${t("trace.box", { number: place + 1, cell: said(cell) })}
        onFocus=${() => setAt(place)} onKeyDown=${onKeyDown(place)}
        onInput=${(event) => put(place, setOf(event.target.value))} />`)}
      <button type="button" class="button none" onClick=${() => put(here, "")}>
        ${t("trace.unreadable")}</button>
    </div>
    <${Palette} cell=${cells[here] || ""} place=${here}
      onSymbol=${(symbol) => put(here, toggled(cells[here], symbol))} />
  </div>`;
}

const said = (cell) => (cell === "" ? t("trace.unreadable") : [...cell].join(" / "));

/** Do what a key means in a box; whether it meant something. */
function pressed(event, { place, cell, columns, put, go }) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (event.key in moves) go(place + moves[event.key]);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(Infinity);
  else if (event.key === "Delete") put(place, "");
  else if (event.key === "Backspace") {
    if (cell === "") go(place - 1);
    else put(place, "");
  } else if (event.key === "?" || event.key === " ") {
    put(place, "");
    go(place + 1);
  } else if (isSymbol(event.key.toUpperCase())) {
    put(place, toggled(cell, event.key.toUpperCase()));
    if (cell === "") go(place + 1);
  } else return false;
  return true;
}

function Palette({ cell, place, onSymbol }) {
  return html`<div class="palette" role="group"
    aria-label=${t("trace.palette", { number: place + 1 })}>
    ${[...ALPHABET].map((symbol) => html`<button type="button" class="button code" key=${symbol}
      aria-pressed=${cell.includes(symbol)} onClick=${() => onSymbol(symbol)}>${symbol}</button>`)}
  </div>`;
}
