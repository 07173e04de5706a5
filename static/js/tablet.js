/* The clinic's tablet: after two minutes without a touch it hands itself back. Each touch is told to the server, which keeps
   the time; half a minute before the end the page asks. Without this file a meta refresh and the server do the same. */
"use strict";

const back = document.querySelector("form[data-tablet]");
if (back) {
  const limit = Number(back.dataset.seconds) * 1000, notice = Math.min(30000, limit / 2);
  let used = Date.now(), told = used, warning = null, leaving = false;
  const quiet = () => { if (warning) { warning.remove(); warning = null; } };
  const note = (event) => {
    if (leaving) return;
    used = Date.now();
    if (!warning?.contains(event.target)) quiet();
  };

  const warn = () => {
    warning = back.querySelector("template").content.firstElementChild.cloneNode(true);
    warning.querySelector("button").addEventListener("click", quiet);
    document.getElementById("main").before(warning);
    warning.focus();
  };

  const look = () => {
    if (leaving) return;
    const idle = Date.now() - used;
    if (idle >= limit) {
      leaving = true;
      document.body.hidden = true;
      back.submit();
      return;
    }
    if (used > told) {
      told = Date.now();
      fetch(back.dataset.here, { method: "POST", body: new URLSearchParams(new FormData(back)) }).then((answer) => {
        if (!leaving && (answer.redirected || !answer.ok)) location.reload();
      }, () => { told = 0; });
    }
    if (!warning && idle >= limit - notice) warn();
  };

  for (const sign of ["keydown", "pointerdown", "input", "scroll"]) addEventListener(sign, note, { passive: true, capture: true });
  back.addEventListener("submit", () => { leaving = true; });
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
  /* A page out of the browser's memory is asked for anew: the server knows whether it may still be seen. */
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  setInterval(look, 2000);
}
