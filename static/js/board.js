/* The day's board: one visit at the side, keys, moving, the line of this moment, new bookings over it, and what others changed.
   All of it acts through the forms and links of the page, which work without this file. */
"use strict";

{
const words = document.querySelector("[data-words]").dataset;
const live = Object.assign(document.createElement("p"), { className: "vh" });
live.setAttribute("role", "status");
live.dataset.say = "";
document.querySelector("main").append(live);
const wide = matchMedia("(min-width:68.75rem)");
const narrow = matchMedia("(max-width:40rem)"); // a phone: pages instead of dialogs
const board = () => document.getElementById("board");
const side = document.getElementById("tray-card");
const cardOf = (id) => document.getElementById(`v-${id}`);
const idOf = (card) => card.id.slice(2);
const linkOf = (card) => card.querySelector(".nm[href], a");
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);

/* What is said is seen where the undo strip is, and heard once. */
function tell(text) {
  const strip = document.querySelector(".strip-bar");
  for (const old of strip.querySelectorAll("p.toast")) old.remove();
  if (text) {
    const note = document.createElement("p");
    note.className = "toast";
    note.textContent = text;
    strip.append(note);
  }
  live.textContent = text;
}

/* ── Where things stand ── */
const STEP = 300000;
const layer = () => document.querySelector(".now-layer");
const placed = () => layer() && getComputedStyle(layer()).display !== "none"; // a board, not a list
const ahead = layer() ? Date.parse(layer().dataset.now) - Date.now() : 0; // the clinic's clock, whatever this machine's says
const now = () => Date.now() + ahead;
function place(first, rows) {
  return [["h", Math.floor(first / 12)], ["m", first % 12], ["t", Math.floor(rows / 12)], ["s", rows % 12]]
    .filter(([, n]) => n).map(([letter, n]) => `${letter}-${n}`).join(" ");
}
function tick() {
  const label = document.querySelector(".now-at"), line = document.querySelector(".now");
  if (!label || !line) return;
  const row = Math.round((now() - Date.parse(layer().dataset.since)) / STEP);
  const gone = now() >= Date.parse(layer().dataset.until);
  line.hidden = label.hidden = gone;
  line.className = `now ${place(row, 1)}`;
  label.className = `now-at ${place(row, 1)}`;
  label.textContent = new Intl.DateTimeFormat("en-CA", { hour: "numeric", minute: "2-digit", timeZone: layer().dataset.zone })
    .format(new Date(now())).replace(/\s.*$/, "");
}
setInterval(tick, 30000);
function toNow() {
  const line = document.querySelector(".now"), shown = board();
  if (!line || !shown || !placed()) return;
  const hour = parseFloat(getComputedStyle(line.closest(".dcols")).getPropertyValue("--row")) * 16 * 12;
  shown.scrollTop = Math.max(line.offsetTop - hour, 0);
}
/* After a step the hours that were looked at are there again, and the visit it was about is in view. */
function toSame() {
  const card = document.querySelector(".ap.sel"), [at, day] = (sessionStorage.getItem("desk-hours") ?? "").split(" ");
  const done = card ?? document.querySelector(".strip-bar :is(form,p)");
  if (!done || !placed()) { if (!done) toNow(); return; }
  if (day === location.pathname) board().scrollTop = at;
  if (!card || card.closest(".dcancelled")) return; // it stands below; the time that it leaves is looked at
  const box = card.getBoundingClientRect(), heads = document.querySelector(".dcol>header").getBoundingClientRect();
  if (box.top < heads.bottom || box.bottom > board().getBoundingClientRect().bottom) card.scrollIntoView({ block: "center" });
}
toSame();
addEventListener("load", () => { if (document.querySelector(".ap.sel")) toSame(); }); // the address has moved it once more
addEventListener("pagehide", () => { if (placed()) sessionStorage.setItem("desk-hours", `${board().scrollTop} ${location.pathname}`); });

