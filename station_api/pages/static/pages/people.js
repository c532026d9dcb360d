/* The people of the station, for the administrator: the smallest whole page, to copy from. */
import {
  api, Button, Dialog, Field, html, moment, Notice, Panel, State, t, Table, useKept, usePress, useQuery,
  useState,
} from "../frame/kit.js";

const ROLES = ["operator", "supervisor", "engineer", "auditor", "tracer", "administrator"];

export default function People() {
  const { data, problem } = useQuery("/people"); // read again whenever something is recorded
  return html`<h1>${t("people.title")}</h1>
    <${Notice} problem=${problem} />
    ${data && html`<${Everybody} people=${data.people} />`}
    <${Newcomer} />`;
}

function Everybody({ people }) {
  const [press, pressed] = usePress((key, name, what) =>
    api(`/people/${encodeURIComponent(name)}/${what}`, { method: "POST", key }),
  );
  const [forgot, setForgot] = useState(null);
  const act = (row) => {
    const what = row.state === "active" ? "disable" : "enable";
    return html`<div class="row">
      <${Button} onClick=${() => press(row.name, what)}>${t(`people.${what}`)}<//>
      <${Button} onClick=${() => setForgot(row.name)}>${t("people.give-secret")}<//></div>`;
  };
  const columns = [
    { key: "name", head: t("people.name") },
    { key: "role", head: t("people.role"), of: (row) => t(`role.${row.role}`) },
    { key: "state", head: t("people.state"), of: (row) => html`<${State} of=${row.state} />` },
    { key: "changed", head: t("people.changed"), of: (row) => moment(row.changed_at_us) },
    { key: "act", head: t("people.act"), of: act },
  ];
  return html`<${Table} caption=${t("people.title")} columns=${columns} rows=${people} by="name" />
    <${Notice} problem=${pressed.problem} />
    ${forgot && html`<${GiveSecret} name=${forgot} onClose=${() => setForgot(null)} />`}`;
}

/** A secret for somebody who forgot theirs; it has to be changed at the next sign-in. */
function GiveSecret({ name, onClose }) {
  const [secret, setSecret] = useState("");
  const [press, pressed] = usePress(async () => {
    await api(`/people/${encodeURIComponent(name)}/secret`, { method: "PUT", body: { secret } });
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  return html`<${Dialog} title=${t("people.secret-for", { name })} onClose=${onClose}>
    <form onSubmit=${submit}><${Field} label=${t("people.fresh")} hint=${t("people.secret-hint")}
        type="password" autocomplete="new-password" value=${secret} onValue=${setSecret} required />
      <${Notice} problem=${pressed.problem} />
      <${Button} kind="main" type="submit" busy=${pressed.busy}>${t("people.give-secret")}<//>
      <${Button} onClick=${onClose}>${t("people.cancel")}<//></form><//>`;
}

function Newcomer() {
  const [name, setName] = useKept("name", ""); // survives a reload; a secret must not
  const [role, setRole] = useKept("role", "operator");
  const [secret, setSecret] = useState("");
  const [press, pressed] = usePress(async (key) => {
    await api("/people", { method: "POST", body: { name, role, secret } });
    setName("");
    setSecret("");
  });
  const submit = (event) => {
    event.preventDefault();
    press();
  };
  return html`<${Panel} title=${t("people.add")}><form onSubmit=${submit}>
    <${Field} name="name" label=${t("people.name")} value=${name} onValue=${setName} required />
    <${Field} name="role" label=${t("people.role")} value=${role} onValue=${setRole}>
      ${ROLES.map((one) => html`<option key=${one} value=${one}>${t(`role.${one}`)}</option>`)}<//>
    <${Field} name="secret" label=${t("people.secret")} hint=${t("people.secret-hint")}
      type="password" autocomplete="new-password" value=${secret} onValue=${setSecret} required />
    <${Notice} problem=${pressed.problem} />
    <${Button} kind="main" type="submit" busy=${pressed.busy}>${t("people.save")}<//>
  </form><//>`;
}
