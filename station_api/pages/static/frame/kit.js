/* All that a page needs, from one place. */
export { h, render, Fragment } from "../vendor/preact.js";
export {
  useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../vendor/hooks.js";
export { api, newKey, pause, Problem, reachable } from "./api.js";
export { Chain } from "./chain.js";
export { hear, stream } from "./live.js";
export { PlanView, readPlan, usePlan } from "./plan.js";
export { recorded, useEvery, useHear, useKept, usePress, useQuery } from "./query.js";
export { keepFile, save } from "./save.js";
export { useScanner } from "./scanner.js";
export { session } from "./session.js";
export { store, useStore } from "./store.js";
export { announce, Button, Dialog, Field, html, Notice, Panel, State, Table } from "./ui.js";
export { clock, has, language, moment, number, span, t } from "./words.js";
