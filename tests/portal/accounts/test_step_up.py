"""Step-up: what was shown is what is done, once, by the right person, with a key that is old enough."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from portal.filing.tables import Filing
from portal.filing.workflow import FilingState
from secure_access.db import col, select
from secure_access.identity import (
    Challenge,
    NewPerson,
    Organisation,
    OrganisationKind,
    Person,
    SignInSession,
    add_person,
    authority,
    roles,
)
from secure_access.identity.authority import NewAuthority
from secure_access.ledger.tables import LedgerEntry
from secure_access.workflow import Role
from tests.fixtures.app import World, form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.filing import Developer
from tests.fixtures.passkeys import KeyHolder, confirmation, holder, options_of


class Signing:
    """A filing that waits for an officer who has a key."""

    def __init__(self, developer: Developer) -> None:
        self.developer, self.world = developer, developer.world
        with self.world.wired.database.write() as session:
            self.filing = developer.sent(session)
        self.path = f"/filings/{self.filing.id}/sign"
        self.person = holder(self.world, "developer", developer.officer)
        self.key = SoftKey()
        assert self.person.add(self.key).status_code == 303

    def asked(self, person: KeyHolder | None = None) -> Any:
        client = (person or self.person).client
        return client.post(self.path, data=form_of(client.get(self.path).text))

    def send(self, fields: dict[str, str], person: KeyHolder | None = None) -> Any:
        return (person or self.person).client.post(self.path, data=fields)

    def fields(self, asked: Any, **how: Any) -> dict[str, str]:
        return confirmation(asked.text, self.key, self.person.origin, self.path, **how)

    @property
    def state(self) -> FilingState:
        with self.world.wired.database.read() as session:
            return session.get_one(Filing, self.filing.id).state

    def used(self) -> int:
        with self.world.wired.database.read() as session:
            query = select(LedgerEntry).where(LedgerEntry.type == "step_up.used")
            mine = [e for e in session.exec(query) if e.person_id == self.developer.officer.person_id]
            return len(mine)


@pytest.fixture
def signing(developer: Developer) -> Signing:
    return Signing(developer)


@pytest.fixture
def sqlite_signing(sqlite_developer: Developer) -> Signing:
    return Signing(sqlite_developer)


def test_a_filing_is_signed_once_its_officer_has_confirmed_it(signing: Signing) -> None:
    asked = signing.asked()
    assert "Confirm with your key" in asked.text
    assert "Sign and submit" in asked.text
    assert signing.state is FilingState.IN_CERTIFICATION
    assert signing.send(signing.fields(asked)).headers["Location"].endswith("/receipt")
    assert (signing.state, signing.used()) == (FilingState.SUBMITTED, 1)


def test_without_a_key_the_demonstration_signs_as_before(sqlite_developer: Developer) -> None:
    with sqlite_developer.world.wired.database.write() as session:
        filing = sqlite_developer.sent(session)
    client = sqlite_developer.world.client("developer", sqlite_developer.officer)
    path = f"/filings/{filing.id}/sign"
    assert client.post(path, data=form_of(client.get(path).text)).status_code == 303


WRONG: dict[str, dict[str, Any]] = {
    "without user verification": {"verified": False},
    "for another host": {"host": "government.localhost"},
    "with another signature": {"lies": b"x"},
}


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_signs_nothing(sqlite_signing: Signing, how: dict[str, Any]) -> None:
    refused = sqlite_signing.send(sqlite_signing.fields(sqlite_signing.asked(), **how))
    assert refused.status_code == 403
    assert "Nothing was done" in refused.text
    assert (sqlite_signing.state, sqlite_signing.used()) == (FilingState.IN_CERTIFICATION, 0)


def test_an_answer_for_signing_in_signs_nothing(sqlite_signing: Signing) -> None:
    s = sqlite_signing
    asked = s.asked()
    token = {"csrf_token": s.person.token()}
    options = s.person.client.post("/sign-in/key/options", data=token).json
    fields = {**form_of(asked.text, s.path), "step_up_assertion": s.key.get(options, s.person.origin)}
    assert s.send(fields).status_code == 422
    assert s.state is FilingState.IN_CERTIFICATION


def test_the_key_of_a_colleague_signs_nothing(sqlite_signing: Signing) -> None:
    s = sqlite_signing
    colleague = holder(s.world, "developer", s.developer.preparer)
    theirs = SoftKey()
    colleague.add(theirs)
    asked = s.asked()
    refused = s.send(confirmation(asked.text, theirs, s.person.origin, s.path))
    assert refused.status_code == 403
    assert "it is not yours here" in refused.text


def test_a_confirmation_of_another_session_signs_nothing(sqlite_signing: Signing) -> None:
    s = sqlite_signing
    elsewhere = holder(s.world, "developer", s.developer.officer)
    fields = s.fields(s.asked())
    there = form_of(elsewhere.client.get(s.path).text)
    answer = s.send({**there, "step_up_assertion": fields["step_up_assertion"]}, elsewhere)
    assert answer.status_code == 422
    assert "one use within 60 seconds" in answer.text
    assert s.state is FilingState.IN_CERTIFICATION


def test_a_confirmation_lasts_a_minute(signing: Signing) -> None:
    before = datetime.now(UTC)
    asked = signing.asked()
    after = datetime.now(UTC)
    fields = signing.fields(asked)
    with signing.world.wired.database.write() as session:
        row = session.exec(
            select(Challenge).where(
                Challenge.person_id == signing.developer.officer.person_id, Challenge.nonce != ""
            )
        ).one()
        assert before <= row.expires_at - timedelta(seconds=60) <= after
        session.execute(
            update(Challenge).where(col(Challenge.digest) == row.digest).values(expires_at=datetime.now(UTC))
        )
    answer = signing.send(fields)
    assert answer.status_code == 422
    assert "60 seconds" in answer.text
    assert signing.state is FilingState.IN_CERTIFICATION
    assert signing.send(signing.fields(answer)).status_code == 303


def test_what_was_changed_meanwhile_is_not_what_was_confirmed(signing: Signing) -> None:
    """The digest is compared in the act's own transaction, also where the form still claims the old one."""
    fields = signing.fields(signing.asked())
    with signing.world.wired.database.write() as session:
        filing = session.get_one(Filing, signing.filing.id)
        name = next(key for key, said in filing.content.items() if str(said).startswith("An answer"))
        filing.content = {**filing.content, name: "Other words."}
    refused = signing.send(fields)
    assert refused.status_code == 403
    shown_now = form_of(signing.person.client.get(signing.path).text)
    swapped = {**fields, "digest": shown_now["digest"], "form_id": str(uuid.uuid4())}
    refused = signing.send(swapped)
    assert refused.status_code == 403
    assert "What you confirmed is not what stands here now" in refused.text
    assert (signing.state, signing.used()) == (FilingState.IN_CERTIFICATION, 0)


