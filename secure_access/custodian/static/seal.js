/* Seals a file as one section of a security plan, here in the browser: docs/reference/protocol.md, "Sealed plans".

   The complete sealed file is written to the origin's private file system first; nothing can be read back before it is
   whole. An upload reads it in slices and, when it broke off, goes on with the same bytes. The key of a file is made in
   `seal`, used for one pass over the file and never kept: a file that was changed is sealed again, under another key.
   AES-GCM and HMAC are the browser's; HPKE and SHA-256 as a stream, which browsers lack, are vendored. */

import { HEAD, NOT_ACCEPTED, sniff } from "./media_types.js";
import { Refused, SECTION, canonical, hex, readPlanKey, utf8 } from "./plan_key.js";
import { sha256 } from "./vendor/hpke/sha256.js";

export { Refused, readPlanKey };

const FORMAT = "assay.sealed-section/v1";
const CONTENT_FORMAT = "assay.section-content/v1";
const KEY_DOMAIN = "assay.section-key/v1\0";
const BODY_DOMAIN = "assay.section-body/v1\0";
const CHUNKED = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
const CHUNK = 16384;
const BATCH = 64 * CHUNK;
const STEP = 65536;
const MAX_FILE = 512 * 1024 * 1024;
const FOLDER = "sealed-sections";
const NAME = /^[^/\\\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]{1,200}$/u;

const random = (count) => crypto.getRandomValues(new Uint8Array(count));
const big = (number) => new Uint8Array([number >>> 24, number >>> 16, number >>> 8, number]);

function joined(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
}

/* The file key, sealed to the plan key: encapsulated key, then ciphertext. A suite is loaded when a plan key asks for it. */
const SUITES = {
  "xwing/v1": async (recipient, info, plain) => {
    const { Aes256Gcm, CipherSuite, HkdfSha256, XWing } = await import("./vendor/hpke/hpke-xwing.js");
    const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
    const recipientPublicKey = await suite.kem.deserializePublicKey(recipient);
    const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plain);
    return [enc, ct];
  },
  "mlkem1024-p384/v1": async (recipient, info, plain) => {
    const hpke = await import("./vendor/hpke/hpke-mlkem1024-p384.js");
    const suite = new hpke.CipherSuite(hpke.KEM_MLKEM1024_P384, hpke.KDF_HKDF_SHA384, hpke.AEAD_AES_256_GCM);
    const { encapsulatedSecret, ciphertext } = await suite.Seal(await suite.DeserializePublicKey(recipient), plain, { info });
    return [encapsulatedSecret, ciphertext];
  },
};

async function wrapped(key, header, fileKey) {
  let parts = [];
  try {
    parts = await SUITES[key.suite](key.public, joined(utf8(KEY_DOMAIN), header), fileKey);
  } catch {
    throw new Refused("Nothing can be sealed to the public key in this plan key.");
  }
  return joined(...parts.map((part) => new Uint8Array(part)));
}

