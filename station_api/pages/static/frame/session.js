/* Who is signed in at this screen: session.state is unknown, out, first, in, locked or ended.

"out": nobody yet. "first": the secret has to be changed. "locked", "ended": somebody was, and what
they typed is kept on the page behind the overlay until they are back. */
import { api, door, Problem } from "./api.js";
import { closeStream, openStream } from "./live.js";
import { store } from "./store.js";

export const session = store({ state: "unknown", who: null });
let waiting = [];

const become = (state, who = session.get().who) => {
  session.set({ state, who });
  if (state === "in") {
    openStream();
    waiting.splice(0).forEach((done) => done());
  } else {
    closeStream();
  }
};

const enter = (who) => become(who.must_change ? "first" : "in", who);

door.knock = (kind) => {
  const { state } = session.get();
  if (state === "in" || state === "first") {
    become(kind === "session-locked" ? "locked" : "ended");
  } else if (state === "locked" && kind !== "session-locked") {
    become("ended");
  }
  return new Promise((done) => waiting.push(done));
};

/** Find out whose session this browser has, if any. */
export async function whoAmI() {
  for (;;) {
    try {
      return enter(await api("/session", { open: true }));
    } catch (problem) {
      if (problem.kind === "session-locked") return become("locked", null);
      return become("out", null);
    }
  }
}

/** Sign in; another person than before gets a page of their own. */
export async function signIn(name, secret) {
  const before = session.get().who;
  const who = await api("/session", { method: "POST", body: { name, secret }, open: true });
  if (before && before.name !== who.name) return start(who);
  return enter(who);
}

function start(who) {
  forget();
  window.location.assign("/pages/");
  return who;
}

export async function unlock(secret) {
  try {
    await api("/session/unlock", { method: "POST", body: { secret }, open: true });
  } catch (problem) {
    if (problem instanceof Problem && problem.kind === "not-signed-in" && (await isGone())) {
      return become("ended");
    }
    throw problem;
  }
  return enter(await api("/session", { open: true }));
}

async function isGone() {
  try {
    await api("/session", { open: true });
    return false;
  } catch (problem) {
    return problem.kind === "not-signed-in";
  }
}

export async function lock() {
  become("locked");
  await api("/session/lock", { method: "POST", open: true }).catch(() => {});
}

export async function changeSecret(old, fresh) {
  return enter(
    await api("/session/secret", { method: "PUT", body: { old, new: fresh }, open: true }),
  );
}

/** End the session and forget what was typed on this screen. */
export async function signOut() {
  await api("/session", { method: "DELETE", open: true }).catch(() => {});
  forget();
  become("out", null);
  window.location.assign("/pages/");
}

function forget() {
  Object.keys(sessionStorage)
    .filter((name) => name.startsWith("pinmark."))
    .forEach((name) => sessionStorage.removeItem(name));
}

let touched_ms = performance.now();
for (const kind of ["pointerdown", "keydown"]) {
  window.addEventListener(kind, () => (touched_ms = performance.now()), { capture: true });
}
setInterval(() => {
  const { state, who } = session.get();
  if (state === "in" && who && performance.now() - touched_ms > who.idle_s * 1000) lock();
}, 5000);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) closeStream();
  else if (session.get().state === "in") openStream();
});
