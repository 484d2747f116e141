"""Models of authenticators: taken where a maker's certificate vouches for a listed one, and nowhere else."""

from __future__ import annotations

import uuid

import pytest
from click.testing import CliRunner

from portal.key_cli import first_key
from secure_access.identity import Person, passkeys
from secure_access.identity.passkeys import BadAnswer, Models, Owner, Party
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.authenticator import MODEL, Maker, SoftKey
from tests.fixtures.passkeys import holder
from tests.portal.accounts.test_sign_in_policy import enter, somebody

HERE = Party("government", "government.localhost", "http://government.localhost:5000", "Assay")
LISTED = str(uuid.UUID(bytes=MODEL))


def made(maker: Maker | None, models: Models) -> passkeys.NewKey:
    owner = Owner(uuid.uuid4(), "a@example.test", "A")
    options = passkeys.options_for_new(HERE, owner, challenge=b"c" * 32, known=(), models=models)
    assert options["attestation"] == ("direct" if models.listed else "none")
    return passkeys.check_new(HERE, passkeys.read(SoftKey().create(options, HERE.origin, by=maker)), models)


def test_a_listed_model_with_its_makers_certificate_is_taken() -> None:
    maker = Maker()
    new = made(maker, Models(frozenset({LISTED}), maker.certificate))
    assert (new.model, new.attestation) == (LISTED, "packed")


@pytest.mark.parametrize(
    "maker", [None, Maker(itself=True), Maker()], ids=["nobody", "the key itself", "another"]
)
def test_a_model_that_nobody_or_somebody_else_vouches_for_is_not_taken(maker: Maker | None) -> None:
    """A statement that the key signs itself claims any model it likes."""
    with pytest.raises(BadAnswer):
        made(maker, Models(frozenset({LISTED}), Maker().certificate))


def test_another_model_of_the_same_maker_is_not_taken() -> None:
    maker = Maker()
    with pytest.raises(BadAnswer):
        made(maker, Models(frozenset({str(uuid.uuid4())}), maker.certificate))


def test_without_a_list_any_model_is_taken() -> None:
    assert made(None, Models()).attestation == "none"


def test_the_operator_gives_a_code_for_a_first_key(
    strict_sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = strict_sqlite_world.wired.settings
    monkeypatch.setenv("ASSAY_HOME", str(settings.home))
    monkeypatch.setenv("ASSAY_DATABASE", settings.database_url)
    person = somebody(strict_sqlite_world, Role.CERTIFYING_OFFICER)
    person.add(SoftKey())
    with strict_sqlite_world.wired.database.read() as session:
        email = session.get_one(Person, person.actor.person_id).email
    nobody = CliRunner().invoke(first_key, ["nobody@example.test"])
    assert (nobody.exit_code, "No code was given" in nobody.output) == (2, True)
    given = CliRunner().invoke(first_key, [email, "--lost"])
    assert given.exit_code == 0, given.output
    assert [row.suspended_reason for row in person.rows()] == ["lost"]
    assert enter(person, code=given.output.strip()).status_code == 303
    assert holder(strict_sqlite_world, "developer", person.actor).client.get("/").status_code == 303
