/* Where the operator is with the order at hand, from what the records say: stageOf(floor) -> name.

Stages: choose, part, blank, load, door, start, marking, inspect, good, bad, doubt, scrapped, again. */

const BY_STEP = { chosen: "part", part: "blank", blank: "load", loaded: "door", closed: "start" };
const BY_STATE = {
  marked: "inspect", verified: "good", rejected: "bad", unknown: "doubt", intended: "doubt",
  marking: "doubt", scrapped: "scrapped",
};

/** What the operator confirms at a stage, as POST /v1/floor/confirm names it. */
export const CONFIRMS = { part: "part", blank: "blank", load: "loaded", door: "closed" };

/** The stages in the order a good pin takes them, for the list on the page. */
export const WAY = ["part", "blank", "load", "door", "start", "marking", "inspect", "good"];

export function stageOf(floor) {
  const { order, mark, job } = floor;
  if (job && job.state === "running") return "marking";
  if (!order) return "choose";
  if (mark && BY_STATE[mark.state]) return BY_STATE[mark.state];
  // given back by two people after the last confirmation: the checks begin anew
  if (mark && mark.state === "re-mark" && mark.changed_at_us > floor.changed_at_us) return "again";
  return BY_STEP[floor.step];
}

/** Whether another order may be taken in hand at a stage. */
export const mayChange = (stage) => ["choose", "part", "good", "scrapped", "doubt"].includes(stage);

/** Whether the controller waits for somebody. */
export const isHeld = (job) => /^(Hold|Door)/.test(job.controller);
export const isDoorOpen = (job) => job.pins.includes("D") || job.controller.startsWith("Door");
