"""What the portal may ask of the core: it can offer and end, and takes in the log. It opens nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

from secure_access.custodian import enrolment, forms, portal_channel
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.forms import Form, Malformed
from secure_access.custodian.portal_channel import NotThePortal, Portal
from secure_access.custodian.private_files import UnsafeFile
from secure_access.custodian.questions import Done, Question, answered, outline_of
from secure_access.custodian.recertification_questions import DUE
from secure_access.keys import SigningKey
from secure_access.ledger.canonical import Json
from secure_access.workflow import NotFound

MOST_LINES = 500


def channel(portal: Portal, key: SigningKey, extra: Mapping[str, Question]) -> Question:
    """The one question of the socket by which the portal asks; ``key`` signs what the core answers."""
    questions = {**PORTAL, **DUE, **extra}

    def answer(core: Core, form: Form) -> Done:
        encoded = form.raw("question", 1, portal_channel.LONGEST_QUESTION)
        signature = form.raw("signature", 64)
        try:
            with core.custody.lock:
                asked, at = portal.read(encoded, signature, core.custody.now())
        except NotThePortal as refused:
            core.custody.stranger("portal.refused", "", {"reason": refused.fault.value})
            raise Refused(Why.NOT_ALLOWED, "This is no question of the portal.") from None
        known = {**questions, "heard": Question((), lambda core, _form: _heard(core, at))}
        return dict(portal_channel.answer(key, encoded, answered(core, asked, known)))

    return Question(("question", "signature"), answer)


def _heard(core: Core, at: datetime) -> Done:
    core.heard(at)
    return {}


def _make_plan_key(core: Core, form: Form) -> Done:
    request, developer = form.identifier("request"), form.identifier("developer")
    there = core.custody.state.plan_of_request(request)
    if there is not None and there.developer == developer:
        # The portal asks again when an answer was lost on its way.
        return {"fingerprint": there.fingerprint}
    return {"fingerprint": core.make_plan_key(request, developer)}


def _offer(core: Core, form: Form) -> Done:
    encoded = form.raw("grant", 1, forms.LONGEST)
    if forms.digest(encoded) in core.custody.state.grants:
        return {"grant": forms.digest(encoded)}
    return {"grant": core.offer(encoded).digest}


def _end(core: Core, form: Form) -> Done:
    core.end(form.hexadecimal("grant", 32))
    return {}


def _lines(core: Core, form: Form) -> Done:
    found: list[Json] = []
    for line in core.lines(form.number("after", 0, 2**53 - 1)):
        found.append(line.encoded.decode())
        if len(found) == MOST_LINES:
            break
    return {"lines": found}


def _outline(core: Core, form: Form) -> Done:
    core.deliveries.set_outline(form.hexadecimal("plan", 32), outline_of(form))
    return {}


def _listed(core: Core, form: Form) -> Done:
    """The enrolment list of that digest: the portal shows it, and names its passkeys in grants."""
    try:
        encoded = core.custody.parts.kept.get(form.hexadecimal("list", 32))
        enrolment.parse(encoded)
    except (UnsafeFile, LookupError, Malformed):
        raise NotFound from None
    return {"list": _text(encoded)}


def _grant(core: Core, form: Form) -> Done:
    """The bytes of a grant that was offered: a portal that was restored has lost them."""
    given = core.custody.state.grants.get(form.hexadecimal("grant", 32))
    if given is None:
        raise NotFound
    return {"grant": _text(core.custody.parts.kept.get(given.grant.digest))}


def _manifest(core: Core, form: Form) -> Done:
    """The manifest of what was delivered, and of the custodian's own report what a grant names of it."""
    plan = core.custody.state.plans.get(form.hexadecimal("plan", 32))
    if plan is None or plan.manifest is None:
        raise NotFound
    return {
        "manifest": _text(core.custody.parts.kept.get(plan.manifest.digest)),
        "sections": [{"section": one.section, "sha256": one.sha256} for one in plan.manifest.sections],
    }


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


PORTAL: Mapping[str, Question] = {
    # "heard" is the one question that depends on when it was asked: see `channel`.
    "make_plan_key": Question(("request", "developer"), _make_plan_key),
    "offer": Question(("grant",), _offer),
    "end": Question(("grant",), _end),
    "lines": Question(("after",), _lines),
    "listed": Question(("list",), _listed),
    "grant": Question(("grant",), _grant),
    "outline": Question(("plan", "outline"), _outline),
    "manifest": Question(("plan",), _manifest),
}
