/* What is read again every so often, besides when the stream comes back. */
import { useEffect, useQuery } from "../../frame/kit.js";

const never = () => false;

/** useQuery that reads again every so many seconds while the screen is looked at. */
export function useEvery(path, seconds, when = never) {
  const found = useQuery(path, when);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || found.reload(), seconds * 1000);
    return () => clearInterval(timer);
  }, []);
  return found;
}
