"""The browser seals, Python opens: in a real Chromium, under the policy of our pages, in both suites."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page

from portal.web import HEADERS
from secure_access.sealing import SealingError, hpke, sections
from secure_access.sealing.hpke import SUITES, CannotOpen, HpkeSuite
from secure_access.sealing.plans import PlanKey, new_plan_key
from secure_access.sealing.sections import STEP, WrongSection, open_section, read_header
from tests.fixtures.browser import PATIENCE, Faults
from tests.secure_access.custodian.test_media_types import ACCEPTED, REFUSED

STATIC = Path(sections.__file__).parents[1] / "custodian" / "static"
MIB = 1024 * 1024
LARGE = 40 * MIB + 12_345
POLICY = HEADERS["Content-Security-Policy"]
PAGE = b"""<!doctype html><title>Seal</title><input type="file" id="file">
<script type="module" src="/page.js"></script>"""
SCRIPT = b"""
import * as sealing from "/static/seal.js";
import { sniff } from "/static/media_types.js";
import { canonical } from "/static/plan_key.js";
Object.assign(globalThis, { sealing, sniff, canonical, ready: true });
"""
TYPES = {".js": "text/javascript", ".html": "text/html"}

SEAL = """async ({key, section}) => {
  const plan = await sealing.readPlanKey(Uint8Array.from(key));
  const told = [];
  const [file] = document.getElementById("file").files;
  let early = null;
  const onProgress = (one) => {
    told.push(one);
    if (one.done > 1.5 * file.size) early ??= sealing.sealedFiles();
  };
  const record = await sealing.seal(file, {key: plan, section, onProgress});
  return {record, told, early: await early, fingerprint: plan.fingerprint};
}"""
SEND = """async ({count, stop}) => {
  const [record] = await sealing.sealedFiles();
  let offset = Number(await (await fetch("/offset")).text());
  for (; offset < record.size && offset < stop; ) {
    const body = await sealing.slice(record, offset, count);
    const sent = await fetch("/upload", {method: "POST", headers: {"Upload-Offset": offset}, body});
    if (!sent.ok) throw new Error("not sent");
    offset += body.size;
  }
  return offset;
}"""
NAMES = """async () => {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle("sealed-sections", {create: true});
  const found = {};
  for await (const [name, handle] of folder.entries()) found[name] = (await handle.getFile()).size;
  return found;
}"""


class Served(ThreadingHTTPServer):
    """A page under our policy, and an end of a resumable upload."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.received = bytearray()
        self.address = f"http://localhost:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Served

    def do_GET(self) -> None:
        path = STATIC / self.path.removeprefix("/static/")
        if self.path == "/offset":
            self._answer(str(len(self.server.received)).encode(), "text/plain")
        elif self.path in ("/", "/page.js"):
            self._answer(*((PAGE, "text/html") if self.path == "/" else (SCRIPT, "text/javascript")))
        elif path.is_file():
            self._answer(path.read_bytes(), TYPES[path.suffix])
        else:
            self._answer(b"", "image/x-icon")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert int(self.headers["Upload-Offset"]) == len(self.server.received)
        self.server.received += body
        self._answer(b"", "text/plain")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[Served]:
    server = Served()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium: Browser, served: Served) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    faults = Faults().watch(context)
    found = context.new_page()
    open_page(found, served)
    yield found
    context.close()
    assert faults.found == []


def open_page(page: Page, served: Served) -> None:
    page.goto(served.address)
    page.wait_for_function("() => globalThis.ready")


def a_key(suite: HpkeSuite = hpke.XWING) -> tuple[PlanKey, bytes]:
    now = datetime.now(UTC).replace(microsecond=0)
    return new_plan_key(
        "https://custodian.example",
        "PR-2027-001",
        now=now - timedelta(hours=1),
        not_after=now + timedelta(days=1),
        suite=suite,
    )


def pdf(folder: Path, length: int, name: str = "Plan für Größe.pdf") -> Path:
    path = folder / name
    path.write_bytes((b"%PDF-1.7\n" + os.urandom(length))[:length])
    return path


def seal(page: Page, path: Path, key: PlanKey, section: str = "access-control") -> dict[str, Any]:
    page.set_input_files("#file", path)
    return page.evaluate(SEAL, {"key": list(key.encode()), "section": section})  # type: ignore[no-any-return]