/* One message in the format C2SP chunked-encryption, Cobblestone-256. */
class Sealer {
  static async make(fileKey, context) {
    const salt = random(24);
    const info = joined(utf8(CHUNKED), salt, context);
    // HKDF-Expand alone, which the browser's HKDF cannot do: two blocks of HMAC-SHA-512.
    const hmac = await crypto.subtle.importKey("raw", fileKey, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
    const block = async (...parts) => new Uint8Array(await crypto.subtle.sign("HMAC", hmac, joined(...parts)));
    const first = await block(info, new Uint8Array([1]));
    const derived = joined(first, await block(first, info, new Uint8Array([2])));
    const aead = await crypto.subtle.importKey("raw", derived.subarray(0, 32), "AES-GCM", false, ["encrypt"]);
    return new Sealer(aead, derived.slice(32, 44), joined(salt, derived.subarray(44, 76)));
  }

  #aead;
  #base;
  #next = 0;
  #rest = new Uint8Array(CHUNK);
  #held = 0;

  constructor(aead, base, header) {
    this.#aead = aead;
    this.#base = base;
    this.header = header;
  }

  /* The sealed form of every chunk that these bytes complete. */
  async update(bytes) {
    const chunks = [];
    for (let at = 0; at < bytes.length; ) {
      const take = Math.min(CHUNK - this.#held, bytes.length - at);
      this.#rest.set(bytes.subarray(at, at + take), this.#held);
      this.#held += take;
      at += take;
      if (this.#held === CHUNK) chunks.push(this.#chunk());
    }
    return joined(...(await Promise.all(chunks)));
  }

  /* The last chunk, which is shorter than all others. */
  finish() {
    return this.#chunk();
  }

  async #chunk() {
    const iv = this.#base.slice();
    for (let at = 11, index = this.#next; index > 0; at -= 1, index = Math.floor(index / 256)) iv[at] ^= index % 256;
    this.#next += 1;
    const plain = this.#rest.slice(0, this.#held);
    this.#held = 0;
    return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.#aead, plain));
  }
}

/* The file in blocks, from its start. */
async function* blocks(file) {
  for (let at = 0; at < file.size; at += BATCH) {
    try {
      yield new Uint8Array(await file.slice(at, at + BATCH).arrayBuffer());
    } catch {
      throw new Refused("The file cannot be read any more; it was moved or changed. Choose it again.");
    }
  }
}

const mark = async (block) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", block)));

/* SHA-256 of the file, and marks by which a block that is read again is known: the browser's own hash is many times faster. */
async function digest(file, step) {
  const hash = sha256.create();
  const marks = [];
  for await (const block of blocks(file)) {
    marks.push(await mark(block));
    hash.update(block);
    step(block.length);
  }
  return [hex(hash.digest()), marks];
}

/* Every byte of the sealed file, in order. */
async function* sealed(file, { content, marks, header, key, step }) {
  const fileKey = random(32);
  yield joined(utf8(FORMAT + "\n"), big(header.length), header);
  yield await wrapped(key, header, fileKey);
  const sealer = await Sealer.make(fileKey, joined(utf8(BODY_DOMAIN), header));
  fileKey.fill(0);
  yield sealer.header;
  const described = canonical(content);
  const start = joined(big(described.length), described);
  yield await sealer.update(start);
  let at = 0;
  for await (const block of blocks(file)) {
    if ((await mark(block)) !== marks[at++]) throw new Refused("The file was changed while it was being sealed. Seal it again.");
    yield await sealer.update(block);
    step(block.length);
  }
  const length = start.length + content.size;
  yield await sealer.update(new Uint8Array((STEP - (length % STEP)) % STEP));
  yield await sealer.finish();
}

async function folder() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/* Written beside what is there and put in place when it is closed: a file is whole or empty, never half. */
async function write(directory, name, parts, signal) {
  const writable = await (await directory.getFileHandle(name, { create: true })).createWritable();
  try {
    for await (const part of parts) {
      signal?.throwIfAborted();
      await writable.write(part);
    }
    await writable.close();
  } catch (error) {
    await writable.abort().catch(() => {});
    await directory.removeEntry(name);
    throw error.name === "QuotaExceededError" ? new Refused("There is no room on this device for the sealed file.") : error;
  }
}

async function* counted(parts, seen) {
  for await (const part of parts) {
    seen.size += part.length;
    seen.hash.update(part);
    yield part;
  }
}

async function check(file, section) {
  if (!SECTION.test(section)) throw new Refused("That is not the key of a section.");
  if (file.size > MAX_FILE) throw new Refused(`The file has ${file.size} bytes; a section has at most ${MAX_FILE}.`);
  if (!NAME.test(file.name.normalize("NFC"))) throw new Refused("The name of the file has characters that cannot be shown. Rename it.");
  const type = sniff(new Uint8Array(await file.slice(0, HEAD).arrayBuffer()));
  if (!type) throw new Refused(NOT_ACCEPTED);
  return type;
}

/**
 * Seals `file` as the section `section` of the request of `key` (from `readPlanKey`), into the origin's private file system.
 *
 * `onProgress` is called with {done, total} in bytes; every byte of the file is read twice. `signal` stops it and leaves
 * nothing. The record that is returned has `file`, `section`, `request`, `key` (fingerprint), `size` and `sha256` of the sealed file.
 */
export async function seal(file, { key, section, onProgress = () => {}, signal }) {
  const mediaType = await check(file, section);
  const progress = { done: 0, total: 2 * file.size };
  const step = (count) => {
    signal?.throwIfAborted();
    progress.done += count;
    onProgress({ ...progress });
  };
  const [whole, marks] = await digest(file, step);
  const content = { v: CONTENT_FORMAT, name: file.name, media_type: mediaType, size: file.size, sha256: whole };
  const id = hex(random(16));
  const { suite, fingerprint, request } = key;
  const header = canonical({ v: FORMAT, suite, key: fingerprint, request, section, file: id });
  const seen = { size: 0, hash: sha256.create() };
  const directory = await folder();
  await write(directory, `${id}.sealed`, counted(sealed(file, { content, marks, header, key, step }), seen), signal);
  const record = { file: id, section, request, key: fingerprint, size: seen.size, sha256: hex(seen.hash.digest()) };
  await write(directory, `${id}.json`, [canonical(record)]);
  return Object.freeze(record);
}

/** The records of all sealed files that lie here whole, to go on with an upload after the page was closed. */
export async function sealedFiles() {
  const found = [];
  const directory = await folder();
  for await (const [name, handle] of directory.entries()) {
    if (!name.endsWith(".json")) continue;
    const record = Object.freeze(JSON.parse(await (await handle.getFile()).text()));
    const lies = await directory.getFileHandle(`${record.file}.sealed`).then((one) => one.getFile(), () => null);
    if (lies?.size === record.size) found.push(record);
  }
  return found;
}

/** The bytes of a sealed file from `from` on, at most `count`: what a resumable upload sends next, as a Blob. */
export async function slice(record, from, count) {
  const file = await (await (await folder()).getFileHandle(`${record.file}.sealed`)).getFile();
  if (file.size !== record.size) throw new Refused("The sealed file is not there as it was sealed. Seal it again.");
  return file.slice(from, from + count);
}

/** Remove a sealed file from this device, after it was delivered or when it is not wanted. */
export async function discard(record) {
  const directory = await folder();
  for (const name of [`${record.file}.json`, `${record.file}.sealed`]) await directory.removeEntry(name).catch(gone);
}

function gone(error) {
  if (error.name !== "NotFoundError") throw error;
}
