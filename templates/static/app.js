// The pages' script. Each page works without it too: forms are posted, and the pages that continue or update automatically
// carry a refresh inside <noscript>.
"use strict";

(() => {
  const SEND_AFTER_MS = 1200;
  const SLOW_AFTER_MS = 6000;
  const POLL_EVERY_MS = 2000;
  const POLL_AT_MOST_EVERY_MS = 30000;

  // Move the focus to the problem.
  const problem = document.querySelector("[data-focus]");
  if (problem) problem.focus();

  // The store's icon takes the place of its letter once it has arrived; if it does not, the letter stays.
  for (const tile of document.querySelectorAll("[data-icon]")) {
    const icon = new Image();
    icon.alt = "";
    icon.addEventListener("load", () => {
      tile.replaceChildren(icon);
      tile.classList.add("pictured");
    });
    icon.src = tile.dataset.icon;
  }

  // Copy buttons. Without this script, a click selects the text.
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    const label = button.textContent;
    button.hidden = false;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = button.dataset.copied;
        setTimeout(() => { button.textContent = label; }, 2000);
      } catch {
        // No access to the clipboard: select the text, so that it can be copied manually.
        getSelection().selectAllChildren(source);
        source.focus();
      }
    });
  }

  // A form that takes a while says so, and is sent once. The button is not disabled: its name and value would be lost.
  for (const form of document.querySelectorAll("form[data-busy]")) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) {
        event.preventDefault();
        return;
      }
      sent = true;
      const button = event.submitter || form.querySelector("button");
      button.dataset.label = button.textContent;
      button.textContent = form.dataset.busy;
      button.classList.add("busy");
      for (const each of form.querySelectorAll("button")) each.setAttribute("aria-disabled", "true");
      const live = form.querySelector("[data-live]");
      if (live) live.textContent = form.dataset.busyHint || form.dataset.busy;
      if (live && form.dataset.busyLater) {
        setTimeout(() => { if (sent) live.textContent = form.dataset.busyLater; }, SLOW_AFTER_MS);
      }
    });
    // Back from the next page may bring this one out of memory, still busy.
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      sent = false;
      for (const each of form.querySelectorAll("button")) {
        each.removeAttribute("aria-disabled");
        each.classList.remove("busy");
        if (each.dataset.label) each.textContent = each.dataset.label;
      }
      const live = form.querySelector("[data-live]");
      if (live) live.textContent = "";
    });
  }

  // Continue to the store, once. Back from the store leads to the attempt's page, which explains the store's errors, and never
  // to the store again.
  const send = document.querySelector("a[data-send]");
  const navigation = performance.getEntriesByType("navigation")[0];
  if (send) {
    const leave = () => {
      if (send.dataset.back) window.history.replaceState(null, "", send.dataset.back);
    };
    send.addEventListener("click", leave);
    const isBack = navigation && navigation.type === "back_forward";
    const timer = isBack ? 0 : setTimeout(() => {
      leave();
      window.location.assign(send.href);
    }, SEND_AFTER_MS);
    window.addEventListener("pagehide", () => clearTimeout(timer));
    window.addEventListener("pageshow", (event) => {
      if (send.dataset.back && (event.persisted || isBack)) window.location.replace(send.dataset.back);
    });
  }

  // The waiting page asks how it stands and shows itself anew when that has changed.
  const waiting = document.querySelector("[data-poll]");
  if (waiting) {
    const { poll, status } = waiting.dataset;
    let wait = POLL_EVERY_MS;
    let timer = 0;
    const ask = async () => {
      clearTimeout(timer);
      try {
        const answer = await fetch(poll, { headers: { Accept: "application/json" }, cache: "no-store" });
        if (!answer.ok) throw new Error("not answered");
        const news = await answer.json();
        if (news.shown !== status) {
          window.location.replace(poll);
          return;
        }
        wait = POLL_EVERY_MS;
      } catch {
        wait = Math.min(wait * 2, POLL_AT_MOST_EVERY_MS);
      }
      timer = setTimeout(ask, wait);
    };
    timer = setTimeout(ask, wait);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(timer);
      else ask();
    });
  }
})();
