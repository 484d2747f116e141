"""Acts of two administrators: one proposes, another approves. Officials are invited by one, or by two."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import g, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.accounts import first_keys, forms, policy_changes, policy_words, step_up
from portal.accounts.administration_views import bp
from portal.accounts.entrance import policy
from portal.accounts.forms import role_choices
from portal.accounts.pages import (
    STATES,
    Asked,
    Page,
    by_now,
    code_page,
    form_page,
    inviting,
    led_to,
    link_key,
    own_organisation,
    person_name,
    sent_form,
)
from portal.ui.formats import moment
from portal.web import current_actor, current_time, current_zone
from secure_access import identity
from secure_access.identity import OrganisationKind, Person, invitations, proposals, roles
from secure_access.identity.proposals import NewProposal, Terms
from secure_access.identity.tables import ProposedAct
from secure_access.identity.workflow import PROPOSED_ACT, ProposalState
from secure_access.ledger import removal
from secure_access.workflow import Denied, NotFound, Role

PROPOSED = "Proposed. Another administrator approves it under Acts of two."


@bp.route("/invite", methods=["GET", "POST"])
def invite() -> Page:
    """Invite an official. Whoever's role takes two administrators is proposed to a second one."""
    own = own_organisation()
    form = forms.InviteForm(sent_form())
    form.roles.choices = role_choices(roles.ROLES_OF[OrganisationKind.REGULATOR])
    asked = Asked(
        "Invite an official",
        "Invite",
        ("People", url_for(".index")),
        f"Done. {roles.OF_TWO_WORDS} wait for a second administrator; any other invitation is sent.",
        "The link goes by mail, works once, for seven days, and only for this address.",
    )

    def proposal() -> NewProposal | None:
        wanted = form.wanted(own)
        if not invitations.takes_two(g.session, own, wanted.roles):
            return None
        return NewProposal(proposals.INVITE, proposals.invite_content(wanted), "New official.")

    def act() -> object:
        new = proposal()
        if new is not None:
            return proposals.propose(g.session, new=new, **by_now())
        return invitations.invite(g.session, wanted=form.wanted(own), key=link_key(), **by_now())

    def confirm() -> step_up.Act:
        new = proposal()
        if new is not None:
            return proposing(new, identity.organisation_subject(own.id))
        return inviting(own, form)

    return form_page(asked, form, act, confirm=confirm)


@bp.route("/people/<uuid:person_id>/propose-role/<role>", methods=["GET", "POST"])
def propose_role(person_id: uuid.UUID, role: str) -> Page:
    """Propose that somebody gets a role that takes two administrators."""
    found = roles.load(g.session, person_id, by=current_actor())
    wanted = next((one for one in roles.OF_TWO if one.value == role), None)
    if wanted is None or not roles.administers(current_actor(), found.organisation_id):
        raise NotFound
    asked = Asked(f"Propose {found.name} as {wanted.label}", "Propose it", _page_of(found), PROPOSED)
    content = proposals.role_content(found, wanted)
    return _proposal_page(asked, found, proposals.GIVE_ROLE, content)


@bp.route("/people/<uuid:person_id>/propose-reset", methods=["GET", "POST"])
def propose_reset(person_id: uuid.UUID) -> Page:
    """Propose that somebody's credentials are reset."""
    found = roles.load(g.session, person_id, by=current_actor())
    asked = Asked(
        f"Propose to reset the credentials of {found.name}",
        "Propose the reset",
        _page_of(found),
        PROPOSED,
        "Once approved, every session ends and a single-use link goes to the person’s address.",
    )
    return _proposal_page(asked, found, proposals.RESET, {"person": str(found.id)})


