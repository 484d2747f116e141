"""Deliveries: what is told of a file that does not open, what may still come, the report of an outline."""

from __future__ import annotations

import pytest

from secure_access.custodian import forms
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import NotOpened, NotSetUp, Why
from secure_access.custodian.plan_manifests import SealedSection
from secure_access.ledger import canonical
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import DEVELOPER, REQUEST, SECTIONS
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_core import delivering, refused


def test_what_does_not_open_is_told_in_its_words_and_a_missing_sandbox_is_not_the_file_s_fault(
    world: World,
) -> None:
    world.outside.problem = NotOpened("Section a was not received. It is damaged.")
    with refused(Why.MALFORMED, r"It is damaged\. Nothing was received"):
        delivering(world, {**world.delivered, "nonce": "08" * 16})()
    assert world.last().fields["reason"] == "malformed"
    world.outside.problem = NotSetUp("no sandbox")
    with refused(Why.NOT_SET_UP, "ask its operator"):
        delivering(world, {**world.delivered, "nonce": "08" * 16})()


def test_an_upload_waits_for_its_first_delivery_alone(world: World) -> None:
    with pytest.raises(NotFound):
        world.core.deliveries.receivable(REQUEST)
    with pytest.raises(NotFound):
        world.core.deliveries.receivable("PR-none")
    with pytest.raises(NotFound):
        world.core.deliveries.told("0" * 64)
    plan = world.core.make_plan_key("PR-2", DEVELOPER)
    assert world.core.deliveries.receivable("PR-2") == plan
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
    encoded = canonical.encode({**world.delivered, "nonce": "08" * 16})
    signed = world.act(Act.DELIVER, forms.digest(encoded), "tess")
    world.core.deliver(encoded, *signed, {"weight_storage": "We claim AC-2."})
    line = world.last()
    assert line.fields["report"] == (report.sha256 if report else "")
    assert line.fields["report_size"] == (70_000 if report else 0)
    world.restart()
    manifest = world.custody.state.plans[world.plan].manifest
    assert manifest is not None
    assert manifest.section("drift-report") == report
    assert manifest.digest == forms.digest(encoded)
    assert ("cd" * 32 in world.core.deliveries.delivered()) == (report is not None)
