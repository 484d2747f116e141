"""Each event of a timeline leads to its entry and proof, for who sees the timeline and for nobody else."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from flask.testing import FlaskClient

from evaluator.tables import Engagement
from portal.review.tables import Case
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.ledger import Log, merkle, note, placement, receipts, sequencer, witnesses
from secure_access.workflow import Role
from tests.fixtures.app import World, without_tokens
from tests.fixtures.evaluator import Evaluation
from tests.fixtures.review import Desk
from tests.portal.register.conftest import page

LINK = re.compile(r'href="(/[^"]*/(?:entries|proof|history)/[^"/]*)"')


@pytest.fixture
def case(fresh_desk: Desk) -> Case:
    """A decided case whose ledger is signed, and its custody log fixed in the public one."""
    made = fresh_desk.under_review()
    fresh_desk.decided(made)
    fresh_desk.world.run_jobs()
    sequencer.anchor(fresh_desk.world.wired.database, fresh_desk.world.clock.now())
    fresh_desk.world.run_jobs()
    return made


@pytest.fixture
def assessed(sqlite_evaluation: Evaluation) -> tuple[Evaluation, Engagement]:
    """A filing that was accepted and is assessed, by the acts of people, signed."""
    engagement, _ = sqlite_evaluation.drafted()
    sqlite_evaluation.submit(engagement)
    sqlite_evaluation.world.run_jobs()
    return sqlite_evaluation, engagement


def proofs(client: FlaskClient, path: str) -> list[str]:
    found = list(dict.fromkeys(LINK.findall(client.get(path).text)))
    assert found, path
    return found


def verified(world: World, client: FlaskClient, address: str) -> receipts.Outcome:
    """The page of an entry is valid, and its receipt verifies; what the verifier says."""
    shown = page(client, address)
    assert "Entry " in shown
    (link,) = set(re.findall(r'href="([^"]*receipt\.json)"', shown))
    answer = client.get(link)
    policy = receipts.policy_text(world.wired.log_keys.of(Log.PUBLIC))
    return receipts.verify(answer.text, receipts.Policy.parse(policy))


def test_each_event_of_a_case_leads_to_a_proof(fresh_desk: Desk, case: Case) -> None:
    client = fresh_desk.world.client("government", fresh_desk.officer)
    history = page(client, f"/cases/{case.reference}/history")
    assert "of the ledger" in history
    for address in proofs(client, f"/cases/{case.reference}/history"):
        assert verified(fresh_desk.world, client, address).state == receipts.State.NOT_WITNESSED


def test_the_developer_sees_its_filing_recorded_and_accepted(assessed: tuple[Evaluation, Engagement]) -> None:
    evaluation, _ = assessed
    client = evaluation.world.client("developer", evaluation.developer.preparer)
    links = proofs(client, f"/filings/{evaluation.filing.reference}")
    said = [verified(evaluation.world, client, link).content["type"] for link in links]
    assert said == ["filing.accepted", "filing.submitted"]


def test_the_evaluator_sees_its_engagement_recorded(assessed: tuple[Evaluation, Engagement]) -> None:
    evaluation, engagement = assessed
    client = evaluation.world.client("evaluator", evaluation.officer)
    links = proofs(client, f"/engagements/{engagement.reference}")
    said = [verified(evaluation.world, client, link).content["type"] for link in links]
    assert said == ["assessment.submitted", "conflict.none_declared", "evaluator.appointed"]


def test_everybody_sees_that_a_decision_was_taken(fresh_desk: Desk, case: Case, public: FlaskClient) -> None:
    reference = re.findall(r"/register/decisions/(D-[^\"]+)", public.get("/register/decisions").text)[0]
    links = proofs(public, f"/register/decisions/{reference}")
    assert [verified(fresh_desk.world, public, link).content["type"] for link in links] == ["decision.taken"]


def test_the_drawn_path_leads_to_the_signed_root(fresh_desk: Desk, case: Case) -> None:
    with fresh_desk.world.wired.database.read() as session:
        for log in Log:
            every = session.exec(select(ledger.LedgerEntry).where(ledger.LedgerEntry.log == log)).all()
            for entry in every:
                found = placement.placement(session, entry, witnesses.NONE)
                assert found is not None
                last = found.path[-1].made if found.path else found.leaf
                head = note.Checkpoint.parse(note.parse(found.checkpoint.note).text)
                assert last == found.checkpoint.root == head.root
                assert found.leaf == merkle.leaf_hash(entry.leaf)


def test_before_it_is_signed_the_page_says_that_the_proof_follows(fresh_desk: Desk) -> None:
    case = fresh_desk.under_review()
    client = fresh_desk.world.client("government", fresh_desk.officer)
    assert "Recorded, proof follows" in page(client, f"/cases/{case.reference}/history")
    address = proofs(client, f"/cases/{case.reference}/history")[0]
    shown = page(client, address)
    assert "Recorded, proof follows" in shown
    assert "The checkpoint</h2>" not in shown
    receipt = client.get(f"{address}/receipt.json").text
    assert "proof" not in json.loads(receipt)


def test_an_entry_that_is_not_ones_own_answers_as_none(assessed: tuple[Evaluation, Engagement]) -> None:
    evaluation, engagement = assessed
    world = evaluation.world
    developers, bodies = (
        world.organisation(kind) for kind in (OrganisationKind.DEVELOPER, OrganisationKind.EVALUATOR)
    )
    for zone, mine, other, start in (
        (
            "developer",
            evaluation.developer.preparer,
            world.person(developers, Role.PREPARER),
            f"/filings/{evaluation.filing.reference}",
        ),
        (
            "evaluator",
            evaluation.officer,
            world.person(bodies, Role.EVALUATION_OFFICER),
            f"/engagements/{engagement.reference}",
        ),
    ):
        stranger = world.client(zone, other)
        missing = stranger.get(f"{start[:-1]}x/entries/{uuid.uuid4()}")
        assert missing.status_code == 404
        for link in proofs(world.client(zone, mine), start):
            for address in (link, f"{link}/receipt.json"):
                answer = stranger.get(address)
                assert answer.status_code == 404
                assert without_tokens(answer.text) == without_tokens(missing.text)


@pytest.mark.parametrize("who", ["developer", "evaluator"])
def test_readings_and_other_acts_on_the_same_subject_are_not_told(
    assessed: tuple[Evaluation, Engagement], who: str
) -> None:
    """Neither in the list nor by an identifier that somebody learned."""
    evaluation, engagement = assessed
    filing, world = evaluation.filing, evaluation.world
    subject, address, actor = {
        "developer": (f"filing:{filing.id}", f"/filings/{filing.reference}", evaluation.developer.preparer),
        "evaluator": (
            f"engagement:{engagement.id}",
            f"/engagements/{engagement.reference}",
            evaluation.officer,
        ),
    }[who]
    acts = {
        "engagement.filing_read": {"filing": str(filing.id), "reference": "x"},
        "flag.raised": {"codes": []},
        "decision.recommended": {"reference": "x", "kind": "block", "conditions": 0},
    }
    with world.wired.database.write() as session:
        hidden = [
            ledger.append(session, name, fields, by=None, now=world.clock.now(), about=(subject,)).id
            for name, fields in acts.items()
        ]
    world.run_jobs()
    client = world.client(who, actor)
    shown = client.get(address).text
    for entry in hidden:
        assert str(entry) not in shown
        assert client.get(f"{address}/entries/{entry}").status_code == 404
        assert client.get(f"{address}/entries/{entry}/receipt.json").status_code == 404


PAGES = ("/ledger", "/ledger/checkpoint", "/ledger/find?reference=RR-2027-001", "/register", "/ledger/policy")


def test_nothing_public_tells_that_somebody_reads_or_investigates(
    fresh_desk: Desk, case: Case, public: FlaskClient
) -> None:
    """Readings make no difference to any public answer; types of entries of the parties are nowhere."""
    world = fresh_desk.world
    before = {path: without_tokens(public.get(path).text) for path in PAGES}
    with world.wired.database.write() as session:
        for _ in range(401):
            read = {"filing": "x", "reference": "x"}
            ledger.append(session, "engagement.filing_read", read, by=None, now=world.clock.now())
    assert {path: without_tokens(public.get(path).text) for path in PAGES} == before
    world.run_jobs()
    assert {path: without_tokens(public.get(path).text) for path in PAGES} == before
    with world.wired.database.read() as session:
        custody = sequencer.latest(session, Log.CUSTODY)
        hidden = {row.type for row in session.exec(select(ledger.LedgerEntry)) if row.audience != "public"}
    assert custody is not None
    size = custody.size
    assert size > 400
    for path, shown in before.items():
        assert not [name for name in hidden if name in shown], path
        plain = re.sub(r"<svg.*?</svg>|<[^>]*digest[^>]*>[^<]*<", "<", shown, flags=re.DOTALL)
        assert not re.search(rf"(?<![\w.,+/=-]){size}(?![\w.,+/=-])", plain), path


def test_every_public_address_of_an_entry_of_the_parties_is_not_there(
    fresh_desk: Desk, case: Case, public: FlaskClient
) -> None:
    with fresh_desk.world.wired.database.read() as session:
        rows = session.exec(select(ledger.LedgerEntry).where(ledger.LedgerEntry.log == Log.PUBLIC)).all()
    hidden = [row.leaf_index for row in rows if row.audience != "public"]
    assert hidden
    missing = without_tokens(public.get(f"/ledger/proof/{len(rows) + 5}").text)
    for index in hidden:
        for address in (f"/ledger/proof/{index}", f"/ledger/proof/{index}/receipt.json"):
            answer = public.get(address)
            assert answer.status_code == 404
            assert without_tokens(answer.text) == missing
