// What the dashboard's pages do by themselves. Each works without this file too.
"use strict";

(() => {
  // A button beside what is to be carried elsewhere.
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    if (!source) continue;
    const label = button.textContent;
    button.hidden = false;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.value);
        button.textContent = "Copied";
      } catch {
        // Not allowed here: what is selected can be copied by hand.
        source.focus();
        source.select();
        button.textContent = "Press Ctrl+C";
      }
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
  for (const field of document.querySelectorAll(".copy input[readonly]")) {
    field.addEventListener("focus", () => field.select());
  }

  // A choice among filters counts at once; the button that does the same is not needed then.
  for (const form of document.querySelectorAll("form[data-filters]")) {
    for (const select of form.querySelectorAll("select")) {
      select.addEventListener("change", () => form.requestSubmit());
    }
  }

  // "/" leads to the search, as everywhere.
  const search = document.querySelector("input[type=search]");
  if (search) {
    document.addEventListener("keydown", (event) => {
      const typing = /^(input|select|textarea)$/i.test(document.activeElement.tagName);
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      search.focus();
      search.select();
    });
  }

  // The sample beside the settings follows what is typed.
  const brand = document.querySelector("form[data-brand]");
  if (brand) {
    const sample = document.querySelector(".preview");
    const sheet = document.querySelector("link[data-accent]") || document.createElement("link");
    const shown = (name) => sample.querySelectorAll(`[data-${name}]`);
    const { app_name: name, accent, help } = brand.elements;
    const pick = brand.querySelector("[data-pick]");
    pick.hidden = false;
    pick.addEventListener("input", () => {
      accent.value = pick.value;
      follow();
    });
    const follow = () => {
      const text = name.value.trim() || name.placeholder;
      for (const each of sample.querySelectorAll("strong, [data-name]")) each.textContent = text;
      for (const each of shown("initial")) each.textContent = (text.match(/[\p{L}\p{N}]/u) || ["•"])[0].toUpperCase();
      for (const each of shown("help")) each.hidden = !/^(https:\/\/.|mailto:.+@.)/i.test(help.value.trim());
      const digits = /^#?([0-9a-f]{6})$/i.exec(accent.value.trim());
      if (digits) pick.value = `#${digits[1].toLowerCase()}`;
      if (digits) {
        sheet.rel = "stylesheet";
        sheet.href = `${sample.dataset.accents}${digits[1].toLowerCase()}.css`;
        if (!sheet.isConnected) document.head.append(sheet);
      } else {
        sheet.remove();
      }
    };
    for (const button of brand.querySelectorAll("[data-unneeded]")) button.hidden = true;
    brand.addEventListener("input", follow);
  }

  // What was just done is said once: not again when the page is loaded anew or its address is passed on.
  const address = new URL(window.location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done");
    window.history.replaceState(null, "", address);
  }
})();
