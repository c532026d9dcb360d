/* The operator's page: one order, one big control at a time, from the scan to the unloaded pin.

All that it shows is GET /v1/floor, read again whenever something happens; strokes come with the
events of the job. What was confirmed is in the records, so two screens show the same. */
import {
  announce, api, Button, html, Notice, pause, t, useCallback, useEffect, useHear, useQuery, useRef,
  usePress, useScanner, useState,
} from "../frame/kit.js";
import { Decide } from "./operator/decide.js";
import { Side } from "./operator/side.js";
import * as sound from "./operator/sound.js";
import { CONFIRMS, mayChange, stageOf, WAY } from "./operator/stages.js";
import { Controls, Picture, Progress } from "./operator/work.js";

const SHORTEST_LOOK_MS = 350; // a second press this soon was meant for the step before
const SCAN_WAIT_MS = 1000;
const VERDICTS = { verified: "good", rejected: "bad", unknown: "doubt" };
const happened = (event) => event.event !== "progress";

export default function Operator({ who }) {
  const { data: floor, problem, reload } = useQuery("/floor", happened);
  const [live, setLive] = useState(null);
  const [heard, setHeard] = useState(true);
  useHear((event) => {
    if (event.job_id) setLive(event.state === "running" ? event : null);
    if (event.event === "transition" && VERDICTS[event.to_state]) {
      sound.play(VERDICTS[event.to_state]);
      announce(t(`operator.say-${VERDICTS[event.to_state]}`, { id: event.mark_id }), "now");
    }
  });
  if (!floor) return html`<h1>${t("page.operator")}</h1><${Notice} problem=${problem} />`;
  const job = live && floor.job && live.job_id === floor.job.job_id ? live : floor.job;
  const shown = { ...floor, job };
  return html`<div class="floor"><h1 class="unseen">${t("page.operator")}</h1>
    <${Bench} floor=${shown} who=${who} reload=${reload}>
      <${Button} aria-pressed=${sound.isOn()} onClick=${() => {
        sound.turn(!sound.isOn());
        setHeard(!heard);
      }}>${t("operator.sound")}<//><//></div>`;
}

function Bench({ floor, who, reload, children }) {
  const stage = stageOf(floor);
  const [said, setSaid] = useState(null);
  const act = useTurns(floor.version, reload);
  const [press, pressed] = usePress((key, path, body) => {
    setSaid(null);
    return act(path, body, key);
  });
  const send = async (path, body) => {
    setSaid(null);
    try {
      const done = await act(path, body);
      if (done.did === "nothing") announce(t("operator.scanned-nothing", { order: done.order_id }));
      return true;
    } catch (problem) {
      setSaid(problem);
      return false;
    }
  };
  const choose = (orderId) => send("/floor/choose", { order_id: orderId });
  const scanned = (content) => send("/floor/scanned", { content });
  useHear((event) => {
    if (event.event !== "scanned") return; // by a scanner of the station, not at this page
    setSaid(event.problem ? { kind: event.kind, detail: event.problem } : null);
    if (event.did) announce(t(`operator.scanned-${event.did}`, { order: event.order_id }), "now");
  });
  const canChoose = mayChange(stage);
  useScanner(scanned);
  const job = floor.job;
  const orderId = stage === "marking" ? job.order_id : floor.order && floor.order.order_id;
  return html`<section class="order" aria-label=${t("operator.order")}>
      <div class="title"><h2>${floor.order ? floor.order.order_id : t("operator.no-order")}</h2>
        ${children}</div>
      <${Order} floor=${floor} /><${Way} stage=${stage} /></section>
    <section class="picture" aria-label=${t("operator.picture")}>
      ${orderId ? html`<${Picture} orderId=${orderId} job=${job} />`
        : html`<p class="waiting">${t("operator.nothing")}</p>`}
      ${stage === "marking" && html`<${Progress} job=${job} />`}</section>
    <section class=${`big-one ${stage}`} aria-label=${t("operator.next")}>
      <${Notice} problem=${pressed.problem || said} />
      ${!pressed.problem && job && job.state === "failed" && stage !== "marking"
        && html`<${Failed} job=${job} />`}
      <${Next} stage=${stage} floor=${floor} who=${who} press=${press} busy=${pressed.busy}
        reload=${reload} /></section>
    <${Side} floor=${floor} who=${who} choose=${choose} scanned=${scanned} canChoose=${canChoose} />`;
}

