"""Every act of record that asks for a key: asked first, done once confirmed, and named in the ledger."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from evaluator import accreditations
from portal.enforcement import adoptions
from secure_access.db import select
from secure_access.identity import Actor
from secure_access.ledger.tables import LedgerEntry
from tests.fixtures.access import HELD, OUT, Window
from tests.fixtures.app import World, form_of
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.enforcement import TODAY, Bench, make_bench
from tests.fixtures.evaluator import Evaluation, evaluation_log
from tests.fixtures.legal import Chamber
from tests.fixtures.passkeys import confirmation, holder
from tests.fixtures.review import Desk
from tests.portal.enforcement.test_adoptions import EU


@dataclass
class Case:
    """An act that waits for somebody: where its form stands, where it is sent, what it says."""

    world: World
    zone: str
    by: Actor
    page: str
    path: str
    event: str
    fields: dict[str, Any] = field(default_factory=dict)


def _assessment(evaluation: Evaluation) -> Case:
    engagement = evaluation.declared()
    path = f"/engagements/{engagement.reference}/assessment"
    rows = evaluation.answers()["rows"]
    fields = {f"{key}/{name}": value for key, row in rows.items() for name, value in row.items()}
    fields |= {
        "recommendation": "release",
        "summary": "Nothing above tier 1.",
        "do": "submit",
        "label": "log",
    }
    fields["evidence"] = (io.BytesIO(evaluation_log()), "range-42.eval")
    return Case(evaluation.world, "evaluator", evaluation.officer, path, path, "assessment.submitted", fields)


def _plan(desk: Desk) -> Case:
    row = desk.plan_requested(desk.under_review())
    path = f"/plans/{row.reference}"
    return Case(desk.world, "government", desk.approver, path, path, "plan.approved", {"do": "approve"})


def _decision(desk: Desk) -> Case:
    case = desk.under_review()
    row = desk.recommended(case)
    path = f"/cases/{case.reference}/decision"
    fields = {"decision": row.reference, "do": "decide"}
    return Case(desk.world, "government", desk.decider, path, path, "decision.taken", fields)


def _access(window: Window) -> Case:
    row = window.consulted()
    window.answered(row)
    window.prepared(row, OUT, HELD, HELD)
    page = f"/access-requests/{row.reference}"
    path = f"{page}/decision"
    fields = {"do": "decide"}
    return Case(window.world, "government", window.desk.decider, page, path, "access.decided", fields)


def _worksheet(bench: Bench) -> Case:
    row = bench.prepared()
    page = f"/penalties/worksheets/{row.reference}"
    return Case(bench.world, "government", bench.head, page, f"{page}/approve", "worksheet.approved")


def _notice(bench: Bench) -> Case:
    row = bench.written()
    page = f"/penalties/notices/{row.reference}"
    return Case(bench.world, "government", bench.head, page, f"{page}/send", "notice.sent")


def _adoption(bench: Bench) -> Case:
    bench.world.at(TODAY)
    with bench.world.wired.database.write() as session:
        row = adoptions.propose(session, EU, by=bench.officer, now=bench.now)
    page = f"/penalties/methods/{row.reference}"
    return Case(bench.world, "government", bench.head, page, f"{page}/adopt", "method.adopted")


def _statute(chamber: Chamber) -> Case:
    row = chamber.capped(chamber.drafted())
    page = f"/statutes/{row.reference}"
    return Case(chamber.world, "government", chamber.approver, page, f"{page}/approve", "statute.approved")


def _request(desk: Desk) -> Case:
    path = f"/cases/{desk.under_review().reference}/requests/new"
    fields = {"legal_basis": "Art. 91", "purpose": "Safety", "item-1": "Which tools?", "do": "serve"}
    return Case(desk.world, "government", desk.officer, path, path, "information_request.served", fields)


def _accredit(evaluation: Evaluation) -> Case:
    path = "/accreditations/new"
    fields = {"evaluator": str(evaluation.body.id), "categories": "cyber", "grounds": "Shown."}
    for name, year in (("valid_from", "2027"), ("valid_until", "2029")):
        fields |= {f"{name}-day": "1", f"{name}-month": "6", f"{name}-year": year}
    return Case(
        evaluation.world, "government", evaluation.accreditor, path, path, "evaluator.accredited", fields
    )


def _accreditation(action: str, event: str) -> Callable[[Evaluation], Case]:
    def make(evaluation: Evaluation) -> Case:
        row = evaluation.accredited()
        if action == "reinstate":
            with evaluation.world.wired.database.write() as session:
                known = accreditations.load(session, row.reference, for_update=True)
                now = evaluation.world.clock.now()
                accreditations.change(
                    session, accreditation=known, action="suspend", by=evaluation.accreditor, now=now
                )
        path = f"/accreditations/{row.reference}/{action}"
        return Case(evaluation.world, "government", evaluation.accreditor, "/accreditations", path, event)

    return make


ACTS: dict[str, tuple[str, Callable[[Any], Case]]] = {
    "assessment.submit": ("sqlite_evaluation", _assessment),
    "evaluator.accredit": ("sqlite_evaluation", _accredit),
    "accreditation.suspend": ("sqlite_evaluation", _accreditation("suspend", "accreditation.suspended")),
    "accreditation.reinstate": (
        "sqlite_evaluation",
        _accreditation("reinstate", "accreditation.reinstated"),
    ),
    "accreditation.revoke": ("sqlite_evaluation", _accreditation("revoke", "accreditation.revoked")),
    "information_request.serve": ("sqlite_desk", _request),
    "plan_request.approve": ("sqlite_desk", _plan),
    "decision.take": ("sqlite_desk", _decision),
    "access_request.decide": ("sqlite_window", _access),
    "worksheet.approve": ("sqlite_bench", _worksheet),
    "notice.send": ("sqlite_bench", _notice),
    "method.adopt": ("own_bench", _adoption),
    "statute_version.approve": ("sqlite_chamber", _statute),
}


@pytest.fixture
def own_bench(make_world: Callable[[str], World], own_sqlite_url: str) -> Bench:
    """A bench of the test's own: what is adopted here would be adopted in every other test."""
    return make_bench(make_world(own_sqlite_url))


