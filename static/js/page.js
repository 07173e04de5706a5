/* True North: small helps for every page. Everything works without this file. */
"use strict";

/* A piece of a page, asked for as a browser asks and found by its selector; null where the answer is another page, or none of these. */
async function piece(url, selector, { statuses = [200], ...request } = {}) {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, ...request });
  if (answer.redirected || !statuses.includes(answer.status)) return null;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(selector);
  return found && document.adoptNode(found);
}

/* Whether somebody types there: no key is a shortcut then. */
const typing = (target) => target.closest?.("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]");

/* An error summary, or a banner the server marked, takes the focus, so that it is read first. */
const first = document.querySelector("[data-focus-now]");
if (first) first.focus();
/* What came in answer to a form is met again, on the way back or by a reload, as the page it is about: not as a form to send again. */
history.replaceState(history.state, "", location.href);

/* A second press is ignored; the pressed button says what it is doing and stays focusable. */
const faces = new Map();
function busy(form, button) {
  form.dataset.busy = "1";
  if (!button) return;
  button.setAttribute("aria-busy", "true");
  const words = button.dataset.saving || document.body.dataset.saving;
  if (words && button.matches(".btn")) setTimeout(() => {
    if (!form.dataset.busy || faces.has(button)) return;
    faces.set(button, [...button.childNodes]);
    button.replaceChildren(words);
  }, 300);
}
function ready() {
  for (const form of document.querySelectorAll("form[data-busy]")) delete form.dataset.busy;
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  for (const [button, nodes] of faces) button.replaceChildren(...nodes);
  faces.clear();
}
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.busy) event.preventDefault();
  else busy(form, event.submitter);
});
/* Back and forward bring a page out of memory: its buttons must work again. */
addEventListener("pageshow", (event) => { if (event.persisted) ready(); });

/* The bar at the bottom of an article appears after the first screen, and goes while somebody types. */
const bar = document.querySelector("[data-sticky]");
if (bar) {
  document.addEventListener("focusin", (event) => { if (typing(event.target)) bar.hidden = true; });
  document.addEventListener("focusout", () => { bar.hidden = false; });
}

/* People who look from another time zone get one more line. */
for (const note of document.querySelectorAll("[data-zone]")) {
  const at = new Date(note.dataset.zoneAt);
  const show = (zone) => new Intl.DateTimeFormat("en-CA", { hour: "numeric", minute: "2-digit", timeZone: zone }).format(at);
  try {
    const here = show(note.dataset.zone);
    const there = show(Intl.DateTimeFormat().resolvedOptions().timeZone);
    if (here !== there) {
      const line = document.createElement("span");
      line.textContent = " " + note.dataset.zoneText.replace("{here}", here).replace("{there}", there);
      (note.querySelector("span:last-child") || note).append(line);
    }
  } catch { /* a browser without the zone's data: nothing to add */ }
}

/* "/" puts the cursor into the desk's search field. */
const find = document.querySelector("[data-find]");
if (find) document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) return;
  event.preventDefault();
  find.focus();
});

/* Tabs that do not fit beside each other: the open one is in view. */
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

/* Printing needs a script; without one the browser's own menu does it. */
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
