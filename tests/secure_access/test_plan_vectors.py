"""docs/reference/protocol.md on sealed plans: its vectors, good and bad, are opened and made again."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from secure_access.sealing import Sealer, SealingError, hpke, sections
from secure_access.sealing.plans import KEY_FORMAT, MANIFEST_FORMAT, PlanKey, PlanManifest
from secure_access.sealing.sections import BODY_DOMAIN, KEY_DOMAIN, MEDIA_TYPES, STEP, TAG_LINE, open_section

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")
BLOCK = re.search(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
assert BLOCK
VECTORS: dict[str, Any] = json.loads(BLOCK[1])
SECTION = VECTORS["sealed_section"]
KEY = PlanKey.parse(VECTORS["plan_key"]["bytes"].encode())
PRIVATE = bytes.fromhex(VECTORS["plan_key"]["seed"])


def put_together(header: str) -> bytes:
    """The sealed section of the vector, from its parts."""
    encoded = header.encode()
    content, file = SECTION["content"].encode(), SECTION["file"].encode()
    inside = len(content).to_bytes(4, "big") + content + file
    inside += bytes(-len(inside) % STEP)
    context = BODY_DOMAIN + SECTION["header"].encode()
    sealer = Sealer(bytes.fromhex(SECTION["file_key"]), context, salt=bytes.fromhex(SECTION["salt"]))
    assert sealer.header[24:].hex() == SECTION["commitment"]
    body = sealer.header + sealer.update(inside) + sealer.finish()
    start = TAG_LINE + len(encoded).to_bytes(4, "big") + encoded
    return start + base64.b64decode(SECTION["encapsulation"]) + body


def opened(encoded: bytes) -> sections.OpenedSection:
    return open_section([encoded], PRIVATE, key=KEY, section="access-control")


def test_plan_key() -> None:
    vector = VECTORS["plan_key"]
    assert KEY.encode().decode() == vector["bytes"]
    assert KEY.fingerprint == vector["fingerprint"] == hashlib.sha256(vector["bytes"].encode()).hexdigest()
    assert hpke.public_of(KEY.suite, PRIVATE) == KEY.public


def test_sealed_section() -> None:
    encoded = put_together(SECTION["header"])
    assert (len(encoded), hashlib.sha256(encoded).hexdigest()) == (SECTION["size"], SECTION["sha256"])
    found = opened(encoded)
    assert found.content.encode().decode() == SECTION["content"]
    assert found.header.encode().decode() == SECTION["header"]
    assert b"".join(found.blocks()).decode() == SECTION["file"]
    wrapped = base64.b64decode(SECTION["encapsulation"])
    info = KEY_DOMAIN + SECTION["header"].encode()
    assert hpke.unseal(KEY.suite, PRIVATE, wrapped, info).hex() == SECTION["file_key"]
    found.header.check_size(len(encoded))


def test_our_sealer_makes_the_vector_when_chance_gives_it_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sections.secrets, "token_hex", lambda _: "06" * 16)
    monkeypatch.setattr(sections.chunked, "new_key", lambda: bytes.fromhex(SECTION["file_key"]))
    monkeypatch.setattr(sections.chunked.secrets, "token_bytes", lambda _: bytes.fromhex(SECTION["salt"]))
    monkeypatch.setattr(sections.hpke, "seal", lambda *_: base64.b64decode(SECTION["encapsulation"]))
    content = sections.SectionContent.parse(SECTION["content"].encode())
    blocks = sections.sealed([SECTION["file"].encode()], content, key=KEY, section="access-control")
    made = b"".join(bytes(block) for block in blocks)
    assert hashlib.sha256(made).hexdigest() == SECTION["sha256"]


def test_plan_manifest() -> None:
    vector = VECTORS["plan_manifest"]
    manifest = PlanManifest.parse(vector["bytes"].encode())
    assert manifest.encode().decode() == vector["bytes"]
    assert manifest.digest == vector["digest"] == hashlib.sha256(vector["bytes"].encode()).hexdigest()
    one = manifest.sections[0]
    assert (one.size, one.sha256, manifest.key) == (SECTION["size"], SECTION["sha256"], KEY.fingerprint)


def test_every_tag_and_every_media_type_is_on_the_page() -> None:
    for tag in (KEY_FORMAT, MANIFEST_FORMAT, sections.FORMAT, sections.CONTENT_FORMAT, *MEDIA_TYPES):
        assert f"`{tag}`" in PAGE
    for domain in (KEY_DOMAIN, BODY_DOMAIN):
        assert f"`{domain[:-1].decode()}` and a zero byte" in PAGE
    for suite in hpke.SUITES.values():
        assert re.search(rf"\| `{suite.name}`.*\| {suite.encapsulation:,} bytes \|", PAGE)


def _changes() -> list[Any]:
    found = re.findall(
        r"^\| (plan key|header|manifest) \| `(.+?)` \| `(.+?)` \| (.+?) \|$", PAGE, re.MULTILINE
    )
    return [pytest.param(*row[:3], id=f"{row[0]}: {row[3]} {number}") for number, row in enumerate(found)]


READ: dict[str, tuple[str, Callable[[str], object]]] = {
    "plan key": (VECTORS["plan_key"]["bytes"], lambda said: PlanKey.parse(said.encode())),
    "header": (SECTION["header"], lambda said: opened(put_together(said))),
    "manifest": (VECTORS["plan_manifest"]["bytes"], lambda said: PlanManifest.parse(said.encode())),
}


@pytest.mark.parametrize(("of", "instead_of", "stands"), _changes())
def test_what_the_page_refuses_is_refused(of: str, instead_of: str, stands: str) -> None:
    good, read = READ[of]
    read(good)
    assert instead_of in good
    with pytest.raises(SealingError):
        read(good.replace(instead_of, stands))


def test_all_changes_are_there() -> None:
    assert len(_changes()) == 18


def test_what_else_the_page_refuses() -> None:
    encoded = put_together(SECTION["header"])
    other = replace(KEY, public=hpke.public_of(KEY.suite, bytes(32)))
    for blocks, private, key in [
        (encoded[:-1], PRIVATE, KEY),
        (encoded + b"\0", PRIVATE, KEY),
        (encoded[:-1] + bytes([encoded[-1] ^ 1]), PRIVATE, KEY),
        (encoded, bytes(32), KEY),
        (encoded, PRIVATE, other),
    ]:
        with pytest.raises(SealingError):
            list(open_section([blocks], private, key=key, section="access-control").blocks())
