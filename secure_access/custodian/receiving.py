"""Questions by which sealed sections come to the core in parts, and what it may say of what was delivered.

Who uploads has entered, and is an officer of the developer of the plan; a passkey delivers it later. So a
stranger neither fills the disk nor uses up what one request may have on its way. Another offset than the
one that is here is answered with the right one, and nothing is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO

from secure_access.clock import Clock
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.forms import Form
from secure_access.custodian.opening import Opening
from secure_access.custodian.questions import Done, Question
from secure_access.custodian.sealed_store import PART, NoUpload, SealedStore, TooMuch, Upload, UploadRefused
from secure_access.sealing import SealingError
from secure_access.sealing.plans import MAX_SEALED
from secure_access.workflow import NotFound


def upload_questions(store: SealedStore, opening: Opening, clock: Clock) -> Mapping[str, Question]:
    """``upload.begin``, ``upload.part``, ``upload.end``."""

    def receivable(core: Core, form: Form, upload: Upload) -> str:
        visitor = core.visits.of(form.text("visit")).person
        return core.deliveries.receivable(upload.request, upload.section, visitor)

    def begin(core: Core, form: Form) -> Done:
        upload = Upload(
            form.identifier("request"),
            form.identifier("section"),
            form.number("size", 1, MAX_SEALED),
            form.hexadecimal("sha256", 32),
            clock.now(),
        )
        receivable(core, form, upload)
        offset = store.begin(upload)
        return {"token": upload.token, "offset": offset, "whole": store.has(upload.sha256)}

    def part(core: Core, form: Form) -> Done:
        token = form.hexadecimal("token", 32)
        receivable(core, form, store.of(token))
        content = form.raw("bytes", 1, PART)
        taken, offset = store.part(token, form.number("offset", 0, MAX_SEALED), content, clock.now())
        return {"taken": taken, "offset": offset}

    def end(core: Core, form: Form) -> Done:
        token = form.hexadecimal("token", 32)
        plan = receivable(core, form, store.of(token))

        def check(upload: Upload, file: BinaryIO) -> None:
            opening.check_upload(plan, upload, file)

        found = store.end(token, check)
        return {"section": found.section, "sha256": found.sha256}

    return {
        "upload.begin": Question(("visit", "request", "section", "size", "sha256"), _told(begin)),
        "upload.part": Question(("visit", "token", "offset", "bytes"), _told(part)),
        "upload.end": Question(("visit", "token"), _told(end)),
    }


def _told(answer: Callable[[Core, Form], Done]) -> Callable[[Core, Form], Done]:
    """What the store and the seal refuse, as the core says it."""

    def told(core: Core, form: Form) -> Done:
        try:
            return answer(core, form)
        except NoUpload:
            raise NotFound from None
        except TooMuch as refused:
            raise Refused(Why.TOO_MUCH, str(refused)) from None
        except UploadRefused as refused:
            raise Refused(Why.MALFORMED, str(refused)) from None
        except SealingError as problem:
            words = f"This file is not sealed for this section of this request: {problem}."
            raise Refused(Why.MALFORMED, words) from None

    return told
