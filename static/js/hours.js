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
        const answer = await fetch(location.href, { method: "POST", body });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(place.id);
        if (fresh && mine === asked) place.replaceChildren(...document.adoptNode(fresh).childNodes);
      } catch { /* Preview and Save say what is wrong */ }
    }, 300);
  });
}