def test_a_confirmation_is_for_one_act_on_one_object(sqlite_signing: Signing) -> None:
    s = sqlite_signing
    with s.world.wired.database.write() as session:
        other = s.developer.sent(session)
    fields = s.fields(s.asked())
    path = f"/filings/{other.id}/sign"
    there = form_of(s.person.client.get(path).text)
    taken = {**there, "step_up_assertion": fields["step_up_assertion"]}
    refused = s.person.client.post(path, data=taken)
    assert refused.status_code == 403
    with s.world.wired.database.read() as session:
        assert session.get_one(Filing, other.id).state is FilingState.IN_CERTIFICATION


def test_a_challenge_sent_twenty_times_at_once_is_used_once(signing: Signing) -> None:
    """Each with a form of its own, so that only the challenge stands between them."""
    key = signing.person.rows()[0]
    fields = {"name": "Red key", "do": "remove"}
    path = f"/account/keys/{key.id}"
    asked = signing.person.post(path, **fields)
    sent = confirmation(asked.text, signing.key, signing.person.origin, path)
    cookie = signing.person.client.get_cookie("__Host-assay-developer", domain="developer.localhost")
    assert cookie
    statuses: list[int] = []

    def post() -> None:
        client = signing.world.client("developer")
        client.set_cookie("__Host-assay-developer", cookie.value, domain="developer.localhost", secure=True)
        answer = client.post(path, data={**sent, "form_id": str(uuid.uuid4())})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(303) == 1, statuses
    assert len(statuses) == 20
    assert signing.used() == 1


