"""Lines that somebody who writes the core's disk adds to its log: the core does not start on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secure_access.custodian import forms
from secure_access.custodian.acts import Act, NotConfirmed
from secure_access.custodian.custody import Refused
from secure_access.custodian.custody_log import Damaged
from secure_access.custodian.state import Standing
from secure_access.ledger import canonical
from secure_access.ledger.canonical import Json
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import DEVELOPER, signed, text64
from tests.secure_access.custodian.conftest import World

Fields = dict[str, Json]


def evidence(world: World, act: Act, about: str, by: str, **told: Any) -> Fields:
    """What a passkey really confirmed, taken before the core used it up, and laid where evidence lies."""
    made = world.core.ask(act, about, by)
    answer = world.enrolled.answer(by, made.challenge, **told)
    kept = canonical.encode({"statement": made.encoded.decode(), "assertion": answer})
    team = str(world.enrolled.one(by)["team"])
    return {"by": by, "team": team, "evidence": world.custody.parts.kept.put(kept)}


def added(world: World, kind: str, fields: Fields, plan: str | None = None) -> None:
    world.log.append(kind, world.plan if plan is None else plan, fields, world.clock.at)


def not_started(world: World, words: str) -> None:
    with pytest.raises(Damaged, match=words):
        world.restart()


def test_what_was_confirmed_is_believed_again(emergency: World) -> None:
    """Every kind of line with evidence, and a second list; nothing of it is lost."""
    world = emergency
    digest = world.granted()
    world.core.pause(*world.act(Act.PAUSE, world.plan, "tess"))
    world.core.resume(*world.act(Act.RESUME, world.plan, "tess"))
    world.change_list(lambda value: world.enrolled.one("pia", value).update(team="Audit"))
    world.core.refuse(*world.act(Act.REFUSE, world.offer(reference="AG-2", nonce="0a" * 16), "pia"), "No.")
    world.core.revoke(*world.act(Act.REVOKE, digest, "pia"))
    world.core.destructions.hold(*world.act(Act.HOLD, world.plan, "pia"), "An appeal.")
    world.core.destructions.release_hold(*world.act(Act.RELEASE_HOLD, world.plan, "pia"), "Decided.")
    world.core.destroy(*world.act(Act.DESTROY, world.plan, "pia"))
    before = [line.encoded for line in world.lines()]
    world.restart()
    assert [line.encoded for line in world.lines()] == before
    assert world.custody.state.grants[digest].standing is Standing.REVOKED


def test_an_approval_of_somebody_who_did_nothing(world: World) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    [true] = world.lines("grant.approved")
    added(world, "grant.approved", {**true.fields, "by": "oskar", "team": "Systems Assurance"})
    not_started(world, r"line \d+ \(grant.approved\) is not backed by what it names: .* another act")


def test_an_approval_twice(world: World) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    added(world, "grant.approved", dict(world.lines("grant.approved")[0].fields))
    not_started(world, "used before")


FORGED: dict[str, tuple[Callable[[World, str], Fields], str]] = {
    "for another grant": (
        lambda world, _: evidence(
            world, Act.APPROVE, world.offer(reference="AG-2", nonce="0a" * 16), "oskar"
        ),
        "another act",
    ),
    "for a refusal": (lambda world, digest: evidence(world, Act.REFUSE, digest, "oskar"), "another act"),
    "at another origin": (
        lambda world, digest: evidence(world, Act.APPROVE, digest, "oskar", origin="https://portal.example"),
        "used on another site",
    ),
    "unverified": (
        lambda world, digest: evidence(world, Act.APPROVE, digest, "oskar", verified=False),
        "did not check that it is you",
    ),
    "with a false signature": (
        lambda world, digest: evidence(world, Act.APPROVE, digest, "oskar", lies=b"x"),
        "signature of the passkey is false",
    ),
    "of the reader": (lambda world, digest: evidence(world, Act.APPROVE, digest, "ada"), "no approver"),
    "of the same person": (
        lambda world, digest: evidence(world, Act.APPROVE, digest, "henrike"),
        "no second approval",
    ),
    "of the same team": (
        lambda world, digest: evidence(world, Act.APPROVE, digest, "pia"),
        "no second approval",
    ),
    "of another team than theirs": (
        lambda world, digest: {**evidence(world, Act.APPROVE, digest, "pia"), "team": "Audit"},
        "another team",
    ),
    "as break-glass": (
        lambda world, digest: evidence(world, Act.BREAK_GLASS, digest, "oskar"),
        "nobody could approve this grant so",
    ),
    "without an assertion": (
        lambda world, digest: (
            evidence(world, Act.APPROVE, digest, "oskar")
            | {"evidence": world.custody.parts.kept.put(b'{"statement":1}')}
        ),
        "not backed",
    ),
    "without evidence": (lambda _world, _digest: {"by": "oskar", "team": "Systems Assurance"}, "not backed"),
}


@pytest.mark.parametrize(("forge", "words"), FORGED.values(), ids=FORGED)
def test_an_approval(world: World, forge: Callable[[World, str], Fields], words: str) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    fields = forge(world, digest)
    added(world, "grant.approved", {"grant": digest, **fields})
    not_started(world, words)


def test_an_approval_that_was_kept_for_later(world: World) -> None:
    """An assertion that the core refused, or never got, is worth nothing a day later."""
    digest = world.offer()
    later = evidence(world, Act.APPROVE, digest, "oskar")
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    world.later(days=1)
    added(world, "grant.approved", {"grant": digest, **later})
    not_started(world, "another time")


@pytest.mark.parametrize(
    ("kind", "act", "by"),
    [
        ("access.resumed", Act.RESUME, "tess"),
        ("grant.revoked", Act.REVOKE, "oskar"),
        ("plan.destruction_approved", Act.DESTROY, "oskar"),
        ("plan.held", Act.HOLD, "oskar"),
        ("plan.hold_released", Act.RELEASE_HOLD, "oskar"),
    ],
)
def test_other_acts(world: World, kind: str, act: Act, by: str) -> None:
    digest = world.granted()
    about = digest if kind == "grant.revoked" else world.plan
    true = evidence(world, act, about, by)
    other = evidence(world, Act.PAUSE, world.plan, "tess")
    fields: Fields = {"grant": digest} if kind == "grant.revoked" else {}
    if kind == "plan.held":
        fields = {"reason": world.custody.parts.kept.put(b"An appeal.")}
    added(world, kind, {**fields, **true})
    world.restart()
    added(world, kind, {**fields, **true, "evidence": other["evidence"]})
    not_started(world, "another act")


@pytest.mark.parametrize(("kind", "act"), [("access.resumed", Act.RESUME), ("access.paused", Act.PAUSE)])
def test_a_pause_is_the_developer_s(world: World, kind: str, act: Act) -> None:
    world.granted()
    added(world, kind, evidence(world, act, world.plan, "ada"))
    not_started(world, "no officer of the developer")


@pytest.mark.parametrize(
    ("by", "act", "words"),
    [("tess", Act.DELIVER, ""), ("ada", Act.DELIVER, "no officer"), ("tess", Act.PAUSE, "another act")],
    ids=["of the officer", "of a reader", "of another act"],
)
def test_a_delivery_is_the_developer_s(world: World, by: str, act: Act, words: str) -> None:
    """Anybody can seal to a plan key: what was delivered is what an officer's passkey stands behind."""
    [true] = world.lines("plan.delivered")
    manifest = {
        **canonical.decode(world.custody.parts.kept.get(str(true.fields["manifest"]))),
        "nonce": "0b" * 16,
    }
    digest = world.custody.parts.kept.put(canonical.encode(manifest))
    about = digest if act is Act.DELIVER else world.plan
    fields = {**true.fields, "manifest": digest, **evidence(world, act, about, by)}
    added(world, "plan.delivered", fields)
    if words:
        not_started(world, words)
    else:
        world.restart()
        assert world.custody.state.plans[world.plan].deliveries[-1].digest == digest


