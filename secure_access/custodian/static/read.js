/* The reading room. The secret of the sitting and the pages that were shown are in the memory of this page alone; when
   the sitting ends, for whatever reason, both are let go and the page on screen is taken away. */

import * as notes from "./notes.js";
import { Refused, alone, confirmed, post, tell } from "./passkey.js";

const LOOKED = 5000;
const WIDTHS = ["sheet--fit", "sheet--150", "sheet--200", "sheet--300", "sheet--400"];
const GOES_ON = new Set(["no_pages_left", "too_fast", "not_rendered", "away", "silent"]);

const find = (name) => document.querySelector(`[data-${name}]`);
const [opening, room, sheet, picture, said] = ["opening", "room", "sheet", "page", "said"].map(find);
const [count, time, words, wordsOfPage] = ["count", "time", "words", "text-of-page"].map(find);
const choice = document.getElementById("page");
const sections = [...document.querySelectorAll("[data-section]")];

let sitting = "";
let ends = 0;
let zoom = 0;
let at = { section: null, page: 0 };
let turning = false;
let timers = [];
const shown = new Map();
const lasts = new Map(sections.map((one) => [one.dataset.section, Number(one.dataset.pages)]));
const furthest = new Map(sections.map((one) => [one.dataset.section, 1]));

const key = (section, page) => `${section}/${page}`;

function left(state) {
  ends = performance.now() + state.left * 1000;
  const hour = state.this_hour < state.pages ? `, ${state.this_hour} of them in this hour` : "";
  count.textContent = `${state.pages}${hour}`;
  find("unread").textContent = String(state.pages);
}

function tick() {
  const seconds = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
  time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (seconds === 120) said.textContent = `Two minutes are left of this sitting.${notes.unkept() ? " Keep your note." : ""}`;
  if (seconds === 0) stop(new Refused("This sitting is over. Open the next with your passkey."));
}

/* Nothing stays: not on screen, not in memory. */
function stop(error) {
  for (const timer of timers) clearInterval(timer);
  for (const one of shown.values()) URL.revokeObjectURL(one.address);
  shown.clear();
  [sitting, timers, at] = ["", [], { section: null, page: 0 }];
  picture.removeAttribute("src");
  [picture.alt, wordsOfPage.textContent] = ["", ""];
  notes.close();
  room.hidden = picture.hidden = words.hidden = true;
  opening.hidden = false;
  if (error) tell(error);
}

async function look() {
  if (!sitting) return;
  try {
    left(await (await post("/sitting/state", { sitting })).json());
  } catch (error) {
    if (!GOES_ON.has(error.why)) stop(error.why === "404" ? new Refused("This sitting is over.") : error);
  }
}

async function released(section, page) {
  const zoom = devicePixelRatio > 1 ? "fine" : "";
  const asked = { sitting, section: section.dataset.section, page: String(page), zoom };
  const blob = await (await post("/sitting/page", asked)).blob();
  const one = { address: URL.createObjectURL(blob), words: "" };
  if (!sitting) {
    URL.revokeObjectURL(one.address);
    throw new Refused("This sitting is over.");
  }
  shown.set(key(section.dataset.section, page), one);
  look();
  return one;
}

function choices(section) {
  const name = section.dataset.section;
  const until = lasts.get(name) || furthest.get(name) + 1;
  const options = Array.from({ length: until }, (_, number) => {
    const seen = shown.has(key(name, number + 1)) ? ", seen" : "";
    return new Option(`${number + 1}${seen}`, String(number + 1), false, number + 1 === at.page);
  });
  choice.replaceChildren(...options);
}

function show(section, page, one) {
  const name = section.dataset.section;
  at = { section, page };
  furthest.set(name, Math.max(furthest.get(name), page));
  picture.src = one.address;
  picture.hidden = false;
  const of = lasts.get(name) ? ` of ${lasts.get(name)}` : "";
  said.textContent = `${section.dataset.title}, page ${page}${of}`;
  picture.alt = `${said.textContent}. The page is a picture${room.dataset.text ? "; it can be had as text below" : ""}.`;
  words.hidden = !room.dataset.text;
  find("as-text").hidden = Boolean(one.words);
  wordsOfPage.textContent = one.words;
  for (const other of sections) other.toggleAttribute("aria-current", other === section);
  find('turn="-1"').disabled = page === 1;
  find('turn="1"').disabled = page === lasts.get(name);
  choices(section);
  notes.beside(name, page, said.textContent);
  sheet.scrollTo(0, 0);
}

