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

  // What was just done is said once: not again when the page is loaded anew or its address is passed on.
  const address = new URL(window.location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done");
    window.history.replaceState(null, "", address);
  }
})();