/* ── One visit at the side ── */
let asked = 0;
async function pick(card, { enter = false } = {}) {
  const mine = ++asked;
  let text;
  try {
    const answer = await fetch(`${linkOf(card).pathname}card/`);
    if (answer.redirected) { location.reload(); return; }
    if (!answer.ok) return;
    text = await answer.text();
  } catch { offline(); return; }
  if (mine !== asked) return;
  for (const other of document.querySelectorAll(".ap.sel")) other.classList.remove("sel");
  cardOf(idOf(card))?.classList.add("sel");
  side.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  veil();
  if (enter) side.querySelector("section")?.focus();
}
function leaveSide() {
  asked += 1;
  const picked = side.querySelector("[data-picked]");
  const card = picked && cardOf(picked.dataset.picked);
  if (card && side.contains(document.activeElement)) { linkOf(card).focus(); return; }
  side.replaceChildren();
  for (const other of document.querySelectorAll(".ap.sel")) other.classList.remove("sel");
}
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a");
  if (!link) return;
  if (link.matches("[data-leave]")) {
    event.preventDefault();
    leaveSide(); // back to the visit on the board,
    leaveSide(); // then away
  } else if (link.matches("#board .ap .nm") && wide.matches && document.body.matches(".boarded")) {
    event.preventDefault();
    const keyed = event.detail === 0;
    link.focus();
    pick(link.closest("li"), { enter: keyed });
  } else if (link.matches(".tl a[href^='#v-']")) {
    const card = document.querySelector(link.getAttribute("href"));
    if (card) setTimeout(() => linkOf(card).focus());
  } else if (link.matches("main a:is([href^='/desk/new/'], [data-text])") && !link.closest("dialog") && !narrow.matches) {
    event.preventDefault();
    if (document.activeElement === document.body) link.focus({ preventScroll: true }); // where the focus comes back to
    open(link.matches("[data-text]") ? `${link.pathname}?${looks()}` : link.getAttribute("href"));
  } else if (link.matches("[data-move]") && placed()) {
    const card = cardOf(link.closest("[data-picked]").dataset.picked);
    if (card?.dataset.v.includes("move")) { event.preventDefault(); startMove(card); }
  }
});

/* ── Keys ── */
const STEPS = { a: "arrive", r: "to_room", d: "fulfil", c: "confirm", s: "mark_noshow", u: "undo" };
const current = () => document.activeElement?.closest?.("#board :is(.dlist>li,tr)")
  ?? document.querySelector("#board .ap.sel")
  ?? (side.querySelector("[data-picked]") && cardOf(side.querySelector("[data-picked]").dataset.picked));
const visitNow = () => { const card = current(); return card?.matches("[data-v]") ? card : null; };

/* Back to the day, looked at as now. */
function looks() {
  const query = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => ["show", "view", "who", "sort"].includes(name)));
  query.set("back", "day");
  return query;
}

