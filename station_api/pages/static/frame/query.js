/* What a page reads: useQuery("/people") -> {data, problem, reload}, kept up to date by the stream. */
import { useCallback, useEffect, useRef, useState } from "../vendor/hooks.js";
import { api, newKey } from "./api.js";
import { hear } from "./live.js";
import { session } from "./session.js";

/** Events after which most lists have changed: something was recorded. */
export const recorded = (event) => event.event === "grown" || event.event === "transition";

/**
 * Read a path of /v1 now, after every event that `when` picks, and whenever the stream comes back.
 * A path of null reads nothing. One request at a time; the newest answer is the one shown.
 */
export function useQuery(path, when = recorded) {
  const [found, setFound] = useState({ path: null });
  const turn = useRef({ running: null, again: false, path: null });
  const picks = useRef(when);
  picks.current = when;
  turn.current.path = path;

  const read = useCallback(async (now) => {
    do {
      now.again = false;
      const asked = now.path;
      if (asked === null) setFound({ path: null });
      else {
        try {
          const { data, etag } = await api(asked, { full: true });
          if (asked === now.path) setFound({ path: asked, data, etag, problem: null });
        } catch (problem) {
          if (asked === now.path) setFound((old) => ({ ...old, path: asked, problem }));
        }
      }
      if (asked !== now.path) now.again = true;
    } while (now.again);
  }, []);

  /** Read again; resolves when a read that began after the call has been answered. */
  const reload = useCallback(() => {
    const now = turn.current;
    if (now.running) now.again = true;
    else {
      now.running = read(now).then(() => {
        now.running = null;
        return now.again ? reload() : undefined;
      });
    }
    return now.running;
  }, []);

  useEffect(() => {
    reload();
  }, [path]);
  useEffect(
    () =>
      hear((event) => {
        if (session.get().state !== "in") return;
        if (event.event === "resumed" || picks.current(event)) reload();
      }),
    [],
  );
  const current = found.path === path ? found : {};
  return { data: current.data, etag: current.etag, problem: current.problem, reload };
}

/** useQuery that also reads again every so many seconds, while the screen is looked at. */
export function useEvery(path, seconds, when = () => false) {
  const found = useQuery(path, when);
  useEffect(() => {
    const look = () => !document.hidden && session.get().state === "in" && found.reload();
    const timer = setInterval(look, seconds * 1000);
    return () => clearInterval(timer);
  }, []);
  return found;
}

/** Hear events while a component is shown. */
export function useHear(hearer) {
  const newest = useRef(hearer);
  newest.current = hearer;
  useEffect(() => hear((event) => newest.current(event)), []);
}

/** A state that survives a reload of the page and a restart of the service; never for secrets. */
export function useKept(name, initial) {
  const key = `pinmark.${document.documentElement.dataset.page}.${name}`;
  const [value, setValue] = useState(() => {
    const kept = sessionStorage.getItem(key);
    return kept === null ? initial : JSON.parse(kept);
  });
  const keep = useCallback(
    (next) =>
      setValue((old) => {
        const made = typeof next === "function" ? next(old) : next;
        sessionStorage.setItem(key, JSON.stringify(made));
        return made;
      }),
    [key],
  );
  return [value, keep];
}

/**
 * What a press does: [press, {busy, problem}]. One at a time; the key stays the same until the
 * press was answered, so that pressing again after a lost network does nothing twice.
 */
export function usePress(work) {
  const [state, setState] = useState({ busy: false, problem: null });
  const key = useRef(null);
  const press = async (...given) => {
    if (state.busy) return;
    key.current = key.current || newKey();
    setState({ busy: true, problem: null });
    try {
      await work(key.current, ...given);
      key.current = null;
      setState({ busy: false, problem: null });
    } catch (problem) {
      if (problem.status !== 0 && problem.status !== 401) key.current = null;
      setState({ busy: false, problem });
    }
  };
  return [press, { ...state, clear: () => setState({ busy: false, problem: null }) }];
}
