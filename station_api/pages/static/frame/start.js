/* Where every page begins: words, session, the frame round the page, the page itself. */
import { Fragment, render } from "../vendor/preact.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { reachable } from "./api.js";
import { Entrance, FirstSecret, Overlay } from "./entrance.js";
import { stream } from "./live.js";
import { lock, session, signOut, whoAmI } from "./session.js";
import { useStore } from "./store.js";
import { Button, html } from "./ui.js";
import { language, LANGUAGES, loadWords, speak, spoken, t } from "./words.js";

const root = document.documentElement;
const page = root.dataset.page;
const refused = root.dataset.status === "403";

function Frame() {
  useStore(spoken);
  const { state, who } = useStore(session);
  useEffect(() => {
    document.title = page ? `${t(`page.${page}`)} - pinmark` : "pinmark";
  });
  if (state === "unknown") return html`<p class="waiting" role="status">${t("frame.waiting")}</p>`;
  const shown = state === "in" || ((state === "locked" || state === "ended") && who !== null);
  return html`<${Fragment}>
    <a class="skip" href="#main">${t("frame.skip")}</a>
    <${Head} who=${shown ? who : null} />
    <${Banner} state=${state} />
    <main id="main" tabindex="-1">
      ${state === "out" && html`<${Entrance} />`}
      ${state === "first" && html`<${FirstSecret} />`}
      ${shown && html`<${Body} who=${who} />`}
    </main>
    ${(state === "locked" || state === "ended") && html`<${Overlay} key=${state} state=${state} />`}
    <div id="say-politely" class="unseen" aria-live="polite"></div>
    <div id="say-now" class="unseen" aria-live="assertive"></div>
  <//>`;
}

function Head({ who }) {
  const [theme, setTheme] = useState(root.dataset.theme);
  const turn = () => {
    const next = theme === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    localStorage.setItem("pinmark.theme", next);
    setTheme(next);
  };
  const other = LANGUAGES.find((one) => one !== useStore(language));
  return html`<header>
    <div class="brand"><img src="/pages/static/icon.svg" alt="" width="32" height="32" />
      <span>${"pinmark"}</span>${who && html`<span class="station">${who.station}</span>`}</div>
    ${who && html`<nav aria-label=${t("frame.pages")}>${who.pages.map((name) => html`<a key=${name}
      href=${`/pages/${name}`} aria-current=${name === page ? "page" : null}>${t(`page.${name}`)}</a>`)}
    </nav>`}
    <div class="tools">
      ${who && html`<span class="who">${who.name}, ${t(`role.${who.role}`)}</span>`}
      <${Button} onClick=${() => speak(other)} lang=${other}>${t("frame.other-language")}<//>
      <${Button} onClick=${turn} aria-pressed=${theme === "dark"}>${t("frame.dark")}<//>
      ${who && html`<${Button} onClick=${lock}>${t("frame.lock")}<//>
        <${Button} onClick=${signOut}>${t("frame.sign-out")}<//>`}
    </div></header>`;
}

function Banner({ state }) {
  const lost = !useStore(reachable);
  const reading = useStore(stream);
  const away = lost || (state === "in" && reading === "lost");
  return html`<div class="banner" role="status" aria-live="assertive">
    ${away && html`<p>${t("frame.lost")}</p>`}</div>`;
}

function Body({ who }) {
  const [Shown, setShown] = useState(null);
  useEffect(() => {
    if (!page) {
      if (!refused && who.pages.length) window.location.replace(`/pages/${who.pages[0]}`);
      return;
    }
    import(`../pages/${page}.js`).then((module) => setShown(() => module.default));
  }, []);
  if (page && who.pages.includes(page)) return Shown && html`<${Shown} who=${who} />`;
  if (page || refused || !who.pages.length) {
    return html`<p class="notice bad">${t("frame.not-yours", { role: t(`role.${who.role}`) })}</p>`;
  }
  return null;
}

await Promise.all([loadWords("frame", ...(page ? [page] : [])), whoAmI()]);
render(html`<${Frame} />`, document.getElementById("page"));
