"""What the told case leaves out: a row of each other table of record, made by the verbs that make them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from infra.seed.people import AUTHORITY, QUILLMARK, TESSALY
from infra.seed.stage import Stage
from portal import mail
from portal.disclosure import consulting, intake, links, requests
from portal.disclosure.intake import Asked
from portal.enforcement import figures, notices
from portal.enforcement.tables import AllegedViolation, Notice, RevenueEvidence
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FilingState
from portal.legal import versions
from portal.legal.tables import StatuteVersion
from secure_access.db import Session, col, select
from secure_access.documents import Accepted
from secure_access.identity import organisations, policies, recovery
from secure_access.identity.recovery import Newcomer

if TYPE_CHECKING:
    from tests.attack.conftest import Siege


def tell(siege: Siege) -> None:
    """An answer to findings, a choice of source, people confirmed, a policy, a recovery, a withdrawal."""
    stage, wired, cast = Stage(siege.world.wired), siege.world.wired, siege.cast
    now = siege.world.clock.now()
    stage.clock.at = now
    with wired.database.write() as session:
        policies.begin(session, wired.settings.first_policy, name=wired.settings.sign_in, now=now)
        recovery.recover(
            session,
            authority=cast.organisations[AUTHORITY],
            new=Newcomer("new@authority.example", "New"),
            reason="Nobody gets in.",
            key=mail.link_key(wired),
            now=now,
        )
        tessaly = cast.organisations[TESSALY]
        shown = [person.id for person in organisations.present(session, tessaly.id)]
        organisations.confirm(
            session, organisation=tessaly, shown=shown, by=siege.personas["tessa"][1], now=now
        )
        notice = session.exec(select(Notice).where(col(Notice.sent_at).is_not(None))).first()
        assert notice is not None
        notices.reply(session, notice, text="We disagree.", by=cast["nadia"], now=now)
        law = session.exec(select(StatuteVersion)).one()
        versions.withdraw(session, row=law, reason="Not needed.", by=cast["salma"], now=now)
    _ask(siege)
    paper = stage.file("revenue-again.csv", b"entity,revenue\nQuillmark,1\n")
    with wired.database.write() as session:
        _choose(session, siege, paper)


def _ask(siege: Siege) -> None:
    """Somebody asks for a filing that is not wholly public; its developer is heard, and has not answered."""
    wired, cast, now = siege.world.wired, siege.cast, siege.world.clock.now()
    asked = Asked("Ilse Brandt", "ilse.brandt@example.org", "The risk report of Corvane 4.")
    key, mira = wired.secrets[links.KEY], cast["mira"]
    with wired.database.write() as session:
        row = intake.record(session, asked=asked, received_on=now.date(), key=key, by=mira, now=now)
        report = session.exec(
            select(Filing).where(
                Filing.kind == FilingKind.RISK_REPORT,
                Filing.state == FilingState.ACCEPTED,
                Filing.developer_id == cast.organisations[QUILLMARK].id,
            )
        ).first()
        assert report is not None
        requests.affect(session, request=row, chosen=f"filing:{report.id}", by=mira, now=now)
        session.flush()
        consulting.consult(session, request=row, by=mira, now=now)


def _choose(session: Session, siege: Siege, paper: Accepted) -> None:
    """A second source for the same period says something else; one of the two is relied on."""
    by, now = siege.cast["ines"], siege.world.clock.now()
    first = session.exec(select(RevenueEvidence)).one()
    violation = session.exec(select(AllegedViolation)).first()
    assert violation is not None
    other = figures.NewRevenue(
        entity=QUILLMARK,
        period_start=date(2025, 10, 1),
        period_end=date(2026, 9, 30),
        amount=Decimal("402836000001"),
        currency="USD",
        source="Another statement of the same year",
    )
    figures.attach_revenue(session, violation, other, file=paper, by=by, now=now)
    session.flush()
    figures.choose(session, violation, first.id, reason="It is the audited one.", by=by, now=now)
