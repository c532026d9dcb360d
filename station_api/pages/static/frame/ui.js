/* What pages are built of: buttons, fields, tables, notices. All of it reachable by key and finger. */
import htm from "../vendor/htm.js";
import { useEffect, useId, useRef } from "../vendor/hooks.js";
import { h } from "../vendor/preact.js";
import { has, t } from "./words.js";

export const html = htm.bind(h);

/** A button; kind is "plain", "main", "danger" or "big". */
export function Button({ kind = "plain", busy, children, ...more }) {
  return html`<button type="button" class=${`button ${kind}`} aria-busy=${busy ? "true" : null}
    ...${more} onClick=${busy ? undefined : more.onClick}>${children}</button>`;
}

/** A labelled input. `onValue` gets the text; `hint` stands below; `label` is a text, not a key. */
export function Field({ label, value, onValue, hint, children, type = "text", ...more }) {
  const id = useId();
  const described = hint ? `${id}-hint` : null;
  const box = children
    ? html`<select id=${id} value=${value} aria-describedby=${described} ...${more}
        onChange=${(event) => onValue(event.target.value)}>${children}</select>`
    : html`<input id=${id} type=${type} value=${value} aria-describedby=${described}
        autocomplete="off" spellcheck=${false} ...${more}
        onInput=${(event) => onValue(event.target.value)} />`;
  return html`<div class="field"><label for=${id}>${label}</label>${box}
    ${hint && html`<p class="hint" id=${described}>${hint}</p>`}</div>`;
}

/** What went wrong, in words of the catalogue and as the service said it. */
export function Notice({ problem }) {
  if (!problem) return null;
  const key = `problem.${problem.kind}`;
  return html`<div class="notice bad" role="alert">
    <strong>${has(key) ? t(key) : t("problem.other", { status: problem.status })}</strong>
    ${problem.detail && html`<p>${problem.detail}</p>`}</div>`;
}

/** The state of a mark or order: colour, word and shape together. */
export function State({ of }) {
  if (!of) return null;
  const known = has(`state.${of}`);
  return html`<span class=${`state ${of}`}>${known ? t(`state.${of}`) : of}</span>`;
}

/** A table. columns: [{key, head, of: (row) => cell, number}]; rows have an id under `by`. */
export function Table({ caption, columns, rows, by, empty, onRow, chosen }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table><caption>${caption}</caption>
      <thead><tr>${columns.map((c) => html`<th scope="col" class=${c.number ? "number" : null}
        key=${c.key}>${c.head}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row[by]}
        class=${chosen === row[by] ? "chosen" : null}>
        ${columns.map((c, at) => html`<td key=${c.key} class=${c.number ? "number" : null}>
          ${at === 0 && onRow
            ? html`<button type="button" class="link" aria-pressed=${chosen === row[by]}
                onClick=${() => onRow(row)}>${cell(c, row)}</button>`
            : cell(c, row)}</td>`)}</tr>`)}
      </tbody></table>
    ${rows.length === 0 && html`<p class="empty">${empty || t("table.empty")}</p>`}</div>`;
}

const cell = (column, row) => (column.of ? column.of(row) : row[column.key]);

/** A dialogue over the page; what is behind it can be neither pressed nor read out. */
export function Dialog({ title, children, onClose, solid }) {
  const element = useRef(null);
  useEffect(() => {
    element.current.showModal();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    if (onClose) onClose();
  };
  return html`<dialog ref=${element} class=${solid ? "solid" : null} aria-labelledby="dialog-title"
    onCancel=${cancel}><h2 id="dialog-title">${title}</h2>${children}</dialog>`;
}

/** A titled part of a page. */
export function Panel({ title, children, ...more }) {
  return html`<section class="panel" aria-label=${title} ...${more}>
    ${title && html`<h2>${title}</h2>`}${children}</section>`;
}

/** Have a screen reader say something; "now" interrupts. */
export function announce(text, how = "polite") {
  const region = document.getElementById(how === "now" ? "say-now" : "say-politely");
  if (!region) return;
  region.textContent = "";
  window.requestAnimationFrame(() => (region.textContent = text));
}
