"""Mail against a real server on loopback: text first, one link, nothing of it in a table."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal import mail
from portal.worker import run_due
from secure_access import jobs
from secure_access.db import select
from secure_access.identity import OrganisationKind, invitations, organisations, proposals, recovery
from secure_access.identity.recovery import Newcomer
from secure_access.jobs import Job, JobState
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.mailbox import Mailbox, receiving
from tests.fixtures.people import house


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server on loopback, and its address."""
    with receiving() as (box, port):
        yield box, f"smtp://127.0.0.1:{port}"


def certificate(folder: Path, name: x509.GeneralName) -> Path:
    """A certificate that vouches for itself under that name, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Mail of the test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "mail.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


LOOPBACK = x509.IPAddress(ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("relay.example")


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize(
    ("name", "trusted", "sent"),
    [(LOOPBACK, True, True), (LOOPBACK, False, False), (ELSEWHERE, True, False)],
    ids=["proved", "unknown certificate", "another name"],
)
def test_a_mail_server_under_tls_has_to_prove_its_name(
    sqlite_world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    name: x509.GeneralName,
    trusted: bool,
    sent: bool,
) -> None:
    path = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    under_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    under_tls.load_cert_chain(path)
    how: dict[str, Any] = {"ssl_context": under_tls}
    if scheme == "smtp+starttls":
        how = {"tls_context": under_tls, "require_starttls": True}
    letters = [mail.Letter("ruth@firm.example", "An invitation", "https://developer.example/invitation/once")]
    with receiving(**how) as (box, port):
        settings = posting(sqlite_world, f"{scheme}://127.0.0.1:{port}").wired.settings
        if sent:
            assert mail.deliver(settings, letters) == "127.0.0.1"
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                mail.deliver(settings, letters)
    assert len(box.letters) == sent


def posting(world: World, smtp: str, profile: str = "") -> World:
    """The same instance with a mail server."""
    settings = replace(world.wired.settings, smtp=smtp, mail_from="portal@authority.example")
    if profile:
        settings = replace(settings, profile=profile)
    return replace(world, wired=replace(world.wired, settings=settings))


def mine(box: Mailbox, address: str) -> list[Message]:
    return [letter for letter in box.letters if letter["To"] == address]


def test_an_invitation_arrives_and_its_link_opens(sqlite_world: World, mailbox: tuple[Mailbox, str]) -> None:
    box, smtp = mailbox
    firm = house(sqlite_world, OrganisationKind.DEVELOPER)
    email = f"{uuid.uuid4().hex}@firm.example"
    row = firm.invite(email, Role.PREPARER)
    assert box.letters == []  # nothing leaves before the commit, and then by a job
    run_due(posting(sqlite_world, smtp).wired)
    (letter,) = mine(box, email)
    assert letter["From"] == "portal@authority.example"
    assert letter.get_content_type() == "text/plain"
    link = next(line for line in letter.get_content().splitlines() if line.startswith("http"))
    assert link.startswith("http://developer.localhost")
    path = "/" + link.split("/", 3)[3]
    page = sqlite_world.client("developer").get(path)
    assert page.status_code == 200
    assert firm.organisation.name in page.text
    assert sqlite_world.client("government").get(path).status_code == 404
    assert invitations.token_of(firm.key, row.id) in path


def test_a_withdrawn_invitation_sends_no_mail(sqlite_world: World, mailbox: tuple[Mailbox, str]) -> None:
    box, smtp = mailbox
    firm = house(sqlite_world, OrganisationKind.DEVELOPER)
    email = f"{uuid.uuid4().hex}@firm.example"
    firm.act(invitations.withdraw, invitation=firm.invite(email, Role.PREPARER))
    run_due(posting(sqlite_world, smtp).wired)
    assert mine(box, email) == []


def test_a_changed_credential_is_told_to_the_person_and_the_second_contact(
    sqlite_world: World, mailbox: tuple[Mailbox, str]
) -> None:
    box, smtp = mailbox
    firm = house(sqlite_world, OrganisationKind.DEVELOPER)
    second = f"{uuid.uuid4().hex}@firm.example"
    firm.act(organisations.describe, organisation=firm.organisation, mail_domains=[], contact_email=second)
    by = firm.person(Role.PREPARER)
    with sqlite_world.wired.database.write() as session:
        jobs.add(session, proposals.CHANGED, str(by.person_id))
    run_due(posting(sqlite_world, smtp).wired)
    for recipient in (firm.row(by).email, second):
        (letter,) = mine(box, recipient)
        assert "http" not in letter.get_content()


def test_a_recovery_on_the_machine_is_told_to_every_administrator_and_the_second_contact(
    sqlite_world: World, mailbox: tuple[Mailbox, str]
) -> None:
    box, smtp = mailbox
    office = house(sqlite_world, OrganisationKind.REGULATOR)
    second = f"{uuid.uuid4().hex}@authority.example"
    office.act(
        organisations.describe, organisation=office.organisation, mail_domains=[], contact_email=second
    )
    official = office.person(Role.CASE_OFFICER)
    new = Newcomer(f"{uuid.uuid4().hex}@authority.example", "Ines Unknown")
    with sqlite_world.wired.database.write() as session:
        recovery.recover(
            session,
            authority=office.organisation,
            new=new,
            reason="Both keys lost.",
            key=office.key,
            now=sqlite_world.clock.now(),
        )
    run_due(posting(sqlite_world, smtp).wired)
    for recipient in (office.row(office.first).email, office.row(office.second).email, second):
        (letter,) = mine(box, recipient)
        assert "made on the machine" in letter["Subject"]
        said = " ".join(letter.get_content().split())
        assert "Ines Unknown" in said
        assert "Both keys lost." in said
        assert "http" not in said, "the link is the newcomer's alone"
    assert mine(box, office.row(official).email) == []


def test_every_second_contact_that_is_replaced_is_told(
    sqlite_world: World, mailbox: tuple[Mailbox, str]
) -> None:
    """Also where it is replaced twice before the first mail goes out, and where nobody comes after it."""
    box, smtp = mailbox
    firm = house(sqlite_world, OrganisationKind.DEVELOPER)
    first, other = (f"{uuid.uuid4().hex}@firm.example" for _ in range(2))
    for contact in (first, first, other, ""):
        firm.act(
            organisations.describe, organisation=firm.organisation, mail_domains=[], contact_email=contact
        )
    run_due(posting(sqlite_world, smtp).wired)
    for recipient in (first, other):
        (letter,) = mine(box, recipient)
        assert "no longer the second contact" in " ".join(letter.get_content().split())
        assert firm.organisation.name in letter.get_content()


@pytest.mark.parametrize(("broken", "profile"), [(True, ""), (False, "production")])
def test_mail_that_cannot_be_sent_is_kept_with_its_job(
    sqlite_world: World, mailbox: tuple[Mailbox, str], broken: bool, profile: str
) -> None:
    """A server that refuses, and a production instance without one: tried again, never told as sent."""
    box, smtp = mailbox
    box.broken = broken
    firm = house(sqlite_world, OrganisationKind.DEVELOPER)
    row = firm.invite(f"{uuid.uuid4().hex}@firm.example", Role.PREPARER)
    run_due(posting(sqlite_world, "" if profile else smtp, profile).wired)
    with sqlite_world.wired.database.read() as session:
        job = session.exec(select(Job).where(Job.subject_id == str(row.id))).one()
        sent = session.exec(select(mail.SentMail).where(mail.SentMail.subject_id == str(row.id))).all()
    assert job.state is JobState.NEW
    assert job.last_error
    assert sent == []


def test_a_demonstration_without_a_server_shows_what_would_be_sent(
    make_world: Callable[[str], World], own_sqlite_url: str
) -> None:
    world = make_world(own_sqlite_url)  # the list has an end, and the shared database any number of letters
    office = house(world, OrganisationKind.REGULATOR)
    firm = house(world, OrganisationKind.DEVELOPER)
    email = f"{uuid.uuid4().hex}@firm.example"
    row = firm.invite(email, Role.PREPARER)
    world.run_jobs()
    client = world.client("government", office.first)
    listed = client.get("/administration/mail").text
    assert email in listed
    assert "nothing has left this machine" in listed
    with world.wired.database.read() as session:
        kept = session.exec(select(mail.SentMail).where(mail.SentMail.recipient == email)).one()
    token = invitations.token_of(firm.key, row.id)
    address = f"/administration/mail/{kept.id}"
    assert token in client.get(address).text
    official = world.client("government", office.person(Role.CASE_OFFICER))
    assert official.get(address).status_code == 404
    firm.accept(row)
    assert token not in client.get(address).text
