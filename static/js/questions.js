/* Question pages: what follows from an answer appears at once, and "none of these" stands alone.
   Without this file the server asks the same after Continue, and says the same after it. */
"use strict";

{
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

/* The drawing ticks the boxes of the list beside it, and shows what they say. The list stays the control. */
function headMap(map) {
  const box = (code) => form.querySelector(`[name="${CSS.escape(map.dataset.headMap)}"][value="${CSS.escape(code)}"]`);
  const areas = [...map.querySelectorAll("[data-code]")].filter((area) => box(area.dataset.code));
  const draw = () => { for (const area of areas) area.classList.toggle("is-on", box(area.dataset.code).checked); };
  for (const area of areas) {
    area.addEventListener("click", () => box(area.dataset.code).click());
  }
  form.addEventListener("change", draw);
  addEventListener("pageshow", draw);
  map.hidden = false;
  draw();
}

if (form) {
  for (const map of form.querySelectorAll("[data-head-map]")) headMap(map);
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
}