/* A button of the board's form that nobody sees. */
function press(name, value, { to = "", also = {} } = {}) {
  const form = board(), button = document.createElement("button");
  for (const old of form.querySelectorAll("[data-once]")) old.remove(); // of a press that was not sent
  Object.assign(button, { name, value, hidden: true });
  if (to) button.setAttribute("formaction", to);
  const added = [button, ...Object.entries(also).map(([field, text]) =>
    Object.assign(document.createElement("input"), { type: "hidden", name: field, value: text }))];
  for (const part of added) part.dataset.once = "";
  form.append(...added);
  form.requestSubmit(button);
}
function step(card, key) {
  const [version, ...verbs] = card.dataset.v.split(" ");
  const verb = STEPS[key];
  if (!verbs.includes(verb)) {
    tell(fill(words.cannot, { key: key.toUpperCase(), status: card.querySelector(".st")?.textContent.trim() ?? "" }));
    return;
  }
  press("do", `${verb}:${idOf(card)}:${version}`);
}
function walk(key) {
  const columns = [...document.querySelectorAll("#board :is(.dcol,tbody)")]
    .map((column) => [...column.querySelectorAll(":scope>.dlist>li,:scope>tr")].filter((li) => li.matches(".ap[data-v], .dopen") && li.offsetParent));
  const from = current(), at = columns.findIndex((lines) => lines.includes(from));
  let next;
  if (at < 0) {
    const lines = columns.find((each) => each.length) ?? [];
    const top = document.querySelector(".now")?.getBoundingClientRect().top ?? -Infinity;
    next = lines.find((line) => line.getBoundingClientRect().bottom > top) ?? lines[0];
  } else if (key === "ArrowUp" || key === "ArrowDown") {
    next = columns[at][columns[at].indexOf(from) + (key === "ArrowUp" ? -1 : 1)];
  } else {
    const way = key === "ArrowLeft" ? -1 : 1;
    const top = from.getBoundingClientRect().top;
    for (let n = at + way; columns[n] && !next; n += way) {
      next = [...columns[n]].sort((a, b) => Math.abs(a.getBoundingClientRect().top - top) - Math.abs(b.getBoundingClientRect().top - top))[0];
    }
  }
  if (next) { linkOf(next).focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest", inline: "nearest" }); }
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (moving) { steer(event); return; }
  if (event.key === "Escape") { leaveSide(); tell(""); return; }
  const inside = event.target === document.body || event.target.closest(".day-main");
  if (event.key.startsWith("Arrow")) {
    if (inside && !event.shiftKey) { event.preventDefault(); walk(event.key); }
    return;
  }
  if (!wanted()) return;
  const key = event.key.toLowerCase(), card = visitNow();
  if (key in STEPS || "mixv.".includes(key)) {
    if (document.querySelector(`[data-key~="${CSS.escape(key)}"]`)) return;
    event.preventDefault();
    if (!card) { tell(words.pick); return; }
    if (key in STEPS) step(card, key);
    else if (key === "m") {
      if (!placed()) location.assign(`${linkOf(card).pathname}move/`);
      else if (card.dataset.v.includes("move")) startMove(card);
      else tell(fill(words.cannot, { key: "M", status: card.querySelector(".st")?.textContent.trim() ?? "" }));
    } else if (key === "x") open(`${linkOf(card).pathname}text/?${looks()}`);
    else if (key === "i") press("how", "send", { to: `${linkOf(card).pathname}link/`, also: { back: "day" } });
    else if (key === "v") press("how", "show", { to: `${linkOf(card).pathname}link/` });
    else location.assign(linkOf(card).href);
  } else if (key === "l") {
    const link = current()?.querySelector(".dwait");
    event.preventDefault();
    if (link) link.click(); else tell(words.opening);
  } else if (key === "p") {
    event.preventDefault();
    if (document.body.classList.toggle("veiled")) sessionStorage.setItem("desk-veil", "1");
    else { sessionStorage.removeItem("desk-veil"); location.reload(); return; }
    veil();
  }
});

/* While a step is under way the keys are kept, and act on the page that comes of it, in their order: nothing pressed is lost, and
   nothing acts on a page that is about to go. Unless what comes is a refusal, which wants to be read first. */
const PATIENCE = 10000;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !wanted() || typing(event.target)) return;
  if (!document.querySelector("main form[data-busy]") || dialog.open || !/^(.|Arrow.*|Escape|Backspace)$/.test(event.key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.repeat) return; // it is held down
  const { keys = [] } = JSON.parse(sessionStorage.getItem("desk-pressed") ?? "{}");
  sessionStorage.setItem("desk-pressed", JSON.stringify({ at: Date.now(), keys: [...keys, event.key] }));
}, { capture: true });
addEventListener("load", () => {
  const { at, keys } = JSON.parse(sessionStorage.getItem("desk-pressed") ?? "{}");
  sessionStorage.removeItem("desk-pressed");
  if (!(Date.now() - at < PATIENCE) || document.querySelector(".conflict")) return;
  for (const key of keys) {
    const place = document.activeElement;
    if (typing(place)) place.value += key.length === 1 ? key : "";
    else place.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }
});

