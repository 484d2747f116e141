"""The first key of somebody who came by single sign-on: with a code that came by another way, or none."""

from __future__ import annotations

import uuid

import pytest

from secure_access.identity import Method
from tests.fixtures.app import form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import holder, live
from tests.fixtures.provider import Federated
from tests.portal.accounts.test_sign_in_policy import first_key_code
from tests.portal.accounts.test_sso_links import came, firm_of, invited, preparer


def test_who_came_by_single_sign_on_adds_a_first_key_with_a_code(federated: Federated) -> None:
    person, key = came(federated, preparer(federated)), SoftKey()
    page = person.client.get("/account").text
    assert "so the first key needs a code" in page
    assert "Type in the code for a first key" in page
    assert person.client.get("/filings").headers["Location"] == "/account"
    asked = person.client.get("/account/keys/new")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/account/first-key")
    wrong = person.post("/account/first-key", code="AAAA-BBBB")
    assert (wrong.status_code, "This is no code for you" in wrong.text) == (422, True)
    right = person.post("/account/first-key", code=first_key_code(person).lower())
    assert (right.status_code, right.headers["Location"]) == (303, "/account/keys/new")
    assert person.client.get("/account/keys/new").status_code == 200
    assert person.add(key).status_code == 303
    assert len(person.rows()) == 1
    assert "Sign out, and sign in with what you added" in person.client.get("/account").text
    assert person.client.get("/filings").headers["Location"] == "/account"
    (row,) = live(federated.world, person.actor)
    assert row.method is Method.FIRST_KEY
    again = came(federated, person.actor)
    assert again.client.get("/filings").status_code == 200, "with a key, single sign-on opens the rest"


def test_single_sign_on_alone_adds_no_key_and_no_app(federated_sqlite: Federated) -> None:
    person = came(federated_sqlite, preparer(federated_sqlite))
    refused = person.post("/account/keys/new", made=person.make(), name="Mine")
    assert (refused.status_code, "alone adds no key and no app" in refused.text) == (403, True)
    answer = person.post("/account/code", secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", code="123456")
    assert answer.status_code == 403
    assert person.rows() == []


def test_a_code_is_of_one_person_and_of_one_use(federated_sqlite: Federated) -> None:
    first, second = (came(federated_sqlite, preparer(federated_sqlite)) for _ in range(2))
    code = first_key_code(first)
    assert second.post("/account/first-key", code=code).status_code == 422
    assert first.post("/account/first-key", code=code).status_code == 303
    again = came(federated_sqlite, first.actor)
    assert again.post("/account/first-key", code=code).status_code == 422


def test_the_page_for_the_code_is_for_those_who_need_it(federated_sqlite: Federated) -> None:
    by = preparer(federated_sqlite)
    with_password = holder(federated_sqlite.world, "developer", by)
    assert with_password.client.get("/account/first-key").status_code == 404
    with_password.add(SoftKey())
    with_key_ = came(federated_sqlite, by)
    assert with_key_.client.get("/account/first-key").status_code == 404
    assert with_key_.client.get("/account/keys/new").status_code == 200


def test_after_a_lost_key_the_next_first_key_needs_a_code_again(federated_sqlite: Federated) -> None:
    person = came(federated_sqlite, preparer(federated_sqlite))
    person.post("/account/first-key", code=first_key_code(person))
    person.add(SoftKey())
    code = first_key_code(person, lost=True)
    again = came(federated_sqlite, person.actor)
    refused = again.post("/account/keys/new", made=again.make(), name="Mine")
    assert (refused.status_code, "alone adds no key and no app" in refused.text) == (403, True)
    assert again.client.get("/account/keys/new").headers["Location"] == "/account/first-key"
    assert len(again.rows()) == 1
    assert again.post("/account/first-key", code=code).status_code == 303
    assert again.add(SoftKey()).status_code == 303


def test_an_app_is_not_offered_to_who_has_no_password(federated_sqlite: Federated) -> None:
    path, _ = invited(federated_sqlite, firm_of(federated_sqlite))
    client = federated_sqlite.world.client("developer")
    federated_sqlite.enter(client, uuid.uuid4().hex, f"{path}/sso")
    page = client.get("/account").text
    assert "Add an app" not in page
    assert "Or add a code" not in page
    assert "only way to sign in" in page
    answer = client.get("/account/code")
    assert (answer.status_code, "your account has none" in answer.text) == (403, True)


@pytest.mark.parametrize("typed", ["", "secret"])
def test_an_account_without_a_password_has_none_that_is_right(
    federated_sqlite: Federated, typed: str
) -> None:
    path, email = invited(federated_sqlite, firm_of(federated_sqlite))
    client = federated_sqlite.world.client("developer")
    federated_sqlite.enter(client, uuid.uuid4().hex, f"{path}/sso")
    browser = federated_sqlite.world.client("developer")
    fields = form_of(browser.get("/sign-in").text, "/sign-in")
    answer = browser.post("/sign-in", data={**fields, "email": email, "password": typed, "code": "1"})
    assert answer.status_code == 422
