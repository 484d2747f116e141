"""What the front asks for the page of a plan: the developer's officers deliver and pause, approvers keep it.

An approver sees how many sections there are, and neither their keys nor their titles: those stand in grants.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict

from secure_access.custodian.core import Core
from secure_access.custodian.enrolment import officer_of
from secure_access.custodian.findings import REPORT
from secure_access.custodian.forms import Form
from secure_access.custodian.grant_words import minute
from secure_access.custodian.page_questions import grant_line, plan_line, visitor, who
from secure_access.custodian.plan_keys import kept_certificate
from secure_access.custodian.questions import CONFIRMED, Done, Question, confirmation
from secure_access.custodian.state import APPROVAL_LASTS, Plan
from secure_access.custodian.visits import Visit
from secure_access.workflow import NotFound


def _plan_page(core: Core, form: Form) -> Done:
    visit = core.visits.of(form.text("visit"))
    plan = core.visits.plan(visit, form.hexadecimal("plan", 32))
    officer = officer_of(plan.developer, visit.person)
    sealed = plan.manifest.sections if plan.manifest and officer else ()
    return {
        **visitor(core, visit),
        **plan_line(core, plan),
        "officer": officer,
        "delivered": [{**asdict(one), "made_here": one.section == REPORT} for one in sealed],
        "deliveries": len(plan.deliveries),
        "outlined": bool(plan.outline),
        "missing": [*core.deliveries.missing(plan)] if officer else [],
        "delivered_at": minute(plan.manifest.made_at) if plan.manifest else "",
        "grants": [
            grant_line(core, visit, one) for one in core.visits.grants(visit) if one.plan == plan.fingerprint
        ],
        **_keeping(core, visit, plan),
    }


def _keeping(core: Core, visit: Visit, plan: Plan) -> Done:
    """What stands between a plan and its end. Why a hold stands is for approvers."""
    listed = core.custody.enrolment
    approves = not officer_of(plan.developer, visit.person)
    hold: Done = {}
    if plan.hold is not None:
        hold = {**who(plan.hold.by, visit, listed), "reason": plan.hold.reason if approves else ""}
    open_ = [] if plan.destroying else [one for _, one in core.destructions.counted(plan)]
    return {
        "hold": hold,
        "conflict": visit.person.conflicted_with(plan.developer) if approves else "",
        "obstacle": core.destructions.obstacle(plan, visit.person) if approves else "",
        "destruction": [
            {**who(one, visit, listed), "until": minute(one.at + APPROVAL_LASTS)} for one in open_
        ],
        "certificate": _certified(core, plan),
    }


def _certified(core: Core, plan: Plan) -> Done:
    """What the certificate says, while there is one."""
    if not plan.certificate:
        return {}
    found = kept_certificate(core.custody.parts.kept.get(plan.certificate))
    return {
        "sha256": plan.certificate,
        "destroyed_at": minute(found.destroyed_at),
        "last_backup_ends": minute(found.last_backup_ends),
        "over": core.custody.now() >= found.last_backup_ends,
    }


def _certificate(core: Core, form: Form) -> Done:
    visit = core.visits.of(form.text("visit"))
    plan = core.visits.plan(visit, form.hexadecimal("plan", 32))
    if not plan.certificate:
        raise NotFound
    return {"certificate": base64.b64encode(core.custody.parts.kept.get(plan.certificate)).decode()}


def _hold(core: Core, form: Form) -> Done:
    core.destructions.hold(*confirmation(form), form.text("reason"))
    return {}


def _release_hold(core: Core, form: Form) -> Done:
    core.destructions.release_hold(*confirmation(form), form.text("reason"))
    return {}


PLANS: Mapping[str, Question] = {
    "page.plan": Question(("visit", "plan"), _plan_page),
    "page.certificate": Question(("visit", "plan"), _certificate),
    "page.hold": Question((*CONFIRMED, "reason"), _hold),
    "page.release_hold": Question((*CONFIRMED, "reason"), _release_hold),
}