async function turn(section, page) {
  const name = section.dataset.section;
  if (turning || !sitting || page < 1 || (lasts.get(name) && page > lasts.get(name))) return;
  turning = true;
  find("problem").hidden = true;
  sheet.setAttribute("aria-busy", "true");
  try {
    show(section, page, shown.get(key(name, page)) ?? (await released(section, page)));
  } catch (error) {
    failed(error, section, page);
  }
  sheet.removeAttribute("aria-busy");
  turning = false;
}

function failed(error, section, page) {
  const name = section.dataset.section;
  if (error.why === "404" && page > 1 && !lasts.get(name)) {
    lasts.set(name, page - 1);
    said.textContent = `Page ${page - 1} is the last of ${section.dataset.title}.`;
    if (at.section) show(at.section, at.page, shown.get(key(at.section.dataset.section, at.page)));
  } else if (GOES_ON.has(error.why)) {
    choices(at.section ?? section);
    tell(error);
  } else stop(error.why === "404" ? new Refused("This sitting is over, or there is no such page. Open the next with your passkey.") : error);
}

find("open")?.addEventListener("click", () =>
  alone(async () => {
    const answer = await confirmed("/acts/ask", { act: "reading.open", object: room.dataset.grant });
    const opened = await (await post("/sitting/open", answer)).json();
    sitting = opened.sitting;
    left(opened);
    [opening.hidden, room.hidden] = [true, false];
    timers = [setInterval(tick, 1000), setInterval(look, LOOKED)];
    tick();
    await turn(sections[0], 1);
    sheet.focus();
    await notes.open(sitting, { look, turn: (name, page) => turn(sections.find((one) => one.dataset.section === name), page) });
  }),
);

find("close")?.addEventListener("click", async () => {
  if (notes.held()) return;
  const open = sitting;
  stop();
  find("open").focus();
  await post("/sitting/close", { sitting: open }).catch(tell);
});

/* The words of a page are a release of their own, and counted: only who asks for them gets them. */
find("as-text")?.addEventListener("click", () =>
  alone(async () => {
    const { section, page } = at;
    const one = shown.get(key(section.dataset.section, page));
    const asked = { sitting, section: section.dataset.section, page: String(page) };
    one.words = (await (await post("/sitting/words", asked)).json()).words;
    if (at.section !== section || at.page !== page) return;
    show(section, page, one);
    wordsOfPage.focus();
    look();
  }),
);

for (const section of sections) section.addEventListener("click", () => turn(section, 1).then(() => sheet.focus()));
for (const button of document.querySelectorAll("[data-turn]"))
  button.addEventListener("click", () => turn(at.section, at.page + Number(button.dataset.turn)));
choice?.addEventListener("change", () => turn(at.section, Number(choice.value)));

for (const button of document.querySelectorAll("[data-zoom]"))
  button.addEventListener("click", () => {
    zoom = Math.min(WIDTHS.length - 1, Math.max(0, zoom + Number(button.dataset.zoom)));
    sheet.classList.remove(...WIDTHS);
    sheet.classList.add(WIDTHS[zoom]);
    find('zoom="-1"').disabled = zoom === 0;
    find('zoom="1"').disabled = zoom === WIDTHS.length - 1;
  });

if (sheet) find('zoom="-1"').disabled = true;

document.addEventListener("keydown", (event) => {
  if (!sitting || !at.section || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("select, input, textarea")) return;
  const last = lasts.get(at.section.dataset.section) || furthest.get(at.section.dataset.section);
  const to = { PageDown: at.page + 1, PageUp: at.page - 1, Home: 1, End: last };
  // A page that is wider than its frame is moved with the arrows.
  if (zoom === 0) Object.assign(to, { ArrowRight: at.page + 1, ArrowLeft: at.page - 1 });
  if (!(event.key in to)) return;
  event.preventDefault();
  turn(at.section, to[event.key]);
});

addEventListener("pagehide", () => {
  if (!sitting) return;
  const open = sitting;
  stop();
  post("/sitting/close", { sitting: open }, { keepalive: true }).catch(() => {});
});