def recorded(world: World, *events: str) -> list[LedgerEntry]:
    with world.wired.database.read() as session:
        query = select(LedgerEntry).order_by(LedgerEntry.number)  # type: ignore[arg-type]
        return [entry for entry in session.exec(query) if entry.type in events]


@pytest.mark.parametrize("action", ACTS)
def test_an_act_of_somebody_with_a_key_is_done_once_confirmed(
    action: str, request: pytest.FixtureRequest
) -> None:
    fixture, make = ACTS[action]
    case = make(request.getfixturevalue(fixture))
    person, key = holder(case.world, case.zone, case.by), SoftKey()
    assert person.add(key).status_code == 303
    before = len(recorded(case.world, case.event, "step_up.used"))

    form = form_of(person.client.get(case.page).text, "" if case.page == case.path else case.path)
    asked = person.client.post(case.path, data={**form, **case.fields})
    assert asked.status_code == 200, asked.text[:3000]
    assert "Confirm with your key" in asked.text
    assert action in asked.text
    assert len(recorded(case.world, case.event, "step_up.used")) == before, "nothing is done yet"

    fields = confirmation(asked.text, key, person.origin, case.path)
    assert fields["form_id"] == form["form_id"]
    done = person.client.post(case.path, data=fields)
    assert done.status_code == 303, done.text[:3000]
    new = recorded(case.world, case.event, "step_up.used")[before:]
    assert sorted(entry.type for entry in new) == sorted([case.event, "step_up.used"])
    used = next(entry for entry in new if entry.type == "step_up.used")
    assert used.fields["action"] == action
    assert used.fields["credential"] == person.rows()[0].digest
    assert re.search(rf"{used.fields['object']}\b", asked.text)
    assert used.fields["shown"] in asked.text.replace(" ", "").replace("<wbr>", "")
    assert json.dumps(used.content["by"]).count(str(case.by.person_id)) == 1

    again = person.client.post(case.path, data=fields)
    assert again.headers["Location"] == done.headers["Location"], "a second click leads to the same place"
    assert len(recorded(case.world, case.event, "step_up.used")) == before + 2