@pytest.mark.parametrize("kind", ["plan.key_made", "grant.offered"])
def test_what_is_here_comes_no_second_time(world: World, kind: str) -> None:
    """A second key line would forget a pause and a hold, a second offer that it was refused."""
    world.core.refuse(*world.act(Act.REFUSE, world.offer(), "pia"), "No.")
    [line] = world.lines(kind)
    added(world, kind, dict(line.fields))
    not_started(world, "it is here already")


@pytest.mark.parametrize("how", ["nobody", "one", "held"])
def test_no_key_ends_without_two_approvers(world: World, how: str) -> None:
    if how != "nobody":
        world.core.destroy(*world.act(Act.DESTROY, world.plan, "oskar"))
    if how == "held":
        approval = evidence(world, Act.DESTROY, world.plan, "henrike")
        added(world, "plan.destruction_approved", approval)
        added(
            world,
            "plan.held",
            {**evidence(world, Act.HOLD, world.plan, "pia"), "reason": world.custody.parts.kept.put(b"x")},
        )
    added(world, "plan.destroying", {})
    not_started(world, "a legal hold stands" if how == "held" else "no two approvers of two teams")
    assert ("destroy", world.plan) not in world.keys.asked


@pytest.mark.parametrize(
    ("by", "named", "words"),
    [
        ("ada", {}, "no approver"),
        ("pia", {"reader": "bo"}, "another reader or month"),
        ("pia", {"month": "2027-11"}, "another reader or month"),
    ],
)
def test_a_recertification(world: World, by: str, named: Fields, words: str) -> None:
    digest = world.granted()
    said = canonical.encode(
        {"v": "assay.recertification/v1", "reader": "ada", "month": "2027-10", "grants": [digest]}
    )
    world.custody.parts.kept.put(said)
    fields: Fields = {"reader": "ada", "month": "2027-10", "statement": forms.digest(said), **named}
    added(world, "reader.recertified", fields | evidence(world, Act.RECERTIFY, forms.digest(said), by), "")
    not_started(world, words)


