"""Quotations: a passkey over exactly the words shown, the line first, and no trace of words that stayed."""

from __future__ import annotations

import hashlib
import json

import pytest

from secure_access.custodian import quotations
from secure_access.custodian.acts import Act, NotConfirmed, Reason
from secure_access.custodian.custody import STRANGERS, Refused, Why
from secure_access.custodian.quotations import Released
from secure_access.sealing import words
from secure_access.workflow import NotFound
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.enrolled import text64
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_notes import SECTION, beside, holding
from tests.secure_access.custodian.test_reading import STOPS, Change

TEXT = "No single insider can copy the weights."
PLACE = (SECTION, 3)


def confirmed(world: World, token: str, text: str = TEXT, by: str = "ada") -> tuple[str, str]:
    """Nonce and answer of a passkey over the words as they would leave."""
    statement = world.core.quotations.ask(token, *PLACE, text).statement
    return statement.nonce, world.enrolled.answer(by, statement.challenge)


def quote(world: World, token: str, text: str = TEXT) -> Released:
    return world.core.quotations.release(token, PLACE, text, confirmed(world, token, text))


def test_words_leave_after_their_line_with_a_number_of_the_request(world: World) -> None:
    digest, token = beside(world)
    spread = "  No single insider\n can copy\u00ad the\tweights. "
    made = quote(world, token, spread)
    assert (made.text, made.reference) == (TEXT, "Q-1 of PR-2027-009")
    line = world.last()
    assert (line.type, line.plan) == ("quotation.released", world.plan)
    evidence = str(line.fields["evidence"])
    assert line.fields == {
        "grant": digest,
        "section": SECTION,
        "page": 3,
        "number": 1,
        "characters": 39,
        "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
        "by": "ada",
        "team": "Systems Security",
        "evidence": evidence,
    }
    # Anybody who has the words and the line can verify what the passkey signed.
    statement = json.loads(json.loads(world.custody.parts.kept.get(evidence))["statement"])
    signed = words.quotation_statement(digest, SECTION, 3, TEXT)
    assert statement["object"] == hashlib.sha256(signed).hexdigest()
    assert (statement["act"], statement["by"]) == ("quotation.release", "ada")
    assert quote(world, token).number == 2
    told, request = world.core.quotations.of(token)
    assert ([one.number for one in told], request) == ([1, 2], "PR-2027-009")
    assert holding(world.home, TEXT) == []
    assert TEXT not in repr(made) + repr(told) + repr(world.core.quotations.ask(token, *PLACE, TEXT))


def test_no_word_leaves_without_its_line(world: World) -> None:
    _, token = beside(world)
    signed = confirmed(world, token)
    world.log.close()
    with pytest.raises(Refused) as refused:
        world.core.quotations.release(token, PLACE, TEXT, signed)
    assert refused.value.why is Why.NOT_LOGGED


@pytest.mark.parametrize(("stop", "why"), STOPS.values(), ids=STOPS)
def test_what_stops_a_page_stops_a_quotation(world: World, stop: Change, why: Why) -> None:
    digest, token = beside(world)
    signed = confirmed(world, token)
    stop(world, digest)
    with pytest.raises(Refused) as refused:
        world.core.quotations.ask(token, *PLACE, TEXT)
    assert refused.value.why is why
    assert (world.last().type, world.last().fields["reason"]) == ("quotation.refused", why.value)
    with pytest.raises((Refused, NotConfirmed)):
        world.core.quotations.release(token, PLACE, TEXT, signed)
    assert world.lines("quotation.released") == []


def test_other_words_another_page_or_another_grant_than_confirmed_are_refused(world: World) -> None:
    _, token = beside(world)
    world.core.release(token, SECTION, 4)
    for place, text in ((PLACE, TEXT + "!"), ((SECTION, 4), TEXT)):
        with pytest.raises(Refused) as refused:
            world.core.quotations.release(token, place, text, confirmed(world, token))
        assert refused.value.why is Why.NOT_ALLOWED
        assert world.last().fields["reason"] == "not_allowed"
    with pytest.raises(NotFound):
        world.core.quotations.release(token, (SECTION, 5), TEXT, confirmed(world, token))
    with pytest.raises(NotFound):
        world.core.quotations.ask(token, SECTION, 0, TEXT)
    signed = confirmed(world, token)
    other = world.sit(world.granted(reference="AG-2")).token
    world.core.release(other, SECTION, 3)
    with pytest.raises(Refused) as refused:
        world.core.quotations.release(other, PLACE, TEXT, signed)
    assert refused.value.why is Why.NOT_ALLOWED
    assert world.lines("quotation.released") == []