/** Acts on the floor, one after the other; what this screen changed itself it has looked at. */
function useTurns(version, reload) {
  const shown = useRef(version);
  const known = useRef(version);
  const turn = useRef(Promise.resolve());
  shown.current = version;
  useEffect(() => {
    known.current = Math.max(known.current, version); // an older answer may still be on its way
  }, [version]);
  return useCallback((path, body, key) => {
    const act = async () => {
      let said;
      try {
        const match = `"${known.current}"`;
        said = await api(path, { method: "POST", key, body, match });
        if (path.startsWith("/floor/")) known.current = said.version;
      } catch (problem) {
        known.current = shown.current;
        throw problem;
      }
      await reload();
      return said;
    };
    turn.current = turn.current.catch(() => null).then(act);
    return turn.current;
  }, []);
}

const Failed = ({ job }) => html`<div class="notice warn" role="alert">
  <strong>${t("operator.failed")}</strong><p>${job.problem}</p></div>`;

function Order({ floor }) {
  const { order } = floor;
  if (!order) return html`<p>${t("operator.scan-hint")}</p>`;
  const rows = ["make", "model", "serial", "code", "recipe", "part"];
  return html`<dl>${rows.map((name) => order[name] && html`<dt key=${`${name}-t`}>${t(`operator.${name}`)}</dt>
      <dd key=${name} class=${name === "code" || name === "serial" ? "code large" : null}>${order[name]}</dd>`)}
    </dl>
    ${order.problem && html`<div class="notice bad" role="alert">${order.problem}</div>`}`;
}

function Way({ stage }) {
  const at = { bad: "good", doubt: "marking", scrapped: "good", again: "part" }[stage] || stage;
  return html`<ol class="way" aria-label=${t("operator.way")}>${WAY.map((one, index) => html`
    <li key=${one} aria-current=${one === at ? "step" : null}
      class=${index < WAY.indexOf(at) ? "past" : null}>${t(`operator.way-${one}`)}</li>`)}</ol>`;
}

/** The one control of a stage. It has the focus, so that Enter is the next step. */
function Next({ stage, floor, who, press, busy, reload }) {
  const focus = useRef(null);
  const [readyFor, setReadyFor] = useState(null);
  const ready = readyFor === stage;
  useEffect(() => {
    const soon = setTimeout(() => setReadyFor(stage), SHORTEST_LOOK_MS);
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
    const button = focus.current && (focus.current.base || focus.current);
    if (button && !typing && !document.querySelector("dialog[open]")) button.focus();
    announce(t(`operator.do-${stage}`));
    return () => clearTimeout(soon);
  }, [stage]);
  const big = (label, work, more = {}) => html`<${Button} kind="big" ref=${focus} busy=${busy}
    data-ready=${ready ? stage : null} onClick=${ready ? work : undefined}
    onKeyDown=${(event) => event.repeat && event.preventDefault()}
    ...${more}>${label}<//>`;
  const confirm = () => press("/floor/confirm", { step: CONFIRMS[stage] });
  const clear = () => press("/floor/clear");
  const away = html`<${Button} onClick=${clear}>${t("operator.put-away")}<//>`;
  const ask = (more) => html`<div class="ask"><p class="do">${t(`operator.do-${stage}`)}</p>${more}</div>`;
  if (stage === "choose") return ask();
  if (stage === "marking") return html`<${Controls} job=${floor.job} focus=${focus} />`;
  if (stage === "door") return html`${ask(away)}<${Door} big=${big} confirm=${confirm} />`;
  if (stage === "start") {
    const start = () => press("/marks", { order_id: floor.order.order_id });
    return html`${ask(away)}
      ${big(t("operator.press-start"), start, { disabled: floor.engraver !== "idle" })}`;
  }
  if (stage === "inspect") {
    return html`${ask()}<${Inspect} mark=${floor.mark} big=${big} reload=${reload} />`;
  }
  if (stage === "again") {
    return html`${ask(away)}${big(t("operator.press-again"), () =>
      press("/floor/choose", { order_id: floor.order.order_id }))}`;
  }
  if (stage === "good") {
    return html`<${Verdict} kind="good" mark=${floor.mark} />${big(t("operator.press-good"), clear)}`;
  }
  if (stage === "bad" || stage === "doubt" || stage === "scrapped") {
    const kind = stage === "doubt" ? "doubt" : "bad";
    return html`<${Verdict} kind=${kind} word=${stage} mark=${floor.mark} />
      <${Decide} markId=${floor.mark.mark_id} who=${who} approvals=${floor.approvals} />
      ${away}`;
  }
  return html`${ask(away)}${big(t(`operator.press-${stage}`), confirm)}`;
}

