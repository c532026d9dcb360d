/* Everything that fits, as a file: all pages of one tree size, read here and put together. */
import { api, keepFile } from "../../frame/kit.js";

const COLUMNS = ["mark_id", "make", "model", "serial", "code", "code_index", "state", "order_id", "recipe",
  "lineage", "replaces", "intended_at_us", "changed_at_us", "position", "program_sha256", "setup_sha256"];
const PAGE = 500;

/** Read every mark that fits, as of one tree size. */
export async function everyMark(asked, first) {
  const marks = [];
  let cursor = first;
  let size = null;
  while (cursor) {
    const page = await api(`/marks?limit=${PAGE}&${asked}&cursor=${encodeURIComponent(cursor)}`);
    marks.push(...page.marks);
    size = page.tree_size;
    cursor = page.next;
  }
  return { tree_size: size, marks };
}

export async function exportMarks(asked, cursor, kind) {
  const whole = await everyMark(asked, cursor);
  const name = `marks-tree-${whole.tree_size}.${kind}`;
  if (kind === "json") keepFile(new Blob([JSON.stringify(whole, null, 1)], { type: "application/json" }), name);
  else keepFile(new Blob([csvOf(whole.marks)], { type: "text/csv" }), name);
}

/** RFC 4180, a line for each mark. */
export const csvOf = (marks) =>
  [COLUMNS, ...marks.map((mark) => COLUMNS.map((name) => mark[name] ?? ""))]
    .map((row) => `${row.map(quoted).join(",")}\r\n`)
    .join("");

const quoted = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : value);
