/* The log's public key: given by the station, or pinned by a person who compared it.

A proof under a key that the station itself gave shows that the station agrees with itself; under a pinned
one, that nobody changed the log since. The pin stays in this browser and says who set it. */
import {
  api, Button, Dialog, Field, html, moment, Notice, t, useEffect, usePress, useState,
} from "../../frame/kit.js";
import { fingerprint, parseKey } from "./note.js";
import { Failure } from "./said.js";

const PLACE = "pinmark.log-key"; // of this browser: signing out does not forget it

const pinned = () => {
  try {
    return JSON.parse(localStorage.getItem(PLACE));
  } catch {
    return null;
  }
};

/** {keys, state, key, print, pin, pinTo, unpin}; state is "reading", "given", "pinned", "differs" or "bad". */
export function useLogKey(who) {
  const [pin, setPin] = useState(pinned);
  const [found, setFound] = useState({ state: "reading", keys: [] });
  useEffect(() => {
    let gone = false;
    const work = async () => {
      const given = (await api("/log/key")).trim();
      const key = await parseKey(pin ? pin.text : given);
      const state = !pin ? "given" : pin.text === given ? "pinned" : "differs";
      return { state, given, key, keys: [key], print: await fingerprint(key) };
    };
    work().then(
      (made) => gone || setFound(made),
      (problem) => gone || setFound({ state: "bad", keys: [], problem }),
    );
    return () => (gone = true);
  }, [pin]);
  const pinTo = async (text) => {
    const key = await parseKey(text);
    const made = { text: key.text, by: who.name, at_us: Date.now() * 1000 };
    localStorage.setItem(PLACE, JSON.stringify(made));
    setPin(made);
  };
  const unpin = () => {
    localStorage.removeItem(PLACE);
    setPin(null);
  };
  return { ...found, pin, pinTo, unpin };
}

export function KeyBar({ logKey }) {
  const [open, setOpen] = useState(false);
  const { state, key, print } = logKey;
  return html`<section class=${`key-bar ${state}`} aria-label=${t("audit.key")} data-key=${state}>
    <span class="key-state">${t(`audit.key-${state}`)}</span>
    ${key && html`<span class="code" title=${key.name}>${print.slice(0, 14)}${"\u2026"}</span>`}
    ${logKey.problem && html`<${Failure} of=${logKey.problem} />`}
    <${Button} onClick=${() => setOpen(true)}>${t("audit.compare-key")}<//>
    ${open && html`<${Compare} logKey=${logKey} onClose=${() => setOpen(false)} />`}
  </section>`;
}

function Compare({ logKey, onClose }) {
  const { key, given, print, pin } = logKey;
  const [text, setText] = useState("");
  const [press, pressed] = usePress(async (_, chosen) => {
    await logKey.pinTo(chosen);
    onClose();
  });
  const bad = pressed.problem && pressed.problem.code;
  const submit = (event) => {
    event.preventDefault();
    press(text);
  };
  return html`<${Dialog} title=${t("audit.compare-key")} onClose=${onClose}>
    <p>${t("audit.compare-hint")}</p>
    ${key && html`<p class="quiet">${t("audit.fingerprint-of", { name: key.name })}</p>
      <p class="code print">${print}</p>`}
    ${pin && html`<p class="quiet">${t("audit.pinned-by", { name: pin.by, at: moment(pin.at_us) })}</p>`}
    ${given && html`<p class="code print small">${given}</p>
      ${!pin && html`<${Button} kind="main" onClick=${() => press(given)}>${t("audit.pin-given")}<//>`}`}
    <form onSubmit=${submit}>
      <${Field} label=${t("audit.paste-key")} value=${text} onValue=${setText} class="code" required />
      ${bad ? html`<${Failure} of=${pressed.problem} />` : html`<${Notice} problem=${pressed.problem} />`}
      <div class="row"><${Button} type="submit">${t("audit.pin-pasted")}<//>
        ${pin && html`<${Button} onClick=${() => {
          logKey.unpin();
          onClose();
        }}>${t("audit.unpin")}<//>`}
        <${Button} onClick=${onClose}>${t("audit.close")}<//></div></form><//>`;
}
