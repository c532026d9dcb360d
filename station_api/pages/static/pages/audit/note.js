/* Signed notes and checkpoints, checked in this page: C2SP signed-note, tlog-checkpoint, tlog-cosignature.

A key is trusted because a person pinned it, never because the service gave it. */
import { Broken, canCheck, hex, same, sha256 } from "./merkle.js";

const ED25519 = 1; // signs the text
const COSIGNATURE = 4; // signs the time and the text
const LARGEST_NOTE = 1_000_000;
const MOST_SIGNATURES = 100;
const utf8 = (text) => new TextEncoder().encode(text);

/** Read base64 in its one spelling. */
export function fromBase64(text, what) {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    throw new Broken("not-base64", { what });
  }
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Read a public key, name+id+base64; the id has to be the key's own. */
export async function parseKey(text) {
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim());
  if (!parts) throw new Broken("no-key");
  const [, name, id, encoded] = parts;
  const bytes = fromBase64(encoded, "key");
  if (bytes.length !== 33 || ![ED25519, COSIGNATURE].includes(bytes[0])) throw new Broken("no-key");
  const own = (await sha256(utf8(`${name}\n`), bytes)).slice(0, 4);
  if (hex(own) !== id) throw new Broken("key-id", { id });
  return { name, id: own, algorithm: bytes[0], bytes: bytes.slice(1), text: text.trim() };
}

/** A key's fingerprint for people: SHA-256 of the public key, in groups of four. */
export const fingerprint = async (key) => hex(await sha256(key.bytes)).match(/.{4}/g).join(" ");

/** Take a note apart: its text and its signature lines. */
export function splitNote(note) {
  const cut = note.lastIndexOf("\n\n");
  if (note.length > LARGEST_NOTE || cut < 0 || !note.endsWith("\n")) throw new Broken("no-note");
  const lines = note.slice(cut + 2, -1).split("\n");
  if (lines.length > MOST_SIGNATURES) throw new Broken("no-note");
  const signatures = lines.map((line) => {
    const parts = /^\u2014 ([^\s+]+) (\S+)$/.exec(line);
    const bytes = parts && fromBase64(parts[2], "signature");
    if (!parts || bytes.length < 5) throw new Broken("no-note");
    return { name: parts[1], id: bytes.slice(0, 4), bytes: bytes.slice(4) };
  });
  return { text: note.slice(0, cut + 1), signatures };
}

/** Read a checkpoint's text: origin, size, root. */
export function parseCheckpoint(text) {
  const lines = text.split("\n");
  if (lines.length < 4 || lines.pop() !== "" || lines.includes("")) throw new Broken("no-checkpoint");
  const [origin, size, encoded] = lines;
  const root = fromBase64(encoded, "root");
  if (root.length !== 32) throw new Broken("no-checkpoint");
  return { origin, size: parseSize(size), root };
}

/** Read a decimal without sign or leading zero, below 2^63. */
export function parseSize(text) {
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) >= 2n ** 63n) throw new Broken("no-size");
  return BigInt(text);
}

/** Seconds since 1970 at which a cosignature was made. */
export const cosignedAt = (signature) =>
  signature.bytes.length === 72
    ? Number(new DataView(signature.bytes.buffer, signature.bytes.byteOffset).getBigUint64(0))
    : null;

/**
 * Verify a signed checkpoint: at least one trusted key signed it, none of theirs is wrong, and it is
 * of that key's log. Gives the checkpoint, and each signature with `by`: the key, or null.
 */
export async function openCheckpoint(note, keys) {
  if (!canCheck()) throw new Broken("no-crypto");
  const { text, signatures } = splitNote(note);
  const judged = [];
  for (const one of signatures) {
    const by = keys.find((key) => key.name === one.name && same(key.id, one.id)) || null;
    if (by && !(await covers(by, text, one.bytes))) throw new Broken("bad-signature", { name: one.name });
    judged.push({ ...one, by });
  }
  const signers = judged.filter((one) => one.by && one.by.algorithm === ED25519);
  if (!signers.length) {
    throw new Broken("not-signed", { names: signatures.map((one) => one.name).join(", ") });
  }
  const checkpoint = parseCheckpoint(text);
  if (!signers.some((one) => one.by.name === checkpoint.origin)) {
    throw new Broken("other-log", { origin: checkpoint.origin });
  }
  return { ...checkpoint, note, signatures: judged };
}

async function covers(key, text, signature) {
  let message = utf8(text);
  let signed = signature;
  if (key.algorithm === COSIGNATURE) {
    if (signature.length !== 72) return false;
    const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    message = utf8(`cosignature/v1\ntime ${time}\n${text}`);
    signed = signature.slice(8);
  }
  if (signed.length !== 64) return false;
  try {
    const made = await crypto.subtle.importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, made, signed, message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw new Broken("no-crypto");
    return false;
  }
}
