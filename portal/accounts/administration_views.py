"""Administration in the government's zone: people, organisations, conflicts, acts of two, mail."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal import mail
from portal.accounts import forms
from portal.accounts.forms import organisation_choices, people_choices, role_choices
from portal.accounts.pages import DONE, STATES, Asked, Page, act_on, form_page, person_page, tried
from portal.mail import SentMail
from portal.web import current_actor, current_time, current_zone
from secure_access import identity
from secure_access.identity import (
    Organisation,
    OrganisationKind,
    Person,
    conflicts,
    invitations,
    organisations,
    proposals,
    recovery,
    roles,
)
from secure_access.identity.proposals import NewProposal
from secure_access.identity.tables import Recovery
from secure_access.identity.workflow import PROPOSED_ACT, RECUSAL
from secure_access.workflow import NotFound

bp = Blueprint("administration", __name__, template_folder="templates", url_prefix="/administration")

own_conflicts = Blueprint("conflicts", __name__, template_folder="templates", url_prefix="/conflicts")


@bp.get("")
def index() -> str:
    """The authority's own people, and invitations that nobody has accepted."""
    by = current_actor()
    people = roles.of_organisation(g.session, by.organisation_id)
    return render_template(
        "accounts/people.html",
        people=[(person, identity.roles_of(g.session, person.id)) for person in people],
        invited=invitations.open_invitations(g.session, by.organisation_id),
        recoveries=recovery.unseen(g.session, by=by),
        due=organisations.due_on(g.session, _authority()),
        today=current_time().date(),
        now=current_time(),
    )


@bp.route("/invite", methods=["GET", "POST"])
def invite() -> Page:
    """Invite an official. Approvers, deciders and administrators are proposed to a second administrator."""
    own = _authority()
    form = forms.InviteForm(request.form if request.method == "POST" else None)
    form.roles.choices = role_choices(roles.ROLES_OF[OrganisationKind.REGULATOR])
    asked = Asked(
        "Invite an official",
        "Invite",
        _back("People", ".index"),
        "Done. An invitation with the role of an approver, a decider or an administrator waits for a second "
        "administrator; any other is sent.",
        "The link goes by mail, works once, for seven days, and only for this address.",
    )

    def act() -> object:
        wanted = form.wanted(own)
        if set(wanted.roles) & roles.OF_TWO and len(roles.administrators(g.session, own)) > 1:
            return _propose(proposals.INVITE, proposals.invite_content(wanted), "New official.", None)
        return invitations.invite(g.session, wanted=wanted, key=_key(), **_by())

    return form_page(asked, form, act)


@bp.post("/confirm")
def confirm() -> Response:
    """Say that everybody at the authority is still there."""
    shown = [person.id for person in organisations.present(g.session, current_actor().organisation_id)]
    if [str(one) for one in shown] != request.form.getlist("person"):
        return _to(".index", "The list changed after your page was opened. Look at it once more.")
    organisations.confirm(g.session, organisation=_authority(), shown=shown, **_by())
    return _to(".index", "Confirmed. You are asked again in a year.")


@bp.post("/invitations/<uuid:invitation_id>/withdraw")
def withdraw_invitation(invitation_id: uuid.UUID) -> Response:
    """Withdraw an invitation."""
    row = invitations.load(g.session, invitation_id, by=current_actor(), for_update=True)
    invitations.withdraw(g.session, invitation=row, **_by())
    return _to(".index", "The invitation is withdrawn. Its link leads nowhere now.")


@bp.post("/recoveries/<uuid:recovery_id>/acknowledge")
def acknowledge(recovery_id: uuid.UUID) -> Response:
    """Say that the making of an administrator on the machine was seen."""
    row = g.session.get(Recovery, recovery_id, with_for_update=True)
    if row is None:
        raise NotFound
    recovery.acknowledge(g.session, recovery=row, **_by())
    return _to(".index", "Acknowledged.")


# A person


@bp.get("/people/<uuid:person_id>")
def person(person_id: uuid.UUID) -> str:
    """Anybody's account: roles, sessions, entries; for the authority's own also what they hold."""
    found = roles.load(g.session, person_id, by=current_actor())
    back = _back("People", ".index")
    if found.organisation_id != current_actor().organisation_id:
        address = url_for(".organisation", organisation_id=found.organisation_id)
        back = (g.session.get_one(Organisation, found.organisation_id).name, address)
    return render_template(
        "accounts/person.html", **person_page(g.session, found, by=current_actor(), back=back)
    )