/* Initials only, while others can see the screen. */
function veil() {
  if (!document.body.matches(".veiled")) return;
  const names = [...document.querySelectorAll("#board .nm, .tray .tl b a, .pop-h b")].map((place) => place.textContent.trim())
    .filter((name) => name.length > 4);
  if (!names.length) return;
  const short = (name) => name.split(/[\s-]+/).map((part) => `${part[0]}.`).join(" ");
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    let text = texts.currentNode.data;
    for (const name of names) if (text.includes(name)) text = text.replaceAll(name, short(name));
    if (text !== texts.currentNode.data) texts.currentNode.data = text;
  }
}
if (sessionStorage.getItem("desk-veil")) { document.body.classList.add("veiled"); veil(); }

/* ── Moving: arrows, a click, or the mouse ── */
let moving = null;
async function startMove(card, { dragged = false } = {}) {
  if (moving) endMove();
  const day = document.querySelector("[data-day]").dataset.day;
  const mine = moving = { card, id: idOf(card), url: linkOf(card).pathname, targets: [], at: null, dragged };
  card.classList.add("going");
  let found;
  try {
    const answer = await fetch(`${mine.url}starts/?day=${day}`, { headers: { Accept: "application/json" } });
    if (answer.status === 401) { location.reload(); return; }
    found = await answer.json();
  } catch { if (moving === mine) endMove(); offline(); return; }
  if (moving !== mine) return;
  const since = Date.parse(layer().dataset.since), rows = Math.max(Math.round(found.minutes / 5), 2);
  Object.assign(mine, { version: found.version, since, rows });
  for (const start of found.starts) {
    const list = document.querySelector(`.dcol[data-who="${start.who}"]>.dlist`);
    if (!list) continue;
    const line = document.createElement("li");
    line.className = `target ${place(Math.round((start.at * 1000 - since) / STEP), rows)}`;
    line.setAttribute("aria-hidden", "true");
    line.append(Object.assign(document.createElement("span"), { textContent: start.words }));
    line.addEventListener("click", () => { choose(mine.targets.indexOf(target)); drop(); });
    list.append(line);
    const target = { ...start, line };
    mine.targets.push(target);
  }
  if (!mine.targets.length) { endMove(); tell(words.full); return; }
  tell(fill(words.moving, { name: card.querySelector(".nm").textContent.trim() }));
  if (!dragged) {
    const top = card.getBoundingClientRect().top, column = card.closest(".dcol");
    const far = ({ line }) => Math.abs(line.getBoundingClientRect().top - top) + (line.closest(".dcol") === column ? 0 : 1e5);
    choose(mine.targets.indexOf([...mine.targets].sort((a, b) => far(a) - far(b))[0]), { quiet: true });
  }
}
/* With Shift anywhere: the server says what stands against it, and asks. */
function loosely(column, row) {
  const last = (Date.parse(layer().dataset.until) - moving.since) / STEP - moving.rows;
  const first = Math.min(Math.max(row, 0), last), at = moving.since / 1000 + first * STEP / 1000;
  loose();
  const line = Object.assign(document.createElement("li"), { className: `target on ${place(first, moving.rows)}` });
  const words_ = `${clock(new Date(at * 1000))}, ${column.querySelector("h2").textContent.trim()}`;
  line.setAttribute("aria-hidden", "true");
  line.append(Object.assign(document.createElement("span"), { textContent: words_ }));
  column.querySelector(".dlist").append(line);
  for (const target of moving.targets) target.line.classList.remove("on");
  const value = `${new Date(at * 1000).toISOString().slice(0, 16)}Z ${column.dataset.keyOf}`;
  moving.loose = { line, value, at, who: Number(column.dataset.who), row: first };
  live.textContent = fill(words.anyway, { when: words_ });
}
function loose() {
  moving.loose?.line.remove();
  moving.loose = null;
}
function choose(n, { quiet = false } = {}) {
  loose();
  for (const { line } of moving.targets) line.classList.remove("on");
  moving.at = n;
  if (n < 0 || n === null) return;
  const target = moving.targets[n];
  target.line.classList.add("on");
  if (!moving.dragged) target.line.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (!quiet) live.textContent = fill(words.free, { when: target.words });
}
function steer(event) {
  const { targets, at } = moving;
  if (event.key === "Escape") { event.preventDefault(); endMove(); tell(words.left); return; }
  if (event.key === "Enter") { event.preventDefault(); drop(); return; }
  if (!event.key.startsWith("Arrow") || ((at === null || at < 0) && !moving.loose)) return;
  event.preventDefault();
  if (event.shiftKey) {
    const from = moving.loose ?? { ...targets[at], row: Math.round((targets[at].at * 1000 - moving.since) / STEP) };
    const columns = [...document.querySelectorAll("#board .dcol")];
    const n = columns.findIndex((each) => Number(each.dataset.who) === from.who);
    const column = columns[n + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0)] ?? columns[n];
    loosely(column, from.row + ({ ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0));
    moving.loose.line.scrollIntoView({ block: "nearest", inline: "nearest" });
    return;
  }
  const here = moving.loose ?? targets[at], way = /Up|Left/.test(event.key) ? -1 : 1;
  if (/Up|Down/.test(event.key)) {
    const own = targets.filter((each) => each.who === here.who && (each.at - here.at) * way > 0).sort((a, b) => (a.at - b.at) * way);
    const next = own[0];
    if (next) choose(targets.indexOf(next));
  } else {
    const columns = [...document.querySelectorAll("#board .dcol")].map((column) => Number(column.dataset.who));
    for (let n = columns.indexOf(here.who) + way; n in columns; n += way) {
      const others = targets.filter((each) => each.who === columns[n]).sort((a, b) => Math.abs(a.at - here.at) - Math.abs(b.at - here.at));
      if (others.length) { choose(targets.indexOf(others[0])); return; }
    }
  }
}
function drop() {
  const target = moving.loose ?? moving.targets[moving.at], { version, url } = moving;
  if (!target) return;
  const form = board();
  endMove({ quiet: true });
  if (form) press("slot", target.value, { to: `${url}move/`, also: { version } });
}
function endMove({ quiet = false } = {}) {
  const { card, targets } = moving;
  loose();
  for (const { line } of targets) line.remove();
  card.classList.remove("going");
  moving = null;
  if (!quiet && card.isConnected) linkOf(card).focus();
}
/* The mouse: a card is taken after a few pixels, and goes where a free time lies under it. */
let held = null;
document.addEventListener("dragstart", (event) => { if (event.target.closest?.("#board .ap")) event.preventDefault(); });
document.addEventListener("pointerdown", (event) => {
  const card = event.pointerType === "mouse" && event.button === 0 && event.target.closest("#board .ap[data-v*=move]");
  if (card && placed() && !moving) held = { card, x: event.clientX, y: event.clientY, grip: event.clientY - card.getBoundingClientRect().top };
});
document.addEventListener("pointermove", (event) => {
  if (held && !held.on && Math.hypot(event.clientX - held.x, event.clientY - held.y) > 6) {
    held.on = true;
    startMove(held.card, { dragged: true });
  }
  if (!held?.on || !moving) return;
  const under = document.elementsFromPoint(event.clientX, event.clientY).filter((each) => each.matches?.(".target"));
  /* Of those that overlap, the one that begins closest above the mouse. */
  const line = under.sort((a, b) => b.getBoundingClientRect().top - a.getBoundingClientRect().top)[0];
  const n = moving.targets.findIndex((target) => target.line === line);
  if (event.shiftKey && moving.since) {
    const column = document.elementFromPoint(event.clientX, event.clientY)?.closest("#board .dcol");
    if (!column) return;
    const list = column.querySelector(".dlist");
    const tall = parseFloat(getComputedStyle(list).gridAutoRows);
    const row = Math.round((event.clientY - Math.min(held.grip, tall * moving.rows) - list.getBoundingClientRect().top) / tall);
    if (moving.loose?.row !== row || moving.loose.who !== Number(column.dataset.who)) loosely(column, row);
  } else if (n !== moving.at || moving.loose) choose(n);
});
document.addEventListener("pointerup", (event) => {
  if (!held) return;
  const taken = held.on;
  held = null;
  if (!taken || !moving) return;
  const stop = (click) => { click.preventDefault(); click.stopPropagation(); };
  addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", stop, true));
  if (moving.loose || (moving.at !== null && moving.at >= 0)) drop();
  else { endMove({ quiet: true }); if (event.target.closest("#board")) tell(words.busy); }
});

