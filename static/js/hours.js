/* What a change of hours would do is shown while it is typed, as the form's own Preview button shows it. */
"use strict";

for (const form of document.querySelectorAll("[data-preview]")) {
  const place = document.getElementById(form.dataset.preview);
  let wait = 0, asked = 0;
  form.addEventListener("change", () => {
    clearTimeout(wait);
    wait = setTimeout(async () => {
      const mine = ++asked, body = new URLSearchParams(new FormData(form));
      body.set("do", place.id);
      try {
        const fresh = await piece(location.href, `#${place.id}`, { method: "POST", body, statuses: [200, 422] });
        if (fresh && mine === asked) place.replaceChildren(...fresh.childNodes);
      } catch { /* Preview and Save say what is wrong */ }
    }, 300);
  });
}