@bp.post("/people/<uuid:person_id>/<act>")
def change(person_id: uuid.UUID, act: str) -> Response:
    """One of the buttons of that page."""
    found = roles.load(g.session, person_id, by=current_actor(), for_update=True)
    act_on(found, act)
    flash(DONE[act])
    return redirect(url_for(".person", person_id=person_id), 303)


@bp.route("/people/<uuid:person_id>/propose-role/<role>", methods=["GET", "POST"])
def propose_role(person_id: uuid.UUID, role: str) -> Page:
    """Propose that somebody becomes an approver, a decider or an administrator."""
    found = roles.load(g.session, person_id, by=current_actor())
    wanted = next((one for one in roles.OF_TWO if one.value == role), None)
    if wanted is None or not roles.administers(current_actor(), found.organisation_id):
        raise NotFound
    form = forms.ReasonForm(request.form if request.method == "POST" else None)
    asked = Asked(
        f"Propose {found.name} as {wanted.label}",
        "Propose it",
        (found.name, url_for(".person", person_id=person_id)),
        "Proposed. Another administrator approves it under Acts of two.",
    )
    content = proposals.role_content(found, wanted)
    return form_page(
        asked, form, lambda: _propose(proposals.GIVE_ROLE, content, form.reason.data or "", found.id)
    )


@bp.route("/people/<uuid:person_id>/propose-reset", methods=["GET", "POST"])
def propose_reset(person_id: uuid.UUID) -> Page:
    """Propose that somebody's credentials are reset."""
    found = roles.load(g.session, person_id, by=current_actor())
    form = forms.ReasonForm(request.form if request.method == "POST" else None)
    asked = Asked(
        f"Propose to reset the credentials of {found.name}",
        "Propose the reset",
        (found.name, url_for(".person", person_id=person_id)),
        "Proposed. Another administrator approves it under Acts of two.",
        "Once approved, every session ends and a single-use link goes to the person’s address.",
    )
    content = {"person": str(found.id)}
    return form_page(
        asked, form, lambda: _propose(proposals.RESET, content, form.reason.data or "", found.id)
    )


# Acts of two


@bp.get("/acts")
def acts() -> str:
    """What was proposed, approved and refused."""
    rows = proposals.every(g.session, by=current_actor())
    return render_template(
        "accounts/acts.html",
        rows=[(row, proposals.words_of(row.act), _name(row.proposed_by)) for row in rows],
        states=STATES,
    )


@bp.get("/acts/<uuid:proposal_id>")
def act(proposal_id: uuid.UUID) -> str:
    """One act: exactly what would be done, and its digest."""
    by = current_actor()
    row = proposals.load(g.session, proposal_id, by=by)
    return render_template(
        "accounts/act.html",
        row=row,
        words=proposals.words_of(row.act),
        proposer=_name(row.proposed_by),
        about=g.session.get(Person, row.person_id) if row.person_id else None,
        settled_by=_name(row.settled_by) if row.settled_by else "",
        allowed=PROPOSED_ACT.allowed(by, row),
        refusal=PROPOSED_ACT.refusal("approve", by, row),
        states=STATES,
    )


@bp.post("/acts/<uuid:proposal_id>/approve")
def approve_act(proposal_id: uuid.UUID) -> Response:
    """Approve it, which does it."""
    row = proposals.load(g.session, proposal_id, by=current_actor(), for_update=True)
    shown = request.form.get("digest", "")
    proposals.approve(g.session, proposal=row, shown_digest=shown, key=_key(), **_by())
    return _to(".acts", "Approved, and done.")


@bp.post("/acts/<uuid:proposal_id>/refuse")
def refuse_act(proposal_id: uuid.UUID) -> Response:
    """Refuse it."""
    row = proposals.load(g.session, proposal_id, by=current_actor(), for_update=True)
    proposals.refuse(g.session, proposal=row, **_by())
    return _to(".acts", "Refused.")


@bp.post("/acts/<uuid:proposal_id>/withdraw")
def withdraw_act(proposal_id: uuid.UUID) -> Response:
    """Take back what one proposed oneself."""
    row = proposals.load(g.session, proposal_id, by=current_actor(), for_update=True)
    proposals.withdraw(g.session, proposal=row, **_by())
    return _to(".acts", "Withdrawn.")


# Conflicts


@bp.get("/conflicts")
def every_conflict() -> str:
    """Conflicts of officials with developers."""
    by = current_actor()
    return render_template(
        "accounts/conflicts.html",
        rows=[
            (row, _name(row.person_id), _organisation(row.developer_id), RECUSAL.refusal("end", by, row))
            for row in conflicts.every(g.session, by=by)
        ],
        states=STATES,
    )


