"""Break-glass over real SMTP: the developer is told before anything opens, and nothing opens untold."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secure_access.custodian.acts import Act
from secure_access.custodian.cli import custodian
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.front import mailing
from secure_access.custodian.front.mailing import SENDER, SMTP, BadMailSettings, Mail
from secure_access.custodian.state import Standing
from secure_access.ledger import canonical
from tests.fixtures.custodian_front import Place
from tests.fixtures.enrolled import NOTICE, ORIGIN, break_glass
from tests.fixtures.mailbox import Mailbox, receiving
from tests.portal.test_mail import ELSEWHERE, LOOPBACK, certificate

FROM = "custodian@authority.example"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, ORIGIN)
    made.world.rules = replace(made.world.rules, break_glass=True)
    made.world.custody.rules = made.world.rules
    with made.core():
        yield made


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, Mail]]:
    with receiving() as (box, port):
        yield box, Mail(f"smtp://127.0.0.1:{port}", FROM)


def emergency(place: Place) -> str:
    """Break-glass with its two approvals; its digest."""
    world = place.world
    value = canonical.encode(break_glass(world.enrolled, world.delivered))
    digest = world.core.offer(value).digest
    for name in ("henrike", "oskar"):
        world.core.approve(*world.act(Act.BREAK_GLASS, digest, name))
    return digest


def test_the_developer_is_told_by_mail_and_then_it_stands(
    place: Place, mailbox: tuple[Mailbox, Mail]
) -> None:
    box, mail = mailbox
    mailing.tell(place.client, mail)
    assert box.letters == []
    digest = emergency(place)
    given = place.world.custody.state.grants[digest]
    assert given.standing is Standing.TELLING
    mailing.tell(place.client, mail)
    assert given.standing is Standing.APPROVED
    [letter] = box.letters
    assert (letter["To"], letter["From"], letter["Auto-Submitted"]) == (NOTICE, FROM, "auto-generated")
    assert "BG-2027-001" in str(letter["Subject"])
    text = letter.get_content().replace("\r\n", "\n")  # type: ignore[attr-defined]
    line = place.world.last()
    assert line.type == "break_glass.told"
    assert place.world.custody.parts.kept.get(str(line.fields["notice"])).decode() == text
    mailing.tell(place.client, mail)
    assert len(box.letters) == 1


@pytest.mark.parametrize("fault", ["server refuses", "no server", "no settings", "no address"])
def test_what_was_not_sent_opens_nothing_and_is_tried_again(
    place: Place, mailbox: tuple[Mailbox, Mail], fault: str
) -> None:
    box, mail = mailbox
    digest = emergency(place)
    used = mail
    if fault == "server refuses":
        box.broken = True
    elif fault == "no server":
        used = Mail("smtp://127.0.0.1:1", FROM)
    elif fault == "no settings":
        used = Mail()
    else:
        place.world.change_list(lambda value: value["organisations"][1].pop("notice"))
    mailing.tell(place.client, used)
    assert place.world.last().type == "break_glass.not_told"
    assert place.world.custody.state.grants[digest].standing is Standing.TELLING
    with pytest.raises(Refused) as refused:
        place.world.sit(digest)
    assert refused.value.why is Why.NOT_APPROVED
    assert box.letters == []
    box.broken = False
    if fault != "no address":
        mailing.tell(place.client, mail)
        assert place.world.sit(digest)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize(
    ("name", "trusted", "sent"), [(LOOPBACK, True, True), (LOOPBACK, False, False), (ELSEWHERE, True, False)]
)
def test_a_mail_server_under_tls_has_to_prove_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, name: Any, trusted: bool, sent: bool
) -> None:
    path = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    under_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    under_tls.load_cert_chain(path)
    how: dict[str, Any] = {"ssl_context": under_tls}
    if scheme == "smtp+starttls":
        how = {"tls_context": under_tls, "require_starttls": True}
    notice = {"to": NOTICE, "subject": "Emergency", "text": "Told."}
    with receiving(**how) as (box, port):
        mail = Mail(f"{scheme}://127.0.0.1:{port}", FROM)
        if sent:
            mail.send(notice)
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                mail.send(notice)
    assert len(box.letters) == sent


@pytest.mark.parametrize(
    ("smtp", "sender", "words"),
    [
        ("http://relay.example", FROM, "smtp://host:25"),
        ("smtp://custodian:secret@relay.example:25", FROM, "unencrypted"),
        ("smtps://custodian:secret@relay.example:465", "", SENDER),
        ("smtps://custodian:secret@relay.example:465", "a@b, c@d", SENDER),
    ],
)
def test_settings_of_mail_are_refused_without_being_told(
    monkeypatch: pytest.MonkeyPatch, smtp: str, sender: str, words: str
) -> None:
    with pytest.raises(BadMailSettings, match=words) as refused:
        Mail.read({SMTP: smtp, SENDER: sender})
    assert "secret" not in str(refused.value)
    monkeypatch.setenv(SMTP, smtp)
    monkeypatch.setenv(SENDER, sender)
    ended = CliRunner().invoke(custodian, ["front", "--socket", "core.sock", "--origin", ORIGIN])
    assert ended.exit_code == 1
    assert words in ended.output
    assert "secret" not in ended.output


def test_mail_is_set_or_is_not() -> None:
    assert Mail.read({}) == Mail()
    assert Mail.read({SMTP: "smtp://u:w@localhost:25", SENDER: FROM}).sender == FROM
    assert "u:w" not in repr(Mail("smtp://u:w@localhost:25", FROM))
