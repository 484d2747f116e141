/* Notes beside the page, and words quoted of it. They are in the memory of this page alone, as the pages are: when the
   sitting ends, `close` lets go of all of them. */

import { Refused, alone, confirmed, post, tell } from "./passkey.js";

const DROPS = "A note is not kept yet. Keep it, or leave once more to drop it.";

const find = (name) => document.querySelector(`[data-${name}]`);
const [list, all, quotations] = ["notes", "all-notes", "quotations"].map(find);
const [proposed, released, keep, instead, label] = ["proposed", "released", "keep", "instead", "note-label"].map(find);
const draft = document.getElementById("note");
const words = document.getElementById("words");

let sitting = "";
let room = null;
let at = { section: "", page: 0, title: "" };
let noted = [];
let changing = null;
let warned = false;
const drafts = new Map();

const key = (place) => `${place.section}/${place.page}`;

/** A sitting has begun: `hooks.look` asks whether it goes on, `hooks.turn` turns to a page. */
export async function open(secret, hooks) {
  [sitting, room] = [secret, hooks];
  await asked(load);
}

/** The page on screen is this one. What was begun beside another waits there. */
export function beside(section, page, title) {
  if (section === at.section && page === at.page) return;
  if (at.page) drafts.set(key(at), { note: draft.value, words: words.value, changing });
  at = { section, page, title };
  const begun = drafts.get(key(at)) ?? { note: "", words: "", changing: null };
  [draft.value, words.value] = [begun.note, begun.words];
  proposed.hidden = released.hidden = true;
  find("noted").textContent = "";
  edit(begun.changing, begun.note);
  show();
}

/** Nothing stays. */
export function close() {
  [sitting, room, noted, at] = ["", null, [], { section: "", page: 0, title: "" }];
  drafts.clear();
  [draft.value, words.value] = ["", ""];
  for (const one of [list, all, quotations]) one.replaceChildren();
  for (const one of document.querySelectorAll(".beside blockquote, .beside .h3")) one.textContent = "";
  proposed.hidden = released.hidden = true;
  warned = false;
  edit(null, "");
}

/** Whether a note was begun, on whatever page, and not kept. */
export function unkept() {
  const begun = [...drafts.entries()].filter(([place]) => place !== key(at)).map(([, one]) => one);
  return [{ note: draft.value, changing }, ...begun].some((one) => one.note.trim() && one.note !== (one.changing?.text ?? ""));
}

/** Whether the reader should not leave yet: once, when a note is not kept. */
export function held() {
  if (!unkept() || warned) return false;
  warned = true;
  tell(new Refused(DROPS));
  return true;
}

/* Do something. Where it is refused, what has ended the sitting takes the page away too. */
async function asked(work) {
  try {
    await work();
  } catch (error) {
    await room?.look();
    throw error;
  }
}

const doing = (work) => () => alone(() => asked(work));

async function load() {
  const told = await (await post("/sitting/notes", { sitting })).json();
  if (!sitting) return;
  noted = told.notes;
  quotations.replaceChildren(...told.quotations.map((one) => item(`${one.reference} · ${titled(one)} · ${one.at}`)));
  find("quoted").hidden = !told.quotations.length;
  show();
}

function titled(place) {
  const section = document.querySelector(`[data-section="${CSS.escape(place.section)}"]`);
  return `${section.dataset.title}, page ${place.page}`;
}

function item(...parts) {
  const made = document.createElement("li");
  made.append(...parts);
  return made;
}

function button(text, about, pressed) {
  const made = document.createElement("button");
  [made.type, made.className, made.textContent] = ["button", "plain", text];
  made.setAttribute("aria-label", `${text}: ${about}`);
  made.addEventListener("click", pressed);
  return made;
}

function paragraph(name, ...parts) {
  const made = document.createElement("p");
  made.className = name;
  made.append(...parts);
  return made;
}

function show() {
  const here = noted.filter((one) => key(one) === key(at));
  list.replaceChildren(...here.map((one, number) => shown(one, number + 1)));
  list.hidden = !here.length;
  find("to-notes").textContent = here.length ? `Notes (${here.length})` : "Notes";
  const elsewhere = [...noted].sort((one, other) => key(one).localeCompare(key(other), "en", { numeric: true }));
  all.replaceChildren(...elsewhere.map(listed));
  find("all").hidden = !noted.length;
}