def test_a_new_key_waits_a_day_where_the_policy_says_so(strict_sqlite_world: World) -> None:
    organisation = strict_sqlite_world.organisation(OrganisationKind.DEVELOPER)
    officer = strict_sqlite_world.person(organisation, Role.CERTIFYING_OFFICER)
    developer = Developer(
        strict_sqlite_world, organisation, strict_sqlite_world.person(organisation, Role.PREPARER), officer
    )
    signing = Signing(developer)
    assert signing.person.add(SoftKey(), by=signing.key).status_code == 303, "a new key adds the second one"
    refused = signing.asked()
    assert refused.status_code == 403
    assert "Your keys are new" in refused.text
    assert signing.person.post(f"/account/keys/{signing.person.rows()[1].id}", do="remove").status_code == 403
    signing.person.age()
    assert signing.send(signing.fields(signing.asked())).status_code == 303


def test_a_counter_that_falls_suspends_the_key_and_signs_nothing(sqlite_signing: Signing) -> None:
    s = sqlite_signing
    s.key.step = -1
    refused = s.send(s.fields(s.asked()))
    assert refused.status_code == 403
    assert "This key is suspended" in refused.text
    assert s.state is FilingState.IN_CERTIFICATION
    assert s.person.rows()[0].suspended_reason == "counter_fell"
    again = s.asked()
    assert again.status_code == 403, "a suspended key does not take the demand away"
    assert "you have none that works" in again.text


def test_who_may_not_act_is_told_before_being_asked(sqlite_signing: Signing) -> None:
    s = sqlite_signing
    preparer = holder(s.world, "developer", s.developer.preparer)
    preparer.add(SoftKey())
    digest = form_of(s.person.client.get(s.path).text)["digest"]
    refused = preparer.post(s.path, digest=digest)
    assert refused.status_code == 403
    assert "Only a certifying officer" in refused.text


def test_a_role_taken_away_between_form_and_confirmation(signing: Signing) -> None:
    fields = signing.fields(signing.asked())
    world = signing.world
    officer = signing.developer.officer
    with world.wired.database.read() as session:
        organisation = session.get_one(Organisation, officer.organisation_id)
    by = world.person(organisation, Role.ORGANISATION_ADMINISTRATOR)
    with world.wired.database.write() as session:
        person = session.get_one(Person, officer.person_id)
        roles.take(session, person=person, role=Role.CERTIFYING_OFFICER, by=by, now=world.clock.now())
    assert signing.send(fields).status_code == 404
    assert (signing.state, signing.used()) == (FilingState.IN_CERTIFICATION, 0)


def test_a_session_ended_between_form_and_confirmation(signing: Signing) -> None:
    fields = signing.fields(signing.asked())
    with signing.world.wired.database.write() as session:
        query = select(SignInSession).where(SignInSession.person_id == signing.developer.officer.person_id)
        for row in session.exec(query):
            row.ended_at = datetime.now(UTC)
    answer = signing.send(fields)
    assert answer.status_code == 401
    assert "everything you typed" in answer.text
    assert signing.state is FilingState.IN_CERTIFICATION


def test_the_page_offers_only_keys_that_may_do_it(sqlite_signing: Signing) -> None:
    options = options_of(sqlite_signing.asked().text)
    assert options["userVerification"] == "required"
    assert options["rpId"] == "developer.localhost"
    assert len(options["allowCredentials"]) == 1


def test_an_officer_without_authority_is_told_before_being_asked(sqlite_signing: Signing) -> None:
    s = sqlite_signing
    digest = form_of(s.person.client.get(s.path).text)["digest"]
    with s.world.wired.database.write() as session:
        organisation = session.get_one(Organisation, s.developer.organisation.id)
        other = NewPerson(f"{uuid.uuid4().hex}@firm.example", "Other", frozenset({Role.CERTIFYING_OFFICER}))
        officer = add_person(
            session, organisation=organisation, new=other, password_hash="", now=s.world.clock.now()
        )
        new = NewAuthority(officer.id, "Officer", "Board", "Resolution", s.world.clock.now().date())
        authority.record(session, organisation_id=organisation.id, new=new, by=None, now=s.world.clock.now())
    refused = s.person.post(s.path, digest=digest)
    assert refused.status_code == 403
    assert "no authority to sign is recorded for you" in refused.text
    assert "Confirm with your key" not in refused.text
    with s.world.wired.database.read() as session:
        query = select(Challenge).where(Challenge.person_id == s.developer.officer.person_id)
        assert [row for row in session.exec(query) if row.nonce] == [], "no challenge was made"
