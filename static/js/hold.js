/* A held time says once, quietly, that two minutes are left; when it is over, that stands in place of what it said.
   Without this file the page says until when, and the next page that it is over. */
"use strict";

for (const note of document.querySelectorAll("[data-hold-ends]")) {
  const left = new Date(note.dataset.holdEnds) - Date.now();
  if (left > 120000) setTimeout(() => { note.textContent = note.dataset.holdText; }, left - 120000);
  setTimeout(() => {
    note.parentElement.querySelector("[data-hold-says]").remove();
    note.classList.remove("vh");
    note.textContent = note.dataset.holdOver;
  }, left);
}
