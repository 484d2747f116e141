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

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import g, render_template, request

from portal.accounts import events, service
from portal.accounts.entrance import door
from portal.ui.formats import plural
from portal.web import current_actor, current_session, current_time
from secure_access import ledger, step_up
from secure_access.db import Table
from secure_access.identity import credentials, passkeys, person_subject
from secure_access.identity.credentials import Credential
from secure_access.identity.policy import Rule
from secure_access.ledger import canonical
from secure_access.workflow import Denied

FIELD = "step_up_assertion"
"""Name of the form field that holds the assertion."""

_ENVELOPE = (FIELD, "csrf_token", "form_id")

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
    rule, keys = _held()
    if not (rule.step_up or keys):
        return None
    if act.refusal is not None:
        raise act.refusal
    able = _able(keys, rule, act)
    sent = request.form.get(FIELD, "")
    return _confirmed(act, sent, keys) if sent else _page(act, able, "")


def waits(wait: timedelta) -> str:
    """What a new key cannot do, and for how long."""
    hours = int(wait.total_seconds()) // 3600
    return f"A new key signs, approves and serves nothing for its first {plural(hours, 'hour')}."


def to_ask() -> bool:
    """Whether who is signed in will be asked for a key, and has not answered yet."""
    rule, keys = _held()
    return bool(rule.step_up or keys) and not request.form.get(FIELD)


def shown(*rows: Table) -> str:
    """The digest of what was shown where it stands in a form: its fields, and rows of record as they are now.

    SHA-256 in hex of the canonical object of ``sent``, the pairs of name and value in the order of the form,
    and ``stands``, the digest of the rows. What a person confirms is therefore the very form that is sent.
    """
    stated = {"sent": [list(pair) for pair in _kept()], "stands": step_up.digest_of(g.session, *rows)}
    return hashlib.sha256(canonical.encode(stated)).hexdigest()


def _held() -> tuple[Rule, list[Credential]]:
    """To what the person is held here, and the keys they have in this zone."""
    by, here = current_actor(), door()
    keys = credentials.of_person(g.session, person_id=by.person_id, zone=here.party.zone)
    return here.policy.rule(by.roles), keys


def _kept() -> list[tuple[str, str]]:
    """The fields of the form that is confirmed, without those of its envelope."""
    return [pair for pair in request.form.items(multi=True) if pair[0] not in _ENVELOPE]


def _able(keys: list[Credential], rule: Rule, act: Act) -> list[Credential]:
    """The keys that may do it. Raises `Denied` when there is none."""
    usable = credentials.usable(keys, device_bound=rule.device_bound)
    now = datetime.now(UTC)
    able = [key for key in usable if not act.sensitive or key.usable_sensitive_from <= now]
    if usable and not able:
        first = min(key.usable_sensitive_from for key in usable)
        raise Denied(
            f"Your keys are new. {waits(door().policy.wait)}",
            f"Come back after {first:%H:%M} UTC on {first.day} {first:%B %Y}, or use an older key.",
        )
    if not able:
        raise Denied(
            "This is confirmed with a key, and you have none that works.",
            "Add a key under “Your account”, or ask an administrator of your organisation for a code for a "
            "first key.",
        )
    return able


def _statement(act: Act) -> step_up.Act:
    row = current_session()
    return step_up.Act(row.zone, row.id, row.person_id, act.action, act.object, act.shown)


def _page(act: Act, able: list[Credential], problem: str) -> Page:
    here = door()
    challenge = step_up.issue(g.session, _statement(act))
    page = render_template(
        "accounts/step_up.html",
        act=act,
        kept=_kept(),
        field=FIELD,
        problem=problem,
        target=request.full_path.rstrip("?"),
        options=json.dumps(passkeys.options_for_use(here.party, challenge=challenge, keys=able)),
        seconds=int(step_up.LIFE.total_seconds()),
    )
    return page, 422 if problem else 200


def _confirmed(act: Act, sent: str, keys: list[Credential]) -> Page | None:
    by, stated = current_actor(), _statement(act)
    key, answer, said = _verified(sent)
    # Finding the key has locked and renewed its row, which is one of these: it may be suspended by now.
    able = _able(keys, door().policy.rule(by.roles), act)
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
        about=(person_subject(key.person_id),),
    )
