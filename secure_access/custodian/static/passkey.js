/* Asks the core for a statement, the browser for a passkey over it, and gives the answer back. Text only. */

/** What is refused, in words for people; `why` is the custodian's name of it. */
export class Refused extends Error {
  constructor(words, why = "") {
    super(words);
    this.why = why;
  }
}

const CANCELLED =
  "No passkey answered: it was cancelled, took too long, or did not verify you. Nothing was done. Try again.";
const AWAY = "The custodian cannot be reached. Nothing was done. Try again in a minute.";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** POST JSON to the front; the answer. Refused, with the custodian's words, for anything but success. */
export async function post(path, value, more = {}) {
  const headers = { "Content-Type": "application/json" };
  return send(path, { headers, body: JSON.stringify(value), ...more });
}

/** POST anything to the front; as `post`. */
export async function send(path, options) {
  let response = null;
  try {
    response = await fetch(path, { method: "POST", ...options });
  } catch {
    throw new Refused(AWAY, "away");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({ words: AWAY, why: "away" }));
  throw new Refused(told.words, told.why || String(response.status));
}

/** A statement, confirmed: {nonce, answer}. `shown` gets the statement before the passkey is asked. */
export async function confirmed(path, value, shown = () => {}) {
  if (!window.PublicKeyCredential) throw new Refused("This browser knows no passkeys. Use another one.");
  const { nonce, statement, publicKey } = await (await post(path, value)).json();
  shown(JSON.parse(statement));
  publicKey.challenge = bytes(publicKey.challenge);
  for (const key of publicKey.allowCredentials) key.id = bytes(key.id);
  let key = null;
  try {
    key = await navigator.credentials.get({ publicKey });
  } catch (error) {
    throw new Refused(error.name === "NotAllowedError" ? CANCELLED : `The browser could not use a passkey (${error.name}).`);
  }
  const response = {};
  for (const part of ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
    if (key.response[part]) response[part] = text(key.response[part]);
  return { nonce, answer: JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response }) };
}

/** A new passkey, made for the challenge of `path`: {nonce, answer}. */
export async function made(path, value) {
  if (!window.PublicKeyCredential) throw new Refused("This browser knows no passkeys. Use another one.");
  const { nonce, publicKey } = await (await post(path, value)).json();
  publicKey.challenge = bytes(publicKey.challenge);
  publicKey.user.id = bytes(publicKey.user.id);
  let key = null;
  try {
    key = await navigator.credentials.create({ publicKey });
  } catch (error) {
    throw new Refused(error.name === "NotAllowedError" ? CANCELLED : `The browser could not make a passkey (${error.name}).`);
  }
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject"]) response[part] = text(key.response[part]);
  return { nonce, answer: JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response }) };
}

/** An act of the person who has entered: statement, passkey, and the act itself. The answer of the custodian. */
export async function act(name, object, more = {}) {
  const single = document.querySelector("[data-single-use]");
  const said = single?.textContent;
  try {
    const answer = await confirmed("/acts/ask", { act: name, object }, (statement) => {
      if (single) single.textContent = statement.nonce.match(/.{4}/g).join(" ");
      single?.classList.add("mono");
    });
    return await post(`/acts/${name}`, { ...answer, ...more });
  } finally {
    if (single) single.textContent = said;
    single?.classList.remove("mono");
  }
}

let problem = document.querySelector("[data-problem]");

/** Say what went wrong where the page has room for it, and take the reader there. */
export function tell(error) {
  if (!(error instanceof Refused)) console.error(error);
  problem.textContent = error instanceof Refused ? error.message : "This page does not work as it should. Open it again.";
  if (error.why === "not_entered") {
    const again = document.createElement("a");
    [again.href, again.textContent] = [location.pathname, "Enter again"];
    problem.append(" ", again);
  }
  problem.hidden = false;
  problem.focus();
}

let busy = false;

/** Do `work` unless something is being done already, so that nothing is sent twice; tell what went wrong. */
export async function alone(work) {
  if (busy) return;
  busy = true;
  problem.hidden = true;
  problem = document.activeElement?.closest("section")?.querySelector("[data-problem]") ?? problem;
  problem.hidden = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    tell(error);
  }
  document.body.removeAttribute("aria-busy");
  busy = false;
}
