"""Checks, forms and the public twin: pure, without a database."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from portal.filing import checks, outline, pages, publication, risk_form
from portal.filing.checks import AttachmentFact, CheckClass, Draft
from portal.filing.forms import CONFIDENTIAL, Kind, Need, Question
from portal.filing.tables import Filing, FilingKind
from portal.law import risk
from tests.fixtures.filing import SCENARIO, plausible

TODAY = date(2027, 10, 1)
FORMS = dict.fromkeys(FilingKind)


def published(filing: Filing) -> dict[str, Any]:
    return publication.public_version(filing, publication.public_answers(filing), None)


def filing_of(kind: FilingKind, **given) -> Filing:
    return Filing(
        id=uuid.UUID(int=7),
        kind=kind,
        developer_id=uuid.UUID(int=1),
        taxonomy="fcf-2025" if kind is FilingKind.RISK_REPORT else "",
        prepared_by=uuid.UUID(int=2),
        prepared_at=datetime(2027, 10, 1, tzinfo=UTC),
        saved_at=datetime(2027, 10, 1, tzinfo=UTC),
        withheld_salt="ab" * 32,
        **given,
    )


def answered(kind: FilingKind, **answers):
    """Answers that no check objects to."""
    filing = filing_of(kind)
    found = {}
    for section in publication.sections(filing):
        for question in section.questions:
            if question.asked({**found, **answers}):
                found[question.name] = plausible(question)
    return {**found, **answers}


def draft_of(kind: FilingKind, answers, **given) -> Draft:
    given.setdefault("attachments", [AttachmentFact("a.pdf", "shown")])
    given.setdefault("covered", True)
    return Draft(
        kind=kind,
        sections=publication.sections(filing_of(kind)),
        answers=answers,
        audiences=given.pop("audiences", {}),
        explanations=given.pop("explanations", {}),
        today=TODAY,
        **given,
    )


def codes(draft: Draft) -> list[tuple[str, str]]:
    return [(check.kind.value, check.code) for check in checks.run(draft)]


def one(draft: Draft, code: str):
    found = [check for check in checks.run(draft) if check.code == code]
    assert len(found) == 1, [check.code for check in checks.run(draft)]
    return found[0]


@pytest.mark.parametrize("kind", list(FilingKind))
def test_a_complete_filing_has_no_check(kind):
    answers = answered(kind)
    answers["planned_release"] = answers["released_on"] = "2027-11-01"
    assert codes(draft_of(kind, answers)) == []


@pytest.mark.parametrize("kind", list(FilingKind))
def test_every_needed_question_blocks_or_asks_when_empty(kind):
    filing = filing_of(kind)
    draft = draft_of(kind, {})
    found = {check.field: check for check in checks.run(draft)}
    for section in publication.sections(filing):
        for question in section.questions:
            if question.need is Need.NONE or question.only_if:
                assert question.name not in found
            else:
                assert found[question.name].kind.value == question.need.value
                assert found[question.name].fix == question.words
                assert found[question.name].section == section.key
                assert found[question.name].source


@pytest.mark.parametrize("kind", list(FilingKind))
def test_names_and_codes_are_unique_and_errors_speak(kind):
    questions = [q for s in publication.sections(filing_of(kind)) for q in s.questions]
    names = [question.name for question in questions]
    assert len(names) == len(set(names))
    for question in questions:
        assert question.words.endswith(".")
        assert "required" not in question.words
        if question.audience == CONFIDENTIAL:
            assert question.grounds, f"{question.name} is confidential by default and says no reason"


def test_the_certifying_officer_cannot_own_the_risk():
    answers = answered(FilingKind.RISK_REPORT, **{"cyber.owner": "  halina WÓJCIK-Thorvaldsen "})
    draft = draft_of(FilingKind.RISK_REPORT, answers, certifier="Dr. Halina Wójcik-Thorvaldsen")
    check = one(draft, "RR-22")
    assert check.kind is CheckClass.BLOCK
    assert check.field == "cyber.owner"
    assert "Name somebody else." in check.fix
    assert (
        codes(draft_of(FilingKind.RISK_REPORT, answers, certifier="Ruth Amadi")) == [("block", "RR-22")] * 3
    )


def test_not_tiered_asks_why():
    answers = answered(FilingKind.RISK_REPORT, **{"cyber.tier": "not_tiered"})
    answers["cyber.not_tiered_why"] = ""
    assert ("block", "RR-17") in codes(draft_of(FilingKind.RISK_REPORT, answers))


def test_safeguards_off_is_asked_only_where_wanted():
    answers = answered(FilingKind.RISK_REPORT, **{"cyber.variants": "two"})
    del answers["cyber.off.tier"]
    check = one(draft_of(FilingKind.RISK_REPORT, answers), "RR-12")
    assert check.field == "cyber.off.tier"
    assert codes(draft_of(FilingKind.RISK_REPORT, {**answers, "cyber.variants": "one"})) == []


def test_a_lower_tier_than_last_time_is_explained_until_it_changes():
    answers = answered(FilingKind.RISK_REPORT, **{"cyber.tier": "2"})
    before = {**answers, "cyber.tier": "3"}
    given = {"previous": before, "previous_reference": "RR-2027-001"}
    draft = draft_of(FilingKind.RISK_REPORT, answers, **given)
    check = one(draft, "RR-31")
    assert check.open
    assert "lower than tier 3 in RR-2027-001" in check.what
    said = {check.key: checks.explanation(answers, check, reason="New safeguards.", name="Jonas")}
    explained = one(draft_of(FilingKind.RISK_REPORT, answers, explanations=said, **given), "RR-31")
    assert not explained.open
    assert explained.mark == ("good", "Explained")
    assert (explained.reason, explained.name) == ("New safeguards.", "Jonas")
    changed = {**answers, "cyber.tier": "1"}
    assert one(draft_of(FilingKind.RISK_REPORT, changed, explanations=said, **given), "RR-31").open


def test_a_tier_that_is_given_up_is_explained():
    answers = answered(FilingKind.RISK_REPORT, **{"cyber.tier": "not_tiered"})
    draft = draft_of(FilingKind.RISK_REPORT, answers, previous={"cyber.tier": "2"}, previous_reference="RR-1")
    assert one(draft, "RR-32").kind is CheckClass.EXPLAIN


def test_severity_is_held_against_the_tier():
    answers = answered(FilingKind.RISK_REPORT, **{"cyber.severity": "catastrophic", "cyber.tier": "1"})
    assert one(draft_of(FilingKind.RISK_REPORT, answers), "RR-33").kind is CheckClass.EXPLAIN


def test_what_informs_stands_in_nobodys_way():
    answers = answered(FilingKind.RISK_REPORT, **{"cyber.scenario": "Short."})
    found = checks.run(
        draft_of(
            FilingKind.RISK_REPORT,
            answers,
            covered=None,
            previous={"cyber.scenario": SCENARIO},
            previous_reference="RR-1",
            attachments=[
                AttachmentFact("a.pdf", "received", document_id="1"),
                AttachmentFact("b.pdf", "cannot_be_shown", "It is locked.", "2"),
            ],
        )
    )
    assert [check.code for check in found] == ["RR-41", "RR-42", "AT-02", "AT-03", "CO-01"]
    assert {check.kind for check in found} == {CheckClass.INFORM}
    assert checks.opened(found) == []
    assert checks.counts(found) == {"blocks": 0, "explain": 0, "explained": 0, "informs": 5}


def test_a_report_without_evidence_says_why():
    draft = draft_of(FilingKind.RISK_REPORT, answered(FilingKind.RISK_REPORT), attachments=[])
    assert codes(draft) == [("explain", "AT-01")]


def test_a_period_runs_forward_and_a_release_lies_ahead():
    answers = answered(FilingKind.RISK_REPORT, period_start="2027-05-01", period_end="2027-04-01")
    assert codes(draft_of(FilingKind.RISK_REPORT, answers)) == [("block", "RR-34")]
    answers = answered(FilingKind.RELEASE_NOTIFICATION, planned_release="2027-09-30")
    assert codes(draft_of(FilingKind.RELEASE_NOTIFICATION, answers)) == [("explain", "RN-11")]


def test_confidential_needs_a_reason():
    answers = answered(FilingKind.TEST_SUMMARY)
    audiences = {"results": {"audience": "confidential", "why": " "}}
    assert codes(draft_of(FilingKind.TEST_SUMMARY, answers, audiences=audiences)) == [("block", "AU-01")]
    audiences["results"]["why"] = "Trade secret"
    assert codes(draft_of(FilingKind.TEST_SUMMARY, answers, audiences=audiences)) == []


def test_the_public_twin_withholds_and_commits():
    content = answered(FilingKind.TEST_SUMMARY, results="0.47 of tasks")
    audiences = {"results": {"audience": "confidential", "why": "Trade secret"}}
    filing = filing_of(FilingKind.TEST_SUMMARY, content=content, audiences=audiences, reference="TS-2027-001")
    twin = published(filing)
    rows = {row["name"]: row for row in twin["answers"]}
    assert rows["tested"]["answer"] == content["tested"]
    assert "answer" not in rows["results"]
    assert rows["results"]["withheld"] == "Trade secret"
    assert "0.47" not in str(twin)
    assert rows["results"]["digest"] == rows["results"]["digest"]
    other = filing_of(FilingKind.TEST_SUMMARY, content={**content, "results": "0.48"}, audiences=audiences)
    changed = {row["name"]: row for row in published(other)["answers"]}
    assert changed["results"]["digest"] != rows["results"]["digest"]
    salted = filing_of(FilingKind.TEST_SUMMARY, content=content, audiences=audiences)
    salted.withheld_salt = "cd" * 32
    again = {row["name"]: row for row in published(salted)["answers"]}
    assert again["results"]["digest"] != rows["results"]["digest"]


def test_a_choice_that_an_attacker_can_guess_is_not_in_the_twin_by_plain_digest():
    import hashlib

    content = answered(FilingKind.RISK_REPORT)
    audiences = {"cyber.tier": {"audience": "confidential", "why": "Security"}}
    filing = filing_of(FilingKind.RISK_REPORT, content=content, audiences=audiences)
    row = next(r for r in published(filing)["answers"] if r["name"] == "cyber.tier")
    guesses = [b"1", b"2", b"3", b"4", b"not_tiered"]
    assert row["digest"] not in {hashlib.sha256(guess).hexdigest() for guess in guesses}


def test_an_undeclared_audience_is_the_questions_own():
    question = Question("x", "X", "X-1", audience=CONFIDENTIAL, grounds="Because")
    assert checks.audience_of({}, question) == (CONFIDENTIAL, "Because")
    assert checks.audience_of({"x": {}}, question) == (CONFIDENTIAL, "")


def test_the_statement_names_the_legal_entity_and_the_first_one_stays_as_it_was_signed():
    now = publication.statement(publication.STATEMENT, organisation="Q", entity="Q Ltd", withheld=0)
    assert now.startswith(
        "I am authorised to certify for Q Ltd, the legal entity of Q that files this. I have read"
    )
    before = publication.statement("certification/2027-1", organisation="Q", entity="Q Ltd", withheld=0)
    assert before.startswith("I am authorised to certify for Q. I have read this filing as it stands")


def test_confidential_answers_change_the_statement():
    plain = publication.statement(publication.STATEMENT, organisation="Q", entity="Q Ltd", withheld=0)
    more = publication.statement(publication.STATEMENT, organisation="Q", entity="Q Ltd", withheld=3)
    assert more.startswith(plain)
    assert "3 of its answers are declared confidential" in more


def test_rows_for_the_comparison():
    content = {
        "cyber.tier": "2", "cyber.variants": "two", "cyber.off.tier": "3", "cbrn.tier": "not_tiered",
        "acceleration.narrative": "It helps.",
    }  # fmt: skip
    rows = risk_form.rows("fcf-2025", content)
    assert [(row.category, row.variant, row.tier, row.answer) for row in rows] == [
        ("cyber", "safeguards on", 2, "tier 2"),
        ("cyber", "safeguards off", 3, "tier 3"),
        ("cbrn", "", None, "not tiered"),
        ("sabotage", "", None, "not tiered"),
        ("manipulation", "", None, "not tiered"),
        ("acceleration", "", None, "narrative"),
    ]


@pytest.mark.parametrize("taxonomy", [found.id for found in risk.taxonomies()])
def test_every_taxonomy_makes_a_form_with_the_fourth_risk_once(taxonomy):
    sections = risk_form.sections(taxonomy)
    assert [section.key for section in sections].count("acceleration") == 1
    assert sections[0].key == "scope"
    assert [row.category for row in risk_form.rows(taxonomy, {})].count("acceleration") == 1


def test_the_outline_has_seven_headings():
    assert len(outline.HEADINGS) == 7
    assert outline.title_of("access-control") == "General security mitigations"
    assert outline.title_of("own-heading") == "own-heading"


def test_a_page_is_read_and_what_is_not_on_it_is_left_alone():
    section = risk_form.sections("fcf-2025")[2]
    sent = MultiDict({"cyber.tier": "9", "cyber.owner": "x" * 20_001, "cyber.residual": " a\r\nb "})
    answers, problems = pages.read_section(section, sent)
    assert answers.content == {"cyber.residual": "a\nb"}
    assert [name for name, _ in problems] == ["cyber.tier", "cyber.owner"]
    assert answers.audiences == {}


def test_boxes_that_are_all_left_empty_are_an_answer():
    section = publication.sections(filing_of(FilingKind.RELEASE_NOTIFICATION))[0]
    answers, _ = pages.read_section(section, MultiDict({"channels-asked": "1"}))
    assert answers.content == {"channels": []}
    answers, _ = pages.read_section(section, MultiDict([("channels", "api"), ("channels", "no such")]))
    assert answers.content == {"channels": ["api"]}


def test_answers_are_shown_in_words():
    tier = Question(
        "t", "T", "c", Kind.TIER, options=(("2", "Tier 2", "More."), ("not_tiered", "Not tiered", "x"))
    )
    assert publication.shown(tier, "2") == "Tier 2: More."
    assert publication.shown(tier, "not_tiered") == "Not tiered"
    day = Question("d", "D", "c", Kind.DATE)
    assert publication.shown(day, "2027-10-01") == "1 Oct 2027"
    assert publication.shown(day, "soon") == "soon"
    assert publication.shown(day, "") == ""
