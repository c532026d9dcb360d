/* Files for the person: save("/papers/book.csv", "book.csv"). Fetched like everything else, so that a
session that ended or a lost network asks and waits instead of saving an error under the file's name. */
import { api } from "./api.js";

/** Fetch a path of /v1 and give it to the browser to keep under a name. */
export async function save(path, name, type = "application/octet-stream") {
  keepFile(new Blob([await api(path, { bytes: true })], { type }), name);
}

/** Give the browser a file made here. */
export function keepFile(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000); // the browser has taken it by then
}
