"""What the front may ask of the core over its socket, and what is answered: one canonical JSON object each.

A question is ``{"do": name, ...}`` with exactly the fields of that name. An answer is ``{"done": {...}}``,
``{"refused": {"why", "words"}}``, or ``{"not_found": true}``, which says nothing more to anybody.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from secure_access.custodian import forms
from secure_access.custodian.acts import LONGEST_ANSWER, Act, NotConfirmed
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Refused
from secure_access.custodian.forms import Form, Malformed
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound

LONGEST_QUESTION = 2 * 1024 * 1024
CONFIRMED = ("nonce", "answer")
MOST_HEADINGS = 200
ZOOMS = (10, 15, 20)
"""In tenths."""
Done = dict[str, Json]


@dataclass(frozen=True)
class Question:
    """A name that may be asked: its fields, and what answers it."""

    fields: tuple[str, ...]
    answer: Callable[[Core, Form], Done]
    optional: tuple[str, ...] = ()
    """Fields that may be left out."""


def answered(core: Core, encoded: bytes, questions: Mapping[str, Question]) -> bytes:
    """The answer to one of ``questions``, whatever comes of it."""
    try:
        name, told = _name(encoded)
        question = questions.get(name)
        if question is None:
            raise Malformed("there is no such question")
        more = [field for field in question.optional if field in told]
        form = forms.plain(encoded, ("do", *question.fields, *more), LONGEST_QUESTION)
        return canonical.encode({"done": question.answer(core, form)})
    except NotFound:
        return canonical.encode({"not_found": True})
    except Refused as refused:
        return _refused(refused.why.value, str(refused))
    except NotConfirmed as refused:
        return _refused(refused.reason.value, str(refused))
    except (Malformed, canonical.NotCanonical, ValueError):
        return _refused("malformed", "The core cannot read what it was asked.")


def _refused(why: str, words: str) -> bytes:
    return canonical.encode({"refused": {"why": why, "words": words}})


def _name(encoded: bytes) -> tuple[str, frozenset[str]]:
    """What is asked, and which fields are told."""
    value = canonical.decode(encoded)
    if not isinstance(value, dict):
        return "", frozenset()
    name = value.get("do")
    return (name if isinstance(name, str) else ""), frozenset(value)


def confirmation(form: Form) -> tuple[str, str]:
    """Nonce and the answer of a passkey, which is JSON in a text of its own."""
    answer = form.value("answer")
    if not isinstance(answer, str) or len(answer) > LONGEST_ANSWER:
        raise form.wrong("answer", "the answer of a passkey")
    return form.hexadecimal("nonce", 16), answer


def _confirms(act: Callable[[Core, str, str], object]) -> Question:
    def answer(core: Core, form: Form) -> Done:
        act(core, *confirmation(form))
        return {}

    return Question(CONFIRMED, answer)


def _ask(core: Core, form: Form) -> Done:
    try:
        act = Act(form.text("act"))
    except ValueError:
        raise form.wrong("act", "an act") from None
    made = core.ask(act, form.hexadecimal("object", 32), form.identifier("by"))
    return {
        "nonce": made.nonce,
        "challenge": made.challenge.hex(),
        "statement": made.encoded.decode(),
        "not_after": timestamp(made.not_after),
    }


def _enrol(core: Core, form: Form) -> Done:
    told = core.enrol(form.raw("list", 1, forms.LONGEST))
    return {"told": [asdict(one) for one in told]}


def _deliver(core: Core, form: Form) -> Done:
    manifest = core.deliver(form.raw("manifest", 1, forms.LONGEST), *confirmation(form))
    return {"manifest": manifest.digest}


def outline_of(form: Form) -> dict[str, str]:
    """The texts of the public outline, by the key of the section."""
    value = form.value("outline")
    if not isinstance(value, dict) or len(value) > MOST_HEADINGS:
        raise form.wrong("outline", f"texts by section, at most {MOST_HEADINGS}")
    for key, text in value.items():
        Form({"key": key}, ("key",)).identifier("key")
        if not isinstance(text, str):
            raise form.wrong("outline", "texts by section")
    return value


def _open(core: Core, form: Form) -> Done:
    sitting = core.open_sitting(*confirmation(form))
    return {"token": sitting.token, "grant": sitting.grant, "until": timestamp(sitting.until)}


def _release(core: Core, form: Form) -> Done:
    zoom = form.number("zoom", min(ZOOMS), max(ZOOMS)) if form.has("zoom") else min(ZOOMS)
    if zoom not in ZOOMS:
        raise form.wrong("zoom", "one of the zooms that there are")
    place = form.text("token"), form.identifier("section"), form.number("page", 1, 2**31)
    return {"page": base64.b64encode(core.release(*place, zoom)).decode()}


def _release_text(core: Core, form: Form) -> Done:
    place = form.text("token"), form.identifier("section"), form.number("page", 1, 2**31)
    return {"text": base64.b64encode(core.release_text(*place).encode()).decode()}


def _inspected(core: Core, form: Form) -> Done:
    found = core.deliveries.told(form.hexadecimal("plan", 32))
    return {"sections": [{"section": key, "pages": pages, "schema": said} for key, pages, said in found]}


def _untold(core: Core, _form: Form) -> Done:
    return {"notices": [asdict(one) for one in core.telling.waiting()]}


def _told(core: Core, form: Form) -> Done:
    core.telling.told(form.hexadecimal("grant", 32))
    return {}


def _not_told(core: Core, form: Form) -> Done:
    core.telling.not_told(form.hexadecimal("grant", 32))
    return {}


def _close(core: Core, form: Form) -> Done:
    core.close_sitting(form.text("token"))
    return {}


def _destroy(core: Core, form: Form) -> Done:
    return {"certificate": base64.b64encode(core.destroy(*confirmation(form))).decode()}


QUESTIONS: Mapping[str, Question] = {
    "ask": Question(("act", "object", "by"), _ask),
    "enrol": Question(("list",), _enrol),
    "deliver": Question(("manifest", *CONFIRMED), _deliver),
    "approve": Question(CONFIRMED, lambda core, form: {"standing": core.approve(*confirmation(form)).value}),
    "refuse": _confirms(Core.refuse),
    "revoke": _confirms(Core.revoke),
    "pause": _confirms(Core.pause),
    "resume": _confirms(Core.resume),
    "destroy": Question(CONFIRMED, _destroy),
    "open_sitting": Question(CONFIRMED, _open),
    "release": Question(("token", "section", "page"), _release, ("zoom",)),
    "release_text": Question(("token", "section", "page"), _release_text),
    "inspected": Question(("plan",), _inspected),
    "untold": Question((), _untold),
    "told": Question(("grant",), _told),
    "not_told": Question(("grant",), _not_told),
    "close_sitting": Question(("token",), _close),
}