function shown(one, number) {
  const version = one.version > 1 ? ` · version ${one.version}` : "";
  const when = Object.assign(document.createElement("span"), { className: "sub", textContent: `${one.at}${version}` });
  const about = `note ${number} on this page`;
  const quote = () => {
    words.value = one.text.replace(/\s+/g, " ").slice(0, words.maxLength);
    words.focus();
  };
  return item(
    paragraph("noted", one.text),
    paragraph(
      "small",
      when,
      button("Change", about, () => edit(one, one.text).focus()),
      button("Remove", about, doing(() => remove(one))),
      button("Quote", about, quote),
    ),
  );
}

function listed(one) {
  const go = async () => {
    await room.turn(one.section, one.page);
    if (key(one) === key(at)) find("notes-head").focus();
  };
  return item(button(titled(one), "turn to it", go), paragraph("noted", one.text));
}

/* Write into the field: a new note, or the next version of one. */
function edit(note, text) {
  changing = note;
  draft.value = text;
  label.textContent = note ? "The note, changed" : "A new note";
  keep.textContent = note ? "Keep the change" : "Keep the note";
  instead.hidden = !note;
  return draft;
}

async function remove(one) {
  await post("/sitting/notes/remove", { sitting, note: one.note, version: String(one.version) });
  noted = noted.filter((other) => other.note !== one.note);
  if (changing?.note === one.note) edit(null, "");
  show();
  find("noted").textContent = "The note is removed.";
  find("notes-head").focus();
}

async function written(text) {
  if (changing) {
    const { note, version } = changing;
    return (await post("/sitting/notes/change", { sitting, note, version: String(version), text })).json();
  }
  return (await post("/sitting/notes/write", { sitting, section: at.section, page: String(at.page), text })).json();
}

keep?.addEventListener(
  "click",
  doing(async () => {
    if (!draft.value.trim()) throw new Refused("Write something first: there is nothing to keep.");
    let made = null;
    try {
      made = await written(draft.value);
    } catch (error) {
      // Changed or removed in another tab: what stands is shown, and what was written here waits in the field.
      if (error.why === "wrong_state" || error.why === "404") await again();
      throw error;
    }
    if (!sitting) return;
    noted = noted.some((one) => one.note === made.note)
      ? noted.map((one) => (one.note === made.note ? made : one))
      : [...noted, made];
    edit(null, "");
    show();
    find("noted").textContent = "The note is kept.";
    find("notes-head").focus();
  }),
);

async function again() {
  const { note } = changing ?? {};
  await load();
  edit(noted.find((one) => one.note === note) ?? null, draft.value);
}

instead?.addEventListener("click", () => edit(null, "").focus());

find("to-notes")?.addEventListener("click", () => find("notes-head").focus());

function put(panel, name, head, text) {
  find("copied").textContent = "";
  find(`${name}-words`).textContent = text;
  panel.querySelector(".h3").textContent = head;
  panel.hidden = false;
  panel.focus();
}

find("propose")?.addEventListener(
  "click",
  doing(async () => {
    const asking = { sitting, section: at.section, page: String(at.page), text: words.value };
    if (!asking.text.trim()) throw new Refused("Write the words that you quote first.");
    const { text } = await (await post("/sitting/quotation/ask", asking)).json();
    if (!sitting) return;
    released.hidden = true;
    put(proposed, "proposed", `${at.title}: these words would leave`, text);
  }),
);

find("withdraw")?.addEventListener("click", () => {
  proposed.hidden = true;
  words.focus();
});

find("release")?.addEventListener(
  "click",
  doing(async () => {
    const asking = { sitting, section: at.section, page: String(at.page), text: find("proposed-words").textContent };
    const answer = await confirmed("/sitting/quotation/ask", asking);
    const made = await (await post("/sitting/quotation", { ...asking, ...answer })).json();
    if (!sitting) return;
    proposed.hidden = true;
    words.value = "";
    put(released, "released", made.reference, made.text);
    await load();
  }),
);

for (const one of document.querySelectorAll("[data-copy]"))
  one.addEventListener(
    "click",
    doing(async () => {
      const what = find(`released-${one.dataset.copy}`).textContent;
      try {
        await navigator.clipboard.writeText(what);
      } catch {
        throw new Refused("The browser lets no page copy. Select the words and copy them yourself.");
      }
      find("copied").textContent = `Copied: the ${one.dataset.copy}.`;
    }),
  );
