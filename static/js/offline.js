/* A form that does not arrive keeps its page, with what was typed, and says so. It is sent first, and the page is left only when
   the server has answered. An answer with something to correct, or to choose, takes this page's place: it is sent once, and Back
   never meets a form that was sent. Where nothing can be saved any more, only the note about it comes here, and what was typed
   stays. Without this file it is an ordinary form from the beginning. */
"use strict";

{
const PATIENCE = 20000;
const PAGES = [200, 403, 409, 422, 429];

/* Scripts that look after what stands in the page are run again for the new one. */
function swap(page) {
  document.title = page.title;
  document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
  for (const old of document.querySelectorAll("script[data-again]")) {
    const script = document.createElement("script");
    script.src = old.src;
    script.dataset.again = "";
    script.addEventListener("load", () => dispatchEvent(new Event("pageshow")));
    old.replaceWith(script);
  }
  scrollTo(0, 0);
  (document.querySelector("[data-focus-now]") ?? document.querySelector("[data-resubmit]:checked"))?.focus();
}

/* A page that came back to itself with a row more or less: a reload alone does not move the focus to the place in the address. */
addEventListener("DOMContentLoaded", () => {
  if (performance.getEntriesByType("navigation")[0]?.type === "reload" && location.hash) {
    document.getElementById(location.hash.slice(1))?.focus();
  }
});

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

  /* Where to go on, or the page with something to correct; neither if it has to be sent the ordinary way. */
  const send = async (button) => {
    const data = new URLSearchParams(new FormData(form));
    if (button?.name) data.append(button.name, button.value);
    const answer = await fetch(form.action, {
      method: "POST", body: data, headers: { "X-Save": "1" }, redirect: "manual", signal: AbortSignal.timeout?.(PATIENCE),
    });
    if (answer.headers.get("Content-Type") === "application/json") return answer.ok ? answer.json() : {};
    return PAGES.includes(answer.status) ? { page: new DOMParser().parseFromString(await answer.text(), "text/html") } : {};
  };

  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    clear();
    if (plain || button?.hasAttribute("formaction")) { plain = false; return; }
    event.preventDefault();
    if (form.dataset.busy) return;
    busy(form, button);
    try {
      const { next, page } = await send(button);
      if (next) { leave(next); return; }
      ready();
      const stay = page?.querySelector("[data-stay]");
      if (stay) { place.append(document.adoptNode(stay)); stay.focus(); return; }
      if (page) { swap(page); return; }
      plain = true;
      form.requestSubmit(button);
    } catch {
      ready();
      place.append(note.content.cloneNode(true));
      place.querySelector("button").focus();
    }
  });
  /* Whoever follows a link meets what was typed again on the way back: it is sent first, for what it is worth. */
  if ("keep" in form.dataset) form.closest("main").addEventListener("click", async (event) => {
    const link = event.target.closest("a[href]");
    const plainly = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !plainly || link.hash && link.pathname === location.pathname || !typed()) return;
    event.preventDefault();
    const body = new URLSearchParams([...new FormData(form), ["do", "keep"]]);
    try { await fetch(form.action, { method: "POST", body, signal: AbortSignal.timeout?.(3000) }); } catch { /* then not */ }
    location.assign(link.href);
  });
  const typed = () => [...form.elements].some((el) => el.checked || el.defaultChecked || el.type === "text" && (el.value || el.defaultValue));
  form.addEventListener("change", (event) => { if (event.target.matches("[data-resubmit]")) form.requestSubmit(); });
  addEventListener("online", clear);
  addEventListener("pageshow", clear);
}
}
