/* A form that does not arrive keeps its page, with what was typed, and says so. It is sent first, and the page is left only when
   the server has answered: to the next page, or, with something to correct, by sending it once more the ordinary way.
   Without this file it is an ordinary form from the beginning. */
"use strict";

const PATIENCE = 20000;

for (const place of document.querySelectorAll("form [data-offline]")) {
  const form = place.closest("form");
  const note = place.querySelector("template");
  const clear = () => place.replaceChildren(note);
  let plain = false;

  const leave = (to) => {
    const there = new URL(to, location.href), here = new URL(location.href);
    if (there.pathname + there.search === here.pathname + here.search) {
      history.replaceState(null, "", there);
      location.reload();
    } else location.assign(there);
  };

  /* Where to go on; empty if the answer is a page with something to correct. */
  const send = async (button) => {
    const data = new URLSearchParams(new FormData(form));
    if (button?.name) data.append(button.name, button.value);
    const answer = await fetch(form.action, {
      method: "POST", body: data, headers: { "X-Save": "1" }, redirect: "manual", signal: AbortSignal.timeout?.(PATIENCE),
    });
    return answer.ok && answer.headers.get("Content-Type") === "application/json" ? (await answer.json()).next : "";
  };

  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    clear();
    if (plain || button?.hasAttribute("formaction")) { plain = false; return; }
    event.preventDefault();
    if (form.dataset.busy) return;
    busy(form, button);
    try {
      const next = await send(button);
      if (next) { leave(next); return; }
      ready();
      plain = true;
      form.requestSubmit(button);
    } catch {
      ready();
      place.append(note.content.cloneNode(true));
      place.querySelector("button").focus();
    }
  });
  addEventListener("online", clear);
  addEventListener("pageshow", clear);
}
