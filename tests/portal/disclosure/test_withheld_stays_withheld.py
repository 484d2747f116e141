"""No word of a withheld block is on any page or in any file of the public zone, whatever is ruled beside.

Every combination of rulings is released, one request each, in one instance; then everything that a stranger
can read is searched: the register, the answers, the receipts, the entries of the log.
"""

from __future__ import annotations

from html import unescape
from itertools import product

from portal.disclosure import blocks, consulting, deciding, links, requests
from portal.disclosure.deciding import Ruling
from portal.disclosure.tables import AccessBlock, AccessRequest
from portal.disclosure.workflow import Outcome
from portal.filing.tables import FilingKind
from portal.filing.workflow import FilingState
from tests.fixtures.access import HELD, Window

KEYS = ("access-control", "weight-protection", "insider-threat")
OUT = Ruling(Outcome.DISCLOSED)


def canary(number: int, key: str) -> str:
    """Words that stand nowhere else."""
    return f"canary {number} {key} & <b>so</b> “kept”"


def made(window: Window, number: int, rulings: tuple[bool, ...]) -> AccessRequest:
    """A released answer about a filing of its own; ``rulings`` says which blocks are out."""
    audiences = {key: {"audience": "confidential", "why": "Secret"} for key in KEYS}
    content = {key: canary(number, key) for key in KEYS}
    filing = window.desk.filing(
        FilingKind.SECURITY_OUTLINE,
        state=FilingState.ACCEPTED,
        content=content,
        audiences=audiences,
        accepted_at=window.desk.now,
        withheld_salt="ab" * 32,
    )
    row = window.sent()
    window.on(row, requests.affect, chosen=f"filing:{filing.id}", by=window.desk.officer)
    window.on(row, consulting.consult, by=window.desk.officer)
    window.answered(row)
    said = [OUT if out else HELD for out in rulings]
    window.prepared(row, *said, answer=f"Answer {number}.")
    return window.decided(row)


def everything(window: Window, rows: list[AccessRequest]) -> dict[str, str]:
    """What a stranger reads, by address: also with every link that there is."""
    client = window.world.client("public")
    own = [f"/access-requests/{links.link_of(window.key, row.id)}" for row in rows]
    found = {f"{link}{part}": "" for link in own for part in ("", "/receipt.json", "/answer.json")}
    waiting = ["/register", "/ledger", "/access-requests", *found]
    read: dict[str, str] = {}
    while waiting:
        address = waiting.pop()
        if address in read or len(read) > 400:
            continue
        answer = client.get(address)
        text = answer.get_data().decode("utf-8", "replace")
        read[address] = unescape(text)
        if answer.mimetype == "text/html":
            waiting += [part.partition('"')[0] for part in text.split('href="')[1:] if part.startswith("/")]
    return read


def test_every_combination_of_rulings_lets_out_what_is_disclosed_and_nothing_else(
    sqlite_window: Window,
) -> None:
    cases = list(product((True, False), repeat=len(KEYS)))
    rows = [made(sqlite_window, number, rulings) for number, rulings in enumerate(cases)]
    sqlite_window.world.run_jobs()
    read = everything(sqlite_window, rows)
    for number, (row, rulings) in enumerate(zip(rows, cases, strict=True)):
        answer = read[f"/access-requests/{links.link_of(sqlite_window.key, row.id)}"]
        for key, out in zip(KEYS, rulings, strict=True):
            words = canary(number, key)
            assert (words in answer) is out, (number, key)
            if not out:
                assert not [address for address, text in read.items() if words in text], (number, key)
                assert not [a for a, text in read.items() if f"canary {number} {key}" in text], (number, key)
    assert len(read) > 40


def test_before_the_release_nothing_of_any_block_is_out(sqlite_window: Window) -> None:
    row = sqlite_window.consulted()
    sqlite_window.answered(row, {1: "A secret of ours."})
    sqlite_window.prepared(row, Ruling(Outcome.DISCLOSED, reason="Known."), HELD, HELD)
    sqlite_window.decided(row)
    sqlite_window.world.run_jobs()
    read = everything(sqlite_window, [row])
    for block in sqlite_window.blocks(row):
        words = sqlite_window.words(block)
        for text in (words, "A secret of ours.", HELD.reason, "One filing."):
            assert not [address for address, shown in read.items() if text in shown], text


def test_a_row_of_a_withheld_block_never_holds_its_words(sqlite_window: Window) -> None:
    row = sqlite_window.released()
    with sqlite_window.world.wired.database.read() as session:
        for block in requests.blocks_of(session, row):
            assert isinstance(block, AccessBlock)
            words = blocks.text_of(session, block)
            assert (words in deciding.wording(row, [block]).decode()) is (block.outcome is Outcome.DISCLOSED)
            assert block.released == (words if block.outcome is Outcome.DISCLOSED else "")
