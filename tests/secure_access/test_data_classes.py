"""Every column is declared public, restricted or secret, and a row in a log or a traceback quotes nothing."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from portal import tables
from portal.filing.tables import Filing, FilingKind
from secure_access import db
from secure_access.data_classes import DataClass, classes
from secure_access.identity import Person
from secure_access.identity.totp import Totp
from tests.fixtures.tables import shipped

NOW = datetime(2027, 6, 1, tzinfo=UTC)


def undeclared(kind: type[db.Table]) -> set[str]:
    """Columns without a class, and classes of columns that are not there."""
    return {column.name for column in db.inspect(kind).columns} ^ set(kind.__classes__)


@pytest.mark.parametrize("kind", shipped(), ids=lambda kind: str(kind.__tablename__))
def test_every_column_is_declared_and_nothing_else(kind: type[db.Table]) -> None:
    assert undeclared(kind) == set()


def test_every_table_of_the_database_is_looked_at() -> None:
    assert {str(kind.__tablename__) for kind in shipped()} == set(tables.METADATA.tables)


def test_a_column_that_is_forgotten_or_does_not_exist_is_found() -> None:
    class Forgetful(db.Table):
        __classes__ = classes(public="id", restricted="gone")

        id: int
        kept: str

    declared = set(Forgetful.__classes__)
    assert declared ^ set(Forgetful.model_fields) == {"kept", "gone"}


@pytest.mark.parametrize("twice", [{"public": "id id"}, {"public": "id", "secret": "id"}])
def test_a_column_has_one_class(twice: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="column id is declared twice"):
        classes(**twice)


@pytest.mark.parametrize("table", ["person.password_hash", "totp.secret", "filing.withheld_salt"])
def test_what_opens_or_uncovers_is_secret(table: str) -> None:
    name, _, column = table.partition(".")
    (kind,) = (kind for kind in shipped() if kind.__tablename__ == name)
    assert kind.__classes__[column] is DataClass.SECRET


def test_a_row_says_which_it_is_and_nothing_of_what_it_holds() -> None:
    person = Person(
        organisation_id=uuid.uuid4(),
        email="jane@example.test",
        name="Jane Roe",
        password_hash="argon2-of-hers",
        created_at=NOW,
    )
    for said in (repr(person), str(person), f"{person}", f"{[person]}"):
        assert str(person.id) in said
        assert not [word for word in ("jane", "Roe", "argon2") if word in said]
    assert str(Totp(person_id=person.id, secret=b"locked", added_at=NOW)) == ""


def test_a_filing_says_its_reference_and_state() -> None:
    filing = Filing(reference="F-2027-007", kind=FilingKind.RISK_REPORT, content={"tier": "wooden locks"})
    said = repr(filing)
    assert "F-2027-007" in said
    assert "draft" in said
    assert "wooden" not in said


def test_names_that_no_table_publishes() -> None:
    hidden = db.never_public()
    assert {"email", "password_hash", "content", "facts", "withheld_salt", "secret"} <= hidden
    assert not {"id", "reference", "state", "kind", "name", "zone"} & hidden