def listed(world: World, by: tuple[str, ...], change: Callable[[Any], object]) -> Fields:
    value = world.enrolled.next()
    change(value)
    encoded = signed(value, by)
    kept = world.custody.parts.kept
    return {
        "version": value["version"],
        "list": kept.put(canonical.encode(value)),
        "signed": kept.put(encoded),
    }


@pytest.mark.parametrize("by", [(), ("officer-a",), ("officer-a", "officer-b")])
def test_a_list_that_the_officers_did_not_sign(world: World, by: tuple[str, ...]) -> None:
    def thief(value: Any) -> None:
        world.enrolled.one("ada", value)["credentials"][0]["id"] = text64(b"the thief's own")

    added(world, "enrolment.accepted", listed(world, by, thief), "")
    not_started(world, r"\(enrolment.accepted\) is not backed")


def test_a_list_that_is_another_one_than_was_signed(world: World) -> None:
    fields = listed(world, ("officer-a", "officer-c"), lambda value: value.update(version=2))
    other = world.custody.parts.kept.put(canonical.encode({**world.enrolled.next(), "made_at": "never"}))
    added(world, "enrolment.accepted", {**fields, "list": other}, "")
    not_started(world, "the list is another one")


def test_a_first_list_that_is_not_the_pinned_one(world: World) -> None:
    world.rules = world.rules.__class__(world.rules.origin, "0" * 64)
    not_started(world, r"line 1 \(enrolment.accepted\)")


def test_an_act_before_anybody_was_enrolled(world: World) -> None:
    fields = evidence(world, Act.PAUSE, world.plan, "tess")
    raw = (world.home / "log" / "custody.log").read_bytes()
    assert raw
    world.log.close()
    for path in (world.home / "log").iterdir():
        path.unlink()
    world.log = type(world.log)(world.home / "log")
    added(world, "plan.key_made", {"request": "PR-1", "developer": DEVELOPER})
    added(world, "access.paused", fields)
    not_started(world, "no enrolment list before it")


def test_nothing_is_served_on_a_log_like_that(world: World) -> None:
    digest = world.granted()
    sitting = world.sit(digest)
    world.later(minutes=1)
    world.core.pause(*world.act(Act.PAUSE, world.plan, "tess"))
    fields = {**world.last().fields}
    added(world, "access.resumed", fields)
    not_started(world, "another act")
    with pytest.raises((Refused, NotFound, NotConfirmed)):
        world.core.release(sitting.token, "weight_storage", 1)
