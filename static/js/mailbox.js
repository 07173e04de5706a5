// Brings new mails into the demo's mailbox every three seconds. Without it the Refresh button does.
const box = document.getElementById("mailbox");
let last = box.innerHTML;
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("mailbox");
    if (fresh && fresh.innerHTML !== last) {
      last = fresh.innerHTML;
      box.replaceChildren(...fresh.childNodes);
    }
  } catch {
    // The server restarts; the next round tells.
  }
}, 3000);
