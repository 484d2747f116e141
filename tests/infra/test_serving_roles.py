"""Which database roles a production process serves with: its own, and none that may do more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from infra.postgresql import fit_or_exit, matrix, role_name
from infra.postgresql.serving import unfit
from portal.settings import Settings
from tests.fixtures.instance import Instance, free_port
from tests.fixtures.roles import address, roles_in

PRODUCTION = {"ASSAY_PROFILE": "production", "ASSAY_HOST": "assay.example"}


@pytest.fixture(scope="module")
def empty(postgresql_made: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """A migrated database with roles and nothing in it."""
    with postgresql_made() as made, roles_in(made):
        yield made


def production(at: str, **addresses: str) -> Settings:
    named = {f"ASSAY_DATABASE_{process.upper()}": url for process, url in addresses.items()}
    return Settings.from_env(PRODUCTION | {"ASSAY_DATABASE": at} | named)


def test_every_process_serves_with_the_role_that_was_made_for_it(empty: str) -> None:
    settings = production(empty, **{role: address(empty, role) for role in matrix.ROLES})
    fit_or_exit(settings, *matrix.ROLES)


@pytest.mark.parametrize("process", matrix.ROLES)
def test_no_process_serves_without_an_address_of_its_own_or_as_the_owner(
    empty: str, process: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        fit_or_exit(production(empty), process)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"ASSAY_DATABASE_{process.upper()} is missing" in said
    with pytest.raises(SystemExit):
        fit_or_exit(production(empty, **{process: empty}), process)
    assert "owns tables" in capsys.readouterr().err


def test_a_demonstration_serves_with_one_address(empty: str) -> None:
    fit_or_exit(Settings.from_env({"ASSAY_DATABASE": empty}), *matrix.ROLES)


@pytest.mark.parametrize(
    ("process", "other"), [("public", "developer"), ("evaluator", "government"), ("verifier", "sequencer")]
)
def test_no_process_serves_with_the_role_of_another(empty: str, process: str, other: str) -> None:
    (why,) = unfit(production(empty, **{process: address(empty, other)}), process)
    assert f"_{other} may do more than the {process} needs" in why
    assert "`assay database roles`" in why


MORE = {
    'ALTER ROLE "{name}" BYPASSRLS': "bypasses the conditions on rows",
    'ALTER ROLE "{name}" CREATEROLE': "may make roles",
    'GRANT pg_read_all_data TO "{name}"': "is a member of another role",
    'GRANT SELECT ON totp TO "{name}"': "select totp(",
    'GRANT UPDATE (name) ON organisation TO "{name}"': "update organisation(name)",
    "GRANT DELETE ON incident TO PUBLIC": "delete incident",
    'GRANT TRUNCATE ON form_use TO "{name}"': "truncate form_use",
    'GRANT CREATE ON SCHEMA public TO "{name}"': "makes tables",
    "ALTER TABLE organisation DISABLE ROW LEVEL SECURITY": "sees every row of organisation",
}
BACK = {
    'ALTER ROLE "{name}" BYPASSRLS': 'ALTER ROLE "{name}" NOBYPASSRLS',
    'ALTER ROLE "{name}" CREATEROLE': 'ALTER ROLE "{name}" NOCREATEROLE',
    "ALTER TABLE organisation DISABLE ROW LEVEL SECURITY": (
        "ALTER TABLE organisation ENABLE ROW LEVEL SECURITY"
    ),
}


@pytest.mark.parametrize("change", MORE)
def test_a_role_that_may_do_more_does_not_serve(empty: str, change: str) -> None:
    settings = production(empty, public=address(empty, "public"))
    assert unfit(settings, "public") == []
    back = BACK.get(change) or change.replace("GRANT", "REVOKE").replace(" TO ", " FROM ")
    engine = create_engine(empty, isolation_level="AUTOCOMMIT")
    name = role_name(engine.url.database or "", "public")
    with engine.connect() as owner:
        owner.exec_driver_sql(change.format(name=name))
        try:
            (why,) = unfit(settings, "public")
        finally:
            owner.exec_driver_sql(back.format(name=name))
    engine.dispose()
    assert MORE[change] in why
    assert unfit(settings, "public") == []


def test_a_database_that_does_not_answer_is_named_without_its_password(empty: str) -> None:
    away = address(empty, "public").replace("of-the-tests", "wrong-secret").replace("_public:", "_nobody:")
    (why,) = unfit(production(empty, public=away), "public")
    assert "ASSAY_DATABASE_PUBLIC: the database does not answer" in why
    assert "wrong-secret" not in why


def test_the_command_refuses_before_it_serves(empty: str, tmp_path: Path) -> None:
    settings = PRODUCTION | {"ASSAY_DATABASE": empty, "ASSAY_NOW": ""}
    instance = Instance(tmp_path / "home", free_port(), settings)
    instance.assay("migrate")
    said = instance.assay("serve", status=2)
    for process in ("PUBLIC", "DEVELOPER", "EVALUATOR", "GOVERNMENT", "WORKER", "SEQUENCER"):
        assert f"ASSAY_DATABASE_{process} is missing" in said
    assert "ASSAY_DATABASE_GOVERNMENT is missing" in instance.assay("serve", "--zone", "government", status=2)
    assert "ASSAY_DATABASE_SEQUENCER is missing" in instance.assay("ledger", "sequence", status=2)
    assert "ASSAY_DATABASE_VERIFIER is missing" in instance.assay("ledger", "verify", status=2)
    assert "ASSAY_DATABASE_WORKER is missing" in instance.assay("worker", status=2)
