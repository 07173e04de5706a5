/* New booking, on its page or in a dialog over the day: who is found while one types, keys for the times and for Book. */
"use strict";

{
const root = () => document.querySelector("dialog.booking[open] .bd") ?? document.querySelector("main.newb");
let wait = 0, shownFor = "";

/* From three characters on, the people it may be. Enter takes the first, Shift Enter somebody new. */
async function look(box) {
  const q = box.value.trim();
  if (q.length < 3 || q === shownFor) return;
  const query = new URLSearchParams(new FormData(box.form));
  try {
    const hits = await piece(`/desk/new/?${query}`, ".hits"), old = root()?.querySelector(".hits");
    if (!hits || !old || box.value.trim() !== q) return;
    old.replaceWith(hits);
    shownFor = q;
  } catch { /* Find still works, or says that there is no connection */ }
}
document.addEventListener("input", (event) => {
  if (event.target.id !== "q" || !event.target.matches(".bigin")) return;
  clearTimeout(wait);
  wait = setTimeout(() => look(event.target), 300);
});
/* The number that was searched is the caller's. Who turns out to call for somebody else takes it along. */
document.addEventListener("change", (event) => {
  if (event.target.name !== "called") return;
  const form = event.target.form, own = form.elements.mobile, helper = form.elements["helper-mobile"];
  if (!own || !form.elements.q.value) return;
  const [from, to] = event.target.value === "helper" ? [own, helper] : [helper, own];
  if (from.value === form.elements.q.value && !to.value) [to.value, from.value] = [from.value, ""];
});
/* Another visit type or day shows its times at once; "Show times" does the same without this file, or where this fails. */
let later = 0, asked = 0;
async function times(form) {
  const mine = ++asked, query = new URLSearchParams([...new FormData(form), ["do", "times"]]);
  try {
    const fresh = await piece(form.action, "[data-times]", { method: "POST", body: query });
    if (!fresh || mine !== asked || !form.isConnected) return;
    const chosen = form.elements.slot?.value;
    form.querySelector("[data-times]").replaceWith(fresh);
    const same = [...form.querySelectorAll("[name=slot]")].find((box) => box.value === chosen);
    if (same) same.checked = true;
    form.elements.old_service.value = form.elements.service.value;
    const first = form.querySelector(".qs:has(:checked)");
    form.querySelector("[data-times-say]").textContent = first ? first.innerText : "";
  } catch { /* then by hand */ }
}
document.addEventListener("change", (event) => {
  const { id, form } = event.target;
  if (!["service", "day"].includes(id) || !form?.querySelector("[data-times]")) return;
  asked += 1;
  clearTimeout(later);
  later = setTimeout(() => times(form), 300);
});
document.addEventListener("keydown", (event) => {
  const place = root();
  if (!place || event.isComposing) return;
  const box = place.querySelector(".bigin");
  if (event.key === "Enter" && (event.shiftKey ? event.target === box || event.target.closest(".hits") : event.target === box && shownFor && box.value.trim() === shownFor)) {
    const links = place.querySelectorAll(".hits a");
    const link = event.shiftKey ? links[links.length - 1] : links[0];
    if (!link) return;
    event.preventDefault();
    link.click();
  } else if (event.altKey && /^[1-9]$/.test(event.key)) {
    const slot = place.querySelectorAll(".qslots .qs input")[event.key - 1];
    if (!slot) return;
    event.preventDefault();
    slot.checked = true;
    slot.focus();
  } else if (event.ctrlKey && event.key === "Enter") {
    const book = place.querySelector("button[value=book]");
    if (!book) return;
    event.preventDefault();
    book.click();
  }
});
}
