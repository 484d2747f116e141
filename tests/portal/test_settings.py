"""Settings: every mistake named at once, and what production refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.settings import Profile, Settings, SettingsError
from tests.fixtures.time_authority import LocalAuthority


def test_everything_has_a_default_that_needs_no_server() -> None:
    settings = Settings.from_env({})
    assert settings.demonstration
    assert settings.port == 5000
    assert settings.home == Path("var").resolve()
    assert settings.database_url == f"sqlite:///{settings.home / 'assay.db'}"
    assert settings.broker_url == "filesystem://"
    assert settings.practice_start is None


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2027-10-01", datetime(2027, 10, 1, tzinfo=UTC)),
        ("2027-10-01T11:00:00+02:00", datetime(2027, 10, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_practice_instance_begins_at_a_date(given: str, instant: datetime) -> None:
    assert Settings.from_env({"ASSAY_NOW": given}).practice_start == instant


def test_every_mistake_is_named_at_once() -> None:
    wrong = {
        "PORT": "http",
        "ASSAY_NOW": "tomorrow",
        "ASSAY_PROFILE": "staging",
        "ASSAY_MAX_UPLOAD": "-1",
        "ASSAY_QUEUE": "a b",
        "ASSAY_JOB_LEASE": "soon",
    }
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(wrong)
    assert {line.split(" is ")[0] for line in str(refused.value).splitlines()} == set(wrong)


@pytest.mark.parametrize("port", ["0", "70000"])
def test_a_port_lies_in_its_range(port: str) -> None:
    with pytest.raises(SettingsError, match="between 1 and 65535"):
        Settings.from_env({"PORT": port})


PRODUCTION = {
    "ASSAY_PROFILE": "production",
    "ASSAY_HOST": "assay.example",
    "ASSAY_DATABASE": "postgresql+psycopg://assay@db/assay",
}


def test_production_takes_a_real_host_and_postgresql() -> None:
    assert Settings.from_env(PRODUCTION).profile is Profile.PRODUCTION


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ASSAY_DATABASE": "sqlite:///x.db"}, "ASSAY_DATABASE"),
        ({"ASSAY_NOW": "2027-10-01"}, "ASSAY_NOW"),
        ({"ASSAY_HOST": ""}, "ASSAY_HOST"),
    ],
)
def test_production_refuses_what_only_a_demonstration_may_do(change: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(PRODUCTION | change)


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("smtp://relay.example:25", True),
        ("smtp://portal:word@127.0.0.1:25", True),
        ("smtp://portal:word@localhost:25", True),
        ("smtp+starttls://portal:word@relay.example:587", True),
        ("smtps://portal:word@relay.example:465", True),
        ("smtp://portal:word@relay.example:25", False),
        ("smtp://portal@relay.example:25", False),
        ("smtp://portal:word@localhost.relay.example:25", False),
        ("smtp://portal:word@10.0.0.1:25", False),
    ],
)
def test_the_password_of_a_mail_server_never_travels_in_clear(address: str, taken: bool) -> None:
    env = {"ASSAY_SMTP": address, "ASSAY_MAIL_FROM": "portal@authority.example"}
    if taken:
        assert Settings.from_env(env).smtp == address
        return
    with pytest.raises(SettingsError, match="ASSAY_SMTP would send its password unencrypted") as refused:
        Settings.from_env(env)
    assert "word" not in str(refused.value).replace("password", "")


def test_a_time_stamping_authority_is_named_with_its_roots(tmp_path: Path) -> None:
    roots = LocalAuthority(tmp_path / "tsa").roots
    given = {"ASSAY_TSA": "http://tsa.example/", "ASSAY_TSA_ROOTS": str(roots)}
    found = Settings.from_env(given).time_authority
    assert (found.url, len(found.roots)) == ("http://tsa.example/", 1)
    # Who audits asks nobody, and wants the roots all the same.
    assert Settings.from_env({"ASSAY_TSA_ROOTS": str(roots)}).time_authority.roots == found.roots


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ASSAY_TSA_ROOTS": ""}, "ASSAY_TSA_ROOTS is missing"),
        ({"ASSAY_TSA_ROOTS": "/nowhere"}, "no PEM file"),
        ({"ASSAY_TSA_ROOTS": __file__}, "no PEM file"),
        ({"ASSAY_TSA": "tsa.example"}, "it has to be an address"),
    ],
)
def test_an_authority_that_cannot_be_asked_is_named(
    tmp_path: Path, change: dict[str, str], named: str
) -> None:
    roots = LocalAuthority(tmp_path / "tsa").roots
    given = {"ASSAY_TSA": "http://tsa.example/", "ASSAY_TSA_ROOTS": str(roots), **change}
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(given)
