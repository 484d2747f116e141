"""Access grants: each term out of its bounds, each person who may not approve, and the words of the page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access.custodian import access_grants, forms, plan_manifests
from secure_access.custodian.access_grants import AccessGrant, NotGranted, check_approver, check_offered
from secure_access.custodian.enrolment import Enrolment, Person
from secure_access.custodian.forms import Malformed
from secure_access.custodian.grant_words import NO_CHANGE, plain_words
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from tests.fixtures.enrolled import NOW, Enrolled, break_glass, grant, manifest, text64

WORLD = Enrolled()
DELIVERED = manifest()
PLAN = plan_manifests.parse(canonical.encode(DELIVERED))
Change = Callable[[dict[str, Any]], object]


def made(change: Change = lambda _: None, base: Callable[..., dict[str, Any]] = grant) -> AccessGrant:
    value = base(WORLD, DELIVERED)
    change(value)
    return access_grants.parse(canonical.encode(value))


def who(name: str, enrolment: Enrolment | None = None) -> Person:
    found = (enrolment or WORLD.enrolment).listed(name)
    assert found is not None
    return found


def test_a_grant_is_read_from_the_bytes_that_are_signed() -> None:
    found = made()
    assert found.digest == forms.digest(canonical.encode(grant(WORLD, DELIVERED)))
    assert found.differing == ("readers", "sections")
    assert not found.break_glass
    check_offered(found, WORLD.enrolment, PLAN, NOW)


MALFORMED: dict[str, Change] = {
    "31 days": lambda g: g.update(not_after=timestamp(NOW + timedelta(days=30, microseconds=1))),
    "dates the wrong way": lambda g: g.update(not_after=g["not_before"]),
    "no pages": lambda g: g.update(pages=0),
    "no pages in an hour": lambda g: g.update(pages_per_hour=0),
    "a sitting of 16 minutes": lambda g: g.update(sitting_minutes=16),
    "a sitting of no minute": lambda g: g.update(sitting_minutes=0),
    "no sections": lambda g: g.update(sections=[]),
    "a section twice": lambda g: g["sections"].append(g["sections"][0]),
    "no passkey": lambda g: g.update(credentials=[]),
    "a passkey twice": lambda g: g.update(credentials=g["credentials"] * 2),
    "no purpose": lambda g: g.update(purpose=""),
    "no legal basis": lambda g: g.update(legal_basis=""),
    "an unknown term": lambda g: g["changes"].append({"term": "purpose", "why": "x"}),
    "a term twice": lambda g: g["changes"].append(g["changes"][0]),
    "a change without why": lambda g: g["changes"][0].update(why=""),
    "a key missing": lambda g: g.pop("handling"),
    "a key too many": lambda g: g.update(more=1),
    "a nonce in another form": lambda g: g.update(nonce="xy" * 16),
    "asked is a text": lambda g: g.update(asked="yes"),
    "readers asked twice": lambda g: g["asked"].update(readers=["ada", "ada"]),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_a_grant_out_of_its_bounds_is_malformed(change: Change) -> None:
    with pytest.raises(Malformed):
        made(change)


def test_thirty_days_and_fifteen_minutes_are_within_bounds() -> None:
    assert made(lambda g: g.update(not_after=timestamp(NOW + timedelta(days=30)))).pages == 60


BREAK_GLASS_MALFORMED: dict[str, Change] = {
    "21 pages": lambda g: g.update(pages=21),
    "more than 4 hours": lambda g: g.update(not_after=timestamp(NOW + timedelta(hours=4, microseconds=1))),
    "no section": lambda g: g.update(sections=[]),
}


@pytest.mark.parametrize("change", BREAK_GLASS_MALFORMED.values(), ids=BREAK_GLASS_MALFORMED)
def test_break_glass_is_short(change: Change) -> None:
    assert made(base=break_glass).break_glass
    with pytest.raises(Malformed):
        made(change, break_glass)


REFUSED: dict[str, tuple[Change, str]] = {
    "another delivery": (lambda g: g.update(manifest="0" * 64), "another delivery"),
    "another request": (lambda g: g.update(request="PR-2027-010"), "another delivery"),
    "another file": (lambda g: g["sections"][0].update(sha256="0" * 64), "not the file"),
    "a section never delivered": (lambda g: g["sections"][0].update(section="other"), "not the file"),
    "a reader who was not asked for": (
        lambda g: g["asked"].update(readers=["julien"]),
        "not name this reader",
    ),
    "a section that was not asked for": (
        lambda g: g["asked"].update(sections=["weight_storage"]),
        "not name every section",
    ),
    "more pages than asked for": (lambda g: g["asked"].update(pages=59), "allows 59 pages"),
    "fewer pages, unexplained": (lambda g: g["asked"].update(pages=61), "pages"),
    "other dates, unexplained": (
        lambda g: g["asked"].update(not_before=timestamp(NOW - timedelta(days=1))),
        "dates",
    ),
    "explains what did not change": (
        lambda g: g["changes"].append({"term": "dates", "why": "x"}),
        "of no other: dates",
    ),
    "the reader is unknown": (
        lambda g: (g.update(reader="nobody"), g["asked"].update(readers=["julien", "nobody"])),
        "not enrolled as a reader",
    ),
    "the reader is no reader": (
        lambda g: (g.update(reader="oskar"), g["asked"].update(readers=["julien", "oskar"])),
        "not enrolled as a reader",
    ),
    "a passkey of somebody else": (
        lambda g: g.update(credentials=[text64(WORLD.keys["julien"].key_id)]),
        "passkey that is not enrolled",
    ),
    "one passkey of somebody else": (
        lambda g: g["credentials"].append(text64(WORLD.keys["julien"].key_id)),
        "passkey that is not enrolled",
    ),
    "a reader of the developer": (lambda g: g.update(developer="authority"), "works for this developer"),
}


@pytest.mark.parametrize(("change", "why"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_even_be_offered(change: Change, why: str) -> None:
    with pytest.raises(NotGranted, match=why):
        check_offered(made(change), WORLD.enrolment, PLAN, NOW)


def test_a_grant_whose_dates_have_passed_or_whose_reader_left_is_not_offered() -> None:
    found = made()
    with pytest.raises(NotGranted, match="have passed"):
        check_offered(found, WORLD.enrolment, PLAN, found.not_after)
    world = Enrolled()
    world.keys = WORLD.keys
    world.one("ada")["not_after"] = timestamp(NOW)
    with pytest.raises(NotGranted, match="not enrolled as a reader"):
        check_offered(found, world.enrolment, PLAN, NOW)


def test_break_glass_needs_no_request_but_the_delivered_files_and_the_reader() -> None:
    check_offered(made(base=break_glass), WORLD.enrolment, PLAN, NOW)
    with pytest.raises(NotGranted, match="not the file"):
        check_offered(
            made(lambda g: g["sections"][0].update(sha256="0" * 64), break_glass), WORLD.enrolment, PLAN, NOW
        )


def test_two_approvers_of_different_teams() -> None:
    found = made(lambda g: g.update(requester="julien"))
    check_approver(found, who("henrike"), [], now=NOW)
    check_approver(found, who("oskar"), [who("henrike")], now=NOW)


NOT_APPROVING = {
    "a reader": ("julien", [], "Only an enrolled approver"),
    "the reader": ("ada", [], "Only an enrolled approver"),
    "the developer's officer": ("tess", [], "Only an enrolled approver"),
    "the requester": ("pia", [], "You asked for this access"),
    "the same person twice": ("henrike", ["henrike"], "already"),
}


@pytest.mark.parametrize(("name", "earlier", "why"), NOT_APPROVING.values(), ids=NOT_APPROVING)
def test_who_may_not_approve(name: str, earlier: list[str], why: str) -> None:
    with pytest.raises(NotGranted, match=why):
        check_approver(made(), who(name), [who(one) for one in earlier], now=NOW)


def test_an_approver_of_the_same_team_is_not_the_second() -> None:
    with pytest.raises(NotGranted, match="team Legal"):
        check_approver(made(lambda g: g.update(requester="julien")), who("pia"), [who("henrike")], now=NOW)


def test_a_reader_who_is_an_approver_too_does_not_approve_the_own_grant() -> None:
    world = Enrolled()
    world.one("ada")["roles"] = ["approver", "reader"]
    with pytest.raises(NotGranted, match="You would read"):
        check_approver(made(), who("ada", world.enrolment), [], now=NOW)


def test_conflicts_dates_and_the_employer_stand_against_an_approver() -> None:
    world = Enrolled()
    world.one("oskar")["conflicts"] = ["tessaly"]
    world.one("henrike")["employer"] = "tessaly"
    with pytest.raises(NotGranted, match="declared a conflict"):
        check_approver(made(), who("oskar", world.enrolment), [], now=NOW)
    with pytest.raises(NotGranted, match="works for this developer"):
        check_approver(made(), who("henrike", world.enrolment), [], now=NOW)
    with pytest.raises(NotGranted, match="not enrolled at this date"):
        check_approver(made(), who("oskar"), [], now=NOW + timedelta(days=301))


def test_break_glass_is_approved_by_two_enrolled_people_where_the_deployment_allows_it() -> None:
    found = made(base=break_glass)
    with pytest.raises(NotGranted, match="does not allow break-glass"):
        check_approver(found, who("henrike"), [], now=NOW)
    check_approver(found, who("pia"), [who("henrike")], now=NOW, break_glass=True)
    check_approver(found, who("julien"), [who("henrike")], now=NOW, break_glass=True)
    for name, earlier, why in (
        ("tess", [], "Only an enrolled"),
        ("ada", [], "You would read"),
        ("henrike", ["henrike"], "already"),
    ):
        with pytest.raises(NotGranted, match=why):
            check_approver(found, who(name), [who(one) for one in earlier], now=NOW, break_glass=True)


def test_the_words_of_the_page() -> None:
    words = plain_words(made(), WORLD.enrolment, PLAN)
    assert words.who == (
        "You allow Ada Brenner, security reviewer, employed by Frontier AI Authority in the team Systems "
        "Security, to read two sections of three of the security plan of Tessaly Intelligence for Aurel 2: "
        "Insider threat and Weight storage."
    )
    assert words.bounds == (
        "From 4 October 2027, 09:00 UTC to 18 October 2027, 09:00 UTC, at most 60 pages, 40 in an hour, on "
        "one enrolled device, in sittings of 15 minutes. Every page carries the reader's name."
    )
    assert words.purpose.startswith("The purpose: To check that no single insider")
    assert words.sentences == (words.who, words.bounds, words.purpose)
    readers, sections, rest = words.changes
    assert (readers.request, readers.grant) == ("Ada Brenner, Julien Moreau", "Ada Brenner")
    assert readers.why == "The developer objected to Mr Moreau."
    assert sections.request == "Insider threat, Key ceremony, Weight storage"
    assert (rest.term, rest.grant) == ("Dates, pages", NO_CHANGE)
    assert words.asked_at == "20 September 2027"


def test_the_words_say_what_is_unusual() -> None:
    world = Enrolled()
    world.keys = WORLD.keys
    world.one("ada")["text"] = True
    assert "pages as text too" in plain_words(made(), world.enrolment, PLAN).bounds
    found = plain_words(made(base=break_glass), WORLD.enrolment, PLAN)
    assert found.sentences[0].startswith("This is break-glass")
    assert found.changes == ()
    unknown = plain_words(made(lambda g: g.update(reader="nobody")), WORLD.enrolment, PLAN)
    assert "nobody, whom the enrolment list does not name," in unknown.who

    def every_term(g: dict[str, Any]) -> None:
        g["asked"] |= {"pages": 99, "not_before": timestamp(NOW - timedelta(days=1))}

    assert NO_CHANGE not in {
        row.grant for row in plain_words(made(every_term), WORLD.enrolment, PLAN).changes
    }


MANIFESTS: dict[str, Change] = {
    "no sections": lambda m: m.update(sections=[]),
    "a section twice": lambda m: m["sections"][1].update(section=m["sections"][0]["section"]),
    "a file twice": lambda m: m["sections"][1].update(sha256=m["sections"][0]["sha256"]),
    "an empty file": lambda m: m["sections"][0].update(size=0),
    "a key of another length": lambda m: m.update(key="ab"),
    "another format": lambda m: m.update(v="assay.plan-manifest/v2"),
}


@pytest.mark.parametrize("change", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_of_another_form_is_refused(change: Change) -> None:
    value = manifest()
    change(value)
    with pytest.raises(Malformed):
        plan_manifests.parse(canonical.encode(value))


@given(st.data())
def test_a_changed_byte_changes_the_terms_or_is_malformed(data: st.DataObject) -> None:
    """Two texts never say the same: what is shown is what is signed."""
    true = made()
    encoded = bytearray(true.encoded)
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Malformed):
        other = access_grants.parse(bytes(encoded))
        assert replace(other, digest=true.digest, encoded=true.encoded) != true
