"""Step-up for any view: an act of record asks for a fresh assertion of a key before it is done.

A view says what it is about to do, with the digest of what stands in the database now, and does it only
when `asked` gives nothing:

    page = step_up.asked(Act("filing.sign", f"filing:{filing.id}", digest, "Sign and submit ..."))
    if page is not None:
        return page

The first POST is answered with a page that shows act, object and digest and sends the same form again, with
the assertion. That second POST runs the same lines: the act is stated anew from the database, and where the
statement is not the one that was confirmed, nothing is done. Call it after the rows are locked and before
anything of the act is written. Files are not sent a second time: keep them first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import g, render_template, request

from portal.accounts import events, service
from portal.accounts.entrance import door
from portal.web import current_actor, current_session, current_time
from secure_access import ledger, step_up
from secure_access.identity import credentials, passkeys
from secure_access.identity.credentials import Credential
from secure_access.identity.policy import Rule
from secure_access.workflow import Denied

FIELD = "step_up_assertion"
"""Name of the form field that holds the assertion."""

Page = tuple[str, int]


@dataclass(frozen=True)
class Act:
    """What a person is about to do: ``object`` is written kind:id, ``shown`` is the digest of what they saw.

    ``words`` say the act and ``about`` its object, for the page. ``refusal`` is why the person may not do it
    anyway: they are told before they are asked for a key. ``sensitive``: a new key has to wait for it.
    """

    action: str
    object: str
    shown: str
    words: str
    about: str = ""
    refusal: Denied | None = None
    sensitive: bool = True


def asked(act: Act) -> Page | None:
    """The page to answer with instead of acting, or ``None``: the act may go on.

    Raises `Denied` when the person has no key that may do this, and when what came is not an answer.
    """
    by, here = current_actor(), door()
    rule = here.policy.rule(by.roles)
    keys = credentials.of_person(g.session, person_id=by.person_id, zone=here.party.zone)
    if not (rule.step_up or keys):
        return None
    if act.refusal is not None:
        raise act.refusal
    able = _able(keys, rule, act)
    sent = request.form.get(FIELD, "")
    return _confirmed(act, sent) if sent else _page(act, able, "")


def _able(keys: list[Credential], rule: Rule, act: Act) -> list[Credential]:
    """The keys that may do it. Raises `Denied` when there is none."""
    usable = credentials.usable(keys, device_bound=rule.device_bound)
    now = datetime.now(UTC)
    able = [key for key in usable if not act.sensitive or key.usable_sensitive_from <= now]
    if usable and not able:
        first = min(key.usable_sensitive_from for key in usable)
        raise Denied(
            "Your keys are new. A new key signs, approves and serves nothing before a day has passed.",
            f"Come back after {first:%H:%M} UTC on {first.day} {first:%B %Y}, or use an older key.",
        )
    if not able:
        raise Denied(
            "This is confirmed with a key, and you have none that works.",
            "Add a key under “Your account”, or ask your administrator for a code for a first key.",
        )
    return able


def _statement(act: Act) -> step_up.Act:
    row = current_session()
    return step_up.Act(row.zone, row.id, row.person_id, act.action, act.object, act.shown)


def _page(act: Act, able: list[Credential], problem: str) -> Page:
    here = door()
    challenge = step_up.issue(g.session, _statement(act))
    kept = [
        pair for pair in request.form.items(multi=True) if pair[0] not in (FIELD, "csrf_token", "form_id")
    ]
    page = render_template(
        "accounts/step_up.html",
        act=act,
        kept=kept,
        field=FIELD,
        problem=problem,
        target=request.full_path.rstrip("?"),
        options=json.dumps(passkeys.options_for_use(here.party, challenge=challenge, keys=able)),
        seconds=int(step_up.LIFE.total_seconds()),
    )
    return page, 422 if problem else 200


def _confirmed(act: Act, sent: str) -> Page | None:
    by, here, stated = current_actor(), door(), _statement(act)
    key, answer, said = _verified(sent)
    able = _able(credentials.of_person(g.session, person_id=by.person_id, zone=here.party.zone), _rule(), act)
    if key not in able:
        raise Denied("This key may not do it. Nothing was done.", "Use another of your keys.")
    row = step_up.consume(g.session, stated, answer.challenge)
    if row is None:
        return _page(act, able, "A confirmation is good for one use within 60 seconds. Nothing was done yet")
    if not step_up.states(row, stated):
        raise Denied(
            "What you confirmed is not what stands here now: it was changed meanwhile. Nothing was done.",
            "Open the page again, read it, and confirm what it shows then.",
        )
    if not service.counted(g.session, key, said, by=by, now=current_time()):
        refusal = service.SUSPENDED[credentials.COUNTER_FELL]
        return (
            render_template(
                "error.html",
                title="This key is suspended",
                reason=refusal.reason,
                fix=refusal.fix,
                status=403,
            ),
            403,
        )
    _record(act, key, answer.challenge)
    return None


def _rule() -> Rule:
    return door().policy.rule(current_actor().roles)


def _verified(sent: str) -> tuple[Credential, passkeys.Answer, passkeys.Used]:
    """The person's own key, and what it said. Raises `Denied` for anything else."""
    by, here = current_actor(), door()
    try:
        answer = passkeys.read(sent)
        key = credentials.find(g.session, zone=here.party.zone, key_id=answer.key_id, for_update=True)
        if key is None or key.person_id != by.person_id:
            raise passkeys.BadAnswer
        return key, answer, passkeys.check_use(here.party, answer, key)
    except passkeys.BadAnswer:
        raise Denied(
            "The key did not confirm this: it is not yours here, or it did not verify you. Nothing was done.",
            "Go back and confirm again with a key of yours; it asks for your PIN or fingerprint.",
        ) from None


def _record(act: Act, key: Credential, challenge: bytes) -> None:
    ledger.append(
        g.session,
        events.STEP_UP_USED.name,
        {
            "action": act.action,
            "object": act.object,
            "shown": act.shown,
            "method": "passkey",
            "credential": key.digest,
            "challenge": challenge.hex(),
        },
        by=current_actor(),
        now=current_time(),
        about=(f"person:{key.person_id}",),
    )
