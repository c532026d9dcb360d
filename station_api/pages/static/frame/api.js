/* Requests to /v1: api(path, options) -> JSON, or a Problem.

A GET waits for the network and for whoever has to sign in again, then goes on. Anything else is
never repeated without a press: a start that was pressed minutes ago must not fire the laser. */
import { store } from "./store.js";

/** Whether the service was reached last time. */
export const reachable = store(true);

/** Called with a 401's kind; resolves once somebody is signed in again. Set by session.js. */
export const door = { knock: async () => {} };

export class Problem extends Error {
  constructor(status, kind, detail, errors = []) {
    super(detail);
    Object.assign(this, { status, kind, detail, errors });
  }
}

const PAUSES_MS = [250, 500, 1000, 2000];
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** A key for one press: the same press twice is done once. */
export const newKey = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID takes a secure context
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

/**
 * Ask the service. options: method, body (JSON, or a Blob with type), key (Idempotency-Key),
 * match (If-Match), signal, bytes, reads (a POST that changes nothing: waits like a GET). Returns the parsed reply; `full: true` gives {data, etag, status}.
 */
export async function api(path, options = {}) {
  const method = options.method || "GET";
  const waits = method === "GET" || options.reads;
  for (let turn = 0; ; turn += 1) {
    let reply;
    try {
      reply = await fetch(`/v1${path}`, request(method, options));
      reachable.set(true);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      reachable.set(false);
      if (!waits) throw new Problem(0, "unreachable", "");
      await pause(PAUSES_MS[Math.min(turn, PAUSES_MS.length - 1)]);
      continue;
    }
    if (reply.ok && options.bytes) return reply.arrayBuffer();
    if (reply.ok) return options.full ? whole(reply) : parsed(reply);
    const problem = await problemOf(reply);
    if (reply.status !== 401 || options.open) throw problem;
    const open = door.knock(problem.kind);
    if (!waits) throw problem;
    await open;
  }
}

function request(method, { body, key, match, signal }) {
  const headers = {};
  if (key) headers["Idempotency-Key"] = key;
  if (match) headers["If-Match"] = match;
  if (body instanceof Blob) return { method, headers, body, signal };
  if (body === undefined) return { method, headers, signal };
  headers["Content-Type"] = "application/json";
  return { method, headers, body: JSON.stringify(body), signal };
}

async function parsed(reply) {
  if (reply.status === 204) return null;
  const json = (reply.headers.get("content-type") || "").includes("json");
  return json ? reply.json() : reply.text();
}

async function whole(reply) {
  return { data: await parsed(reply), etag: reply.headers.get("etag"), status: reply.status };
}

async function problemOf(reply) {
  try {
    const said = await reply.json();
    return new Problem(reply.status, said.type.split(":").pop(), said.detail, said.errors);
  } catch {
    return new Problem(reply.status, "request", `HTTP ${reply.status}`);
  }
}