def test_a_passkey_of_somebody_else_or_not_of_the_grant_releases_nothing(world: World) -> None:
    _, token = beside(world)
    with pytest.raises(NotConfirmed) as refused:
        world.core.quotations.release(token, PLACE, TEXT, confirmed(world, token, by="julien"))
    assert refused.value.reason is Reason.OTHER_KEY
    # Julien confirms the same words as himself, with the secret of Ada's sitting.
    about = world.core.quotations.ask(token, *PLACE, TEXT).statement.object
    with pytest.raises(NotFound):
        world.core.quotations.release(token, PLACE, TEXT, world.act(Act.QUOTE, about, "julien"))
    # A second passkey of Ada that the grant does not name.
    spare = SoftKey()
    key = {"id": text64(spare.key_id), "public_key": text64(spare._public()), "device": "another"}
    world.change_list(lambda value: world.enrolled.one("ada", value)["credentials"].append(key))
    world.enrolled.keys["ada"] = spare
    with pytest.raises(Refused) as denied:
        world.core.quotations.release(token, PLACE, TEXT, confirmed(world, token))
    assert denied.value.why is Why.OTHER_PASSKEY
    assert world.lines("quotation.released") == []


def test_a_confirmation_is_of_this_act_and_used_once(world: World) -> None:
    digest, token = beside(world)
    signed = confirmed(world, token)
    world.core.quotations.release(token, PLACE, TEXT, signed)
    with pytest.raises(NotConfirmed) as refused:
        world.core.quotations.release(token, PLACE, TEXT, signed)
    assert refused.value.reason is Reason.USED
    with pytest.raises(Refused) as denied:
        world.core.quotations.release(token, PLACE, TEXT, world.act(Act.OPEN, digest, "ada"))
    assert denied.value.why is Why.WRONG_ACT
    with pytest.raises(Refused) as denied:
        world.core.pause(*confirmed(world, token))
    assert denied.value.why is Why.WRONG_ACT
    assert len(world.lines("quotation.released")) == 1


def test_words_that_stayed_leave_no_digest_anywhere(world: World) -> None:
    digest, token = beside(world)
    statement = world.core.quotations.ask(token, *PLACE, TEXT).statement
    with pytest.raises(NotConfirmed):
        world.core.quotations.release(token, PLACE, TEXT, (statement.nonce, "{}"))
    assert world.last().type == "act.refused"
    assert (world.last().fields["act"], world.last().fields["object"]) == ("quotation.release", "")
    with pytest.raises(Refused):
        world.core.quotations.release(token, PLACE, TEXT + "!", confirmed(world, token))
    traces = [words.text_digest(TEXT), words.text_digest(TEXT + "!"), statement.object]
    log = "".join(line.encoded.decode() for line in world.core.lines())
    assert not any(trace in log for trace in traces)
    assert holding(world.home, TEXT) == []
    assert digest in log


def test_twenty_and_no_more_also_after_a_restart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert quotations.MOST_QUOTATIONS == 20
    monkeypatch.setattr(quotations, "MOST_QUOTATIONS", 2)
    digest, token = beside(world)
    for number in (1, 2):
        assert quote(world, token).number == number
    world.restart()
    world.core.heard()
    token = world.sit(digest).token
    before = world.log.size
    for _ in range(STRANGERS + 5):
        with pytest.raises(Refused) as refused:
            world.core.quotations.ask(token, *PLACE, TEXT)
        assert refused.value.why is Why.TOO_MUCH
    assert world.log.size - before <= STRANGERS
    # The numbers go on under the next grant: one reference is never given twice for a request.
    other = world.sit(world.granted(reference="AG-2")).token
    world.core.release(other, SECTION, 3)
    assert quote(world, other).reference == "Q-3 of PR-2027-009"


@pytest.mark.parametrize(
    "text", ["", " \n\u200b ", "x" * 11, "x" * 2001, "one two\x00three", "one two\u202ethree"]
)
def test_what_is_no_quotation_is_not_asked_for(world: World, text: str) -> None:
    _, token = beside(world)
    with pytest.raises(Refused) as refused:
        world.core.quotations.ask(token, *PLACE, text)
    assert refused.value.why is Why.MALFORMED
    assert (world.last().type, world.last().fields["reason"]) == ("quotation.refused", "malformed")


def test_a_stranger_quotes_nothing(world: World) -> None:
    _, token = beside(world)
    signed = confirmed(world, token)
    for tried in (
        lambda: world.core.quotations.of("none"),
        lambda: world.core.quotations.ask("none", *PLACE, TEXT),
        lambda: world.core.quotations.release("none", PLACE, TEXT, signed),
    ):
        with pytest.raises(NotFound):
            tried()
        assert world.last().fields == {"reason": "unknown"}
