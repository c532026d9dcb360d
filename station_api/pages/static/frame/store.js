/* A value that components watch: store(value) -> get, set, watch; useStore(store) in a component. */
import { useEffect, useState } from "../vendor/hooks.js";

export function store(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const watcher of [...watchers]) watcher(value);
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

export function useStore(watched) {
  const [, turn] = useState(0);
  useEffect(() => watched.watch(() => turn((n) => n + 1)), [watched]);
  return watched.get();
}