@bp.route("/people/<uuid:person_id>/propose-first-key", methods=["GET", "POST"])
def propose_first_key(person_id: uuid.UUID) -> Page:
    """Propose that somebody gets a code for a first key, where that takes two."""
    found = roles.load(g.session, person_id, by=current_actor())
    asked = Asked(
        f"Propose a code for the first key of {found.name}",
        "Propose the code",
        _page_of(found),
        PROPOSED,
        "Whoever approves sees the code once, and hands it over in person or by telephone.",
    )
    form = forms.ReasonForm(sent_form())
    begins_with, reason = current_zone().wired.settings.first_policy, form.reason.data or ""
    return form_page(
        asked,
        form,
        lambda: first_keys.propose(
            g.session, person=found, reason=reason, begins_with=begins_with, **by_now()
        ),
        confirm=lambda: proposing(
            first_keys.proposal(found, reason=reason), identity.person_subject(found.id)
        ),
    )


@bp.route("/acts/remove", methods=["GET", "POST"])
def propose_removal() -> Page:
    """Propose that the content of a ledger entry is removed."""
    form = forms.RemovalForm(sent_form())
    asked = Asked(
        "Propose to remove the content of an entry",
        "Propose the removal",
        ("Acts of two", url_for(".acts")),
        PROPOSED,
        "Once approved, what the entry says is gone for good. Its leaf stays in the log, and another "
        "entry says when it was removed and on what basis. Copies of the database keep it until they are "
        "destroyed.",
    )

    def proposal() -> NewProposal:
        entry = removal.load(g.session, form.entry.data or "")
        content = removal.content(entry, form.basis.data)
        return NewProposal(proposals.REMOVE, content, form.reason.data or "")

    return form_page(
        asked,
        form,
        lambda: proposals.propose(g.session, new=proposal(), **by_now()),
        confirm=lambda: proposing(proposal(), f"entry:{form.entry.data}"),
    )


@bp.get("/acts")
def acts() -> str:
    """What was proposed, approved and refused."""
    lapse, now = policy().lapse, current_time()
    rows = proposals.every(g.session, by=current_actor())
    names = identity.names_of(g.session, (row.proposed_by for row in rows))
    return render_template(
        "accounts/acts.html",
        rows=[
            (row, proposals.words_of(row.act), names[row.proposed_by], _state(row, lapse, now))
            for row in rows
        ],
        states=STATES,
        of_two=roles.OF_TWO_WORDS,
    )


@bp.get("/acts/<uuid:proposal_id>")
def act(proposal_id: uuid.UUID) -> str:
    """One act: exactly what would be done, and its digest."""
    by = current_actor()
    row = proposals.load(g.session, proposal_id, by=by)
    content, lapse = json.loads(row.content)["content"], policy().lapse
    return render_template(
        "accounts/act.html",
        row=row,
        state=_state(row, lapse, current_time()),
        effect=_effect(row, content),
        words=proposals.words_of(row.act),
        proposer=person_name(row.proposed_by),
        about=about(content),
        settled_by=person_name(row.settled_by) if row.settled_by else "",
        allowed=PROPOSED_ACT.allowed(by, row),
        refusal=_refusal(row),
        until=proposals.open_until(row, lapse),
        states=STATES,
    )


@bp.post("/acts/<uuid:proposal_id>/approve")
def approve_act(proposal_id: uuid.UUID) -> Page:
    """Approve it, which does it."""
    row = proposals.load(g.session, proposal_id, by=current_actor(), for_update=True)
    shown = request.form.get("digest", "")
    page = _asked(row, shown)
    if page is not None:
        return page
    given = proposals.approve(g.session, proposal=row, shown_digest=shown, terms=_terms(), **by_now())
    if row.act == first_keys.GIVE:
        person = g.session.get_one(Person, uuid.UUID(json.loads(row.content)["content"]["person"]))
        return code_page(person, str(given), back=("Acts of two", url_for(".acts")))
    return led_to(".acts", "Approved, and done.")


@bp.post("/acts/<uuid:proposal_id>/refuse")
def refuse_act(proposal_id: uuid.UUID) -> Response:
    """Refuse it."""
    row = proposals.load(g.session, proposal_id, by=current_actor(), for_update=True)
    proposals.refuse(g.session, proposal=row, **by_now())
    return led_to(".acts", "Refused.")


