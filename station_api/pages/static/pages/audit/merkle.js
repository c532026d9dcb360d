/* The tree's proofs, checked in this page: RFC 9162, 2.1.3.2 and 2.1.4.2, on WebCrypto's SHA-256.

Nothing here asks the service anything. Sizes and positions are BigInt (below 2^63), hashes are
Uint8Array of 32 bytes. What does not hold is thrown as `Broken`, with a code that the words explain. */

/** A check that failed: `code` names the words, `values` fill them in. */
export class Broken extends Error {
  constructor(code, values = {}) {
    super(code);
    Object.assign(this, { code, values });
  }
}

const LARGEST = 2n ** 63n - 1n;
const HASH_BYTES = 32;

/** Whether this browser lets a page compute SHA-256 and check Ed25519: only over HTTPS or at the station. */
export const canCheck = () => globalThis.crypto !== undefined && crypto.subtle !== undefined;

export async function sha256(...parts) {
  if (!canCheck()) throw new Broken("no-crypto");
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
export const leafHash = (data) => sha256(LEAF, data);
const nodeHash = (left, right) => sha256(NODE, left, right);

export const same = (one, other) =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** The root that a leaf and its inclusion proof lead to. */
export async function rootFromInclusion(index, size, leaf, proof) {
  if (!(index >= 0n && index < size && size <= LARGEST)) throw new Broken("no-such-entry", { index, size });
  refuseOdd([leaf, ...proof]);
  let inner = index;
  let ends = size - 1n;
  let current = leaf;
  for (const sibling of proof) {
    if (ends === 0n) throw new Broken("proof-long", { size });
    if (inner & 1n || inner === ends) {
      current = await nodeHash(sibling, current);
      while (inner && !(inner & 1n)) [inner, ends] = [inner >> 1n, ends >> 1n];
    } else {
      current = await nodeHash(current, sibling);
    }
    [inner, ends] = [inner >> 1n, ends >> 1n];
  }
  if (ends !== 0n) throw new Broken("proof-short", { size });
  return current;
}

/** Check that a leaf stands at `index` in the tree of `size` entries with this root. */
export async function checkInclusion(index, size, leaf, proof, root) {
  const found = await rootFromInclusion(index, size, leaf, proof);
  if (!same(found, root)) throw new Broken("other-root", { index, size, found: hex(found), root: hex(root) });
}

/** Check that the tree of `first` entries is the beginning of the tree of `second`. */
export async function checkConsistency(first, second, proof, firstRoot, secondRoot) {
  if (!(first > 0n && first <= second && second <= LARGEST)) throw new Broken("no-beginning", { first, second });
  if (first === second) {
    if (proof.length || !same(firstRoot, secondRoot)) throw new Broken("split-view", { size: first });
    return;
  }
  refuseOdd([firstRoot, secondRoot, ...proof]);
  // a first tree that is one complete subtree proves itself: its root opens the path
  const path = first & (first - 1n) ? [...proof] : [firstRoot, ...proof];
  if (!path.length) throw new Broken("proof-short", { size: second });
  const [small, large] = await climb(first - 1n, second - 1n, path);
  if (!same(small, firstRoot)) throw new Broken("history-differs", { size: first });
  if (!same(large, secondRoot)) throw new Broken("history-differs", { size: second });
}

async function climb(inner, ends, path) {
  while (inner & 1n) [inner, ends] = [inner >> 1n, ends >> 1n];
  let [small, large] = [path[0], path[0]];
  for (const sibling of path.slice(1)) {
    if (ends === 0n) throw new Broken("proof-long", { size: "" });
    if (inner & 1n || inner === ends) {
      small = await nodeHash(sibling, small);
      large = await nodeHash(sibling, large);
      while (inner && !(inner & 1n)) [inner, ends] = [inner >> 1n, ends >> 1n];
    } else {
      large = await nodeHash(large, sibling);
    }
    [inner, ends] = [inner >> 1n, ends >> 1n];
  }
  if (ends !== 0n) throw new Broken("proof-short", { size: "" });
  return [small, large];
}

function refuseOdd(hashes) {
  for (const one of hashes) if (one.length !== HASH_BYTES) throw new Broken("odd-hash", { bytes: one.length });
}