/** The door, in the controller's own words; nothing goes on while it says that it is open. */
function Door({ big, confirm }) {
  const [open, setOpen] = useState(false);
  const [look, looked] = usePress(async () => {
    const said = await api("/controller");
    setOpen(said.door_open);
    if (!said.door_open) confirm();
  });
  return html`<${Notice} problem=${looked.problem} />
    ${open && html`<p class="notice warn" role="alert">${t("operator.door-is-open")}</p>`}
    ${big(t("operator.press-door"), () => look(), { "aria-busy": looked.busy ? "true" : null })}`;
}

/** Wait for the instrument's scan of this pin, or take a file, and have it read back. */
function Inspect({ mark, big, reload }) {
  const [waiting, setWaiting] = useState(false);
  const shown = useRef(true);
  useEffect(() => () => (shown.current = false), []);
  const judge = async (key, scan) => {
    await api(`/marks/${mark.mark_id}/inspect`, { method: "POST", key, body: { scan_id: scan } });
    await reload();
  };
  const [press, pressed] = usePress(async (key) => {
    setWaiting(true);
    try {
      for (;;) {
        try {
          const found = await api(`/marks/${mark.mark_id}/collect-scan`, { method: "POST" });
          return await judge(key, found.scan_id);
        } catch (problem) {
          if (problem.kind !== "not-found" || !shown.current) throw problem;
          await pause(SCAN_WAIT_MS);
          if (!shown.current) return null;
        }
      }
    } finally {
      setWaiting(false);
    }
  });
  const [upload, uploaded] = usePress(async (key, file) => {
    const body = new Blob([file], { type: "application/octet-stream" });
    const found = await api("/scans", { method: "POST", body });
    await judge(key, found.scan_id);
  });
  return html`<${Notice} problem=${pressed.problem || uploaded.problem} />
    ${waiting && html`<p role="status">${t("operator.scan-waits")}</p>`}
    ${big(t("operator.press-inspect"), () => press(), { "aria-busy": pressed.busy ? "true" : null })}
    <label class="button file">${t("operator.scan-file")}<input type="file" accept=".x3p"
      onChange=${(event) => event.target.files[0] && upload(event.target.files[0])} /></label>`;
}

function Verdict({ kind, word, mark }) {
  const found = (mark.detail && mark.detail.findings) || [];
  return html`<div class=${`verdict ${kind}`} role="status"><strong>${t(`operator.verdict-${word || kind}`)}</strong>
    ${mark.detail && mark.detail.read_back && html`<p>${t("operator.read-back")}${" "}
      <span class="code large">${mark.detail.read_back}</span></p>`}
    ${found.map((one) => html`<p key=${one.code}>${one.text}</p>`)}
    <p>${t(`operator.do-${word || kind}`)}</p></div>`;
}
