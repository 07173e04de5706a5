/* Without a connection the page stays, with what was typed, and says so. Without this file the browser shows its own page,
   and Back brings what was typed. */
"use strict";

for (const place of document.querySelectorAll("form [data-offline]")) {
  const note = place.querySelector("template");
  const clear = () => place.replaceChildren(note);
  place.closest("form").addEventListener("submit", (event) => {
    clear();
    if (navigator.onLine) return;
    event.preventDefault();
    place.append(note.content.cloneNode(true));
    place.querySelector("button").focus();
  });
  addEventListener("online", clear);
  addEventListener("pageshow", clear);
}
