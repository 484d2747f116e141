"""The sign-in policy is changed by two administrators on one digest, and counts from the next request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from portal.accounts import policy_changes, policy_words
from portal.settings import SettingsError
from secure_access.db import select
from secure_access.identity import Method, OrganisationKind, policies, policy, proposals
from secure_access.identity.credentials import NewKey, add
from secure_access.identity.policy import Policy, Rule
from secure_access.identity.tables import ProposedAct, SignInPolicy
from secure_access.ledger.tables import LedgerEntry, SecurityLogRow
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.app import World, form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import KeyHolder, confirmation, holder, live
from tests.fixtures.people import House, house

STRICT = Rule(frozenset({Method.PASSKEY}), 2, device_bound=True, step_up=True)
PAGE = "/administration/sign-in-policy"


@pytest.fixture
def alone(make_world: Callable[[str], World], own_url: str) -> House:
    """The authority in an instance of its own, on each database, whose first policy is on record."""
    world = make_world(own_url)
    policy_changes.begin_policy(world.wired)
    return house(world, OrganisationKind.REGULATOR)


@pytest.fixture
def alone_sqlite(make_world: Callable[[str], World], own_sqlite_url: str) -> House:
    """The same on SQLite only."""
    world = make_world(own_sqlite_url)
    policy_changes.begin_policy(world.wired)
    return house(world, OrganisationKind.REGULATOR)


def counts(office: House) -> Policy:
    """The policy in force."""
    return office.terms.counts


def give_keys(office: House, by: Any, many: int, *, synced: bool = False) -> None:
    """Keys of the government's zone, as the database holds them."""
    with office.world.wired.database.write() as session:
        for number in range(many):
            key_id = f"{by.person_id}{number}{synced}".encode()
            new = NewKey(key_id, b"public", 1, synced, False, "", "none")
            add(session, person_id=by.person_id, zone="government", new=new, name="K", wait=timedelta())


def propose(office: House, after: Policy, *, by: Any = None, before: Policy | None = None) -> ProposedAct:
    new = policy_changes.proposal(before or counts(office), after, reason="Keys for all.")
    with office.world.wired.database.write() as session:
        settings, now = office.world.wired.settings, office.world.clock.now()
        return policy_changes.propose(session, new, settings=settings, by=by or office.first, now=now)


def approve(office: House, row: ProposedAct, **other: Any) -> object:
    given = {"by": office.second, "terms": office.terms, **other}
    return office.act(proposals.approve, proposal=row, shown_digest=row.digest, **given)


def stricter(office: House, *roles: Role) -> Policy:
    return policy_changes.with_rule(counts(office), list(roles), STRICT)


# What two administrators do together


def test_two_administrators_change_the_policy_and_it_counts_from_the_next_request(alone: House) -> None:
    official = holder(alone.world, "government", alone.person(Role.CASE_OFFICER))
    other = holder(alone.world, "government", alone.person(Role.DECIDER))
    assert official.client.get("/").status_code == other.client.get("/").status_code == 200
    row = propose(alone, stricter(alone, Role.CASE_OFFICER))
    assert counts(alone).rules[Role.CASE_OFFICER] != STRICT, "nothing counts before it is approved"
    approve(alone, row)
    assert counts(alone).rules[Role.CASE_OFFICER] == STRICT
    assert live(alone.world, official.actor) == [], "it began in a way that the role takes no more"
    assert official.client.get("/").status_code == 303
    assert other.client.get("/").status_code == 200
    with alone.world.wired.database.read() as session:
        kept = policies.latest(session)
        entries = policies.history(session)
        ended = select(SecurityLogRow).where(SecurityLogRow.kind == "session.ended_by_policy")
        assert json.loads(session.exec(ended).one().detail) == {"sessions": 1}
    assert kept is not None
    assert (kept.number, kept.act_id, kept.digest) == (2, row.id, counts(alone).digest)
    assert policy.read(kept.content).stated == kept.content.encode(), "the whole of it is kept"
    assert [entry.type for entry in entries] == ["sign_in_policy.changed", "sign_in_policy.began"]
    assert entries[0].person_id == alone.second.person_id


def test_whoever_lacks_a_key_under_the_new_policy_is_told_on_their_account(alone_sqlite: House) -> None:
    office = alone_sqlite
    approve(office, propose(office, stricter(office, Role.CASE_OFFICER)))
    official = holder(office.world, "government", office.person(Role.CASE_OFFICER))
    asked = official.client.get("/")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/account")
    assert "at least 2 keys that stay on their device; you have 0" in official.client.get("/account").text


