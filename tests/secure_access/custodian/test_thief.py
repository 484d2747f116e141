"""A thief at the custodian itself: no page, a clear reason to the right person, an entry.

Each test is named by what the thief does. Those who have only a passkey, an old approval or the portal are in
`test_core_attacked`, `test_portal_channel` and `test_acts`.
"""

from __future__ import annotations

import copy
import json
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from secure_access.custodian import forms
from secure_access.custodian.acts import Act, NotConfirmed, Reason
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.server import CoreClient
from secure_access.ledger import canonical
from secure_access.workflow import NotFound
from tests.fixtures import hostile
from tests.fixtures.custody import Custodian, running
from tests.fixtures.enrolled import text64

CANARY = "Gletscherspalte"
SECTION, OTHER = "insider_threat", "key_ceremony"
PORTAL = "https://government.example"


@dataclass
class Delivered:
    """A custodian that has a plan of two sections."""

    custodian: Custodian
    manifest: bytes
    sealed: dict[str, Path]

    def stored(self, section: str) -> Path:
        """Where the custodian has a sealed section."""
        [name] = [one["sha256"] for one in json.loads(self.manifest)["sections"] if one["section"] == section]
        return self.custodian.home / "sealed" / name


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    with running(tmp_path_factory.mktemp("thief")) as made:
        pages = [f"{CANARY} {number}" for number in range(40)]
        sealed = {
            SECTION: made.seal("plan.pdf", hostile.saying(*pages), SECTION),
            OTHER: made.seal("other.pdf", hostile.saying("Another section"), OTHER),
        }
        for section, path in sealed.items():
            made.upload(section, path.read_bytes())
        manifest = made.manifest(*sealed.values())
        made.deliver(manifest)
        yield Delivered(made, manifest, sealed)


def no_page(made: Custodian, token: str, why: Why, section: str = SECTION, page: int = 1) -> str:
    """No page leaves, the reader reads why, and the last line says so; the words."""
    released = len(made.lines("page.released"))
    with pytest.raises(Refused) as refused:
        made.page(token, section, page)
    assert refused.value.why is why
    line = made.lines()[-1]
    assert (line["type"], line["fields"]["reason"]) == ("page.refused", why.value)
    assert (line["plan"], line["fields"]["reader"]) == (made.plan, "ada")
    assert len(made.lines("page.released")) == released
    return str(refused.value)


# Database and bucket copied


@pytest.mark.parametrize("lost", ["keys/epochs.json", "keys"])
def test_the_custodian_s_disk_is_copied_without_the_epoch_key(
    delivered: Delivered, tmp_path: Path, lost: str
) -> None:
    """The thief has the log, the documents, the sealed files and the wrapped plan keys, starts a core of
    their own over them, and even has a reader who helps with the passkey."""
    made = delivered.custodian
    digest = made.grant(delivered.manifest, f"AG-copy-{len(lost)}")
    home = tmp_path / "stolen"
    shutil.copytree(made.home, home, ignore=lambda _, names: {"core.sock", "lease.json"} & set(names))
    taken = home / lost
    shutil.rmtree(taken) if taken.is_dir() else taken.unlink()
    stolen = copy.copy(made)
    stolen.home, stolen.client = home, CoreClient(home / "core.sock", 60)
    assert stolen.holding(CANARY.encode(), b"%PDF-") == []
    stolen.start()
    try:
        words = no_page(stolen, stolen.sit(digest), Why.NOT_RENDERED)
        assert words == "This page cannot be shown. It was not released."
        assert stolen.holding(CANARY.encode(), b"%PDF-") == []
    finally:
        stolen.end()
    assert made.page(made.sit(digest), SECTION, 1)


# An approval replayed for another grant or origin


def test_an_approval_is_replayed_for_another_grant(delivered: Delivered) -> None:
    made = delivered.custodian
    sent = made.act(Act.APPROVE, made.offer(delivered.manifest, "AG-one"), "henrike")
    made.ask("approve", **sent)
    second = made.offer(delivered.manifest, "AG-two")
    with pytest.raises(NotConfirmed) as refused:
        made.ask("approve", **sent)
    assert refused.value.reason is Reason.USED
    asked = made.ask("ask", act=Act.APPROVE.value, object=second, by="henrike")
    with pytest.raises(NotConfirmed, match="confirmed something else") as refused:
        made.ask("approve", nonce=asked["nonce"], answer=sent["answer"])
    assert refused.value.reason is Reason.OTHER_CHALLENGE
    line = made.lines()[-1]
    assert (line["type"], line["plan"]) == ("act.refused", made.plan)
    assert line["fields"] == {
        "act": "grant.approve",
        "object": second,
        "by": "henrike",
        "reason": "other_challenge",
    }
    made.ask("approve", **made.act(Act.APPROVE, second, "oskar"))
    with pytest.raises(Refused, match="waits for its approvals"):
        made.sit(second)
    assert made.lines()[-1]["fields"]["reason"] == "not_approved"


