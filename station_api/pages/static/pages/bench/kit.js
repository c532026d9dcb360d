/* The frame's kit with the words that the engineer's pages share. */
import { loadWords } from "../../frame/words.js";

export * from "../../frame/kit.js";
export { useId } from "../../vendor/hooks.js";
await loadWords("bench");