@bp.post("/acts/<uuid:proposal_id>/withdraw")
def withdraw_act(proposal_id: uuid.UUID) -> Response:
    """Take back what one proposed oneself."""
    row = proposals.load(g.session, proposal_id, by=current_actor(), for_update=True)
    proposals.withdraw(g.session, proposal=row, **by_now())
    return led_to(".acts", "Withdrawn.")


def proposing(new: NewProposal, subject: str) -> step_up.Act:
    """What is confirmed with a key when an act is proposed: the digest that the second one approves."""
    words = f"Propose: {proposals.words_of(new.act).lower()}"
    return step_up.Act("act.propose", subject, proposals.digest_of(new), words, about(new.content))


def about(content: Mapping[str, Any]) -> str:
    """Whom or what an act is about, and which roles it gives, as both administrators read it before."""
    if "policy" in content:
        return policy_words.summary(policy(), policy_changes.stated(content))
    if "entry" in content:
        entry = removal.load(g.session, content["entry"])
        return (
            f"{entry.type} of {moment(entry.recorded_at)}, entry {entry.leaf_index} of the {entry.log} log, "
            f"on the basis of {removal.BASES[content['basis']]}"
        )
    known = g.session.get(Person, uuid.UUID(content["person"])) if "person" in content else None
    name, email = (known.name, known.email) if known else (content["name"], content["email"])
    given = content["roles"] if "roles" in content else filter(None, [content.get("role")])
    labels = ", ".join(Role(role).label for role in given)
    return f"{name}, {email}" + (f": {labels}" if labels else "")


def _proposal_page(asked: Asked, person: Person, act: str, content: dict[str, Any]) -> Page:
    form = forms.ReasonForm(sent_form())
    new = NewProposal(act, content, form.reason.data or "", person.id)
    return form_page(
        asked,
        form,
        lambda: proposals.propose(g.session, new=new, **by_now()),
        confirm=lambda: proposing(new, identity.person_subject(person.id)),
    )


def _asked(row: ProposedAct, shown: str) -> step_up.Page | None:
    """Ask for a key, unless the act is settled or is not what was shown: the verb says so itself."""
    if row.state is not ProposalState.PROPOSED or row.digest != shown:
        return None
    return step_up.asked(
        step_up.Act(
            "act.approve",
            f"proposed_act:{row.id}",
            row.digest,
            words=f"Approve and do: {proposals.words_of(row.act).lower()}",
            about=about(json.loads(row.content)["content"]),
            refusal=_refusal(row),
        )
    )


def _refusal(row: ProposedAct) -> Denied | None:
    terms, by = _terms(), current_actor()
    found = proposals.refusal(g.session, proposal=row, lapse=terms.lapse, **by_now())
    if found is not None or row.act != policy_changes.CHANGE:
        return found
    content = json.loads(row.content)["content"]
    return policy_changes.refusal(g.session, content, proposed_by=row.proposed_by, by=by, terms=terms)


def _terms() -> Terms:
    return Terms(link_key(), policy(), by_password=current_zone().wired.settings.demonstration)


def _state(row: ProposedAct, lapse: timedelta, now: datetime) -> str:
    """The state of an act on screen: what nobody settled in time waits for nobody any more."""
    return "lapsed" if proposals.lapsed(row, lapse, now) else row.state


def _effect(row: ProposedAct, content: Mapping[str, Any]) -> policy_words.Effect | None:
    """What a proposed policy would do, on the people who are there now; once settled, its bytes say it."""
    if row.act != policy_changes.CHANGE or row.state is not ProposalState.PROPOSED:
        return None
    return policy_words.effect(g.session, policy(), policy_changes.stated(content))


def _page_of(person: Person) -> tuple[str, str]:
    return person.name, url_for(".person", person_id=person.id)


__all__ = ["bp"]
