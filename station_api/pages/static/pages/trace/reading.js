/* What a microscope shows, as text and as boxes: "WT3?[A4]" <-> ["W", "T", "3", "", "A4"].

The service reads the text for itself (engraver/reading.py); here it only becomes boxes. An empty box
is a symbol that cannot be read. */

/** The symbols in the order of their values; B, I, O and S are never engraved. */
export const ALPHABET = "0123456789ACDEFGHJKLMNPQRTUVWXYZ";
/** What may be typed: the alphabet, and what people read for 8, 1, 0 and 5. */
export const isSymbol = (letter) => /^[0-9A-Z]$/.test(letter);

/** How codes lie on a pin; "part" is a piece whose place in the code is not known. */
export const SHAPES = {
  "pin32-12": { symbols: 12, columns: 4 },
  "pin32-10": { symbols: 10, columns: 5 },
  "pin32-8": { symbols: 8, columns: 4 },
  part: { symbols: 8, columns: 8 },
};

/** The shape that a whole code of so many symbols has, if any. */
export const shapeOf = (symbols) =>
  Object.keys(SHAPES).find((name) => name !== "part" && SHAPES[name].symbols === symbols);

/** Read a text into boxes; a set that is not closed yet is taken as far as it goes. */
export function parse(text) {
  const cells = [];
  let set = null;
  for (const letter of text.toUpperCase()) {
    if (letter === "[") set = "";
    else if (letter === "]") {
      if (set !== null) cells.push(set);
      set = null;
    } else if (set !== null) set = together(set, letter);
    else if ("?_*".includes(letter)) cells.push("");
    else if (isSymbol(letter)) cells.push(letter);
  }
  if (set) cells.push(set);
  return cells;
}

const together = (set, letter) => (isSymbol(letter) && !set.includes(letter) ? set + letter : set);

/** Write boxes as text. */
export const write = (cells) =>
  cells.map((cell) => (cell === "" ? "?" : cell.length === 1 ? cell : `[${cell}]`)).join("");

/** A text as so many boxes at least. */
export function boxesOf(text, symbols) {
  const cells = parse(text);
  while (cells.length < symbols) cells.push("");
  return cells;
}

/** A box with a symbol put in, or taken out if it was there. */
export const toggled = (cell, symbol) =>
  cell.includes(symbol) ? cell.replace(symbol, "") : cell + symbol;

/** What was typed into a box at once, as a set. */
export const setOf = (typed) => [...typed.toUpperCase()].reduce(together, "");