def fetched(page: Page, served: Served) -> bytes:
    page.evaluate(SEND, {"count": MIB, "stop": 10**12})
    return bytes(served.received)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
@pytest.mark.parametrize("length", [9, STEP, 3 * STEP + 17])
def test_what_the_browser_seals_python_opens(
    suite: HpkeSuite, length: int, page: Page, served: Served, tmp_path: Path
) -> None:
    key, private = a_key(suite)
    path = pdf(tmp_path, length)
    made = seal(page, path, key)
    encoded = fetched(page, served)
    record = made["record"]
    assert made["fingerprint"] == record["key"] == key.fingerprint
    assert (record["size"], record["sha256"]) == (len(encoded), hashlib.sha256(encoded).hexdigest())
    assert (record["section"], record["request"]) == ("access-control", "PR-2027-001")
    header = read_header([encoded])
    header.check_size(len(encoded))
    assert header.file == record["file"]
    found = open_section([encoded], private, key=key, section="access-control")
    assert (found.content.name, found.content.media_type) == (path.name, "application/pdf")
    assert b"".join(found.blocks()) == path.read_bytes()


def test_another_info_another_section_and_another_key_do_not_open(
    page: Page, served: Served, tmp_path: Path
) -> None:
    key, private = a_key()
    seal(page, pdf(tmp_path, 1000), key)
    encoded = fetched(page, served)
    with pytest.raises(WrongSection):
        open_section([encoded], private, key=key, section="insider-threat")
    moved = encoded.replace(b'"access-control"', b'"insider-threat"', 1)
    assert moved != encoded
    with pytest.raises(CannotOpen):
        open_section([moved], private, key=key, section="insider-threat")
    with pytest.raises(CannotOpen):
        open_section([encoded], a_key()[1], key=key, section="access-control")
    with pytest.raises(SealingError):
        list(open_section([encoded[:-1]], private, key=key, section="access-control").blocks())


def test_a_large_file_with_progress_and_an_upload_that_breaks_off(
    page: Page, served: Served, tmp_path: Path
) -> None:
    key, private = a_key()
    path = pdf(tmp_path, LARGE)
    made = seal(page, path, key)
    record, told = made["record"], [one["done"] for one in made["told"]]
    assert made["told"][-1] == {"done": 2 * LARGE, "total": 2 * LARGE}
    assert told == sorted(set(told))
    assert len(told) >= 80
    assert made["early"] == [], "nothing is offered before it is whole"
    # The whole of it lies in the private file system before a byte is read back.
    names = page.evaluate(NAMES)
    assert names[f"{record['file']}.sealed"] == record["size"]
    assert set(names) == {f"{record['file']}.sealed", f"{record['file']}.json"}
    assert served.received == b""
    assert 16 * MIB <= page.evaluate(SEND, {"count": 3 * MIB, "stop": 16 * MIB}) < record["size"]
    # The page is closed and opened again: the same bytes go on, and no file has to be chosen.
    open_page(page, served)
    assert page.evaluate(SEND, {"count": 5 * MIB, "stop": 10**12}) == record["size"]
    encoded = bytes(served.received)
    assert hashlib.sha256(encoded).hexdigest() == record["sha256"]
    blocks = (encoded[at : at + MIB] for at in range(0, len(encoded), MIB))
    found = open_section(blocks, private, key=key, section="access-control")
    assert b"".join(found.blocks()) == path.read_bytes()
    page.evaluate("async () => sealing.discard((await sealing.sealedFiles())[0])")
    assert page.evaluate(NAMES) == {}


def test_the_same_file_is_never_sealed_alike(page: Page, tmp_path: Path) -> None:
    key, _ = a_key()
    path = pdf(tmp_path, 1000)
    one, two = (seal(page, path, key)["record"] for _ in range(2))
    assert one["file"] != two["file"]
    assert one["sha256"] != two["sha256"]
    heads = page.evaluate(
        """async () => Promise.all((await sealing.sealedFiles()).map(async (one) => {
          const all = new Uint8Array(await (await sealing.slice(one, 0, one.size)).arrayBuffer());
          return Array.from(all.subarray(all.length - 65536 - 200, all.length - 65536));
        }))"""
    )
    assert len(heads) == 2
    assert heads[0] != heads[1]


