/* What happens, as it happens: one event stream a screen, taken up again where it broke off.

Events: {event: "transition" | "grown" | "step" | "progress" | "job" | "resumed", ...fields}.
"resumed" is ours: the stream is open (again), so whatever is shown is to be read anew. */
import { door, pause, reachable } from "./api.js";
import { store } from "./store.js";

const SILENCE_MS = 25000; // the service says something every ten seconds
const PAUSES_MS = [250, 500, 1000, 2000];

/** "closed", "open" or "lost". */
export const stream = store("closed");
const hearers = new Set();
let last = null;
let running = null;

/** Hear every event; returns how to stop. */
export function hear(hearer) {
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

const tell = (event) => {
  for (const hearer of [...hearers]) hearer(event);
};

/** Open the stream; it stays open until closeStream. A hidden screen lets go of it. */
export function openStream() {
  if (running || document.hidden) return;
  const stopper = new AbortController();
  running = stopper;
  follow(stopper.signal).finally(() => {
    if (running === stopper) running = null;
  });
}

export function closeStream() {
  if (running) running.abort();
  running = null;
  stream.set("closed");
}

async function follow(signal) {
  for (let turn = 0; !signal.aborted; turn += 1) {
    try {
      const headers = last === null ? {} : { "Last-Event-ID": String(last) };
      const reply = await fetch("/v1/events", { headers, signal });
      reachable.set(true);
      if (reply.status === 401) {
        await door.knock((await reply.json()).type.split(":").pop());
        continue;
      }
      if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
      await read(reply.body.getReader(), () => {
        turn = 0;
      });
      if (!signal.aborted) stream.set("lost");
    } catch (error) {
      if (signal.aborted) return;
      stream.set("lost");
      if (error instanceof TypeError) reachable.set(false);
    }
    if (!signal.aborted) await pause(PAUSES_MS[Math.min(turn, PAUSES_MS.length - 1)]);
  }
}

async function read(reader, onOpen) {
  const decoder = new TextDecoder();
  let waiting = "";
  for (;;) {
    const piece = await orSilence(reader);
    if (piece.done) return;
    if (stream.get() !== "open") {
      onOpen();
      stream.set("open");
      tell({ event: "resumed" });
    }
    waiting += decoder.decode(piece.value, { stream: true });
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) take(block);
  }
}

async function orSilence(reader) {
  let timer;
  const silence = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new TypeError("the stream is silent")), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function take(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (fields.id) last = Number(fields.id);
  if (fields.event) tell({ event: fields.event, ...JSON.parse(fields.data) });
}
