/* The desk: keys, the stale mark, the lock. Everything works without this file. */
"use strict";

/* Single keys press the control that shows them. They can be switched off, and never act while somebody types. */
const sheet = document.getElementById("keys");
const wanted = () => localStorage.getItem("desk-keys") !== "off";
for (const panel of document.querySelectorAll("[data-keys]")) panel.hidden = false;
for (const box of document.querySelectorAll("[data-keys-on]")) {
  box.checked = wanted();
  box.addEventListener("change", () => localStorage.setItem("desk-keys", box.checked ? "on" : "off"));
}
for (const button of document.querySelectorAll("[data-keys-open]")) {
  button.hidden = false;
  button.addEventListener("click", () => sheet.showModal());
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented || !wanted()) return;
  if (typing(event.target)) return;
  const place = document.querySelector("dialog:modal") ?? document;
  const control = place.querySelector(`[data-key~="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!control) return;
  event.preventDefault();
  control.click();
});

/* After a step the keyboard goes on from the visit it was about; the page has scrolled there already. */
addEventListener("load", () => document.querySelector(".ap.sel .nm")?.focus({ preventScroll: true }));

/* A week that is wider than the screen: today is in view. */
document.querySelector(".wk .is-today")?.scrollIntoView({ block: "nearest", inline: "center" });

/* A date box that needs no second press. */
for (const form of document.querySelectorAll(".datepick")) {
  const box = form.querySelector("[type=date]");
  let picked = false;
  form.querySelector("button").hidden = true;
  box.addEventListener("pointerdown", () => { picked = true; });
  box.addEventListener("keydown", () => { picked = false; });
  box.addEventListener("change", () => { if (picked && box.value) form.requestSubmit(); });
}

/* Once a minute, while the page is looked at: has the day changed, is the session alive? Asking is no use of it. */
const stale = document.querySelector("[data-stale]");
let minutes = 0; // for what was written and cannot be saved any more, until the page closes all the same
async function pulse() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`/staff/pulse/?day=${stale ? stale.dataset.day : ""}`, { headers: { "X-Poll": "1", Accept: "application/json" }, cache: "no-store" });
    if (answer.status === 401) {
      if (!document.querySelector("[data-unsaved]") || (minutes += 1) > 5) location.reload();
      return;
    }
    if (!answer.ok || !stale) return;
    const { mark } = await answer.json();
    dispatchEvent(new CustomEvent("pulse", { detail: { mark, alive: true } }));
    if (mark !== stale.dataset.stale && !stale.dataset.handled) stale.hidden = false;
  } catch {
    dispatchEvent(new CustomEvent("pulse", { detail: { alive: false } }));
  }
}
setInterval(pulse, 60000);
document.addEventListener("visibilitychange", pulse);
addEventListener("online", pulse);
