/* The 24 hours of a request, running down while one looks: shape, word and colour together. */
import { html, span, t, useEffect, useMemo, useState } from "../../frame/kit.js";

const DAY_S = 24 * 3600;
const SOON_S = 4 * 3600;

/** Seconds that run while a component is shown. */
export function useSeconds() {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now / 1000;
}

/** Seconds left, by the station's clock when it was asked and this screen's steady one since. */
export function useLeft(request) {
  const asked_s = useMemo(() => performance.now() / 1000, [request]);
  const now_s = useSeconds();
  const since_s = request.state === "open" ? Math.max(0, now_s - asked_s) : 0;
  return request.clock.left_s - since_s;
}

/** How a request stands: "running", "soon", "late", "intime", "waslate" or "withdrawn". */
export function standing(request, left_s) {
  if (request.state === "withdrawn") return "withdrawn";
  if (request.state === "answered") return left_s < 0 ? "waslate" : "intime";
  if (left_s < 0) return "late";
  return left_s < SOON_S ? "soon" : "running";
}

/** Seconds as hours, minutes and seconds. */
export const hours = (s) => {
  const whole = Math.floor(Math.abs(s));
  return `${Math.floor(whole / 3600)}:${span(whole % 3600).padStart(5, "0")}`;
};

export function Clock({ request }) {
  const left_s = useLeft(request);
  const how = standing(request, left_s);
  const time = how === "intime" || how === "waslate" ? DAY_S - left_s : left_s;
  return html`<span class=${`clock ${how}`} data-standing=${how}>
    <span class="clock-word">${t(`trace.clock-${how}`, { time: hours(time) })}</span>
    <span class="clock-bar" aria-hidden="true"><span
      style=${{ width: `${Math.max(0, Math.min(100, (100 * left_s) / DAY_S))}%` }}></span></span>
  </span>`;
}