/* ── New booking, and a text to a patient, over the day ── */
const dialog = document.getElementById("booking");
const room = dialog.querySelector(".bd");
let base = "", left = "";
function show(text, url) {
  const page = new DOMParser().parseFromString(text, "text/html"), from = page.querySelector("main:is(.newb, .texting)");
  if (!from) { location.assign(url); return; }
  const title = from.querySelector("h1"), head = document.createElement("h2");
  head.append(...title.childNodes);
  head.id = "booking-h";
  title.replaceWith(head);
  base = url;
  room.className = `bd ${from.matches(".newb") ? "newb" : "texting"}`;
  room.replaceChildren(...document.adoptNode(from).childNodes);
  (room.querySelector("[data-focus-now]") ?? room.querySelector("[autofocus], input:not([type=hidden])") ?? dialog).focus();
}
async function load(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" } });
    show(await answer.text(), answer.url);
  } catch { offline(); }
}
/* Whoever types on at once is typing into the dialog that is on its way: no letter is a key of the board meanwhile, none is lost. */
let coming = 0;
async function arrive(url) {
  const mine = ++coming, typed = [];
  const keep = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { coming += 1; dialog.close(); }
    else if (event.key === "Backspace") typed.pop();
    else if (event.key.length === 1) typed.push(event.key);
    else if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
  };
  room.replaceChildren();
  document.addEventListener("keydown", keep, { capture: true });
  const slow = setTimeout(() => { if (mine === coming) dialog.showModal(); }, 300);
  await load(url);
  clearTimeout(slow);
  document.removeEventListener("keydown", keep, { capture: true });
  if (mine !== coming || !room.childElementCount) { room.replaceChildren(); dialog.close(); return; }
  const box = room.querySelector(".bigin");
  if (!box || !typed.length) return;
  box.value += typed.join("");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}
