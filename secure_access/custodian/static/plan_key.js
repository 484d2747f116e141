/* Canonical JSON and the plan key file: docs/reference/protocol.md, "Canonical JSON" and "Sealed plans". */

/** What is refused, in words for people. */
export class Refused extends Error {}

const KEY_FORMAT = "assay.plan-key/v1";
const PUBLIC = { "xwing/v1": 1216, "mlkem1024-p384/v1": 1665 };
const KEYS = ["custodian", "made_at", "not_after", "public", "request", "suite", "v"];
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
const MAX_DOCUMENT = 64 * 1024;

export const REFERENCE = /^[A-Za-z0-9][A-Za-z0-9./-]{0,63}$/;
export const SECTION = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

export const utf8 = (text) => new TextEncoder().encode(text);
export const hex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");

/** The canonical form of an object of strings and integers: all that is written in a browser. */
export function canonical(value) {
  const member = ([key, item]) => {
    if (typeof item === "string") {
      if (!item.isWellFormed()) throw new Refused("A name holds half a character.");
      return JSON.stringify(key) + ":" + JSON.stringify(item.normalize("NFC"));
    }
    if (!Number.isSafeInteger(item)) throw new Refused("A number is not an integer below 2^53.");
    return JSON.stringify(key) + ":" + item;
  };
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return utf8("{" + entries.map(member).join(",") + "}");
}

const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

function instant(text) {
  const at = INSTANT.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 19) !== text.slice(0, 19))
    throw new Refused("The plan key has a date that is none.");
  return at;
}

function base64(text) {
  let bytes = new Uint8Array();
  try {
    bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  } catch {
    throw new Refused("The public key in the plan key is not base64.");
  }
  if (btoa(String.fromCharCode(...bytes)) !== text) throw new Refused("The public key in the plan key is not base64.");
  return bytes;
}

function parsed(bytes) {
  let value = null;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Refused("This is not a plan key file.");
  }
  if (typeof value !== "object" || value === null || value.v !== KEY_FORMAT)
    throw new Refused(`This is not a plan key of the form ${KEY_FORMAT}.`);
  if (!same(utf8(Object.keys(value).sort().join()), utf8(KEYS.join())) || KEYS.some((key) => typeof value[key] !== "string"))
    throw new Refused("The plan key has a member too many, too few, or of another kind.");
  if (!same(canonical(value), bytes)) throw new Refused("The plan key is not in canonical form.");
  return value;
}

/**
 * The plan key in these bytes: suite, custodian, request, public, fingerprint. Refused where it is not exactly one, or where
 * it is not of now.
 */
export async function readPlanKey(bytes, now = Date.now()) {
  if (bytes.length > MAX_DOCUMENT) throw new Refused("This is not a plan key file.");
  const value = parsed(bytes);
  if (!Object.hasOwn(PUBLIC, value.suite)) throw new Refused(`The suite ${value.suite.slice(0, 40)} is not one that this page has.`);
  const key = base64(value.public);
  if (key.length !== PUBLIC[value.suite]) throw new Refused("The public key is not of the suite that the plan key names.");
  if (!/^https?:\/\/[a-z0-9.-]{1,253}(:[0-9]{1,5})?$/.test(value.custodian)) throw new Refused("The plan key names no custodian.");
  if (!REFERENCE.test(value.request)) throw new Refused("The plan key names no plan request.");
  const [from, until] = [instant(value.made_at), instant(value.not_after)];
  if (!(value.made_at < value.not_after)) throw new Refused("The plan key ends before it begins.");
  if (now < from || now > until)
    throw new Refused(`The plan key for ${value.request} is good from ${value.made_at} to ${value.not_after}.`);
  const fingerprint = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  return Object.freeze({ suite: value.suite, custodian: value.custodian, request: value.request, public: key, fingerprint });
}
