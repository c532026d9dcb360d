/* A proof file, checked in this page with public keys alone: C2SP tlog-proof, docs/formats.

1. What the proof opens is read: the record and its salt, or a bare commitment.
2. The commitment is computed from them, and from it the leaf.
3. The checkpoint's signature is verified by a trusted key, and the leaf's place under its root. */
import { Broken, checkInclusion, hex, leafHash, sha256 } from "./merkle.js";
import { fromBase64, openCheckpoint, parseSize } from "./note.js";

const HEADER = "c2sp.org/tlog-proof@v1";
const LARGEST = 1_000_000;
const MOST_HASHES = 63;
const utf8 = (text) => new TextEncoder().encode(text);

/** Take a proof file apart; nothing is verified yet. */
export function parseProof(text) {
  const cut = text.indexOf("\n\n");
  const lines = text.slice(0, Math.max(cut, 0)).split("\n");
  if (text.length > LARGEST || cut < 0 || lines.shift() !== HEADER) throw new Broken("no-proof");
  const extra = lines.length && lines[0].startsWith("extra ")
    ? fromBase64(lines.shift().slice(6), "extra") : null;
  if (!lines.length || !lines[0].startsWith("index ")) throw new Broken("no-proof");
  const index = parseSize(lines.shift().slice(6));
  if (lines.length > MOST_HASHES) throw new Broken("no-proof");
  const hashes = lines.map((line) => fromBase64(line, "hash"));
  if (hashes.some((one) => one.length !== 32)) throw new Broken("no-proof");
  return { index, hashes, extra, checkpoint: text.slice(cut + 2) };
}

/** Verify a proof; gives what it shows: {kind, position, record, text, checkpoint}. */
export async function checkProof(text, keys) {
  const proof = parseProof(text);
  const opened = openExtra(proof.extra); // step 1
  const committed = opened.record === undefined
    ? opened.commitment : hex(await sha256(bytesOf(opened.salt), utf8(opened.record)));
  const leaf = await leafHash(leafData(opened.kind, proof.index, committed)); // step 2
  const checkpoint = await openCheckpoint(proof.checkpoint, keys); // step 3
  await checkInclusion(proof.index, checkpoint.size, leaf, proof.hashes, checkpoint.root);
  return {
    kind: opened.kind, position: proof.index, checkpoint, text: opened.record,
    record: opened.record === undefined ? null : JSON.parse(opened.record),
  };
}

/** The public bytes of an entry. */
const leafData = (kind, position, committed) =>
  utf8(`{"commitment":"${committed}","kind":"${kind}","position":${position},"v":1}`);

/* The record's own bytes are cut out of the canonical text and hashed as they are: read and written
again, an integer above 2^53 would not be the same. */
function openExtra(extra) {
  if (!extra) throw new Broken("no-opening");
  let text;
  let said;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(extra);
    said = JSON.parse(text);
  } catch {
    throw new Broken("no-opening");
  }
  if (said === null || said.v !== 1 || !/^[a-z0-9_-]{1,16}$/.test(said.kind)) throw new Broken("no-opening");
  if (said.record === undefined) {
    if (!/^[0-9a-f]{64}$/.test(said.commitment)) throw new Broken("no-opening");
    return { kind: said.kind, commitment: said.commitment };
  }
  if (!/^[0-9a-f]{2,128}$/.test(said.salt)) throw new Broken("no-opening");
  const before = `{"kind":"${said.kind}","record":`;
  const after = `,"salt":"${said.salt}","v":1}`;
  const record = text.slice(before.length, text.length - after.length);
  if (before + record + after !== text || !isJson(record)) throw new Broken("no-opening");
  return { kind: said.kind, salt: said.salt, record };
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const bytesOf = (text) => Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
