// Cartkey: a button that leads a merchant to connect a store. The page around it needs, of its Content-Security-Policy,
// script-src with this address and nothing else. <script src="…/button.js" data-link="…/connect/…"></script>
"use strict";

(() => {
  const { home, labels, colours } = null /* facts */;
  const me = document.currentScript || document.querySelector('script[src*="/button.js"][data-link]:not([data-drawn])');
  if (!me) return;
  me.dataset.drawn = "";

  // Only to where stores are connected here: whatever else was put into data-link, such as javascript:, leads nowhere.
  let link;
  try {
    link = new URL(me.dataset.link);
  } catch {}
  if (!link || link.origin !== new URL(home).origin || !/^\/connect(\/|$)/.test(link.pathname)) {
    console.error(`Cartkey: data-link must be an address of ${home}/connect`);
    return;
  }

  const spoken = (tag) => labels[String(tag || "").slice(0, 2).toLowerCase()] && tag.slice(0, 2).toLowerCase();
  const around = me.closest("[lang]");
  const language = spoken(me.dataset.lang) || spoken(around && around.lang) || spoken(navigator.language) || "en";
  if (spoken(me.dataset.lang)) link.searchParams.set("lang", language);

  const [light, dark] = colours.map(([ground, strong, on]) => `--g:${ground};--s:${strong};--o:${on}`);
  const sizes = { small: "0.875rem", large: "1.125rem" };
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`:host{display:inline-block;${light}}
@media (prefers-color-scheme:dark){:host{${dark}}}
a{display:inline-block;box-sizing:border-box;min-height:2.75em;padding:.7em 1.25em;border:1px solid transparent;border-radius:.5em;
background:var(--g);color:var(--o);font:600 ${sizes[me.dataset.size] || "1rem"}/1.25 system-ui,sans-serif;text-decoration:none}
a:hover{background:var(--s)}
a:focus-visible{outline:3px solid var(--g);outline-offset:2px;box-shadow:0 0 0 2px Canvas}
@media (forced-colors:active){a{border-color:LinkText}}`);

  const button = document.createElement("a");
  button.href = link.href;
  // The pages of Cartkey and of stores do not show in a frame.
  button.target = "_top";
  button.part = "button";
  button.textContent = me.dataset.label || labels[language];
  if (!me.dataset.label) button.lang = language;
  const place = document.createElement("cartkey-button");
  const shadow = place.attachShadow({ mode: "open", delegatesFocus: true });
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(button);
  me.after(place);
})();
