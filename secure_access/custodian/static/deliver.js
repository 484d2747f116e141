/* Delivery: seal each section to a file of this device, send the sealed files in parts, sign their list with a passkey.
   What is sealed stays until it was delivered, so that an upload goes on after the page was closed. */

import { Refused, alone, confirmed, post, send } from "./passkey.js";
import { canonical, hex, utf8 } from "./plan_key.js";
import { Refused as NotSealed, discard, readPlanKey, seal, sealedFiles, slice } from "./seal.js";

const PART = 1024 * 1024;
const TRIES = 5;

const find = (name) => document.querySelector(`[data-${name}]`);
const [place, form, list, none, bar, doing, sending] = ["deliver", "sealing", "sealed", "none", "progress", "doing", "send"].map(find);
const said = form.querySelector("[data-said]");
const plan = place.dataset.plan;
const delivered = JSON.parse(place.dataset.delivered);
const missing = place.dataset.missing ? JSON.parse(place.dataset.missing) : null;
const shift = place.dataset.now ? Date.parse(place.dataset.now) - Date.now() : 0;
let sealed = [];

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function progress(words, done) {
  bar.hidden = doing.hidden = !words;
  if (!words) return;
  doing.textContent = words;
  bar.value = done;
}

function line(record) {
  const item = document.createElement("li");
  const remove = document.createElement("button");
  [remove.type, remove.className, remove.textContent] = ["button", "plain", `Remove ${record.section}`];
  remove.addEventListener("click", () => alone(async () => (await discard(record), refresh())));
  const name = document.createElement("b");
  name.textContent = record.section;
  item.append(name, ` · ${megabytes(record.size)}, sealed · `, remove);
  return item;
}

async function refresh() {
  sealed = (await sealedFiles()).filter((one) => one.key === plan).sort((one, other) => (one.section < other.section ? -1 : 1));
  list.replaceChildren(...sealed.map(line));
  none.hidden = sealed.length > 0;
  list.hidden = sending.disabled = sealed.length === 0;
  if (sealed.length) sending.disabled = false;
}

/* The words of what seals are for people too. */
async function told(work) {
  try {
    await work();
  } catch (error) {
    throw error instanceof NotSealed ? new Refused(error.message) : error;
  } finally {
    progress("");
  }
}

async function sealing() {
  const section = form.elements.section.value.trim();
  const file = form.elements.file.files[0];
  if (delivered.some((one) => one.section === section)) throw new Refused(`${section} was delivered already, and stands.`);
  // What was delivered cannot be taken back, so a mistyped key is caught before anything is sealed.
  if (missing && !missing.includes(section))
    throw new Refused(`${section} was not asked for${missing.length ? `. Choose one of: ${missing.join(", ")}.` : ", and nothing is missing."}`);
  if (sealed.some((one) => one.section === section)) throw new Refused(`${section} is sealed already. Remove it first to seal another file.`);
  const key = await readPlanKey(utf8(place.dataset.key), now());
  if (key.fingerprint !== plan) throw new Refused("The plan key of this page is not the one that it names. Seal nothing, and tell the authority.");
  await seal(file, { key, section, onProgress: ({ done, total }) => progress(`Sealing ${section}`, done / total) });
  form.reset();
  await refresh();
  said.textContent = `${section} is sealed on this device.`;
}

/* All of a sealed file, from where the custodian has it; a part that is lost on the way is sent again. */
async function upload(record) {
  const { section, sha256 } = record;
  const begun = await (await post("/delivery/begin", { plan, section, size: String(record.size), sha256 })).json();
  let { offset } = begun;
  for (let failed = 0; offset < record.size && !begun.whole; ) {
    progress(`Sending ${section}`, offset / record.size);
    const query = new URLSearchParams({ plan, token: begun.token, offset: String(offset) });
    const headers = { "Content-Type": "application/octet-stream" };
    try {
      const sent = await send(`/delivery/part?${query}`, { headers, body: await slice(record, offset, PART) });
      offset = (await sent.json()).offset;
      failed = 0;
    } catch (error) {
      if (error.why !== "away" || ++failed === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** failed));
    }
  }
  if (!begun.whole) await post("/delivery/end", { plan, token: begun.token });
}

/* The time of this device. A demonstration lives on a date of its own, and its page says which. */
function now() {
  return Date.now() + shift;
}

/* What was delivered and what is added. Canonical JSON: its keys stand in order, its numbers and texts are written by `canonical`. */
function manifest() {
  const text = (value) => new TextDecoder().decode(canonical(value)).slice(1, -1);
  const files = [...delivered, ...sealed].map(({ section, size, sha256 }) => `{${text({ section, size, sha256 })}}`);
  const made_at = new Date(now()).toISOString().replace("Z", "000Z");
  const nonce = hex(crypto.getRandomValues(new Uint8Array(16)));
  const before = text({ key: plan, made_at, nonce, request: place.dataset.request });
  return utf8(`{${before},"sections":[${files.join(",")}],"v":"assay.plan-manifest/v1"}`);
}

async function deliver() {
  for (const record of sealed) await upload(record);
  progress("Waiting for your passkey", 1);
  const encoded = manifest();
  const object = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", encoded)));
  const answer = await confirmed("/acts/ask", { act: "plan.deliver", object });
  progress("The custodian opens each file unseen", 1);
  await post("/delivery/deliver", { ...answer, manifest: btoa(String.fromCharCode(...encoded)) });
  for (const record of sealed) await discard(record);
  location.assign(`${location.pathname}?decided`);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  alone(() => told(sealing));
});
sending.addEventListener("click", () => alone(() => told(deliver)));
await refresh();
