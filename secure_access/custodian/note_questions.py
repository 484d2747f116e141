"""What the front asks for a reader's notes and quotations, as in `questions`. Who asks is who sits."""

from __future__ import annotations

from collections.abc import Mapping

from secure_access.custodian.core import Core
from secure_access.custodian.forms import Form
from secure_access.custodian.grant_words import minute
from secure_access.custodian.notes import MOST_NOTES, Told
from secure_access.custodian.page_questions import statement
from secure_access.custodian.questions import CONFIRMED, Done, Question, confirmation
from secure_access.custodian.quotations import MOST_QUOTATIONS
from secure_access.sealing import words

LONGEST = 4 * words.LONGEST_NOTE
"""Characters that are read at all, before white space and what nobody sees are taken out."""
PLACE = ("token", "section", "page", "text")


def _notes(core: Core, form: Form) -> Done:
    """Every note of the grant that stands, and what was quoted, without the words."""
    token = form.text("token")
    found = core.notes.of(token)
    quoted, request = core.quotations.of(token)
    return {
        "notes": [dict(_told(one)) for one in found],
        "notes_left": MOST_NOTES - len(found),
        "quotations": [
            {
                "reference": words.quotation_reference(one.number, request),
                "section": one.section,
                "page": one.page,
                "at": minute(one.at),
            }
            for one in quoted
        ],
        "quotations_left": MOST_QUOTATIONS - len(quoted),
    }


def _told(note: Told) -> Done:
    return {
        "note": note.note,
        "version": note.version,
        "section": note.section,
        "page": note.page,
        "at": minute(note.at),
        "text": note.text,
    }


def _write(core: Core, form: Form) -> Done:
    return _told(core.notes.write(form.text("token"), *_place(form), _text(form)))


def _change(core: Core, form: Form) -> Done:
    return _told(core.notes.change(form.text("token"), *_note(form), _text(form)))


def _remove(core: Core, form: Form) -> Done:
    core.notes.remove(form.text("token"), *_note(form))
    return {}


def _ask_quotation(core: Core, form: Form) -> Done:
    asked = core.quotations.ask(form.text("token"), *_place(form), _text(form))
    return {**statement(asked.statement, asked.credentials), "text": asked.text}


def _quote(core: Core, form: Form) -> Done:
    made = core.quotations.release(form.text("token"), _place(form), _text(form), confirmation(form))
    return {"reference": made.reference, "text": made.text}


def _place(form: Form) -> tuple[str, int]:
    return form.identifier("section"), form.number("page", 1, words.MOST_PAGE)


def _note(form: Form) -> tuple[str, int]:
    return form.hexadecimal("note", 16), form.number("version", 1, 2**31)


def _text(form: Form) -> str:
    value = form.value("text")
    if not isinstance(value, str) or len(value) > LONGEST:
        raise form.wrong("text", "a text is missing or too long")
    return value


NOTES: Mapping[str, Question] = {
    "page.notes": Question(("token",), _notes),
    "note.write": Question(PLACE, _write),
    "note.change": Question(("token", "note", "version", "text"), _change),
    "note.remove": Question(("token", "note", "version"), _remove),
    "page.ask_quotation": Question(PLACE, _ask_quotation),
    "quotation.release": Question((*PLACE, *CONFIRMED), _quote),
}
