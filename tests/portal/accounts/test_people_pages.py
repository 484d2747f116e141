"""Pages of people: what was typed survives a refusal, buttons do as they say, strangers find nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text

from secure_access import identity
from secure_access.db import select
from secure_access.identity import (
    OrganisationKind,
    authority,
    delegation,
    invitations,
    organisations,
    roles,
)
from secure_access.identity.authority import NewAuthority
from secure_access.identity.delegation import NewDelegation
from secure_access.identity.tables import Invitation, PeopleConfirmation, ProposedAct
from secure_access.ledger import audit
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role
from tests.fixtures.app import START, World, form_of
from tests.fixtures.filing import Developer, page, post
from tests.fixtures.people import House, house


@pytest.fixture
def desk(sqlite_world: World) -> House:
    """A developer on SQLite."""
    return house(sqlite_world, OrganisationKind.DEVELOPER)


@pytest.fixture
def bureau(sqlite_world: World) -> House:
    """The authority on SQLite."""
    return house(sqlite_world, OrganisationKind.REGULATOR)


def test_a_refused_invitation_keeps_what_was_typed(desk: House) -> None:
    desk.act(
        organisations.describe,
        organisation=desk.organisation,
        mail_domains=["firm.example"],
        contact_email="",
    )
    client = desk.world.client("developer", desk.first)
    typed = {"name": "Ruth Typed", "email": "ruth@other.example", "roles": "preparer"}
    refused = post(client, "/organisation/invite", typed, status=422)
    assert "invites addresses of firm.example only" in refused.text
    assert 'value="Ruth Typed"' in refused.text
    assert 'value="ruth@other.example"' in refused.text
    email = f"{uuid.uuid4().hex}@firm.example"
    post(client, "/organisation/invite", {**typed, "email": email})
    assert email in page(client, "/organisation")


def test_a_link_is_accepted_in_the_browser_and_signs_in(desk: House) -> None:
    email = f"{uuid.uuid4().hex}@firm.example"
    row = desk.invite(email, Role.PREPARER)
    path = f"/invitation/{invitations.token_of(desk.key, row.id)}"
    client = desk.world.client("developer")
    wrong = post(client, path, {"password": "short", "again": "short"}, status=422)
    assert "fewer than 12 characters" in wrong.text
    differ = {"password": "a long password", "again": "another password"}
    assert "The two passwords differ" in post(client, path, differ, status=422).text
    post(client, path, {"password": "a long password", "again": "a long password"})
    post(client, "/sign-in", {"email": email, "password": "a long password"})
    assert client.get("/").status_code == 200
    assert "used already" in page(client, path, status=403)


def test_an_expired_link_says_so_takes_nothing_and_names_whom_to_ask(desk: House) -> None:
    email = f"{uuid.uuid4().hex}@firm.example"
    row = desk.invite(email, Role.PREPARER)
    path = f"/invitation/{invitations.token_of(desk.key, row.id)}"
    client = desk.world.client("developer")
    form = form_of(page(client, path))
    desk.world.at(row.expires_at)
    sent = {**form, "password": "a long password", "again": "a long password"}
    for answer in (client.get(path), client.post(path, data=sent)):
        assert answer.status_code == 403
        assert "This invitation was open until" in answer.text
        assert "Ask Astrid First for a new one" in answer.text
    with desk.world.wired.database.read() as session:
        assert identity.by_email(session, email) is None
        assert session.get_one(Invitation, row.id).state == "sent"


@pytest.mark.parametrize("zone", ["government", "evaluator", "public"])
def test_a_link_of_one_zone_leads_nowhere_in_another(desk: House, zone: str) -> None:
    """Neither shown nor accepted, as if there were no such link: the zone answers for its own people."""
    email = f"{uuid.uuid4().hex}@firm.example"
    row = desk.invite(email, Role.PREPARER)
    path = f"/invitation/{invitations.token_of(desk.key, row.id)}"
    client = desk.world.client(zone)
    assert client.get(path).status_code == 404
    if zone != "public":
        form = form_of(page(client, "/sign-in"), "/sign-in")
        sent = {**form, "password": "a long password", "again": "a long password"}
        assert client.post(path, data=sent).status_code == 404
    with desk.world.wired.database.read() as session:
        assert identity.by_email(session, email) is None


def test_where_an_accepted_link_leads_names_nobody(desk: House) -> None:
    row = desk.invite(f"{uuid.uuid4().hex}@firm.example", Role.PREPARER)
    client = desk.world.client("developer")
    path = f"/invitation/{invitations.token_of(desk.key, row.id)}"
    answer = post(client, path, {"password": "a long password", "again": "a long password"})
    assert answer.headers["Location"] == "/sign-in"


def test_a_list_of_people_that_changed_is_not_confirmed(bureau: House) -> None:
    client = bureau.world.client("government", bureau.first)
    form = {**form_of(page(client, "/administration/invite"))}
    shown = [str(one.person_id) for one in (bureau.first, bureau.second)]
    bureau.person(Role.CASE_OFFICER, name="Came Meanwhile")
    refused = client.post("/administration/confirm", data={**form, "person": shown})
    assert refused.status_code == 403
    assert "changed after your page was opened" in refused.text
    not_ids = {**form, "form_id": str(uuid.uuid4()), "person": "everybody"}
    assert client.post("/administration/confirm", data=not_ids).status_code == 404
    with bureau.world.wired.database.read() as session:
        query = select(PeopleConfirmation).where(PeopleConfirmation.organisation_id == bureau.organisation.id)
        assert session.exec(query).first() is None


def test_an_agent_who_is_suspended_acts_for_nobody_from_the_next_request(desk: House) -> None:
    counsel = house(desk.world, OrganisationKind.AGENT)
    lawyer = counsel.person(Role.AGENT)
    today = START.date()
    row = desk.act(delegation.grant, new=NewDelegation(counsel.organisation.id, ["draft"], today, today))
    client = desk.world.client("developer", lawyer)
    post(client, "/for", {"delegation": str(row.id)})
    form = form_of(page(client, "/filings/new"))
    counsel.act(roles.suspend, person=counsel.row(lawyer))
    answer = client.post("/filings/new", data={**form, "kind": "safety_framework"})
    assert answer.status_code == 401
    assert "Nothing was changed" in answer.text
    assert client.get("/filings").status_code == 303


def test_an_evaluator_who_is_suspended_sends_nothing_more(sqlite_world: World) -> None:
    body = house(sqlite_world, OrganisationKind.EVALUATOR)
    third = body.person(Role.ORGANISATION_ADMINISTRATOR)
    client = sqlite_world.client("evaluator", third)
    form = form_of(page(client, "/organisation/invite"))
    body.act(roles.suspend, person=body.row(third))
    email = f"{uuid.uuid4().hex}@body.example"
    sent = {**form, "name": "N", "email": email, "roles": "assessor"}
    assert client.post("/organisation/invite", data=sent).status_code == 401
    with sqlite_world.wired.database.read() as session:
        assert session.exec(select(Invitation).where(Invitation.email == email)).first() is None


def test_what_was_typed_before_a_session_ended_is_sent_after_signing_in_again(desk: House) -> None:
    """The browser sends the very form again, with its old token: the cookie keeps it across the sign-in."""
    client = desk.world.client("developer", desk.first)
    email = f"{uuid.uuid4().hex}@firm.example"
    form = form_of(page(client, "/organisation/invite"))
    typed = {**form, "name": "Ruth Typed", "email": email, "roles": "preparer"}
    desk.act(roles.end_sessions, person=desk.row(desk.first), by=desk.second)
    refused = client.post("/organisation/invite", data=typed)
    assert refused.status_code == 401
    assert "everything you typed" in refused.text
    post(client, "/sign-in", {"email": desk.row(desk.first).email, "password": "secret"})
    assert client.post("/organisation/invite", data=typed).status_code == 303
    assert email in page(client, "/organisation")


def test_the_security_log_never_holds_a_link(desk: House) -> None:
    by = desk.person(Role.PREPARER)
    row = desk.invite(desk.row(by).email, Role.CERTIFYING_OFFICER)
    token = invitations.token_of(desk.key, row.id)
    client = desk.world.client("developer", desk.first)
    shown = page(client, f"/invitation/{token}")
    assert "this is for another person" in shown
    hidden = form_of(page(client, "/organisation"), "/sign-out")
    answer = client.post(f"/invitation/{token}", data={**hidden, "form_id": str(uuid.uuid4())})
    assert answer.status_code == 403
    with desk.world.wired.database.read() as session:
        assert session.get_one(Invitation, row.id).state == "sent"
        subjects = list(session.exec(select(SecurityLogRow.subject)))
    assert not [subject for subject in subjects if token in subject]
    assert "POST /invitation/…" in subjects


def test_a_colleague_who_is_no_administrator_sees_no_button_and_does_nothing(desk: House) -> None:
    by = desk.person(Role.PREPARER)
    client = desk.world.client("developer", by)
    shown = page(client, "/organisation")
    assert "Invite a colleague" not in shown
    hidden = form_of(shown, "/sign-out")
    for path in ("/organisation/invite", f"/organisation/people/{by.person_id}", "/organisation/settings"):
        assert client.get(path).status_code == 404
    target = f"/organisation/people/{by.person_id}/give"
    sent = {**hidden, "form_id": str(uuid.uuid4()), "role": "certifying_officer"}
    assert client.post(target, data=sent).status_code == 404
    assert desk.now(by).roles == {Role.PREPARER}


def test_a_role_taken_between_form_and_submit_stops_the_form(desk: House) -> None:
    third = desk.person(Role.ORGANISATION_ADMINISTRATOR)
    client = desk.world.client("developer", third)
    form = form_of(page(client, "/organisation/invite"))
    desk.act(roles.take, person=desk.row(third), role=Role.ORGANISATION_ADMINISTRATOR)
    email = f"{uuid.uuid4().hex}@firm.example"
    sent = {**form, "name": "N", "email": email, "roles": "preparer"}
    assert client.post("/organisation/invite", data=sent).status_code == 404
    with desk.world.wired.database.read() as session:
        assert session.exec(select(Invitation).where(Invitation.email == email)).first() is None


def test_the_page_of_the_signature_says_why_not_and_leads_to_where_it_changes(desk: House) -> None:
    author = Developer(
        desk.world, desk.organisation, desk.person(Role.PREPARER), desk.person(Role.CERTIFYING_OFFICER)
    )
    other = desk.person(Role.CERTIFYING_OFFICER)
    new = NewAuthority(other.person_id, "officer", "Board", "Resolution", START.date())
    desk.act(authority.record, organisation_id=desk.organisation.id, new=new)
    with desk.world.wired.database.write() as session:
        filing = author.sent(session)
    shown = page(desk.world.client("developer", author.officer), f"/filings/{filing.id}/sign")
    assert "You cannot sign because no authority to sign is recorded for you" in shown
    assert 'href="/organisation"' in shown
    assert "Sign and submit" not in shown


def test_two_administrators_work_an_act_through_the_pages(bureau: House) -> None:
    by = bureau.person(Role.CASE_OFFICER)
    first = bureau.world.client("government", bureau.first)
    second = bureau.world.client("government", bureau.second)
    post(
        first,
        f"/administration/people/{by.person_id}/propose-role/decider",
        {"reason": "A second decider."},
    )
    with bureau.world.wired.database.read() as session:
        query = select(ProposedAct).where(ProposedAct.person_id == by.person_id)
        path = f"/administration/acts/{session.exec(query).one().id}"
    assert f'href="{path}">Approve or refuse: give a role' in page(second, "/")
    assert "another administrator has to approve" in page(first, path)
    assert "Can be approved until" in page(second, path)
    post(second, f"{path}/approve", form_at=path, action=f"{path}/approve")
    assert Role.DECIDER in bureau.now(by).roles


def test_where_no_agent_is_registered_the_page_says_what_to_do(
    make_world: Callable[[str], World], own_sqlite_url: str
) -> None:
    firm = house(make_world(own_sqlite_url), OrganisationKind.DEVELOPER)
    client = firm.world.client("developer", firm.first)
    shown = page(client, "/organisation/delegations/new")
    assert "Ask the authority to register yours" in shown
    assert "<select" not in shown
    firm.world.organisation(OrganisationKind.AGENT)
    assert "<select" in page(client, "/organisation/delegations/new")


def test_no_law_is_named_twice_where_a_legal_entity_is_named(desk: House) -> None:
    shown = page(desk.world.client("developer", desk.first), "/organisation/entities/new")
    assert shown.count("Anthropic proposal (June 2026)") == 1


def test_administration_says_where_an_ended_session_is_kept(bureau: House) -> None:
    shown = page(bureau.world.client("government", bureau.first), "/administration")
    assert "Every change of people and roles is an entry of the ledger" in shown
    assert "an ended session stands in the security log" in shown


def test_an_organisation_with_one_administrator_is_told_and_the_authority_sees_it(
    bureau: House, sqlite_world: World
) -> None:
    small = sqlite_world.organisation(OrganisationKind.EVALUATOR)
    alone = sqlite_world.person(small, Role.ORGANISATION_ADMINISTRATOR)
    mine, authority = sqlite_world.client("evaluator", alone), bureau.world.client("government", bureau.first)

    def listed() -> str:
        row = page(authority, "/administration/organisations").partition(f"/organisations/{small.id}")[2]
        return row.partition("</tr>")[0]

    assert "Name a second administrator" in page(mine, "/")
    assert "1 of at least 2" in listed()
    sqlite_world.person(small, Role.ORGANISATION_ADMINISTRATOR)
    assert "Name a second administrator" not in page(mine, "/")
    assert "of at least 2" not in listed()


def test_pages_of_people_of_every_kind_are_served(bureau: House, desk: House) -> None:
    client = bureau.world.client("government", bureau.first)
    paths = [
        "/administration",
        "/administration/organisations",
        f"/administration/organisations/{desk.organisation.id}",
        f"/administration/people/{desk.first.person_id}",
        "/administration/acts",
        "/administration/conflicts",
        "/administration/mail",
        "/conflicts",
    ]
    for path in paths:
        page(client, path)
    official = bureau.world.client("government", bureau.person(Role.CASE_OFFICER))
    assert {official.get(path).status_code for path in paths} == {404, 200}
    assert official.get("/conflicts").status_code == 200


def test_an_account_slipped_into_the_database_is_named(own_sqlite_url: str, make_world) -> None:
    world = make_world(own_sqlite_url)
    firm = house(world, OrganisationKind.DEVELOPER)
    world.run_jobs()
    keys = audit.verifier_keys(world.wired.log_keys)
    assert audit.run_verify(world.wired.database, keys).problems == []
    slipped = uuid.uuid4()
    with world.wired.database.engine.begin() as raw:
        raw.execute(
            text("INSERT INTO person_role (id, person_id, role, given_at) VALUES (:id, :person, :role, :at)"),
            {"id": slipped.hex, "person": firm.first.person_id.hex, "role": "preparer", "at": "2027-06-01"},
        )
    assert firm.now(firm.first).holds(Role.PREPARER)
    found = audit.run_verify(world.wired.database, keys).problems
    assert {(one.table, one.row) for one in found} == {("person_role", str(slipped))}
    assert identity.Person.__record__


def test_who_only_runs_the_people_is_told_of_nothing_they_cannot_open(desk: House) -> None:
    author = Developer(
        desk.world, desk.organisation, desk.person(Role.PREPARER), desk.person(Role.CERTIFYING_OFFICER)
    )
    with desk.world.wired.database.write() as session:
        filing = author.submitted(session)
        author.draft(session, complete=False)
    for by, known in ((author.preparer, True), (desk.first, False)):
        home = page(desk.world.client("developer", by), "/")
        assert (f"/filings/{filing.reference}" in home) is known
        assert ("/filings/" in home) is known
