/* The ways in: signing in, unlocking, the first secret of one's own. */
import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { changeSecret, session, signIn, signOut, unlock } from "./session.js";
import { Button, Dialog, Field, html, Notice } from "./ui.js";
import { t } from "./words.js";

/** A form whose fields and problem are its own; secrets are never kept. */
function Form({ fields, press, label }) {
  const [values, setValues] = useState({});
  const [state, setState] = useState({ busy: false, problem: null });
  const element = useRef(null);
  useEffect(() => element.current.querySelector("input")?.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    setState({ busy: true, problem: null });
    try {
      await press(values);
    } catch (problem) {
      setState({ busy: false, problem });
      setValues((old) => ({ ...old, secret: "" }));
    }
  };
  return html`<form ref=${element} onSubmit=${submit}>
    ${fields.map(({ name, ...more }) => html`<${Field} key=${name} name=${name} required
      value=${values[name] || ""} onValue=${(text) => setValues((old) => ({ ...old, [name]: text }))}
      ...${more} />`)}
    <${Notice} problem=${state.problem} />
    <${Button} kind="main" type="submit" busy=${state.busy}>${label}<//></form>`;
}

const name = () => ({ name: "name", label: t("enter.name"), autocomplete: "username" });
const secret = () => ({
  name: "secret", label: t("enter.secret"), type: "password", autocomplete: "current-password",
});

export function Entrance() {
  return html`<div class="entrance"><h1>${t("enter.title")}</h1>
    <${Form} fields=${[name(), secret()]} label=${t("enter.sign-in")}
      press=${(values) => signIn(values.name, values.secret)} /></div>`;
}

export function FirstSecret() {
  const { who } = session.get();
  const fresh = {
    name: "fresh", label: t("enter.fresh"), type: "password", autocomplete: "new-password",
    hint: t(who.role === "operator" ? "enter.fresh-pin" : "enter.fresh-hint"),
  };
  return html`<div class="entrance"><h1>${t("enter.first", { name: who.name })}</h1>
    <${Form} fields=${[secret(), fresh]} label=${t("enter.change")}
      press=${(values) => changeSecret(values.secret, values.fresh)} />
    <${Button} onClick=${signOut}>${t("frame.sign-out")}<//></div>`;
}

/** Over the page of somebody who was signed in: what they typed stays behind it. */
export function Overlay({ state }) {
  const { who } = session.get();
  const title = who
    ? t(state === "locked" ? "enter.locked" : "enter.ended", { name: who.name })
    : t("enter.locked-nobody");
  const press = ({ secret: typed }) =>
    state === "locked" ? unlock(typed) : signIn(who.name, typed);
  return html`<${Dialog} title=${title} solid>
    <p>${t(state === "locked" ? "enter.kept" : "enter.kept-ended")}</p>
    <${Form} fields=${[secret()]} press=${press}
      label=${t(state === "locked" ? "enter.unlock" : "enter.sign-in")} />
    <${Button} onClick=${signOut}>${t("enter.somebody-else")}<//><//>`;
}