async function open(href) {
  const url = new URL(href, location.href).href;
  if (url !== left || !room.childElementCount) await arrive(url); // the same again: as it was left
  if (!room.childElementCount) return;
  left = room.matches(".newb") ? url : "";
  if (!dialog.open) dialog.showModal();
  (room.querySelector("[data-focus-now]") ?? room.querySelector(".bigin, input:not([type=hidden])"))?.focus();
}
dialog.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.ctrlKey || event.metaKey) return;
  const href = link.getAttribute("href");
  if (link.matches("[data-close]")) { event.preventDefault(); event.stopPropagation(); left = ""; dialog.close(); return; }
  if (!href.startsWith("?") && !href.startsWith("/desk/new/")) return;
  event.preventDefault();
  event.stopPropagation();
  load(new URL(href, base).href);
});
dialog.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (form.getAttribute("method") === "dialog") return;
  event.preventDefault();
  const url = new URL(button?.getAttribute("formaction") ?? form.getAttribute("action") ?? base, base);
  const data = new URLSearchParams(new FormData(form));
  if (button?.name) data.append(button.name, button.value);
  if (form.method === "get") { url.search = data; load(url.href); return; }
  if (form.dataset.busy) return;
  form.dataset.busy = "1";
  try {
    const answer = await fetch(url, { method: "POST", body: data });
    if (answer.redirected) location.assign(answer.url);
    else show(await answer.text(), base);
  } catch { offline(); } finally { delete form.dataset.busy; }
});

