"""The sign-in policy on screen: what counts, and the change of it that two administrators make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import g, render_template, request

from portal.accounts import forms, policy_changes, policy_words, step_up
from portal.accounts.act_views import PROPOSED, proposing
from portal.accounts.administration_views import bp
from portal.accounts.entrance import policy
from portal.accounts.forms import role_choices
from portal.accounts.pages import Page, by_now, led_to, rehearsed, sent_form, tried
from portal.web import current_zone
from secure_access.identity import policies, proposals
from secure_access.identity.policy import METHODS, Policy, Rule
from secure_access.identity.proposals import NewProposal
from secure_access.workflow import NotFound, Role


@bp.get("/sign-in-policy")
def sign_in_policy() -> str:
    """How people may sign in, role by role, and how that came."""
    settings, counts = current_zone().wired.settings, policy()
    same: dict[Rule, list[Role]] = {}
    for role in sorted(counts.rules):
        same.setdefault(counts.rules[role], []).append(role)
    return render_template(
        "accounts/sign_in_policy.html",
        policy=counts,
        row=policies.latest(g.session),
        wait=_hours(counts),
        rules=[(held, rule, [one.label for one in sorted(rule.methods)]) for rule, held in same.items()],
        history=policies.history(g.session),
        named=settings.sign_in.rpartition("/")[2],
        differs=policy_changes.differs(settings, counts),
    )


@bp.route("/sign-in-policy/rules/<role>", methods=["GET", "POST"])
def change_rule(role: str) -> Page:
    """Propose another rule for a role, and for those that are to have the same."""
    counts = policy()
    known = next((one for one in counts.rules if one.value == role), None)
    if known is None:
        raise NotFound
    form = forms.RuleForm(sent_form(), data=None if request.method == "POST" else _as_typed(counts, known))
    form.roles.choices = role_choices(counts.rules)
    form.methods.choices = [(one.value, one.label.capitalize(), "") for one in METHODS]
    return _page(
        _Asked(f"Change the rule of {known.label}", counts, form),
        lambda: policy_changes.with_rule(counts, *form.stated()),
    )


@bp.route("/sign-in-policy/times", methods=["GET", "POST"])
def change_times() -> Page:
    """Propose how long a new key waits, and how long a proposal is open."""
    counts = policy()
    form = forms.TimesForm(sent_form(), wait_hours=_hours(counts), lapse_days=counts.lapse.days)

    def stated() -> Policy:
        wait, lapse = timedelta(hours=form.wait_hours.data or 0), timedelta(days=form.lapse_days.data or 0)
        return policy_changes.with_times(counts, wait=wait, lapse=lapse)

    return _page(_Asked("Change the times of the policy", counts, form), stated)


@dataclass(frozen=True)
class _Asked:
    """A change that is being put together: on what policy, in which form."""

    title: str
    counts: Policy
    form: forms.RuleForm | forms.TimesForm


def _page(asked: _Asked, stated: Callable[[], Policy]) -> Page:
    """Show what a change would do to whom; propose it once that very change was shown."""
    if request.method == "GET":
        return _shown(asked)
    after = tried(stated) if asked.form.validate() else None
    if not isinstance(after, Policy):
        refused = [("", after.words)] if after is not None else asked.form.problems()
        return _shown(asked, problems=refused), 422
    new = policy_changes.proposal(asked.counts, after, reason=asked.form.reason.data or "")
    denied = rehearsed(lambda: _propose(new))
    if denied is not None:
        return _shown(asked, after, problems=[("", denied.words)]), 422
    if request.form.get("shown") != proposals.digest_of(new):
        return _shown(asked, after, ready=proposals.digest_of(new))
    return step_up.asked(proposing(new, policies.SUBJECT)) or _proposed(new)


def _proposed(new: NewProposal) -> Page:
    _propose(new)
    return led_to(".acts", PROPOSED)


def _propose(new: NewProposal) -> object:
    return policy_changes.propose(g.session, new, settings=current_zone().wired.settings, **by_now())


def _shown(asked: _Asked, after: Policy | None = None, *, problems: object = (), ready: str = "") -> str:
    found = policy_words.effect(g.session, asked.counts, after) if after else None
    return render_template(
        "accounts/policy_change.html",
        asked=asked,
        form=asked.form,
        problems=problems,
        effect=found,
        ready=ready,
    )


def _as_typed(counts: Policy, role: Role) -> dict[str, object]:
    """The rule of a role as its form shows it, for every role that has the same one now."""
    rule = counts.rules[role]
    return {
        "roles": [one.value for one in sorted(counts.rules) if counts.rules[one] == rule],
        "methods": [one.value for one in sorted(rule.methods)],
        "keys": rule.keys,
        "device_bound": "yes" if rule.device_bound else "no",
        "step_up": "yes" if rule.step_up else "no",
    }


def _hours(counts: Policy) -> int:
    return int(counts.wait.total_seconds()) // 3600


__all__ = ["bp"]
