/* Sets theme and language before anything is drawn; a classic script, so that nothing flashes. */
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = localStorage.getItem("pinmark.theme") || dark;
  const asked = (navigator.language || "en").slice(0, 2) === "es" ? "es" : "en";
  root.lang = localStorage.getItem("pinmark.language") || asked;
})();
