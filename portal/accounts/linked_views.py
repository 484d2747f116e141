"""What needs no provider: unlinking an account there, and the code for a first key after single sign-on."""

from __future__ import annotations

import uuid

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.accounts import account_views, sso, step_up
from portal.accounts.entrance import door
from portal.web import current_actor, current_session, current_time
from secure_access.identity import federation
from secure_access.workflow import NotFound

account = account_views.bp
Page = Response | tuple[str, int]


@account.post("/linked/<uuid:link_id>/unlink")
def sso_unlink(link_id: uuid.UUID) -> Page:
    """Unlink an account at a provider."""
    by = current_actor()
    row = federation.own(g.session, link_id, person_id=by.person_id)
    words = "Unlink an account at a provider from your account"
    refusal = sso.not_unlinkable(g.session, row, door=door(), by=by)
    act = step_up.Act("credential.remove", f"person:{by.person_id}", row.digest, words, by.name, refusal)
    asked = step_up.asked(act)
    if asked is not None:
        return asked
    sso.unlink(g.session, row, door=door(), by=by, now=current_time())
    flash("It is unlinked, and opens your account no more. Sessions that it began are ended.")
    return redirect(url_for("account.show"), 303)


@account.route("/first-key", methods=["GET", "POST"])
def first_key() -> Page:
    """The code with which somebody who came by single sign-on may add a first key."""
    by, row = current_actor(), current_session()
    if not sso.needs_code(g.session, row=row, by=by, door=door()):
        raise NotFound
    wrong = ""
    if request.method == "POST":
        code = request.form.get("code", "")
        if sso.use_code(g.session, code=code, row=row, by=by, now=current_time()):
            return redirect(url_for("account.add_key"), 303)
        wrong = "This is no code for you, it was used, or it is older than three days"
    return render_template("accounts/first_key.html", wrong=wrong), 422 if wrong else 200


__all__ = ["account"]
