"""Earlier penalties and revenue follow dated relations: before and after, ended, two levels, a circle."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

import pytest

from portal.enforcement import figures, group, outdated, priors, worksheets
from portal.enforcement.group import Offer
from portal.enforcement.tables import AllegedViolation, PriorViolation, RevenueEvidence, Worksheet
from portal.enforcement.turnover import PROVIDER, UNDERTAKING
from secure_access import ledger
from secure_access.db import Session
from secure_access.identity import Organisation, OrganisationKind, conflicts
from secure_access.identity.tables import OrganisationRelation, RelationKind
from secure_access.workflow import Denied, Role
from tests.fixtures.enforcement import REFERRED, Bench
from tests.portal.enforcement.test_enforcement_pages import client, page, post

# The late incident of the bench is a violation from 1 to 3 August 2027; its prior became final in April 2027.
VIOLATED, PENALISED = date(2027, 8, 1), date(2027, 4, 1)
MERGED, PARENT = RelationKind.MERGED_INTO, RelationKind.PARENT_OF


def company(bench: Bench) -> Organisation:
    return bench.world.organisation(OrganisationKind.DEVELOPER, "Lattice")


def related(
    bench: Bench,
    one: uuid.UUID,
    other: uuid.UUID,
    kind: RelationKind = MERGED,
    since: date = date(2027, 1, 1),
    until: date | None = None,
) -> OrganisationRelation:
    row = OrganisationRelation(
        organisation_id=one,
        other_id=other,
        kind=kind,
        from_on=since,
        until_on=until,
        source="Register of companies",
        recorded_by=bench.officer.person_id,
        recorded_at=bench.now,
    )
    bench.desk.keep(row)
    return row


def penalised(bench: Bench, organisation: Organisation, decision: str = "Index No. 7") -> PriorViolation:
    row = PriorViolation(
        developer_id=organisation.id,
        regime="ny-raise",
        decision=decision,
        penalised_entity=organisation.name,
        link="same",
        conduct_from=date(2027, 1, 10),
        conduct_to=date(2027, 1, 10),
        status="final",
        final_on=PENALISED,
        reason="Same duty",
        recorded_by=bench.officer.person_id,
        recorded_at=bench.now,
    )
    bench.desk.keep(row)
    return row


def offers(bench: Bench, violation: AllegedViolation) -> list[Offer]:
    with bench.world.wired.database.read() as session:
        return group.prior_offers(session, violation, by=bench.officer)


def taken(bench: Bench, violation: AllegedViolation, row: PriorViolation) -> PriorViolation:
    found: PriorViolation = bench.on(violation, group.take_prior, row.id, reason="It carries the duty on.")
    return found


def counting(bench: Bench, violation: AllegedViolation) -> Worksheet:
    found: Worksheet = bench.on(violation, worksheets.open_worksheet, REFERRED)
    return found


def test_a_penalty_of_a_predecessor_is_taken_over_with_its_relation_and_counts(bench: Bench) -> None:
    violation, other = bench.alleged(bench.late_incident()), company(bench)
    row = penalised(bench, other)
    relation = related(bench, other.id, violation.developer_id, since=VIOLATED)
    [offer] = offers(bench, violation)
    assert (offer.tie.link, offer.why_not) == ("predecessor", "")
    assert "was merged into" in offer.tie.words
    assert "1 Aug 2027 (Register of companies)" in offer.tie.words
    made = taken(bench, violation, row)
    assert (made.link, made.reason) == ("predecessor", "It carries the duty on.")
    assert made.follows is not None
    assert made.follows["relations"] == [
        {"relation": str(relation.id), "kind": "merged_into", "from": "2027-08-01", "until": ""}
    ]
    assert made.follows["asked_on"] == ["2027-08-01", "2027-04-01"]
    assert offers(bench, violation) == []
    worksheet = counting(bench, violation)
    assert worksheet.result["priors_counted"] == ["P1"]
    assert worksheet.facts["priors"][0]["link"] == "predecessor"
    with bench.world.wired.database.read() as session:
        types = [entry.type for entry in ledger.entries(session, about=f"violation:{violation.id}")]
    assert "prior.recorded" in types


def test_before_the_merger_nothing_follows(bench: Bench) -> None:
    violation, other = bench.alleged(bench.late_incident()), company(bench)
    row = penalised(bench, other)
    related(bench, other.id, violation.developer_id, since=date(2027, 8, 2))
    assert offers(bench, violation) == []
    with pytest.raises(Denied, match="not on offer"):
        taken(bench, violation, row)


@pytest.mark.parametrize(
    ("since", "until", "offered"),
    [
        (date(2027, 1, 1), None, [""]),
        (date(2027, 1, 1), VIOLATED, [""]),
        (date(2027, 1, 1), date(2027, 7, 31), []),
        (
            date(2027, 4, 2),
            None,
            ["It was not the parent on 1 Apr 2027, the day of the penalty: not counted."],
        ),
    ],
)
def test_a_parent_counts_while_the_relation_lasts(
    sqlite_bench: Bench, since: date, until: date | None, offered: list[str]
) -> None:
    bench = sqlite_bench
    violation, parent = bench.alleged(bench.late_incident()), company(bench)
    row = penalised(bench, parent)
    related(bench, parent.id, violation.developer_id, PARENT, since, until)
    assert [offer.why_not for offer in offers(bench, violation)] == offered
    if offered == [""]:
        assert taken(bench, violation, row).link == "parent"
    else:
        with pytest.raises(Denied):
            taken(bench, violation, row)


def test_two_levels_of_mergers_follow_and_a_mix_does_not(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation = bench.alleged(bench.late_incident())
    first, second, third = (company(bench) for _ in range(3))
    related(bench, first.id, violation.developer_id)
    related(bench, second.id, first.id)
    related(bench, third.id, first.id, PARENT)
    penalised(bench, second, "Two levels")
    penalised(bench, third, "A parent of what was merged")
    found = {offer.row.decision: offer for offer in offers(bench, violation)}
    assert found["Two levels"].why_not == ""
    assert found["Two levels"].tie.words.count("was merged into") == 2
    assert "nor a predecessor" in found["A parent of what was merged"].why_not


def test_a_subsidiary_is_shown_and_not_counted(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation, child = bench.alleged(bench.late_incident()), company(bench)
    row = penalised(bench, child)
    related(bench, violation.developer_id, child.id, PARENT)
    assert ["not counted" in offer.why_not for offer in offers(bench, violation)] == [True]
    with pytest.raises(Denied, match="nor its parent"):
        taken(bench, violation, row)
    shown = page(client(bench, bench.officer), f"/penalties/violations/{violation.reference}/figures")
    assert "does not say whose earlier penalties count" in shown
    assert "Not offered" in shown


def test_a_circle_ends(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation = bench.alleged(bench.late_incident())
    one, other = company(bench), company(bench)
    for kind in (MERGED, PARENT):
        related(bench, one.id, violation.developer_id, kind)
        related(bench, other.id, one.id, kind)
        related(bench, violation.developer_id, other.id, kind)
    penalised(bench, other)
    assert [offer.tie.link for offer in offers(bench, violation)] == ["predecessor"]


def test_what_happens_to_it_later_is_recorded_once_and_reaches_the_worksheet(bench: Bench) -> None:
    violation, other = bench.alleged(bench.late_incident()), company(bench)
    row = penalised(bench, other)
    related(bench, other.id, violation.developer_id)
    made = taken(bench, violation, row)
    worksheet = counting(bench, violation)
    with bench.world.wired.database.write() as session:
        found = priors.load(session, made.id, by=bench.officer, for_update=True)
        assert found.first.id == row.id
        fell = priors.Changed("set_aside", "Appellate Division, No. 4.")
        priors.change(session, found, fell, by=bench.officer, now=bench.now)
    with bench.world.wired.database.read() as session:
        listed = {kept.reference for kept, _ in outdated.listed(session, by=bench.officer)}
        stale = worksheets.load(session, worksheet.reference, by=bench.officer).stale
        uses = priors.uses(session, priors.load(session, row.id, by=bench.officer), by=bench.officer)
    assert worksheet.reference in listed
    assert [one.words for one in stale] == ["P1 (Index No. 7) no longer counts: it was set aside"]
    assert [use.worksheet.reference for use in uses] == [worksheet.reference]


def test_it_is_taken_over_on_the_page_with_a_reason(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation, other = bench.alleged(bench.late_incident()), company(bench)
    row = penalised(bench, other)
    related(bench, other.id, violation.developer_id)
    visitor, address = client(bench, bench.officer), f"/penalties/violations/{violation.reference}/figures"
    assert other.name in page(visitor, address)
    act = f"/penalties/violations/{violation.reference}/related-priors/{row.id}"
    refused = post(visitor, address, act, {f"why-{row.id}": " "}, 422)
    assert "Say why it is taken over" in refused
    post(visitor, address, act, {f"why-{row.id}": "One business."})
    assert "(its predecessor): " in page(visitor, address)


def test_a_company_with_which_the_official_has_a_conflict_is_not_offered(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation, other = bench.alleged(bench.late_incident()), company(bench)
    penalised(bench, other)
    related(bench, other.id, violation.developer_id)
    with bench.world.wired.database.write() as session:
        office = session.get_one(Organisation, bench.officer.organisation_id)
    apart = bench.world.person(office, Role.ENFORCEMENT_OFFICER)
    with bench.world.wired.database.write() as session:
        conflicts.declare(
            session,
            person_id=apart.person_id,
            developer_id=other.id,
            reason="Shares.",
            by=apart,
            now=bench.now,
        )
    shown = page(client(bench, apart), f"/penalties/violations/{violation.reference}/figures")
    assert other.name not in shown


# Revenue

YEAR = (date(2026, 1, 1), date(2026, 12, 31))


def revenue(bench: Bench, organisation: Organisation, *, consolidated: bool = False) -> RevenueEvidence:
    row = RevenueEvidence(
        developer_id=organisation.id,
        entity=organisation.name,
        period_start=YEAR[0],
        period_end=YEAR[1],
        amount_minor=20_000_000_00,
        currency="EUR",
        consolidated=consolidated,
        source="Accounts 2026",
        attached_by=bench.officer.person_id,
        attached_at=bench.now,
    )
    bench.desk.keep(row)
    return row


def counted(session: Session, violation: AllegedViolation) -> list[tuple[str, int]]:
    found = figures.turnover_of(session, violation.developer_id)
    return [(name, row.amount_minor) for name, row in found.counted]


@pytest.mark.parametrize(
    ("since", "until", "offered"),
    [
        (date(2026, 12, 31), None, True),
        (date(2027, 1, 1), None, False),
        (date(2020, 1, 1), date(2026, 12, 30), False),
        (date(2020, 1, 1), date(2026, 12, 31), True),
    ],
)
def test_revenue_follows_the_group_of_the_last_day_of_its_year(
    sqlite_bench: Bench, since: date, until: date | None, offered: bool
) -> None:
    bench = sqlite_bench
    violation, child = bench.alleged(bench.late_answer()), company(bench)
    bench.revenue(violation, consolidated=False, amount=Decimal(80_000_000))
    row = revenue(bench, child)
    related(bench, violation.developer_id, child.id, PARENT, since, until)
    with bench.world.wired.database.read() as session:
        found = group.revenue_offers(session, violation, by=bench.officer)
    assert [offer.row.id for offer in found] == ([row.id] if offered else [])


def test_revenue_of_a_subsidiary_adds_up_and_its_restatement_follows(bench: Bench) -> None:
    violation, child = bench.alleged(bench.late_answer()), company(bench)
    bench.revenue(violation, consolidated=False, amount=Decimal(80_000_000))
    row = revenue(bench, child)
    related(bench, violation.developer_id, child.id, PARENT, date(2020, 1, 1))
    made = bench.on(violation, group.take_revenue, row.id, reason="Controlled since 2020.")
    assert made.follows["reason"] == "Controlled since 2020."
    with bench.world.wired.database.read() as session:
        assert sorted(amount for _, amount in counted(session, violation)) == [2_000_000_000, 8_000_000_000]
        assert group.revenue_offers(session, violation, by=bench.officer) == []
    bench.world.at(bench.now.replace(hour=11))
    later = revenue(bench, child)
    with bench.world.wired.database.read() as session:
        ids = [one.id for one in figures.revenue_of(session, violation.developer_id, by=bench.officer)]
        assert later.id in ids


def test_accounts_of_a_parent_hold_the_developer_and_are_not_added_to_it(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation, parent = bench.alleged(bench.late_answer()), company(bench)
    bench.revenue(violation, consolidated=False, amount=Decimal(5_000_000))
    row = revenue(bench, parent, consolidated=True)
    related(bench, parent.id, violation.developer_id, PARENT, date(2020, 1, 1))
    bench.on(violation, group.take_revenue, row.id, reason="Consolidated accounts of the group.")
    with bench.world.wired.database.read() as session:
        assert counted(session, violation) == [(UNDERTAKING, 2_000_000_000), (PROVIDER, 500_000_000)]


def test_revenue_of_an_affiliate_is_offered_while_both_are_under_common_control(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    violation, sister = bench.alleged(bench.late_answer()), company(bench)
    bench.revenue(violation, consolidated=False, amount=Decimal(80_000_000))
    row = revenue(bench, sister)
    related(bench, sister.id, violation.developer_id, RelationKind.AFFILIATE_OF, date(2020, 1, 1))
    with bench.world.wired.database.read() as session:
        [offer] = group.revenue_offers(session, violation, by=bench.officer)
    assert (offer.row.id, offer.tie.link) == (row.id, "")
    assert "is an affiliate of" in offer.tie.words