@bp.route("/conflicts/new", methods=["GET", "POST"])
def give_conflict() -> Page:
    """Record a conflict of an official."""
    form = forms.ConflictForm(request.form if request.method == "POST" else None)
    form.person.choices = people_choices(organisations.present(g.session, current_actor().organisation_id))
    form.developer.choices = organisation_choices(
        organisations.of_kind(g.session, OrganisationKind.DEVELOPER)
    )
    asked = Asked(
        "Record a conflict",
        "Record the conflict",
        _back("Conflicts", ".every_conflict"),
        "Recorded. It counts from the official’s next request.",
        "That developer’s matters are not there for the official then, and nobody can name them in one.",
    )
    return form_page(asked, form, lambda: conflicts.declare(
        g.session,
        person_id=uuid.UUID(form.person.data),
        developer_id=uuid.UUID(form.developer.data),
        reason=form.reason.data or "",
        **_by(),
    ))  # fmt: skip


@bp.route("/conflicts/<uuid:recusal_id>/end", methods=["GET", "POST"])
def end_conflict(recusal_id: uuid.UUID) -> Page:
    """End a conflict that is no more."""
    row = conflicts.load(g.session, recusal_id, by=current_actor(), for_update=request.method == "POST")
    form = forms.ReasonForm(request.form if request.method == "POST" else None)
    asked = Asked(
        f"End the conflict of {_name(row.person_id)} with {_organisation(row.developer_id)}",
        "End the conflict",
        _back("Conflicts", ".every_conflict"),
        "Ended. The developer’s matters are there again from the next request.",
        facts=(("Recorded because", row.reason),),
    )
    return form_page(
        asked, form, lambda: conflicts.end(g.session, recusal=row, reason=form.reason.data or "", **_by())
    )


@own_conflicts.route("", methods=["GET", "POST"])
def declare_own() -> Page:
    """One's own conflicts, and the way to declare one."""
    by = current_actor()
    form = forms.OwnConflictForm(request.form if request.method == "POST" else None)
    form.developer.choices = organisation_choices(
        organisations.of_kind(g.session, OrganisationKind.DEVELOPER)
    )
    problems: list[tuple[str, str]] = []
    if request.method == "POST":
        refused = None
        if form.validate():
            refused = tried(lambda: conflicts.declare(
                g.session,
                person_id=by.person_id,
                developer_id=uuid.UUID(form.developer.data),
                reason=form.reason.data or "",
                **_by(),
            ))  # fmt: skip
            if refused is None:
                return _to(
                    ".declare_own", "Declared. That developer’s matters are not there for you any more."
                )
        problems = [("", refused.words)] if refused else form.problems()
    page = render_template(
        "accounts/own_conflicts.html",
        form=form,
        problems=problems,
        rows=[(row, _organisation(row.developer_id)) for row in conflicts.own(g.session, by=by)],
        states=STATES,
    )
    return (page, 422) if problems else page


# Mail


@bp.get("/mail")
def sent_mail() -> str:
    """What was sent; without a server, what would have been."""
    _demonstration()
    return render_template(
        "accounts/mail.html", rows=mail.sent(g.session), smtp=bool(current_zone().wired.settings.smtp)
    )


@bp.get("/mail/<uuid:mail_id>")
def one_mail(mail_id: uuid.UUID) -> str:
    """One mail with its text."""
    _demonstration()
    row = g.session.get(SentMail, mail_id)
    if row is None:
        raise NotFound
    text = mail.text_of(g.session, current_zone().wired, row)
    return render_template("accounts/letter.html", row=row, text=text)


def _demonstration() -> None:
    """The text of a mail holds its single-use link: only a demonstration shows it."""
    if not current_zone().wired.settings.demonstration:
        raise NotFound


def _propose(act: str, content: dict[str, Any], reason: str, person_id: uuid.UUID | None) -> object:
    new = NewProposal(act, content, reason, person_id)
    return proposals.propose(g.session, new=new, **_by())


def _authority() -> Organisation:
    return g.session.get_one(Organisation, current_actor().organisation_id)  # type: ignore[no-any-return]


def _name(person_id: uuid.UUID) -> str:
    return str(g.session.get_one(Person, person_id).name)


def _organisation(organisation_id: uuid.UUID) -> str:
    return str(g.session.get_one(Organisation, organisation_id).name)


def _key() -> bytes:
    return mail.link_key(current_zone().wired)


def _by() -> dict[str, Any]:
    return {"by": current_actor(), "now": current_time()}


def _back(words: str, endpoint: str) -> tuple[str, str]:
    return words, url_for(endpoint)


def _to(endpoint: str, words: str) -> Response:
    flash(words)
    return redirect(url_for(endpoint), 303)


__all__ = ["bp", "own_conflicts"]