@pytest.mark.parametrize("origin", [PORTAL, "https://custodian.example.evil", "http://custodian.example"])
def test_an_approval_is_made_at_another_origin(delivered: Delivered, origin: str) -> None:
    """The thief has a page that looks like the custodian, and passes its challenge on."""
    made = delivered.custodian
    digest = made.offer(delivered.manifest, f"AG-{len(origin)}-elsewhere")
    for name in ("henrike", "oskar"):
        asked = made.ask("ask", act=Act.APPROVE.value, object=digest, by=name)
        answer = made.world.answer(name, bytes.fromhex(asked["challenge"]), origin=origin)
        with pytest.raises(NotConfirmed, match="used on another site") as refused:
            made.ask("approve", nonce=asked["nonce"], answer=answer)
        assert refused.value.reason is Reason.OTHER_ORIGIN
        assert made.lines()[-1]["fields"]["reason"] == "other_origin"
    with pytest.raises(Refused, match="waits for its approvals"):
        made.sit(digest)


# A grant row, a user row, a manifest inserted


def test_a_grant_and_a_manifest_are_laid_beside_the_log(delivered: Delivered) -> None:
    """A document that no line names is nothing, also after a start; so is a list that nobody signed."""
    made = delivered.custodian
    true = made.grant(delivered.manifest, "AG-kept")
    value = json.loads((made.home / "kept" / true).read_bytes())
    forged = canonical.encode({**value, "reference": "AG-forged", "reader": "julien"})
    listed = canonical.encode({**made.world.value, "version": 2})
    for content in (forged, listed):
        (made.home / "kept" / forms.digest(content)).write_bytes(content)
    made.end()
    made.start()
    with pytest.raises(NotFound):
        made.ask("open_sitting", **made.act(Act.OPEN, forms.digest(forged), "julien"))
    line = made.lines()[-1]
    assert (line["type"], line["fields"]["by"], line["fields"]["reason"]) == (
        "act.refused",
        "julien",
        "unknown",
    )
    with pytest.raises(Refused, match="The enrolment list is refused"):
        made.ask("enrol", list=text64(canonical.encode({"list": text64(listed), "signatures": []})))
    assert made.lines()[-1]["type"] == "enrolment.refused"


# The portal's keys and code taken over


def test_the_portal_s_keys_and_code_are_taken_over(delivered: Delivered) -> None:
    """Whoever has the portal's key offers what they like: for an own passkey nothing, for a reader who helps
    only what two approvers still have to give. Nothing that they may ask approves or opens."""
    made = delivered.custodian
    digest = made.offer(delivered.manifest, "AG-by-the-thief")
    value = json.loads((made.home / "kept" / digest).read_bytes())
    own = {**value, "reference": "AG-own", "credentials": [text64(b"a passkey of the thief")]}
    with pytest.raises(Refused, match="a passkey that is not enrolled"):
        made.portal.ask("offer", grant=text64(canonical.encode(own)))
    assert made.lines()[-1]["type"] == "grant.not_offered"
    stranger = {**value, "reference": "AG-stranger", "reader": "the.thief"}
    with pytest.raises(Refused, match="does not name this reader"):
        made.portal.ask("offer", grant=text64(canonical.encode(stranger)))
    asked = made.ask("ask", act=Act.APPROVE.value, object=digest, by="henrike")
    for do in ("approve", "release", "open_sitting", "enrol"):
        with pytest.raises(Refused) as refused:
            made.portal.ask(do, nonce=asked["nonce"], answer="{}")
        assert refused.value.why is Why.MALFORMED
    with pytest.raises(Refused, match="waits for its approvals"):
        made.sit(digest)


# The front taken over