def test_the_words_on_every_page_follow_the_policy(alone_sqlite: House) -> None:
    office = alone_sqlite
    for by in (office.first, office.second):
        give_keys(office, by, 2)
    public, said = office.world.client("public"), "Entry by password: demonstration only"
    assert said in public.get("/").text
    approve(office, propose(office, stricter(office, *Role)))
    assert said not in public.get("/").text
    developer = office.world.client("developer")
    assert said not in developer.get("/sign-in").text
    assert said not in developer.get("/nothing").text, (
        "a refusal has no transaction: it says it as the page before"
    )


def test_the_record_of_a_policy_is_neither_changed_nor_removed(alone: House) -> None:
    for statement in ("UPDATE sign_in_policy SET words = 'x'", "DELETE FROM sign_in_policy"):
        with pytest.raises(DBAPIError, match="append-only"), alone.world.wired.database.write() as session:
            session.connection().exec_driver_sql(statement)


# What is refused


def test_a_policy_that_would_keep_an_administrator_out_is_not_proposed_and_not_approved(alone: House) -> None:
    after = stricter(alone, Role.ADMINISTRATOR)
    with pytest.raises(Denied, match="Astrid First could not sign in and administer: they would need 2 more"):
        propose(alone, after)
    give_keys(alone, alone.first, 2, synced=True)
    with pytest.raises(Denied, match="need 2 more"):
        propose(alone, after)
    give_keys(alone, alone.first, 2)
    row = propose(alone, after)
    give_keys(alone, alone.second, 1)
    with pytest.raises(Denied, match="Emil Second could not sign in and administer: they would need 1 more"):
        approve(alone, row)
    assert counts(alone).rules[Role.ADMINISTRATOR] != STRICT
    with alone.world.wired.database.read() as session:
        assert session.get_one(ProposedAct, row.id).state == "proposed"


def test_a_way_in_that_the_administrators_do_not_have_is_refused(alone_sqlite: House) -> None:
    rule = Rule(frozenset({Method.SSO}), 0, device_bound=False, step_up=False)
    with pytest.raises(Denied, match="have no way in that it opens"):
        propose(alone_sqlite, policy_changes.with_rule(counts(alone_sqlite), [Role.ADMINISTRATOR], rule))


def test_production_takes_no_entry_by_password(alone: House) -> None:
    row = propose(alone, stricter(alone, Role.CASE_OFFICER))
    with pytest.raises(Denied, match="lets people in by password alone"):
        approve(alone, row, terms=replace(alone.terms, by_password=False))
    production = SimpleNamespace(first_policy=policy.load("standard"), demonstration=False)
    new = policy_changes.proposal(counts(alone), stricter(alone, Role.DECIDER), reason="R.")
    with (
        pytest.raises(Denied, match="lets people in by password alone"),
        alone.world.wired.database.write() as session,
    ):
        policy_changes.propose(session, new, settings=production, by=alone.first, now=alone.world.clock.now())


def test_a_proposal_on_another_policy_than_the_one_in_force_undoes_nothing(alone: House) -> None:
    before = counts(alone)
    first = propose(alone, stricter(alone, Role.CASE_OFFICER))
    second = propose(alone, stricter(alone, Role.PREPARER))
    approve(alone, first)
    with pytest.raises(Denied, match="changed after this was put together"):
        approve(alone, second)
    with pytest.raises(Denied, match="changed after this was put together"):
        propose(alone, policy_changes.with_rule(before, [Role.DECIDER], STRICT), before=before)
    assert counts(alone).rules[Role.CASE_OFFICER] == STRICT


def test_what_changes_nothing_is_not_proposed(alone_sqlite: House) -> None:
    with pytest.raises(Denied, match="This is the policy that is in force"):
        propose(alone_sqlite, counts(alone_sqlite))
    with (
        pytest.raises(Denied, match="in force already"),
        alone_sqlite.world.wired.database.write() as session,
    ):
        now = alone_sqlite.world.clock.now()
        policies.change(session, counts(alone_sqlite), came=policies.Came(), by=None, now=now)


def test_only_administrators_of_the_authority_propose(alone_sqlite: House) -> None:
    official = alone_sqlite.person(Role.DECIDER)
    with pytest.raises(NotFound):
        propose(alone_sqlite, stricter(alone_sqlite, Role.PREPARER), by=official)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (replace(STRICT, methods=frozenset()), "at least one way"),
        (replace(STRICT, methods=frozenset({Method.FIRST_KEY})), "at least one way"),
        (replace(STRICT, keys=9), "Nobody can be asked for 9 keys"),
        (replace(STRICT, keys=-1), "Nobody can be asked for -1 keys"),
        (replace(STRICT, keys=0), "at least one key"),
        (replace(STRICT, keys=0, methods=frozenset({Method.PASSWORD})), "at least one key"),
    ],
)
def test_a_rule_that_nobody_can_work_under_is_refused(rule: Rule, said: str) -> None:
    with pytest.raises(Denied, match=said):
        policy_changes.with_rule(policy.load("standard"), [Role.DECIDER], rule)


