"""Decisions: one recommends, another decides, every open flag is answered; conditions and appeals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from evaluator.workflow import FlagState
from portal.review import appeals, cases, decisions, flags, public
from portal.review.decisions import Breach
from portal.review.requests import NotServable
from portal.review.tables import Case, Decision, DecisionKind
from portal.review.workflow import CaseState, ConditionState, DecisionState
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import OrganisationKind
from secure_access.jobs import Job
from secure_access.workflow import Denied, NotFound, Role
from tests.fixtures.review import Desk

CONDITIONS = {
    "kind": DecisionKind.CONDITIONS,
    "conditions": [("Limit the rate of new accounts", date(2027, 12, 1)), ("Report drills", None)],
}


def test_recommended_by_one_taken_by_another_then_public(desk: Desk) -> None:
    case = desk.under_review()
    decision = desk.recommended(case, **CONDITIONS, confidential_annex="Names of staff.")
    assert desk.fresh(case).state is CaseState.RECOMMENDED
    with desk.world.wired.database.read() as session, pytest.raises(NotFound):
        public.decision_public(session, decision.reference)
    desk.decide(case)
    assert desk.fresh(case).state is CaseState.DECIDED
    with desk.world.wired.database.read() as session:
        shown = public.decision_public(session, decision.reference)
        assert decision.id in {row.id for row in public.decisions_public(session)}
        entries = ledger.entries(session, f"decision:{decision.id}")
    assert shown.headline == "Corvane 4: no objection, with conditions"
    assert [made.state for made in shown.conditions] == [ConditionState.IN_FORCE] * 2
    assert "Names of staff" not in repr(shown)
    assert [entry.type for entry in entries] == ["decision.recommended", "decision.taken"]


def test_who_recommended_does_not_decide(desk: Desk) -> None:
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    both = desk.world.person(authority, Role.CASE_OFFICER, Role.DECIDER)
    case = desk.under_review()
    desk.with_case(case, decisions.recommend, recommended=desk.recommendation(case), by=both)
    with pytest.raises(Denied, match="You recommended this decision"):
        desk.decide(case, by=both)


@pytest.mark.parametrize("who", ["officer", "approver", "developer", "evaluator"])
def test_only_a_decider_decides(desk: Desk, who: str) -> None:
    case = desk.under_review()
    desk.recommended(case)
    with pytest.raises(Denied, match="Only a decider"):
        desk.decide(case, by=getattr(desk, who))


def test_fifty_decide_at_once_and_one_does(desk: Desk) -> None:
    case = desk.under_review()
    desk.recommended(case)
    authority = desk.world.organisation(OrganisationKind.REGULATOR)
    deciders = [desk.world.person(authority, Role.DECIDER) for _ in range(50)]

    def attempt(by: Any) -> str:
        try:
            desk.decide(case, by=by)
        except Denied as denied:
            return denied.reason
        return ""

    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(attempt, deciders))
    assert said.count("") == 1
    assert {words for words in said if words} == {"This decision is decided; “decide” is not possible then."}
    with desk.world.wired.database.read() as session:
        taken = [e for e in ledger.entries(session, f"case:{case.id}") if e.type == "decision.taken"]
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"kind": None}, "kind"),
        ({"power": " "}, "power"),
        ({"channels": []}, "channels"),
        ({"reasons": ""}, "reasons"),
        ({"evidence": []}, "evidence"),
        ({"evidence": ["RR-2020-001"]}, "evidence"),
        ({"kind": DecisionKind.CONDITIONS}, "condition-1"),
        ({"conditions": [("Report drills", None)]}, "condition-1"),
        ({"kind": DecisionKind.DELAY}, "until"),
    ],
)
def test_what_cannot_be_recommended(desk: Desk, change: dict[str, Any], where: str) -> None:
    case = desk.under_review()
    with pytest.raises(NotServable) as refused:
        desk.recommended(case, **change)
    assert [name for name, _ in refused.value.problems] == [where]
    assert desk.fresh(case).state is CaseState.UNDER_REVIEW


def test_an_open_flag_is_answered_or_expressly_carried(desk: Desk) -> None:
    case = desk.under_review()
    first, second = desk.flag(case, "F-1"), desk.flag(case, "F-2")
    for answers in ({}, {"F-1": ("resolved", " "), "F-2": ("carried", "x")}, {"F-1": ("seen", "x")}):
        with pytest.raises(NotServable, match="Flag F-1 is open"):
            desk.recommended(case, flags=answers)
    desk.recommended(
        case, flags={"F-1": ("resolved", "Tested again."), "F-2": ("carried", "Condition 1 covers it.")}
    )
    assert desk.fresh(first).state is FlagState.OPEN
    desk.decide(case)
    assert desk.fresh(first).state is FlagState.RESOLVED
    assert (desk.fresh(second).state, desk.fresh(second).resolution) == (
        FlagState.CARRIED,
        "Condition 1 covers it.",
    )


def test_a_flag_raised_after_the_recommendation_stops_the_decision(desk: Desk) -> None:
    case = desk.under_review()
    desk.recommended(case)
    desk.flag(case, "F-7")
    with pytest.raises(Denied, match="Not answered in the decision: F-7"):
        desk.decide(case)


def test_an_open_information_request_stops_the_decision(desk: Desk) -> None:
    case = desk.under_review()
    request = desk.served(case)
    decision = desk.recommended(case)
    with desk.world.wired.database.read() as session:
        row = cases.find(session, case.reference)
        lacking = decisions.missing(session, row, decision, by=desk.decider)
    assert lacking == [
        f"Information request {request.reference} is open. Wait for its answer, or withdraw it."
    ]
    with pytest.raises(Denied, match=request.reference):
        desk.decide(case)
    desk.answered(request)
    desk.decide(case)


def test_sent_back_with_a_reason_it_can_be_recommended_anew(desk: Desk) -> None:
    case = desk.under_review()
    first = desk.recommended(case)
    with desk.world.wired.database.write() as session:
        row = cases.find(session, case.reference, for_update=True)
        waiting = decisions.recommendation(session, row, for_update=True)
        assert waiting is not None
        with pytest.raises(ValueError, match="what has to change"):
            decisions.send_back(session, case=row, decision=waiting, reason="", by=desk.decider, now=desk.now)
        decisions.send_back(
            session, case=row, decision=waiting, reason="Say why.", by=desk.decider, now=desk.now
        )
    assert desk.fresh(first).state is DecisionState.SENT_BACK
    second = desk.decided(case)
    assert second.reference != first.reference
    with desk.world.wired.database.read() as session:
        assert decisions.sent_back(session, case).id == first.id  # type: ignore[union-attr]


def mark(desk: Desk, case: Case, verb: Any, **said: Any) -> None:
    given = said or {"reason": "Seen in the log."}
    with desk.world.wired.database.write() as session:
        row = cases.find(session, case.reference)
        decision = cases.decided(session, row)
        assert decision is not None
        first = decisions.conditions(session, decision)[0]
        decision, made = decisions.condition(session, row, first.id)
        verb(session, decision=decision, row=made, **given, by=desk.officer, now=desk.now)


def breach(desk: Desk, **changes: Any) -> dict[str, Any]:
    """A breach seen on the present day."""
    return {"breach": Breach(**{"reason": "Seen in the log.", "on": desk.now.date(), **changes})}


def test_a_breached_condition_is_put_to_enforcement(desk: Desk) -> None:
    case = desk.under_review()
    decision = desk.decided(case, **CONDITIONS)
    with pytest.raises(NotServable) as refused:
        mark(desk, case, decisions.mark_breached, **breach(desk, reason=" ", forbids=True))
    assert refused.value.problems == [("reason", "Say what was seen, and where.")]
    mark(desk, case, decisions.mark_breached, **breach(desk, forbids=True))
    with desk.world.wired.database.read() as session:
        breached = decisions.conditions(session, decision)[0]
        wanted = select(Job.subject_id).where(Job.kind == "violation.consider")
        assert f"condition:{breached.id}" in list(session.exec(wanted))
    with pytest.raises(Denied, match="breached"):
        mark(desk, case, decisions.mark_met)


def test_a_condition_is_not_breached_on_a_day_that_cannot_be(desk: Desk) -> None:
    case = desk.under_review()
    decision = desk.decided(case, **CONDITIONS)
    with desk.world.wired.database.read() as session:
        due = decisions.conditions(session, decision)[0].due_on
    assert due is not None
    assert due > desk.now.date()
    for said, words in (
        ({"on": None}, "Give the first day"),
        ({}, "can be met until"),
        ({"on": desk.now.date() + timedelta(days=1)}, "still to come"),
        ({"on": desk.now.date() - timedelta(days=400), "forbids": True}, "in force since"),
    ):
        with pytest.raises(NotServable) as refused:
            mark(desk, case, decisions.mark_breached, **breach(desk, **said))
        assert words in refused.value.problems[0][1]
    desk.world.clock.at += due - desk.now.date() + timedelta(days=1)
    mark(desk, case, decisions.mark_breached, **breach(desk))
    with desk.world.wired.database.read() as session:
        assert decisions.conditions(session, decision)[0].breached_on == desk.now.date()


def test_a_condition_met_says_since_when(desk: Desk) -> None:
    case = desk.under_review()
    decision = desk.decided(case, **CONDITIONS)
    mark(desk, case, decisions.mark_met)
    with desk.world.wired.database.read() as session:
        first = public.decision_public(session, decision.reference).conditions[0]
        assert (first.state, first.since) == (ConditionState.MET, desk.now)
        other = desk.fresh(case)
        with pytest.raises(NotFound):
            decisions.condition(session, other, decision.id)


def test_a_decision_is_read_by_its_reviewers_and_then_by_the_developer_it_is_about(desk: Desk) -> None:
    case = desk.under_review()
    waiting: Decision = desk.recommended(case)
    with desk.world.wired.database.read() as session, pytest.raises(NotFound):
        decisions.load(session, waiting.reference, by=desk.certifier)
    with desk.world.wired.database.read() as session:
        assert decisions.load(session, waiting.reference, by=desk.officer).id == waiting.id
    desk.decide(case)
    with desk.world.wired.database.read() as session:
        assert decisions.load(session, waiting.reference, by=desk.certifier).id == waiting.id
        for nobody in (desk.other_developer, desk.reader, desk.evaluator):
            with pytest.raises(NotFound):
                decisions.load(session, waiting.reference, by=nobody)


def test_an_appeal_is_noted_by_a_certifying_officer_of_the_developer(desk: Desk) -> None:
    decision = desk.decided(desk.under_review())
    with desk.world.wired.database.write() as session:
        said = {"decision": decision, "body": "Board of Appeal", "grounds": "Proportion.", "now": desk.now}
        with pytest.raises(NotFound):
            appeals.note(session, **said, by=desk.other_developer)
        with pytest.raises(Denied, match="certifying officer"):
            appeals.note(session, **said, by=desk.developer)
        with pytest.raises(ValueError, match="Name the court"):
            appeals.note(session, **(said | {"grounds": " "}), by=desk.certifier)
        appeals.note(session, **said, by=desk.certifier)
    with desk.world.wired.database.read() as session:
        assert len(public.decision_public(session, decision.reference).appeals) == 1


def test_a_reply_to_a_flag_is_the_developers_alone(desk: Desk) -> None:
    case = desk.under_review()
    flag = desk.flag(case)
    with desk.world.wired.database.write() as session:
        row = flags.find(session, case, "F-1", for_update=True)
        with pytest.raises(NotFound):
            flags.reply(session, case=case, flag=row, text="No.", by=desk.other_developer, now=desk.now)
        with pytest.raises(ValueError, match="Write the reason"):
            flags.reply(session, case=case, flag=row, text=" ", by=desk.developer, now=desk.now)
        flags.reply(session, case=case, flag=row, text="We keep tier 2.", by=desk.developer, now=desk.now)
        with pytest.raises(Denied):
            flags.resolve(session, case=case, flag=row, reason="Fine.", by=desk.developer, now=desk.now)
    assert desk.fresh(flag).developer_reply == "We keep tier 2."
    with desk.world.wired.database.read() as session:
        with pytest.raises(NotFound):
            flags.of_developer(session, case.reference, by=desk.other_developer)
        with pytest.raises(NotFound):
            flags.find(session, case, "F-9")
