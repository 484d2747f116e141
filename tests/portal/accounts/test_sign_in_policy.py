"""The sign-in policy: who may come in how, how many keys they need, and what the demonstration says."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest

from portal import mail
from portal.accounts import first_keys
from portal.settings import ZONES, Settings, SettingsError
from secure_access import identity
from secure_access.db import select
from secure_access.identity import Method, OrganisationKind, Person, invitations, policies, policy, totp
from secure_access.identity.policy import PolicyError
from secure_access.identity.proposals import CHANGED
from secure_access.jobs import Job
from secure_access.workflow import Role
from tests.fixtures.app import World, form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import KeyHolder, holder, live
from tests.fixtures.people import house
from tests.portal.accounts.test_own_keys import sign_in as sign_in_with_key
from tests.portal.accounts.test_own_keys import told
from tests.portal.test_settings import PRODUCTION

MOMENT = datetime(2026, 11, 28, 12, tzinfo=UTC)
WRONG = "E-mail address, password and code do not belong together in this zone, or this code was used"


class Still(datetime):
    """A clock that stands: half a minute may end between a code and its use, and it does in tests."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return MOMENT


@pytest.fixture(autouse=True)
def _a_still_clock_for_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totp, "datetime", Still)


def code_of(secret: str, steps: int = 0) -> str:
    """The code that an app shows now, or some steps later."""
    return pyotp.TOTP(secret).at(int(MOMENT.timestamp()) + steps * totp.STEP_SECONDS)


def somebody(world: World, *roles: Role, kind: OrganisationKind = OrganisationKind.DEVELOPER) -> KeyHolder:
    zone = {OrganisationKind.DEVELOPER: "developer", OrganisationKind.REGULATOR: "government"}[kind]
    return holder(world, zone, world.person(world.organisation(kind), *roles))


def enter(person: KeyHolder, password: str = "secret", code: str = "") -> Any:
    """Sign in by typing, in a fresh browser."""
    client = person.world.client(person.zone)
    fields = form_of(client.get("/sign-in").text, "/sign-in")
    answer = client.post(
        "/sign-in", data={**fields, "email": person.email, "password": password, "code": code}
    )
    answer.browser = client
    return answer


def add_app(person: KeyHolder) -> str:
    """Add an app with codes; its secret. The code that proves it is that of the step before now."""
    page = person.client.get("/account/code").text
    secret = re.findall(r'name="secret" value="(\w+)"', page)[0]
    code = code_of(secret, -1)
    assert person.post("/account/code", secret=secret, code=code).status_code == 303
    return secret


def first_key_code(person: KeyHolder, *, lost: bool = False) -> str:
    with person.world.wired.database.write() as session:
        now = person.world.clock.now()
        return first_keys.give_on_the_machine(session, email=person.email, lost=lost, now=now)


# The data


def test_the_standard_policy_holds_staff_signers_and_readers_to_two_keys_of_their_device() -> None:
    rules = policy.load("standard").rules
    drafting = {
        Role.PREPARER,
        Role.ASSESSOR,
        Role.AGENT,
        Role.DRAFTING_AGENT,
        Role.REPORTING_AGENT,
        Role.ANSWERING_AGENT,
    }
    for role in set(Role) - drafting:
        rule = rules[role]
        assert (rule.methods, rule.keys, rule.device_bound, rule.step_up) == ({Method.PASSKEY}, 2, True, True)
    for role in drafting:
        assert rules[role].methods == {Method.PASSKEY, Method.PASSWORD_AND_CODE, Method.SSO}
    assert Method.PASSWORD not in set().union(*(rule.methods for rule in rules.values()))


def test_the_policy_of_single_sign_on_is_the_standard_one_with_one_more_way_in() -> None:
    standard, other = policy.load("standard"), policy.load("single_sign_on")
    assert (other.entry_by_password, other.wait) == (False, standard.wait)
    for role in Role:
        assert other.rules[role] == replace(
            standard.rules[role], methods=standard.rules[role].methods | {Method.SSO}
        )


