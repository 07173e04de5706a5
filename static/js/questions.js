/* Question pages: what follows from an answer appears at once, and "none of these" stands alone.
   Without this file the server asks the same after Continue, and says the same after it. */
"use strict";

const form = document.querySelector("form[data-questions]");

const chosen = (name) => [...form.querySelectorAll(`[name="${CSS.escape(name)}"]:checked`)]
  .filter((input) => !input.closest("[hidden]")).map((input) => input.value);

function applies(place) {
  const conditions = JSON.parse(place.dataset.follow);
  return Object.entries(conditions).some(([name, codes]) => chosen(name).some((code) => codes.includes(code)));
}

/* A hidden question keeps what was typed, and sends nothing. */
function show(place, visible) {
  place.hidden = !visible;
  for (const control of place.querySelectorAll("input, textarea, select, button")) control.disabled = !visible;
}

function follow() {
  for (let place of form.querySelectorAll("[data-follow]")) {
    const visible = applies(place);
    if (place instanceof HTMLTemplateElement) {
      if (!visible) continue;
      const shown = document.createElement("div");
      shown.dataset.follow = place.dataset.follow;
      shown.append(place.content.cloneNode(true));
      place.replaceWith(shown);
      place = shown;
    }
    if (place.hidden === visible) show(place, visible);
  }
}

if (form) {
  form.addEventListener("change", (event) => {
    const input = event.target;
    if (input.type === "checkbox" && input.checked) {
      for (const other of form.querySelectorAll(`[name="${CSS.escape(input.name)}"]`)) {
        if (other !== input && (input.hasAttribute("data-alone") || other.hasAttribute("data-alone"))) other.checked = false;
      }
    }
    follow();
  });
  addEventListener("pageshow", follow);
}