def test_the_front_reads_on_with_the_secret_of_a_sitting(delivered: Delivered) -> None:
    """It sees the secret pass. What it asks for is a line each, in the reader's name, and ends with the
    sitting; it cannot open the next."""
    made = delivered.custodian
    digest = made.grant(delivered.manifest, "AG-front", pages=3)
    token = made.sit(digest)
    before = len(made.lines("page.released"))
    for page in (1, 2, 3):
        assert made.page(token, SECTION, page)
    assert [line["fields"]["reader"] for line in made.lines("page.released")[before:]] == ["ada"] * 3
    no_page(made, token, Why.NO_PAGES_LEFT, page=4)
    made.ask("close_sitting", token=token)
    with pytest.raises(NotFound):
        made.page(token, SECTION, 1)


def test_the_front_has_another_grant_signed_than_it_shows(delivered: Delivered) -> None:
    """The passkey signs what the core made. Both approvers have to be deceived; what they signed is kept."""
    made = delivered.custodian
    shown = made.offer(delivered.manifest, "AG-shown")
    other = made.offer(delivered.manifest, "AG-behind-it")
    made.ask("approve", **made.act(Act.APPROVE, other, "henrike"))
    line = made.lines()[-1]
    assert (line["type"], line["fields"]["grant"]) == ("grant.approved", other)
    kept = json.loads((made.home / "kept" / line["fields"]["evidence"]).read_bytes())
    assert json.loads(kept["statement"])["object"] == other != shown
    for digest in (shown, other):
        with pytest.raises(Refused, match="waits for its approvals"):
            made.sit(digest)


# Ciphertext swapped after approval


def bit(raw: bytes) -> bytes:
    return raw[:-1_000] + bytes([raw[-1_000] ^ 1]) + raw[-999:]


SWAPS: dict[str, Callable[[Delivered], bytes]] = {
    "one bit": lambda it: bit(it.sealed[SECTION].read_bytes()),
    "the last byte": lambda it: it.sealed[SECTION].read_bytes()[:-1],
    "a byte more": lambda it: it.sealed[SECTION].read_bytes() + b"\0",
    "the other section": lambda it: it.sealed[OTHER].read_bytes(),
    "the same file, sealed again": lambda it: it.custodian.seal(
        "again.pdf", hostile.saying(*[f"{CANARY} {number}" for number in range(40)]), SECTION, "again.sealed"
    ).read_bytes(),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("swap", SWAPS.values(), ids=SWAPS)
def test_ciphertext_is_swapped_after_approval(
    delivered: Delivered, swap: Callable[[Delivered], bytes]
) -> None:
    made = delivered.custodian
    digest = made.grant(delivered.manifest, f"AG-swap-{len(made.lines())}")
    place, true = delivered.stored(SECTION), delivered.sealed[SECTION].read_bytes()
    swapped = swap(delivered)
    assert swapped != true
    place.write_bytes(swapped)
    try:
        token = made.sit(digest)
        no_page(made, token, Why.NOT_RENDERED)
        assert made.page(token, OTHER, 1), "what was not swapped is read"
    finally:
        place.write_bytes(true)
    assert made.page(token, SECTION, 1)


# kill -9 between entry and page


def test_kill_9_while_pages_leave_in_two_tabs(delivered: Delivered) -> None:
    """Wherever it hits: a page that arrived has its line before it, and numbers go on without a gap."""
    made = delivered.custodian
    digest = made.grant(delivered.manifest, "AG-kill", pages_per_hour=60)
    token = made.sit(digest)
    before = len(made.lines("page.released"))
    arrived: list[int] = []

    def turn(pages: range) -> None:
        for page in pages:
            try:
                made.page(token, SECTION, page)
            except (Unreachable, NotFound, Refused):
                return
            arrived.append(page)

    tabs = [threading.Thread(target=turn, args=(pages,)) for pages in (range(1, 20), range(20, 40))]
    for tab in tabs:
        tab.start()
    until = time.monotonic() + 60
    while len(made.lines("page.released")) < before + 5:
        assert time.monotonic() < until
        time.sleep(0.01)
    made.end(signal.SIGKILL)
    for tab in tabs:
        tab.join()
    made.start()
    lines = made.lines("page.released")
    told = [line["fields"]["page"] for line in lines[before:]]
    assert arrived
    assert set(arrived) <= set(told)
    assert len(told) - len(arrived) in range(3), "a line without a page is at most one of each tab"
    assert [line["fields"]["release"] for line in lines] == list(range(1, len(lines) + 1))
    with pytest.raises(NotFound):
        made.page(token, SECTION, 1)
    assert made.lines()[-1]["type"] == "page.refused"
    made.page(made.sit(digest), SECTION, 1)
    assert made.lines("page.released")[-1]["fields"]["release"] == len(lines) + 1
