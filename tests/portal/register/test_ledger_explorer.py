"""The explorer: witnesses and what is wrong with them, the quorum in words, what waits, the search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from portal.register import log_state, publications
from secure_access import ledger
from secure_access.ledger import note, sequencer
from secure_access.ledger.tables import LedgerCosignature, LedgerWitness, Log
from secure_access.ledger.verify_receipt import Policy
from secure_access.ledger.witnesses import Witnesses
from tests.fixtures.app import World, without_tokens
from tests.fixtures.ledger import signing_keys
from tests.fixtures.review import Desk
from tests.portal.register.conftest import page

NAMES = ("one.example", "two.example", "three.example")


def wanted(quorum: str = "group any-two 2 one two three\nquorum any-two") -> Witnesses:
    lines = []
    for number, (short, name) in enumerate(zip(("one", "two", "three"), NAMES, strict=True), 1):
        for kind, key in zip(("", "-pq"), signing_keys(name, 40 + number), strict=True):
            lines.append((f"{short}{kind}", note.VerifierKey(key.name, key.public, cosigner(key.kind))))
    text = "\n".join(f"witness {short} {key} http://{key.name}" for short, key in lines)
    return Witnesses.parse(f"{text}\n{quorum}\n")


def cosigner(kind: int) -> int:
    return note.COSIGNATURE_KEY if kind == note.NOTE_KEY else kind


def sign(world: World, name: str, at: datetime, size: int | None = None) -> int:
    """A witness signs the newest checkpoint, or that of a size."""
    with world.wired.database.write() as session:
        newest = sequencer.latest(session, Log.PUBLIC)
        assert newest is not None
        if size is not None:
            newest = session.get_one(type(newest), (Log.PUBLIC, size))
        seed = 41 + NAMES.index(name)
        for key in signing_keys(name, seed):
            line = note.cosign(note.parse(newest.note).text, key, int(at.timestamp()))
            row = LedgerCosignature(log=Log.PUBLIC, size=newest.size, name=name, key=line.key_id.hex())
            row.line, row.cosigned_at = str(line), at.replace(microsecond=0)
            session.add(row)
        return newest.size


def grow(world: World, count: int = 1, public: bool = True) -> None:
    with world.wired.database.write() as session:
        for _ in range(count):
            name, fields = "accreditation.suspended", {"reference": "A-1"}
            if not public:
                name, fields = "filing.accepted", {"reference": "RR-1", "clock": ""}
            ledger.append(session, name, fields, by=None, now=world.clock.now())


def watched(world: World, witnesses: Witnesses) -> FlaskClient:
    """Somebody outside, where these witnesses are configured."""
    app = world.zones["public"]
    app.wired = replace(app.wired, settings=replace(app.wired.settings, witnesses=witnesses))
    return world.client("public")


def test_without_a_witness_the_page_says_what_that_means(fresh_desk: Desk, public: FlaskClient) -> None:
    fresh_desk.world.run_jobs()
    shown = page(public, "/ledger")
    assert "No witness is configured. Until one is, the log could show you another history" in shown
    assert "Signed, not witnessed" in shown


def test_an_empty_log_has_a_page(public: FlaskClient) -> None:
    shown = page(public, "/ledger")
    for words in ("No checkpoint is signed yet", "Nothing is published yet", "Nothing to draw yet"):
        assert words in shown


def test_each_witness_stands_there_with_its_age_and_what_is_wrong(fresh_desk: Desk) -> None:
    world = fresh_desk.world
    world.run_jobs()
    client = watched(world, wanted())
    old = sign(world, "two.example", world.clock.now())
    world.at(world.clock.now() + timedelta(days=5))
    grow(world, 3)
    world.run_jobs()
    sign(world, "one.example", world.clock.now() - timedelta(minutes=7))
    with world.wired.database.write() as session:
        refused = LedgerWitness(url="http://two.example", asked_at=world.clock.now(), size=old)
        refused.problem = "it does not answer: ConnectTimeout"
        session.add(refused)
    world.at(world.clock.now() + timedelta(minutes=3))
    shown = page(client, "/ledger")
    assert "Signed the newest" in shown
    assert "10 min ago" in shown
    assert "Does not sign" in shown
    assert "Asked, and it does not answer: ConnectTimeout. It is 3 entries behind." in shown
    assert "5 days ago" in shown
    assert "Has never signed" in shown
    assert shown.count("one.example") >= 2
    assert "with the signature of 2 of one.example, two.example and three.example" in shown
    assert "Signed, not witnessed" in shown
    assert "the quorum has not signed any checkpoint" in shown


def test_witnessed_up_to_an_entry_is_where_the_quorum_stands(fresh_desk: Desk) -> None:
    world = fresh_desk.world
    world.run_jobs()
    client = watched(world, wanted())
    size = sign(world, "one.example", world.clock.now())
    sign(world, "three.example", world.clock.now())
    assert f"Witnessed up to entry {size - 1}." in page(client, "/ledger")
    assert re.search(r"st--good[^>]*>Witnessed<", client.get("/ledger").text)
    grow(world)
    world.run_jobs()
    sign(world, "two.example", world.clock.now())
    shown = page(client, "/ledger")
    assert f"Witnessed up to entry {size - 1}." in shown
    assert "Signed, witnessed in part" in shown
    assert "Being asked" in shown
    world.at(world.clock.now() + timedelta(minutes=2))
    shown = page(client, "/ledger")
    assert "Behind" in shown
    assert "It is 1 entry behind." in shown


def test_a_record_and_its_proof_name_who_witnessed_them(fresh_desk: Desk) -> None:
    world = fresh_desk.world
    made = fresh_desk.decided(fresh_desk.under_review())
    world.run_jobs()
    client = watched(world, wanted())
    sign(world, "three.example", world.clock.now())
    shown = page(client, f"/register/decisions/{made.reference}")
    assert "Witnessed by three.example" in shown
    (proof,) = set(re.findall(r'href="(/ledger/proof/\d+)"', shown))
    assert '<span class="mono">three.example</span>' in page(client, proof)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quorum none", ""),
        ("quorum one", "A checkpoint counts as witnessed with the signature of one.example."),
        ("group all all one two\nquorum all", "with the signature of all of one.example and two.example."),
        (
            "group inner any one two\ngroup outer 2 inner three\nquorum outer",
            "all of (1 of one.example and two.example) and three.example.",
        ),
    ],
)
def test_the_quorum_in_words(text: str, words: str) -> None:
    policy: Policy = wanted(text).policy
    assert log_state.quorum(policy).endswith(words)
    assert bool(log_state.quorum(policy)) == bool(words)


def test_what_waits_too_long_is_said_without_saying_what(fresh_desk: Desk, public: FlaskClient) -> None:
    world = fresh_desk.world
    world.run_jobs()
    grow(world, 7, public=False)
    assert "Entries wait for their proof" not in page(public, "/ledger")
    world.at(world.clock.now() + timedelta(seconds=61))
    seven = page(public, "/ledger")
    assert "Entries wait for their proof" in seven
    assert "filing.accepted" not in seven
    grow(world, 30)
    world.at(world.clock.now() + timedelta(seconds=61))
    assert without_tokens(page(public, "/ledger")) == without_tokens(seven)  # neither how many nor of what
    world.run_jobs()
    assert "Entries wait for their proof" not in page(public, "/ledger")


def test_readings_that_wait_are_not_told(fresh_desk: Desk, public: FlaskClient) -> None:
    world = fresh_desk.world
    world.run_jobs()
    with world.wired.database.write() as session:
        read = {"filing": "x", "reference": "x"}
        ledger.append(session, "engagement.filing_read", read, by=None, now=world.clock.now())
    world.at(world.clock.now() + timedelta(hours=1))
    assert "Entries wait" not in page(public, "/ledger")


def test_a_thousand_publications_are_a_picture_and_a_table(fresh_desk: Desk, public: FlaskClient) -> None:
    world = fresh_desk.world
    for _ in range(4):
        grow(world, 250)
        world.at(world.clock.now() + timedelta(days=62))
    world.run_jobs()
    shown = page(public, "/ledger")
    assert "1,000 entries for everybody, the most in June 2027." in shown
    table = [
        cell for cell in re.findall(r"<td[^>]*><span[^>]*>([^<]*)</span></td>", shown) if cell in ("250", "0")
    ]
    assert table.count("250") == 4
    assert table.count("0") >= 3  # months without one are there too


def test_only_what_is_for_everybody_and_signed_is_counted(fresh_desk: Desk) -> None:
    world = fresh_desk.world
    grow(world, 5, public=False)
    grow(world, 2)
    with world.wired.database.read() as session:
        assert publications.months(session) == []
    world.run_jobs()
    with world.wired.database.read() as session:
        assert [month.published for month in publications.months(session)] == [2]


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile, without its values."""
    sent: list[str] = []

    def keep(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    engine = world.zones["public"].wired.database.engine
    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", keep)


def test_a_receipt_number_leads_to_page_and_entry(fresh_desk: Desk, public: FlaskClient) -> None:
    case = fresh_desk.under_review()
    made = fresh_desk.decided(case)
    assert "Recorded, proof follows" in page(public, f"/ledger/find?reference={made.reference}")
    fresh_desk.world.run_jobs()
    shown = page(public, f"/ledger/find?reference={made.reference.lower()}")
    assert f'href="/register/decisions/{made.reference}"' in shown
    (proof,) = set(re.findall(r'href="(/ledger/proof/\d+)"', shown))
    assert "Decision taken and published" in page(public, proof)
    with fresh_desk.world.wired.database.read() as session:
        report = fresh_desk._report_of(case)
        assert session is not None
    shown = page(public, f"/ledger/find?reference={report.reference}")
    assert f'href="/register/filings/{report.reference}"' in shown
    assert "Its bytes are for the parties" in shown
    assert "/ledger/proof/" not in shown


def test_not_public_and_not_existing_are_one_answer_and_one_work(
    fresh_desk: Desk, public: FlaskClient
) -> None:
    case = fresh_desk.under_review()
    fresh_desk.recommended(case)
    hidden = fresh_desk.filing()
    fresh_desk.world.run_jobs()
    answers = {}
    for reference in (hidden.reference, case.reference, "RR-1999-001"):
        assert reference is not None
        with statements(fresh_desk.world) as sent:
            answer = public.get(f"/ledger/find?reference={reference}")
        assert "No public record has this number." in answer.text
        answers[reference] = without_tokens(answer.text).replace(reference, "?"), answer.status_code, sent
    first, *others = answers.values()
    assert all(other == first for other in others)
