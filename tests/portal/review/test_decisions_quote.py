"""Quotations of sealed plans in a decision: as they were released, in the annex, and nowhere else."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from portal.review import decisions, openings, quotations
from portal.review.custody_lines import EVENT
from portal.review.quotations import Quoted, Released
from portal.review.requests import NotServable
from portal.review.tables import Case, PlanRequest
from secure_access import ledger
from secure_access.custodian import custody_log, forms
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from secure_access.sealing import words
from secure_access.workflow import Denied
from tests.fixtures.review import Desk, make_desk
from tests.portal.review.test_review_pages import get, send
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_notes import beside
from tests.secure_access.custodian.test_quotations import quote

TEXT = "No single insider can open the Größe of it."
OTHER = "Two people turn two keys at once."
Q1, Q2 = "Q-1 of PR-2027-009", "Q-2 of PR-2027-009"


def told(reference: str, text: str) -> Released:
    return Released(reference, words.text_digest(text), len(text))


TOLD = {one.reference: one for one in (told(Q1, TEXT), told(Q2, OTHER))}


@pytest.mark.parametrize(
    ("quoted", "where"),
    [
        ([], []),
        ([Quoted("", " ")], []),
        ([Quoted(Q1, TEXT)], []),
        ([Quoted(Q1, TEXT), Quoted(Q2, OTHER)], []),
        ([Quoted(" Q-1  of PR-2027-009 ", f" {TEXT}\r\n")], []),
        ([Quoted(Q1, unicodedata.normalize("NFD", TEXT))], []),
        ([Quoted(Q1, TEXT.replace(" can", "\r\ncan"))], []),
        ([Quoted(Q1, OTHER)], ["quotation-text-1"]),
        ([Quoted(Q1, TEXT[:-1])], ["quotation-text-1"]),
        ([Quoted(Q1, TEXT.lower())], ["quotation-text-1"]),
        ([Quoted(Q1, "")], ["quotation-text-1"]),
        ([Quoted(Q1, TEXT + "\x00")], ["quotation-text-1"]),
        ([Quoted("", TEXT)], ["quotation-1"]),
        ([Quoted("Q-1", TEXT)], ["quotation-1"]),
        ([Quoted("Q-3 of PR-2027-009", TEXT)], ["quotation-1"]),
        ([Quoted("Q-1 of PR-2027-010", TEXT)], ["quotation-1"]),
        ([Quoted(Q1, TEXT), Quoted("Q-1  of PR-2027-009", TEXT)], ["quotation-2"]),
        ([Quoted("", ""), Quoted(Q2, TEXT)], ["quotation-text-2"]),
    ],
)
def test_an_annex_takes_quotations_as_they_were_released(quoted: list[Quoted], where: list[str]) -> None:
    found = quotations.problems(quoted, TOLD)
    assert [field for field, _ in found] == where
    assert not any(TEXT in said or OTHER in said for _, said in found)


def test_the_portal_reads_the_custodian_s_own_line(tmp_path: Path) -> None:
    """What the core wrote and showed is what the portal takes, and finds where it must not stand."""
    world = World(tmp_path)
    world.enrol()
    world.deliver()
    _, token = beside(world)
    made = quote(world, token)
    line = custody_log.read_line(world.last().encoded)
    assert line.type == quotations.TYPE
    said = quotations._read(line.fields, made.request)
    assert quotations.problems([Quoted(made.reference, made.text)], {said.reference: said}) == []
    ((_, words_),) = quotations.elsewhere({"reasons": f"It says “{made.text}”"}, [said], [])
    assert made.reference in words_


BY_DIGEST = [
    ("It says nothing of it.", []),
    (TEXT, [Q1]),
    (f"The plan says: “{TEXT}” We agree.", [Q1]),
    (f"({TEXT})", [Q1]),
    (TEXT.replace(" insider", "\n   insider"), [Q1]),
    (unicodedata.normalize("NFD", f"a {TEXT}"), [Q1]),
    (f"{OTHER} And: {TEXT}", [Q1, Q2]),
    (TEXT[:-2], []),
    ("", []),
]
KNOWN = [
    (TEXT.upper(), [Q1]),
    (TEXT.replace(" ", ", "), [Q1]),
    ("no single INSIDER can “open” the größe of it", [Q1]),
    ("No single insider can open the door of it.", []),
]


@pytest.mark.parametrize(("text", "named"), BY_DIGEST)
def test_words_that_nobody_told_the_portal_are_found_by_their_digest(text: str, named: list[str]) -> None:
    found = quotations.elsewhere({"reasons": text}, TOLD.values(), [])
    assert [said.split(" stand here")[0] for _, said in found] == [f"The words of {one}" for one in named]
    assert {field for field, _ in found} <= {"reasons"}


@pytest.mark.parametrize(("text", "named"), BY_DIGEST + KNOWN)
def test_words_that_are_known_are_found_in_other_spelling(text: str, named: list[str]) -> None:
    known = [{"reference": Q1, "text": TEXT}]
    found = quotations.elsewhere({"condition-2": text}, TOLD.values(), known)
    assert [said.split(" stand here")[0] for _, said in found] == [f"The words of {one}" for one in named]
    assert not any(TEXT in said for _, said in found)


def test_a_text_of_many_pages_is_looked_through_in_time() -> None:
    text = "The interval lies within the tier declared, as the report says of it. " * 600
    many = [told(f"Q-{number} of PR-1", f"{number:04} " + "x" * (20 + 5 * number)) for number in range(60)]
    assert quotations.elsewhere({"reasons": text}, many, []) == []
    (found,) = quotations.elsewhere({"reasons": text + TEXT}, [*many, told(Q1, TEXT)], [])
    assert Q1 in found[1]


def released(desk: Desk, case: Case, text: str = TEXT, number: int = 1) -> str:
    """What the ledger has taken in of a quotation that the custodian released; its reference."""
    with desk.world.wired.database.write() as session:
        row = session.get_one(Case, case.id)
        (request,) = quotations.plans.of_case(session, row)
        fields: dict[str, Any] = {"number": number, "sha256": words.text_digest(text), "page": 3}
        line = {
            "v": custody_log.FORMAT,
            "number": 40 + number,
            "at": timestamp(desk.now),
            "previous": "00" * 32,
            "type": "quotation.released",
            "plan": "ab" * 32,
            "count": 1,
            "fields": fields | {"section": "access-control", "characters": len(text)},
            "salt": "00" * 16,
        }
        encoded = canonical.encode(line)
        kept = {"number": 40 + number, "digest": forms.digest(encoded), "line": encoded.decode()}
        about = quotations.plans.about(request)
        ledger.append(session, EVENT, kept, by=None, now=desk.now, about=about)
        return f"Q-{number} of {request.reference}"


def asked(desk: Desk) -> tuple[Case, PlanRequest]:
    """A case under review with a plan request."""
    case = desk.under_review()
    return case, desk.plan_requested(case)


def test_a_quotation_stands_in_the_annex_and_in_nothing_that_is_published(desk: Desk) -> None:
    case, _ = asked(desk)
    reference = released(desk, case)
    decision = desk.decided(case, quotations=[Quoted(reference, f"{TEXT} "), Quoted("", "")])
    assert decision.quotations == [{"reference": reference, "text": TEXT}]
    with desk.world.wired.database.read() as session:
        row = decisions.find(session, decision.reference)
        assert TEXT.encode() not in decisions.wording(row, [])
        for entry in ledger.entries(session, f"case:{case.id}"):
            assert TEXT not in entry.entry.decode()
        assert b"Gr\xc3\xb6\xc3\x9fe" not in b"".join(
            entry.entry for entry in ledger.entries(session, decisions.subject(row))
        )


def test_the_developer_sees_beside_which_page_and_no_word(sqlite_desk: Desk) -> None:
    case, request = asked(sqlite_desk)
    released(sqlite_desk, case)
    with sqlite_desk.world.wired.database.read() as session:
        found = openings.record(session, session.get_one(PlanRequest, request.id), now=sqlite_desk.now)
    ((_, said, _, entry),) = found.events
    assert said == "A reader released words for a confidential annex: General security mitigations, page 3"
    assert TEXT not in entry.entry.decode()


def test_a_decision_without_quotations_has_none(desk: Desk) -> None:
    case, _ = asked(desk)
    assert desk.recommended(case).quotations is None


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"reasons": f"As it says: {TEXT}"}, "reasons"),
        ({"power": TEXT}, "power"),
        ({"conditions": [("Report drills.", None), (TEXT, None)], "kind": "conditions"}, "condition-2"),
    ],
)
def test_words_of_a_quotation_stop_a_recommendation(desk: Desk, change: dict[str, Any], where: str) -> None:
    case, _ = asked(desk)
    reference = released(desk, case)
    change = {key: decisions.DecisionKind(value) if key == "kind" else value for key, value in change.items()}
    with pytest.raises(NotServable) as refused:
        desk.recommended(case, **change)
    ((field, said),) = refused.value.problems
    assert field == where
    assert said.startswith(f"The words of {reference} stand here")


def test_words_of_a_quotation_stop_the_answer_to_a_flag(desk: Desk) -> None:
    case, _ = asked(desk)
    desk.flag(case, "F-1")
    reference = released(desk, case)
    with pytest.raises(NotServable, match=reference):
        desk.recommended(case, flags={"F-1": ("resolved", f"Because: {TEXT}")})


def test_words_of_the_annex_are_found_in_the_reasons_in_other_spelling(desk: Desk) -> None:
    case, _ = asked(desk)
    reference = released(desk, case)
    quoted = [Quoted(reference, TEXT)]
    with pytest.raises(NotServable, match="The words of"):
        desk.recommended(case, reasons=TEXT.upper(), quotations=quoted)
    decision = desk.recommended(case, quotations=quoted)
    # What was sent back is remembered, also where the next recommendation quotes nothing.
    with desk.world.wired.database.write() as session:
        row = session.get_one(Case, case.id)
        kept = session.get_one(type(decision), decision.id)
        decisions.send_back(
            session, case=row, decision=kept, reason="Shorter.", by=desk.decider, now=desk.now
        )
    with pytest.raises(NotServable, match="The words of"):
        desk.recommended(case, reasons=TEXT.upper())
    desk.recommended(case)


def test_a_quotation_that_no_line_tells_is_refused(desk: Desk) -> None:
    case, request = asked(desk)
    reference = released(desk, case)
    for quoted, field in (
        (Quoted(f"Q-9 of {request.reference}", TEXT), "quotation-1"),
        (Quoted(reference, OTHER), "quotation-text-1"),
    ):
        with pytest.raises(NotServable) as refused:
            desk.recommended(case, quotations=[quoted])
        assert [name for name, _ in refused.value.problems] == [field]
    elsewhere = make_desk(desk.world)
    other, _ = asked(elsewhere)
    with pytest.raises(NotServable, match="released no"):
        elsewhere.recommended(other, quotations=[Quoted(reference, TEXT)])


def test_words_released_after_the_recommendation_stop_the_decision(desk: Desk) -> None:
    case, _ = asked(desk)
    desk.recommended(case, reasons=f"It reads: {TEXT}")
    reference = released(desk, case)
    with pytest.raises(Denied, match=f"Reasons: The words of {reference} stand here"):
        desk.decide(case)


def test_a_quotation_goes_from_the_form_to_the_developer_and_to_nobody_else(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    case, _ = asked(desk)
    path = f"/cases/{case.reference}/decision/recommend"
    assert "Quotations of the sealed plan" not in get(desk, "officer", path).text
    reference = released(desk, case)
    page = get(desk, "officer", path).text
    assert f"The custodian has released {reference} for this case" in page
    evidence = page.split('name="evidence"')[1].split('value="')[1].split('"')[0]
    whole: dict[str, Any] = {
        "kind": "no_objection",
        "channels": ["api"],
        "power": "EU AI Act Art. 93",
        "reasons": "Within the interval.",
        "evidence": [evidence],
    }
    more = send(desk, "officer", path, whole | {"do": "add_quotation"})
    assert (more.status_code, "Words of quotation 1" in more.text) == (200, True)
    whole |= {"quotation-1": reference, "quotation-text-1": OTHER}
    refused = send(desk, "officer", path, whole)
    assert refused.status_code == 422
    assert "These are not the words that were released" in refused.text
    # What was written is not lost.
    assert OTHER in refused.text
    whole["quotation-text-1"] = TEXT.replace(" can", "\r\ncan")
    stray = send(desk, "officer", path, whole | {"reasons": f"It says: {TEXT}"})
    assert stray.status_code == 422
    assert f"The words of {reference} stand here" in stray.text
    assert send(desk, "officer", path, whole).status_code == 303
    decision = f"/cases/{case.reference}/decision"
    assert TEXT in get(desk, "decider", decision).text
    assert send(desk, "decider", decision, {"do": "send_back", "reason": "Shorter."}).status_code == 303
    assert TEXT in get(desk, "officer", path).text
    assert send(desk, "officer", path, whole).status_code == 303
    assert send(desk, "decider", decision, {"do": "decide"}).status_code == 303
    listed = get(desk, "certifier", "/decisions").text
    assert TEXT not in listed
    number = listed.split("/decisions/D-")[1].split('"')[0]
    own = get(desk, "certifier", f"/decisions/D-{number}").text
    assert TEXT in own
    assert reference in own
    assert get(desk, "other_developer", f"/decisions/D-{number}").status_code == 404
    public = desk.world.client("public").get(f"/register/decisions/D-{number}")
    assert public.status_code == 200
    assert TEXT not in public.text
    assert reference not in public.text