def test_what_is_stopped_or_changed_leaves_nothing(page: Page, tmp_path: Path) -> None:
    key, _ = a_key()
    path = pdf(tmp_path, 3 * MIB)
    page.set_input_files("#file", path)
    stopped = page.evaluate(
        """async (key) => {
          const plan = await sealing.readPlanKey(Uint8Array.from(key));
          const stop = new AbortController();
          const [file] = document.getElementById("file").files;
          const onProgress = ({done}) => { if (done > file.size + 1000000) stop.abort(); };
          const how = {key: plan, section: "x", onProgress, signal: stop.signal};
          return sealing.seal(file, how).catch((e) => e.name);
        }""",
        list(key.encode()),
    )
    assert stopped == "AbortError"
    assert page.evaluate(NAMES) == {}
    changed = page.evaluate(
        """async (key) => {
          const plan = await sealing.readPlanKey(Uint8Array.from(key));
          const [file] = document.getElementById("file").files;
          // A file that says another byte when it is read for the second time.
          let reads = 0;
          const slice = file.slice.bind(file);
          const again = (from) => from === 0 && ++reads > 2;
          file.slice = (from, to) => (again(from) ? new Blob([new Uint8Array(to)]) : slice(from, to));
          return sealing.seal(file, {key: plan, section: "x"}).catch((e) => e.message);
        }""",
        list(key.encode()),
    )
    assert "was changed while it was being sealed" in changed
    assert page.evaluate(NAMES) == {}


def refusal(page: Page, encoded: bytes) -> str:
    script = "async (key) => sealing.readPlanKey(Uint8Array.from(key)).then(() => '', (e) => e.message)"
    return str(page.evaluate(script, list(encoded)))


def test_what_is_no_plan_key_is_refused_in_words(page: Page) -> None:
    key, _ = a_key()
    good = key.encode()
    assert refusal(page, good) == ""
    for words, encoded in {
        "not a plan key file": b"not JSON",
        "not a plan key of the form": good.replace(b"plan-key/v1", b"plan-key/v2"),
        "is not one that this page has": good.replace(b"xwing/v1", b"xwing/v2"),
        "not of the suite": good.replace(b"xwing/v1", b"mlkem1024-p384/v1"),
        "a member too many": good.replace(b'"public":', b'"note":"","public":'),
        "not in canonical form": good + b"\n",
        "names no custodian": good.replace(b"https://", b"ftp://"),
        "names no plan request": good.replace(b"PR-2027-001", b"../1"),
        "a date that is none": good.replace(b".000000Z", b"Z", 1),
        "is not base64": good.replace(b'"public":"', b'"public":"*'),
    }.items():
        assert encoded != good
        assert words in refusal(page, encoded), words
    late, _ = new_plan_key(
        "https://custodian.example",
        "PR-2020-001",
        now=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2020, 2, 1, tzinfo=UTC),
    )
    assert "is good from 2020-01-01" in refusal(page, late.encode())


def test_what_is_no_section_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    key, _ = a_key()
    other = tmp_path / "plan.docx"
    other.write_bytes(b"PK\x03\x04")
    for path, section, words in [
        (other, "access-control", "PDF, PNG, JPEG, OSCAL"),
        (pdf(tmp_path, 10), "Access control", "not the key of a section"),
        (pdf(tmp_path, 10, "plan\u202efdp.exe"), "access-control", "Rename it"),
    ]:
        with pytest.raises(Error, match=words):
            seal(page, path, key, section)
    assert page.evaluate(NAMES) == {}


def test_the_browser_tells_the_same_types(page: Page) -> None:
    def told(head: bytes) -> object:
        return page.evaluate("(head) => sniff(Uint8Array.from(head))", list(head))

    assert [told(head) for head, _ in ACCEPTED] == [kind for _, kind in ACCEPTED]
    assert [told(head) for head in REFUSED] == [None] * len(REFUSED)


def test_nothing_of_the_page_needs_more_than_our_policy_allows() -> None:
    for path in STATIC.rglob("*.js"):
        text = path.read_text()
        for word in ("eval(", "new Function", "innerHTML", "document.write", "importScripts", "https://cdn"):
            assert word not in text, f"{path.name}: {word}"
