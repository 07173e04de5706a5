/* Photos: sent as soon as they are chosen, with progress, one row at a time.
   Without this file each row is an ordinary form with its own button. */
"use strict";

const LIMIT = 15 * 1024 * 1024;
const STILL = 120000; // milliseconds without a sign

function say(row, text) {
  const place = row.querySelector("[data-error]");
  place.querySelector("[data-error-text]").textContent = text;
  place.hidden = !text;
  row.classList.toggle("field-err", Boolean(text));
}

function send(row, form, address, data) {
  const bar = row.querySelector("[data-progress]");
  const text = bar.querySelector("[data-progress-text]");
  const pick = row.querySelector(".up-pick");
  const wait = (on) => {
    bar.hidden = !on;
    if (pick) pick.hidden = on;
    row.toggleAttribute("aria-busy", on);
  };
  const fail = () => { wait(false); say(row, form.dataset.failed); };
  const request = new XMLHttpRequest(), begun = performance.now();
  request.upload.addEventListener("progress", (event) => {
    request.timeout = performance.now() - begun + STILL; // a slow line takes its time, as long as something moves
    if (!event.lengthComputable) return;
    const done = Math.round(100 * event.loaded / event.total);
    bar.querySelector("progress").value = done;
    if (done === 100) text.textContent = form.dataset.gettingReady;
  });
  request.addEventListener("error", fail);
  request.addEventListener("timeout", fail);
  request.addEventListener("load", () => {
    const fresh = new DOMParser().parseFromString(request.responseText, "text/html").getElementById(row.id);
    const whole = !request.getResponseHeader("Content-Type")?.startsWith("text/html") || request.responseURL !== new URL(address, location.href).href;
    if (whole || !fresh || ![200, 422].includes(request.status)) {
      if (request.status === 413) { wait(false); say(row, form.dataset.tooBig); } else fail();
      return;
    }
    const arrived = document.adoptNode(fresh);
    row.replaceWith(arrived);
    live(arrived);
    arrived.focus({ preventScroll: true });
  });
  request.open("POST", address);
  request.setRequestHeader("X-Upload", "1");
  request.timeout = STILL;
  say(row, "");
  wait(true);
  request.send(data);
}

/* A row among other questions is inside the page's form, whose buttons send everything; a script sends the row alone. */
const formOf = (row) => document.getElementById(`form-${row.dataset.upload}`);

function live(row) {
  row.classList.add("is-live");
}

document.addEventListener("change", (event) => {
  const input = event.target;
  const row = input.closest?.("[data-upload]");
  if (!row || input.type !== "file" || !input.files.length) return;
  const form = formOf(row);
  if (input.files[0].size > LIMIT) {
    say(row, form.dataset.tooBig);
    input.value = "";
    return;
  }
  const data = new FormData(form);
  data.set("file", input.files[0]);
  send(row, form, form.action, data);
  input.value = "";
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".up-remove, .up-date");
  if (!button) return;
  event.preventDefault();
  const row = button.closest("[data-upload]");
  const data = new FormData(formOf(row));
  for (const day of row.querySelectorAll("[type=date]")) data.set(day.name, day.value);
  send(row, formOf(row), button.formAction, data);
});

/* A row that a script shows later (a follow-up) comes to life when it is there. */
for (const row of document.querySelectorAll("[data-upload]")) live(row);
new MutationObserver(() => {
  for (const row of document.querySelectorAll("[data-upload]:not(.is-live)")) live(row);
}).observe(document.body, { childList: true, subtree: true });
