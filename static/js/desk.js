/* The desk: keys, the stale mark, the lock. Everything works without this file. */
"use strict";

/* 1. Single keys press the control that shows them. They can be switched off, and never act while somebody types. */
const panel = document.querySelector("[data-keys]");
const wanted = () => localStorage.getItem("desk-keys") !== "off";
if (panel) {
  panel.hidden = false;
  const box = panel.querySelector("[data-keys-on]");
  box.checked = wanted();
  box.addEventListener("change", () => localStorage.setItem("desk-keys", box.checked ? "on" : "off"));
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !wanted()) return;
  if (event.target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]")) return;
  const control = document.querySelector(`[data-key~="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!control) return;
  event.preventDefault();
  control.click();
});

/* After a step the keyboard goes on from the visit it was about; the page has scrolled there already. */
addEventListener("load", () => document.querySelector(".ap.sel .nm")?.focus({ preventScroll: true }));

/* 2. A printer button, where a script can press it. */
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

/* 3. Once a minute, while the page is looked at: has the day changed, is the session alive? Asking is no use of it. */
const stale = document.querySelector("[data-stale]");
async function pulse() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`/staff/pulse/?day=${stale ? stale.dataset.day : ""}`, { headers: { "X-Poll": "1", Accept: "application/json" }, cache: "no-store" });
    if (answer.status === 401) { location.reload(); return; }
    if (!answer.ok || !stale) return;
    const { mark } = await answer.json();
    if (mark !== stale.dataset.stale) stale.hidden = false;
  } catch { /* offline: the page stays as it is */ }
}
setInterval(pulse, 60000);
document.addEventListener("visibilitychange", pulse);
