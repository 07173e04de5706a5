// Brings new mails into the demo's mailbox every three seconds. Without it the Refresh button does.
const box = document.getElementById("mailbox");
let last = box.innerHTML;
setInterval(async () => {
  if (document.hidden) return;
  try {
    const fresh = await piece(location.pathname, "#mailbox");
    if (fresh && fresh.innerHTML !== last) {
      last = fresh.innerHTML;
      box.replaceChildren(...fresh.childNodes);
    }
  } catch {
    // The server restarts; the next round tells.
  }
}, 3000);