/* ── What others changed: the board is drawn anew, and scroll, focus and the visit at the side stay ── */
const stale = document.querySelector("[data-stale]");
let seen = new Date(now());
const clock = (at) => new Intl.DateTimeFormat("en-CA", { hour: "numeric", minute: "2-digit", timeZone: layer()?.dataset.zone }).format(at);
function offline() { tell(fill(words.offline, { time: clock(seen) })); document.body.classList.add("cut-off"); }
/* A browser may call itself offline where the clinic's own server is still there: it is asked. */
let there = false;
document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (there || navigator.onLine || form.closest("dialog")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  try { await fetch("/livez", { method: "HEAD", cache: "no-store" }); } catch { offline(); return; }
  there = true;
  form.requestSubmit(submitter);
}, { capture: true });
async function refresh() {
  const url = new URL(location.href);
  url.searchParams.delete("did");
  url.searchParams.delete("visit");
  const answer = await fetch(url, { headers: { "X-Poll": "1", Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok || answer.redirected) throw new Error("not the day");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (held?.on || moving || dialog.open || document.querySelector("details[open] :focus")) return false;
  const old = board(), fresh = page.getElementById("board");
  if (!old || !fresh) { location.reload(); return true; }
  const { scrollTop, scrollLeft } = old;
  const focused = document.activeElement?.closest("#board :is(.dlist>li,tr)")?.id;
  const picked = side.querySelector("[data-picked]")?.dataset.picked;
  const before = new Map([...old.querySelectorAll("[data-v]")].map((card) => [card.id, card.dataset.v]));
  old.replaceWith(document.adoptNode(fresh));
  Object.assign(fresh, { scrollTop, scrollLeft });
  for (const card of fresh.querySelectorAll("[data-v]")) if (before.get(card.id) !== card.dataset.v) card.classList.add("fresh");
  const chips = page.getElementById("filters");
  chips.querySelector("[data-stale]").remove();
  const mark = page.querySelector("[data-stale]");
  document.querySelectorAll("#filters>a:not([data-stale])").forEach((chip) => chip.remove());
  document.getElementById("filters").prepend(...document.adoptNode(chips).childNodes);
  const lists = document.querySelector(".tray-lists");
  if (!lists.contains(document.activeElement)) lists.replaceWith(document.adoptNode(page.querySelector(".tray-lists")));
  if (picked) {
    cardOf(picked)?.classList.add("sel");
    if (cardOf(picked)?.dataset.v !== before.get(`v-${picked}`) && !side.contains(document.activeElement)) pick(cardOf(picked));
  }
  if (focused) linkOf(document.getElementById(focused) ?? fresh.querySelector("[data-v]"))?.focus({ preventScroll: true });
  veil();
  return mark;
}
addEventListener("pulse", async ({ detail }) => {
  if (!detail.alive) { offline(); return; }
  if (document.body.classList.contains("cut-off")) { document.body.classList.remove("cut-off"); tell(""); }
  if (!stale || detail.mark === stale.dataset.stale) { seen = new Date(now()); return; }
  stale.dataset.handled = "1";
  try {
    if (await refresh()) { stale.dataset.stale = detail.mark; stale.hidden = true; seen = new Date(now()); }
    else stale.hidden = false;
  } catch { stale.hidden = false; tell(fill(words.late, { time: clock(seen) })); } finally { delete stale.dataset.handled; }
});
}