def test_several_roles_are_held_to_all_their_rules() -> None:
    rule = policy.load("standard").rule([Role.PREPARER, Role.CERTIFYING_OFFICER])
    assert (rule.methods, rule.keys, rule.device_bound, rule.code) == ({Method.PASSKEY}, 2, True, False)
    assert policy.load("standard").rule([]).methods == frozenset()


RULE = '[[rule]]\nroles = ["*"]\nmethods = ["passkey"]\nkeys = 1\ndevice_bound = true\nstep_up = true\n'
HEAD = 'words = ""\nentry_by_password = false\nwait_hours = 24\nlapse_days = 14\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + RULE.replace('"*"', '"decider"'), "no rule names"),
        (HEAD + RULE.replace('"*"', '"king"'), "king"),
        (HEAD + RULE.replace('"passkey"', '"first_key"'), "methods are some of"),
        (HEAD + RULE.replace('"passkey"', '"password"'), "entry_by_password is true"),
        (RULE, "exactly the entries"),
        (HEAD + RULE.replace("keys = 1\n", ""), "exactly the entries"),
        ("words = ", "cannot be read"),
    ],
)
def test_a_policy_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=said):
        policy.load(str(path))


def test_a_deployment_has_a_policy_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(HEAD + RULE)
    settings = Settings.from_env({**PRODUCTION, "ASSAY_SIGN_IN": str(path)})
    assert settings.first_policy.rule([Role.PREPARER]).keys == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ASSAY_SIGN_IN": "demonstration"}, "ASSAY_SIGN_IN.*refuses entry by password"),
        ({"ASSAY_SIGN_IN": "whatever"}, "ASSAY_SIGN_IN.*no such policy"),
        ({"ASSAY_KEY_MODELS": "yubikey"}, "ASSAY_KEY_MODELS is 'yubikey'"),
        ({"ASSAY_KEY_MODELS": "cb69481e-8ff7-4039-93ec-0a2729a154a8"}, "ASSAY_KEY_ROOTS"),
        ({"ASSAY_KEY_ROOTS": "/no/such.pem"}, "ASSAY_KEY_ROOTS"),
    ],
)
def test_production_refuses_policies_and_models_that_hold_nobody(change: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(PRODUCTION | change)
    assert Settings.from_env(PRODUCTION).sign_in == "standard"


def test_the_demonstration_says_on_every_page_that_a_password_opens_it(sqlite_world: World) -> None:
    words = "Entry by password: demonstration only."
    for zone in ZONES:
        assert words in sqlite_world.client(zone).get("/" if zone == "public" else "/sign-in").text
    assert words in somebody(sqlite_world, Role.PREPARER).client.get("/").text


def test_another_policy_does_not_say_so(strict_sqlite_world: World) -> None:
    assert "Entry by password" not in strict_sqlite_world.client("developer").get("/sign-in").text


# Coming in under the standard policy


def test_a_code_is_right_for_half_a_minute_and_one_step_each_way() -> None:
    secret = totp.fresh_secret()
    here = int(MOMENT.timestamp()) // totp.STEP_SECONDS
    found = {steps: totp.matching_step(secret, code_of(secret, steps)) for steps in range(-3, 4)}
    assert {steps: step for steps, step in found.items() if step is not None} == {
        steps: here + steps for steps in (-1, 0, 1)
    }


def test_a_password_alone_opens_nothing(strict_world: World) -> None:
    for person in (somebody(strict_world, Role.PREPARER), somebody(strict_world, Role.CERTIFYING_OFFICER)):
        answers = [enter(person), enter(person, "guess"), enter(person, code="123456")]
        assert {answer.status_code for answer in answers} == {422}
        assert all(WRONG in answer.text for answer in answers)


def test_a_drafting_account_comes_in_with_a_code_that_is_accepted_once(strict_world: World) -> None:
    person = somebody(strict_world, Role.PREPARER)
    secret = add_app(person)
    code = code_of(secret)
    opened = enter(person, code=code)
    assert opened.status_code == 303
    assert opened.browser.get("/").status_code == 200
    assert enter(person, code=code).status_code == 422
    assert {row.method for row in live(strict_world, person.actor)} >= {Method.PASSWORD_AND_CODE}


def test_a_code_is_neither_taken_twice_at_enrolment_nor_with_a_wrong_password(
    strict_sqlite_world: World,
) -> None:
    person = somebody(strict_sqlite_world, Role.PREPARER)
    secret = add_app(person)
    before = code_of(secret, -1)
    assert enter(person, code=before).status_code == 422
    now = code_of(secret)
    assert enter(person, "guess", code=now).status_code == 422
    assert enter(person, code=now).status_code == 303, "a code that came with a wrong password is not used up"


def test_the_secret_of_an_app_is_not_in_the_database(strict_world: World) -> None:
    person = somebody(strict_world, Role.PREPARER)
    secret = add_app(person)
    with strict_world.wired.database.read() as session:
        kept = session.get_one(totp.Totp, person.actor.person_id).secret
    assert secret.encode() not in kept
    assert (
        strict_world.wired.credential_keys.unwrap(kept, f"totp:{person.actor.person_id}") == secret.encode()
    )


def test_who_signs_adds_no_app(strict_sqlite_world: World) -> None:
    person = somebody(strict_sqlite_world, Role.CERTIFYING_OFFICER)
    assert person.client.get("/account/code").status_code == 403
    assert person.post("/account/code", secret=totp.fresh_secret(), code="1").status_code == 403
    assert "Code of an app" not in person.client.get("/account").text


@pytest.mark.parametrize("secret", ["", "A" * 16, "not base32 !", "A" * 2_000])
def test_an_app_keeps_no_secret_that_it_was_not_given(strict_sqlite_world: World, secret: str) -> None:
    person = somebody(strict_sqlite_world, Role.PREPARER)
    assert person.post("/account/code", secret=secret, code="000000").status_code == 422


def test_a_wrong_code_at_enrolment_keeps_the_picture(strict_sqlite_world: World) -> None:
    person = somebody(strict_sqlite_world, Role.PREPARER)
    secret = totp.fresh_secret()
    answer = person.post("/account/code", secret=secret, code="12")
    assert answer.status_code == 422
    assert f'value="{secret}"' in answer.text
    assert "The app is not added" in answer.text


def test_in_the_demonstration_who_has_an_app_is_asked_for_its_code(sqlite_world: World) -> None:
    person = somebody(sqlite_world, Role.PREPARER)
    assert enter(person).status_code == 303
    secret = add_app(person)
    assert enter(person).status_code == 422
    assert enter(person, code=code_of(secret)).status_code == 303


def test_a_code_for_a_first_key_opens_ones_own_account_once(strict_world: World) -> None:
    person = somebody(strict_world, Role.CERTIFYING_OFFICER)
    code = first_key_code(person)
    assert enter(person, "guess", code=code).status_code == 422
    opened = enter(person, code=code.lower())
    assert opened.status_code == 303
    assert enter(person, code=code).status_code == 422
    client = opened.browser
    assert client.get("/filings").headers["Location"] == "/account"
    page = client.get("/account").text
    assert "Your role asks for at least 2 keys that stay on their device; you have 0." in page
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    refused = client.post("/filings/new", data={"csrf_token": token, "kind": "safety_framework"})
    assert refused.status_code == 403
    assert "at least 2 keys" in refused.text


def test_with_two_keys_everything_is_open_and_with_one_nothing(strict_world: World) -> None:
    person = somebody(strict_world, Role.CERTIFYING_OFFICER)
    first, second = SoftKey(), SoftKey()
    assert person.add(first).status_code == 303
    assert (
        "A new key signs, approves and serves nothing for its first 24 hours."
        in person.client.get("/account").text
    )
    one = sign_in_with_key(strict_world, "developer", first)
    assert one.browser.get("/").headers["Location"] == "/account"
    assert person.add(second, by=first).status_code == 303
    assert sign_in_with_key(strict_world, "developer", second).browser.get("/").status_code == 200


def test_a_key_that_can_be_copied_is_not_taken_from_who_signs(strict_sqlite_world: World) -> None:
    person = somebody(strict_sqlite_world, Role.CERTIFYING_OFFICER)
    refused = person.add(SoftKey(synced=True))
    assert refused.status_code == 403
    assert "can be copied between devices" in refused.text
    assert person.rows() == []
    drafting = somebody(strict_sqlite_world, Role.PREPARER)
    synced = SoftKey(synced=True, step=0)
    assert drafting.add(synced).status_code == 303
    assert sign_in_with_key(strict_sqlite_world, "developer", synced).browser.get("/").status_code == 200


def test_no_key_is_removed_below_what_the_policy_asks(strict_sqlite_world: World) -> None:
    person = somebody(strict_sqlite_world, Role.CERTIFYING_OFFICER)
    first, second = SoftKey(), SoftKey()
    person.add(first)
    person.add(second, by=first)
    person.age()
    where = f"/account/keys/{person.rows()[1].id}"
    assert "Removing it</b> is not open to you now" in person.client.get(where).text
    refused = person.confirm(person.post(where, do="remove"), first, where)
    assert refused.status_code == 403
    assert "Add another key first" in refused.text
    third = SoftKey()
    assert person.add(third, by=first).status_code == 303
    assert person.confirm(person.post(where, do="remove"), first, where).status_code == 303
    assert len(person.rows()) == 2


def test_lost_keys_are_suspended_and_replaced(strict_world: World) -> None:
    person = somebody(strict_world, Role.CERTIFYING_OFFICER)
    lost, fresh = SoftKey(), SoftKey()
    person.add(lost)
    code = first_key_code(person, lost=True)
    assert person.client.get("/account").status_code == 303, "every session has ended"
    refused = sign_in_with_key(strict_world, "developer", lost)
    assert refused.status_code == 403
    assert "it was reported as lost" in refused.text
    opened = enter(person, code=code)
    back = KeyHolder(strict_world, "developer", person.actor, opened.browser)
    assert back.add(fresh).status_code == 303, "the code stands in for a key where one is added"
    assert [row.suspended_reason for row in back.rows()] == ["lost", ""]


def test_whatever_is_lost_at_once_is_told_in_one_mail(strict_sqlite_world: World) -> None:
    person = somebody(strict_sqlite_world, Role.PREPARER)
    add_app(person)
    person.add(first := SoftKey())
    person.add(SoftKey(), by=first)

    def mails() -> int:
        with strict_sqlite_world.wired.database.read() as session:
            query = select(Job).where(Job.kind == CHANGED, Job.subject_id == str(person.actor.person_id))
            return len(session.exec(query).all())

    before = mails()
    first_key_code(person, lost=True)
    assert mails() == before + 1
    changes = told(strict_sqlite_world, person)[-4:]
    assert sorted(changes) == [
        ("given", "first_key_code"),
        ("removed", "code"),
        ("suspended", "passkey"),
        ("suspended", "passkey"),
    ]


def test_the_last_way_in_is_not_removed(strict_sqlite_world: World) -> None:
    person = somebody(strict_sqlite_world, Role.PREPARER)
    add_app(person)
    refused = person.post("/account/code/remove")
    assert refused.status_code == 403
    assert "your only way to sign in" in refused.text
    key = SoftKey()
    person.add(key)
    person.age()
    asked = person.post("/account/code/remove")
    assert person.confirm(asked, key, "/account/code/remove").status_code == 303
    assert person.post(f"/account/keys/{person.rows()[0].id}", do="rename", name="x").status_code == 303


def test_wrong_codes_are_counted_and_lock_nobody_out_elsewhere(strict_sqlite_world: World) -> None:
    person = somebody(strict_sqlite_world, Role.PREPARER)
    secret = add_app(person)
    for number in range(8):
        assert enter(person, code=f"00000{number}").status_code == 422
    assert enter(person, code=code_of(secret)).status_code == 403
    with strict_sqlite_world.wired.database.read() as session:
        assert session.get_one(Person, person.actor.person_id).suspended is False
    client = strict_sqlite_world.client("developer")
    client.environ_base["REMOTE_ADDR"] = "127.0.0.7"
    fields = form_of(client.get("/sign-in").text, "/sign-in")
    code = code_of(secret)
    sent = {**fields, "email": person.email, "password": "secret", "code": code, "form_id": str(uuid.uuid4())}
    assert client.post("/sign-in", data=sent).status_code == 303


# What comes after a first password


def test_whoever_needs_a_key_is_told_how_to_get_in_after_accepting(strict_sqlite_world: World) -> None:
    world = strict_sqlite_world
    firm = house(world, OrganisationKind.DEVELOPER)
    row = firm.invite(f"{uuid.uuid4().hex}@firm.example", Role.CERTIFYING_OFFICER)
    path = f"/invitation/{invitations.token_of(firm.key, row.id)}"
    with world.wired.database.read() as session:
        (invited,) = mail.invitation_letters(session, world.wired, str(row.id))
    client = world.client("developer")
    sent = {**form_of(client.get(path).text), "password": "a long password", "again": "a long password"}
    assert client.post(path, data=sent).status_code == 303
    page = client.get("/sign-in").text
    with world.wired.database.write() as session:
        person = identity.by_email(session, row.email)
        again = invitations.reset(session, person=person, key=firm.key, by=None, now=world.clock.now())
        (reset,) = mail.invitation_letters(session, world.wired, str(again.id))
    for said in (page, invited.text, reset.text):
        assert "for a code for a first key, sign in with your password and that code" in said
    assert "Sign in now" not in page


def test_whoever_needs_no_key_just_signs_in(sqlite_world: World) -> None:
    firm = house(sqlite_world, OrganisationKind.DEVELOPER)
    row = firm.invite(f"{uuid.uuid4().hex}@firm.example", Role.CERTIFYING_OFFICER)
    path = f"/invitation/{invitations.token_of(firm.key, row.id)}"
    with sqlite_world.wired.database.read() as session:
        (letter,) = mail.invitation_letters(session, sqlite_world.wired, str(row.id))
    client = sqlite_world.client("developer")
    sent = {**form_of(client.get(path).text), "password": "a long password", "again": "a long password"}
    assert client.post(path, data=sent).status_code == 303
    assert "Done. Sign in now." in client.get("/sign-in").text
    assert "first key" not in letter.text


# On record


def test_the_policy_with_which_an_instance_begins_is_recorded_once_and_shown_to_administrators(
    make_world: Callable[[str], World], own_sqlite_url: str
) -> None:
    world = make_world(own_sqlite_url)
    standard, demonstration = policy.load("standard"), policy.load("demonstration")

    def start(given: policy.Policy, name: str) -> bool:
        with world.wired.database.write() as session:
            return policies.begin(session, given, name=name, now=world.clock.now()) is not None

    named = [("/etc/assay/ours.toml", demonstration), ("standard", standard), ("standard", standard)]
    assert [start(given, name) for name, given in named] == [True, False, False]
    with world.wired.database.read() as session:
        (entry,) = policies.history(session)
        assert policies.in_force(session, standard) == demonstration, "the one on record counts"
    assert (entry.type, entry.fields["name"]) == ("sign_in_policy.began", "ours.toml")
    assert entry.fields["digest"] == demonstration.digest != standard.digest
    person = somebody(world, Role.ADMINISTRATOR, kind=OrganisationKind.REGULATOR)
    page = person.client.get("/administration/sign-in-policy").text
    assert "ours.toml, with which this instance began" in page
    assert "The machine names another policy" not in page
    official = somebody(world, Role.CASE_OFFICER, kind=OrganisationKind.REGULATOR)
    assert official.client.get("/administration/sign-in-policy").status_code == 404


def test_the_digest_of_a_policy_changes_with_every_rule_and_not_with_its_words(tmp_path: Path) -> None:
    changes = {
        "same": (HEAD.replace('words = ""', 'words = "Other"'), RULE),
        "wait": (HEAD.replace("24", "12"), RULE),
        "lapse": (HEAD.replace("14", "7"), RULE),
        "keys": (HEAD, RULE.replace("keys = 1", "keys = 2")),
        "bound": (HEAD, RULE.replace("device_bound = true", "device_bound = false")),
        "asked": (HEAD, RULE.replace("step_up = true", "step_up = false")),
        "way": (HEAD, RULE.replace('"passkey"', '"passkey", "password_and_code"')),
    }
    found = {}
    for name, (head, rule) in {"first": (HEAD, RULE), **changes}.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(head + rule)
        found[name] = policy.load(str(path)).digest
    assert found.pop("same") == found["first"]
    assert len(set(found.values())) == len(found)