@pytest.mark.parametrize(
    ("wait", "lapse", "said"),
    [
        (-1, 14, "wait that long"),
        (24 * 31, 14, "wait that long"),
        (24, 0, "open that long"),
        (24, 91, "open that"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(wait: int, lapse: int, said: str) -> None:
    with pytest.raises(Denied, match=said):
        policy_changes.with_times(
            policy.load("standard"), wait=timedelta(hours=wait), lapse=timedelta(days=lapse)
        )


# What it would do to whom


def test_what_changes_is_counted_on_the_people_who_are_there(alone: House) -> None:
    ready, halfway = alone.person(Role.CASE_OFFICER), alone.person(Role.CASE_OFFICER)
    give_keys(alone, ready, 2)
    give_keys(alone, halfway, 1)
    alone.person(Role.CASE_OFFICER)
    with alone.world.wired.database.read() as session:
        (shift,) = policy_changes.shifts(session, counts(alone), stricter(alone, Role.CASE_OFFICER))
        said = policy_words.effect(session, counts(alone), stricter(alone, Role.CASE_OFFICER))
    assert (shift.people, shift.shut_out, shift.need_keys) == (3, 1, 2)
    assert said.rows[0][4] == "3 people; 1 would no longer get in; 2 would need another key"
    assert said.rows[0][2] == "None → 2 of one device"
    assert said.looser == []


def test_a_rule_for_agents_counts_the_people_who_act_for_others(alone_sqlite: House) -> None:
    agents = alone_sqlite.world.organisation(OrganisationKind.AGENT)
    alone_sqlite.world.person(agents, Role.AGENT)
    after = stricter(alone_sqlite, Role.DRAFTING_AGENT, Role.PREPARER)
    with alone_sqlite.world.wired.database.read() as session:
        found = policy_words.effect(session, counts(alone_sqlite), after)
    assert [row[4] for row in found.rows] == [
        "1 person; 1 would no longer get in; 1 would need another key",
        "0 people",
    ]


STANDARD = policy.load("standard")


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (replace(STRICT, keys=1), "Decider: fewer keys"),
        (replace(STRICT, device_bound=False), "Decider: keys that can be copied count"),
        (replace(STRICT, step_up=False), "Decider: acts are not always confirmed with a key"),
        (replace(STRICT, methods=frozenset({Method.PASSKEY, Method.SSO})), "Decider: single sign-on opens"),
    ],
)
def test_what_asks_less_is_marked(after: Rule, said: str) -> None:
    looser = policy_changes.with_rule(STANDARD, [Role.DECIDER], after)
    assert policy_changes.loosened(STANDARD, looser) == [said]
    assert policy_changes.loosened(looser, STANDARD) == []
    assert said in policy_words.summary(STANDARD, looser)


def test_times_that_ask_less_are_marked() -> None:
    other = policy_changes.with_times(STANDARD, wait=timedelta(hours=1), lapse=timedelta(days=30))
    assert len(policy_changes.loosened(STANDARD, other)) == 2
    assert policy_changes.loosened(other, STANDARD) == []
    assert "waits 1 hour" in policy_words.summary(STANDARD, other)
    assert "for 30 days, not 14 days" in policy_words.summary(STANDARD, other)


def test_another_way_for_keys_is_not_less() -> None:
    drafting = STANDARD.rules[Role.PREPARER]
    less = policy_changes.with_rule(
        STANDARD, [Role.PREPARER], replace(drafting, methods=drafting.methods - {Method.PASSKEY})
    )
    assert policy_changes.loosened(less, STANDARD) == []


# How an instance begins


def test_of_two_processes_that_start_at_once_one_records_the_policy(
    make_world: Callable[[str], World], own_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(own_url)
    policy_changes.begin_policy(world.wired)
    monkeypatch.setattr(policies, "latest", lambda _session: None)  # the other one has not committed yet
    with world.wired.database.write() as session:
        assert policies.begin(session, STANDARD, name="standard", now=world.clock.now()) is None
    with world.wired.database.read() as session:
        assert len(session.exec(select(SignInPolicy)).all()) == 1


def test_a_process_of_another_zone_records_nothing(
    make_world: Callable[[str], World], own_sqlite_url: str
) -> None:
    world = make_world(own_sqlite_url)
    for zone in ("public", "developer", "evaluator"):
        settings = replace(world.wired.settings, zone=zone)
        policy_changes.begin_policy(replace(world.wired, settings=settings))
    with world.wired.database.read() as session:
        assert policies.latest(session) is None
        assert policies.in_force(session, STANDARD) is STANDARD


def test_where_the_machine_names_another_policy_the_one_on_record_counts_and_the_page_says_so(
    alone_sqlite: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(policy_changes.log, "warning", lambda event, **_: said.append(event), raising=False)
    world = alone_sqlite.world
    policy_changes.begin_policy(world.wired)
    assert said == []
    approve(alone_sqlite, propose(alone_sqlite, stricter(alone_sqlite, Role.PREPARER)))
    policy_changes.begin_policy(world.wired)
    assert said == ["sign_in_policy.on_record_rules"]
    page = holder(world, "government", alone_sqlite.first).client.get(PAGE).text
    assert "The machine names another policy, “demonstration”" in page
    assert "Changed by two administrators" in page


def test_a_production_process_does_not_start_on_a_policy_by_password(alone_sqlite: House) -> None:
    wired = alone_sqlite.world.wired
    settings = replace(wired.settings, profile="production", sign_in="standard")
    with pytest.raises(SettingsError, match="assay admin sign-in-policy"):
        policy_changes.begin_policy(replace(wired, settings=settings))


def test_a_role_that_the_record_does_not_know_gets_the_rule_of_the_release(alone: House) -> None:
    world, old = alone.world, counts(alone)
    fewer = replace(old, rules={role: rule for role, rule in old.rules.items() if role is not Role.DECIDER})
    with world.wired.database.write() as session:
        policies.change(session, fewer, came=policies.Came(), by=None, now=world.clock.now())
        assert policies.in_force(session, STANDARD).rules[Role.DECIDER] == STRICT
        assert policies.in_force(session, STANDARD).rules[Role.PREPARER] == old.rules[Role.PREPARER]
        policies.begin(session, STANDARD, name="standard", now=world.clock.now())
    with world.wired.database.read() as session:
        kept = policies.latest(session)
        assert kept is not None
        assert policy.read(kept.content).rules[Role.DECIDER] == STRICT


# On the screen


def typed(person: KeyHolder, path: str, **fields: Any) -> Any:
    form = form_of(person.client.get(path).text)
    return person.client.post(path, data={**form, **fields})


STRICTER = {
    "roles": ["case_officer"],
    "methods": ["passkey"],
    "keys": "2",
    "device_bound": "yes",
    "step_up": "yes",
    "reason": "Keys for all.",
}


def proposed_on(office: House) -> list[ProposedAct]:
    with office.world.wired.database.read() as session:
        return list(session.exec(select(ProposedAct).where(ProposedAct.act == policy_changes.CHANGE)))


def with_key(office: House, by: Any) -> tuple[KeyHolder, SoftKey]:
    person, key = holder(office.world, "government", by), SoftKey()
    assert person.add(key).status_code == 303
    return person, key


def test_what_changes_is_shown_before_it_is_proposed_and_both_keys_stand_behind_one_digest(
    alone: House,
) -> None:
    first, key = with_key(alone, alone.first)
    path = f"{PAGE}/rules/case_officer"
    page = typed(first, path, **STRICTER)
    assert page.status_code == 200
    assert "Ways to sign in" in page.text
    assert proposed_on(alone) == [], "it was only shown"
    form = form_of(page.text)
    changed = first.client.post(path, data={**form, **STRICTER, "keys": "1"})
    assert "Propose exactly this" in changed.text
    assert proposed_on(alone) == [], "another answer is shown once more"
    asked = first.client.post(path, data={**form, **STRICTER})
    assert "Confirm with your key" in asked.text
    assert "Rule of case officer" in asked.text
    assert proposed_on(alone) == []
    kept = confirmation(asked.text, key, first.origin, path)
    answer = first.client.post(path, data={**kept, **STRICTER})
    assert answer.status_code == 303, answer.text
    (row,) = proposed_on(alone)

    act = f"/administration/acts/{row.id}"
    refused = first.post(f"{act}/approve", digest=row.digest)
    assert (refused.status_code, "You proposed this act" in refused.text) == (403, True)
    second, second_key = with_key(alone, alone.second)
    shown = second.client.get(act).text
    assert "What changes for whom" in shown
    sent = form_of(shown, f"{act}/approve")
    asked = second.client.post(f"{act}/approve", data=sent)
    assert "Confirm with your key" in asked.text
    done = second.confirm(asked, second_key, f"{act}/approve")
    assert done.status_code == 303, done.text
    assert counts(alone).rules[Role.CASE_OFFICER] == STRICT
    with alone.world.wired.database.read() as session:
        used = [e for e in session.exec(select(LedgerEntry)) if e.type == "step_up.used"]
    assert {e.fields["shown"] for e in used if e.fields["action"].startswith("act.")} == {row.digest}


def test_the_page_refuses_what_the_verbs_refuse(alone_sqlite: House) -> None:
    first = holder(alone_sqlite.world, "government", alone_sqlite.first)
    path = f"{PAGE}/rules/case_officer"
    for fields, said in (
        ({"keys": "many"}, "Write a whole number in digits"),
        ({"methods": []}, "Choose at least one way."),
        ({"reason": ""}, "Say why"),
        ({"keys": "99"}, "Nobody can be asked for 99 keys"),
        ({"roles": ["administrator"]}, "Astrid First could not sign in"),
    ):
        refused = typed(first, path, **{**STRICTER, **fields})
        assert (refused.status_code, said in unescape(refused.text)) == (422, True), (fields, refused.text)
    assert proposed_on(alone_sqlite) == []


def test_times_are_changed_in_the_same_way(alone_sqlite: House) -> None:
    first = holder(alone_sqlite.world, "government", alone_sqlite.first)
    path, fields = f"{PAGE}/times", {"wait_hours": "48", "lapse_days": "30", "reason": "Holidays."}
    page = typed(first, path, **fields)
    assert "for 30 days, not 14 days" in page.text
    assert "This asks less than the policy in force" in page.text
    assert first.client.post(path, data={**form_of(page.text), **fields}).status_code == 303
    (row,) = proposed_on(alone_sqlite)
    second = holder(alone_sqlite.world, "government", alone_sqlite.second)
    act = second.client.get(f"/administration/acts/{row.id}")
    assert "This asks less than the policy in force" in act.text
    assert second.post(f"/administration/acts/{row.id}/approve", digest=row.digest).status_code == 303
    assert (counts(alone_sqlite).wait, counts(alone_sqlite).lapse) == (
        timedelta(hours=48),
        timedelta(days=30),
    )
    assert "What changes for whom" not in second.client.get(f"/administration/acts/{row.id}").text


def test_an_outdated_proposal_says_so_on_its_page(alone_sqlite: House) -> None:
    office = alone_sqlite
    row = propose(office, stricter(office, Role.PREPARER))
    approve(office, propose(office, stricter(office, Role.CASE_OFFICER)))
    page = holder(office.world, "government", office.second).client.get(f"/administration/acts/{row.id}")
    assert "changed after this was put together" in page.text
    assert "Approve and do it" not in page.text


def test_only_administrators_reach_the_pages_and_no_other_role_exists(alone_sqlite: House) -> None:
    official = holder(alone_sqlite.world, "government", alone_sqlite.person(Role.DECIDER))
    for path in (PAGE, f"{PAGE}/times", f"{PAGE}/rules/decider"):
        assert official.client.get(path).status_code == 404
    first = holder(alone_sqlite.world, "government", alone_sqlite.first)
    assert first.client.get(f"{PAGE}/rules/nobody").status_code == 404
    assert first.client.get(f"{PAGE}/rules/decider").status_code == 200


def test_a_proposal_that_nobody_settled_in_time_is_shown_as_lapsed(alone_sqlite: House) -> None:
    office = alone_sqlite
    row = propose(office, stricter(office, Role.PREPARER))
    first = holder(office.world, "government", office.first)
    assert "Waits for a second administrator" in first.client.get("/administration/acts").text
    office.world.clock.at += counts(office).lapse
    for path in ("/administration/acts", f"/administration/acts/{row.id}"):
        page = first.client.get(path).text
        assert "Lapsed, not done" in page
        assert "Waits for a second administrator" not in page


def test_production_takes_no_policy_under_which_acts_of_record_need_no_key(alone_sqlite: House) -> None:
    """Else one command on the machine, or one act of two, would let deciders decide without a key."""
    standard = policy.load("standard")
    for rule in (
        replace(standard.rules[Role.DECIDER], step_up=False),
        replace(standard.rules[Role.DECIDER], step_up=False, keys=0, methods=frozenset({Method.SSO})),
    ):
        weaker = policy_changes.with_rule(standard, [Role.DECIDER], rule)
        with pytest.raises(Denied, match="Acts of decider would be confirmed with no key"):
            policy_changes.refuse_by_password(weaker, allowed=False)
        policy_changes.refuse_by_password(weaker, allowed=True)
    policy_changes.refuse_by_password(standard, allowed=False)
