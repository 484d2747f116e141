"""Deliveries: what is told of a file that does not open, what may still come, the report of an outline."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from secure_access.custodian import forms
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import NotOpened, NotSetUp, Why
from secure_access.custodian.findings import Told
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection, parse
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import NOW, REQUEST, SECTIONS, manifest
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_core import delivering, refused


def test_what_does_not_open_is_told_in_its_words_and_a_missing_sandbox_is_not_the_file_s_fault(
    world: World,
) -> None:
    world.outside.problem = NotOpened("Section a was not received. It is damaged.")
    with refused(Why.MALFORMED, r"It is damaged\. Nothing was received"):
        world.deliver_more()
    assert world.last().fields["reason"] == "malformed"
    world.delivered = manifest(world.plan)
    world.outside.problem = NotSetUp("no sandbox")
    with refused(Why.NOT_SET_UP, "ask its operator"):
        world.deliver_more()


def test_an_upload_is_of_a_section_that_is_missing_and_of_the_developer_s_officer(world: World) -> None:
    tess, henrike = (world.custody.enrolment.listed(name) for name in ("tess", "henrike"))
    assert tess is not None
    assert henrike is not None
    receivable = world.core.deliveries.receivable
    assert receivable(REQUEST, "zone_plan", tess) == world.plan
    for request, section, officer in (
        (REQUEST, "weight_storage", tess),
        ("PR-none", "zone_plan", tess),
        (REQUEST, "zone_plan", henrike),
    ):
        with pytest.raises(NotFound):
            receivable(request, section, officer)


def test_what_is_swept(world: World) -> None:
    with pytest.raises(NotFound):
        world.core.deliveries.told("0" * 64)
    named = {one["sha256"] for one in world.delivered["sections"]}
    assert world.core.deliveries.delivered() == named
    assert {section for section, _, _ in world.core.deliveries.told(world.plan)} == set(SECTIONS)
    for name in ("henrike", "oskar"):
        world.core.destroy(*world.act(Act.DESTROY, world.plan, name))
    assert world.core.deliveries.delivered() == frozenset()


@pytest.mark.parametrize("report", [SealedSection("drift-report", 70_000, "cd" * 32), None])
def test_the_report_of_an_outline_is_read_like_what_was_delivered(
    world: World, report: SealedSection | None
) -> None:
    world.outside.report = report
    added = {"section": "zone_plan", "size": 70_000, "sha256": "ef" * 32}
    told = {**world.delivered, "sections": [*world.delivered["sections"], added], "nonce": "08" * 16}
    encoded = canonical.encode(told)
    signed = world.act(Act.DELIVER, forms.digest(encoded), "tess")
    world.core.deliveries.set_outline(world.plan, {"weight_storage": "We claim AC-2."})
    world.core.deliver(encoded, *signed)
    line = world.last()
    assert line.fields["report"] == (report.sha256 if report else "")
    assert line.fields["report_size"] == (70_000 if report else 0)
    world.restart()
    manifest = world.custody.state.plans[world.plan].manifest
    assert manifest is not None
    assert manifest.section("drift-report") == report
    assert manifest.digest == forms.digest(encoded)
    assert ("cd" * 32 in world.core.deliveries.delivered()) == (report is not None)


def test_what_was_missing_is_delivered_later_and_earlier_grants_read_on(world: World) -> None:
    digest = world.granted()
    sitting = world.sit(digest)
    world.deliver_more()
    world.restart()
    world.core.heard()
    plan = world.custody.state.plans[world.plan]
    assert [len(one.sections) for one in plan.deliveries] == [3, 4]
    with pytest.raises(NotFound):
        world.core.release(sitting.token, "weight_storage", 1)
    again = world.sit(digest)
    assert world.core.release(again.token, "weight_storage", 1)
    with pytest.raises(NotFound):
        world.core.release(again.token, "zone_plan", 1)
    assert "two sections of three" in " ".join(world.page(digest, "henrike")["sentences"])
    assert world.granted(reference="AG-2")


@pytest.mark.parametrize("change", ["swapped", "left out", "other size", "nothing new"])
def test_a_section_that_was_delivered_is_never_swapped_or_taken_back(world: World, change: str) -> None:
    first, *others = world.delivered["sections"]
    added = {"section": "zone_plan", "size": 70_000, "sha256": "ef" * 32}
    told = {
        "swapped": [{**first, "sha256": "cd" * 32}, *others, added],
        "left out": [*others, added],
        "other size": [{**first, "size": 70_001}, *others, added],
        "nothing new": [first, *others],
    }[change]
    before = world.custody.state.plans[world.plan].manifest
    with refused(Why.WRONG_STATE, "delivered"):
        delivering(world, {**world.delivered, "sections": told, "nonce": "08" * 16})()
    assert world.last().fields["reason"] == "wrong_state"
    assert world.custody.state.plans[world.plan].manifest == before
    assert len(world.outside.inspected) == 1


def test_of_two_deliveries_at_once_the_second_is_held_to_the_first(world: World) -> None:
    """Both were right when they began; the first is in the log when the second has been opened."""
    inspect = world.outside.inspect
    added = {"section": "annex", "size": 70_000, "sha256": "ef" * 32}
    value = {**world.delivered, "sections": [*world.delivered["sections"], added], "nonce": "0b" * 16}
    first = parse(canonical.encode(value))

    def meanwhile(found: PlanManifest) -> dict[str, Told]:
        world.custody.state.plans[world.plan].deliveries.append(first)
        return inspect(found)

    world.custody.parts = replace(world.custody.parts, inspect=meanwhile)
    with refused(Why.WRONG_STATE, "annex was delivered"):
        world.deliver_more()


@pytest.mark.parametrize(
    "change", [{"roles": ["reader"]}, {"credentials": []}, {"not_after": timestamp(NOW)}]
)
def test_who_is_no_officer_any_more_when_the_files_were_opened_delivers_nothing(
    world: World, change: Any
) -> None:
    inspect = world.outside.inspect

    def meanwhile(found: PlanManifest) -> dict[str, Told]:
        world.change_list(lambda value: world.enrolled.one("tess", value).update(change))
        return inspect(found)

    world.custody.parts = replace(world.custody.parts, inspect=meanwhile)
    with pytest.raises(NotFound):
        world.deliver_more()
    assert len(world.lines("plan.delivered")) == 1
    assert world.last().fields["reason"] == "unknown"


def test_nothing_is_swept_while_a_delivery_is_on_its_way_to_its_line(world: World) -> None:
    """The custodian's report lies there before a line names it."""
    swept: list[frozenset[str]] = []
    report = SealedSection("drift-report", 70_000, "cd" * 32)
    sweep = threading.Thread(
        target=lambda: world.core.deliveries.sweep(lambda named: swept.append(frozenset(named)))
    )

    def meanwhile(_found: PlanManifest, _outline: Mapping[str, str]) -> SealedSection:
        sweep.start()
        sweep.join(0.2)
        assert swept == []
        return report

    world.custody.parts = replace(world.custody.parts, compare=meanwhile)
    added = {"section": "zone_plan", "size": 70_000, "sha256": "ef" * 32}
    value = {**world.delivered, "sections": [*world.delivered["sections"], added], "nonce": "08" * 16}
    encoded = canonical.encode(value)
    signed = world.act(Act.DELIVER, forms.digest(encoded), "tess")
    world.core.deliveries.set_outline(world.plan, {"weight_storage": "We claim AC-2."})
    world.core.deliver(encoded, *signed)
    sweep.join(10)
    assert report.sha256 in swept[0]


def test_the_report_of_an_earlier_delivery_is_kept_while_a_grant_may_name_it(world: World) -> None:
    world.outside.report = SealedSection("drift-report", 70_000, "cd" * 32)
    for nonce, named in (("08", ["zone_plan"]), ("0c", ["zone_plan", "annex"])):
        added = [{"section": one, "size": 9, "sha256": forms.digest(one.encode())} for one in named]
        value = {**world.delivered, "sections": [*world.delivered["sections"], *added], "nonce": nonce * 16}
        encoded = canonical.encode(value)
        signed = world.act(Act.DELIVER, forms.digest(encoded), "tess")
        world.core.deliveries.set_outline(world.plan, {"weight_storage": "We claim AC-2."})
        world.core.deliver(encoded, *signed)
        world.outside.report = SealedSection("drift-report", 70_000, "ce" * 32)
    assert {"cd" * 32, "ce" * 32} <= world.core.deliveries.delivered()
