/* The physician's review: two photos compared, zoomed together, and the draft saved while it is written.
   Everything can be seen and saved without this file. */
"use strict";

{
/* 1. The viewer: side by side, one over the other with a slider, or one alone. Both zoom and move together. */
const bar = document.querySelector("[data-viewer]");
const sets = [...document.querySelectorAll("[data-set]")];
const view = { mode: "side", zoom: 1, x: 0, y: 0 };

function pictures(set) {
  return [...set.querySelectorAll("[data-picture]")];
}

function draw() {
  for (const set of sets) {
    const stage = set.querySelector("[data-stage]");
    const all = pictures(set);
    const pair = all.length > 1;
    const left = pair ? Number(set.querySelector("[data-left]").value) : -1;
    const right = pair ? Number(set.querySelector("[data-right]").value) : 0;
    const mode = pair ? view.mode : "single";
    stage.classList.add("is-live");
    stage.classList.toggle("is-over", mode === "over");
    stage.classList.toggle("is-single", mode === "single");
    stage.classList.toggle("is-zoomed", view.zoom > 1);
    all.forEach((picture, at) => {
      picture.classList.toggle("is-left", at === left);
      picture.classList.toggle("is-right", at === right);
      picture.hidden = at !== right && (at !== left || mode === "single");
    });
    stage.style.setProperty("--zoom", view.zoom);
    stage.style.setProperty("--x", `${view.x}%`);
    stage.style.setProperty("--y", `${view.y}%`);
    if (pair) {
      set.querySelector("[data-dates]").hidden = false;
      set.querySelector("[data-slide]").hidden = mode !== "over";
      stage.style.setProperty("--over", `${set.querySelector("[data-slide] input").value}%`);
    }
  }
  for (const button of bar.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === view.mode));
}

function zoom(to) {
  view.zoom = Math.min(6, Math.max(1, to));
  if (view.zoom === 1) view.x = view.y = 0;
  draw();
}

function move(x, y) {
  const most = 50 * (1 - 1 / view.zoom);
  view.x = Math.min(most, Math.max(-most, view.x + x));
  view.y = Math.min(most, Math.max(-most, view.y + y));
  draw();
}

if (bar && sets.length) {
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.mode) view.mode = button.dataset.mode === view.mode && view.mode === "over" ? "side" : button.dataset.mode;
    if (button.dataset.zoom) { zoom(view.zoom * (button.dataset.zoom === "in" ? 1.5 : 1 / 1.5)); return; }
    if ("swap" in button.dataset) {
      for (const set of sets) {
        const left = set.querySelector("[data-left]");
        const right = set.querySelector("[data-right]");
        if (left) [left.value, right.value] = [right.value, left.value];
      }
    }
    draw();
  });
  for (const set of sets) {
    set.addEventListener("input", draw);
    const stage = set.querySelector("[data-stage]");
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", set.dataset.name);
    stage.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [5, 0], ArrowRight: [-5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] }[event.key];
      if (!way || event.target !== stage || view.zoom === 1) return;
      event.preventDefault();
      move(...way);
    });
    let from = null;
    let dragged = false;
    stage.addEventListener("pointerdown", (event) => { from = { x: event.clientX, y: event.clientY }; dragged = false; });
    stage.addEventListener("pointermove", (event) => {
      if (!from || view.zoom === 1) return;
      const size = stage.clientWidth * view.zoom;
      if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4) dragged = true;
      if (!dragged) return;
      move(100 * (event.clientX - from.x) / size, 100 * (event.clientY - from.y) / size);
      from = { x: event.clientX, y: event.clientY };
    });
    addEventListener("pointerup", () => { from = null; });
    stage.addEventListener("dragstart", (event) => event.preventDefault());
    stage.addEventListener("click", (event) => {
      if (!event.target.closest(".ph-frame") || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (!dragged) zoom(view.zoom === 1 ? 2 : 1);
    });
  }
  draw();
}

/* 2. The draft is saved two seconds after the last letter. What the server says about it stands in the footer. */
const form = document.querySelector("[data-autosave]");
const said = document.querySelector("[data-saved]");
let waiting = 0;
let saving = Promise.resolve();
let underway = 0;

async function save() {
  const data = new FormData(form);
  data.delete("password");
  data.set("do", "save");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data), headers: { Accept: "application/json" } });
    if (answer.status === 401) { form.dataset.unsaved = ""; said.textContent = form.dataset.signedOut; return; }
    if (!answer.headers.get("Content-Type")?.startsWith("application/json")) return;
    delete form.dataset.unsaved;
    const told = await answer.json();
    if (answer.ok) {
      form.querySelector("[data-version]").value = told.version;
      form.querySelector("button[value=discard]").hidden = false;
    }
    said.textContent = told.saved || told.error || "";
  } catch { /* offline: it still says "not saved yet" */ }
}

/* Asking the patient is the outcome "Needs more information": it is chosen, and what to ask can be typed. */
document.querySelector("[data-asks]")?.addEventListener("click", (event) => {
  event.preventDefault();
  form.querySelector("[name=outcome][value=more-info]").click();
  form.elements.ask.focus();
});

/* A snippet goes to the end of its text, a set of tests is ticked; both are changed there, or taken away again. */
form?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-into]");
  if (!button) return;
  event.preventDefault();
  const { into, text, ticks } = button.dataset;
  let box = form.elements[into];
  if (ticks) {
    box = [...box].filter((tick) => ticks.split(" ").includes(tick.value));
    for (const tick of box) tick.checked = true;
    box = box[0];
  } else {
    const said = text.replace(/\{(\w+)\}/g, (name, field) => form.elements[field]?.value || name);
    box.value = [box.value.trimEnd(), said].filter(Boolean).join("\n");
  }
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
});

/* Enter behind the password signs, as it says beside it; in any other line it saves. */
document.getElementById("id_password")?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  form.querySelector("button[value=sign]").click();
});

if (form && said && form.querySelector("#decision ~ .rv-parts")) {
  form.addEventListener("input", (event) => {
    if (event.target.type === "password" || !event.target.closest(".rv")) return;
    said.textContent = form.dataset.changed;
    clearTimeout(waiting);
    waiting = setTimeout(() => { underway += 1; saving = saving.then(save).then(() => { underway -= 1; }); }, 2000);
  });
  /* A button sends all of it anyway; one that is pressed while a save is on its way waits for the new version. */
  form.addEventListener("submit", (event) => {
    clearTimeout(waiting);
    if ("unsaved" in form.dataset) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    if (!underway) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const button = event.submitter;
    saving.then(() => setTimeout(() => form.requestSubmit(button)));  // a task of its own: not inside the event it was pressed with
  }, { capture: true });
}
}
