/* A page left open is covered after half an hour; the year of birth brings it back with what was typed.
   Without this file the page stays on the screen, and the server asks the same at the next request. */
"use strict";

const cover = document.querySelector("template[data-cover]");
if (cover) {
  const limit = Number(cover.dataset.minutes) * 60000;
  let used = Date.now(), under = null;
  const title = document.title;
  const note = () => { if (!under) used = Date.now(); };

  const lift = (shown) => {
    shown.remove();
    for (const part of under) part.hidden = false;
    under[0].id = "main";
    under = null;
    document.title = title;
    note();
  };

  const drop = () => {
    under = [...document.body.children].filter((part) => part.matches("main, .flow-foot") && !part.hidden);
    for (const part of under) part.hidden = true;
    under[0].id = "";
    const shown = cover.content.firstElementChild.cloneNode(true);
    document.querySelector(".flow-head").after(shown);
    shown.id = "main";
    document.title = shown.querySelector("h1").textContent;
    shown.focus();
    const form = shown.querySelector("form");
    const error = shown.querySelector("#cover-error");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const answer = await fetch(form.action, { method: "POST", headers: { "X-Cover": "1" }, body: new URLSearchParams(new FormData(form)) });
        if (answer.status === 204) { lift(shown); return; }
        if (answer.redirected || answer.status === 403) { location.assign(form.action); return; }
        error.querySelector("[data-cover-error]").textContent = (await answer.json()).error;
        error.hidden = false;
      } catch {
        location.assign(form.action);
      }
      form.querySelector("input[name=year]").focus();
    });
  };

  const look = () => { if (!under && Date.now() - used >= limit) drop(); };
  for (const sign of ["keydown", "pointerdown", "input", "scroll"]) addEventListener(sign, note, { passive: true, capture: true });
  /* A machine that slept wakes up with a cover on, before anything counts as use. */
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
  setInterval(look, 15000);
}
