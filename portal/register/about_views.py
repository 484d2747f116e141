"""Pages that every footer leads to: how to verify, accessibility, privacy."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.web import current_zone, origin

about = Blueprint("about", __name__, template_folder="templates")


@about.get("/verify")
def verify() -> str:
    """How to check a receipt without trusting this portal."""
    return render_template("ledger/verify.html", here=origin(current_zone().wired.settings, "public"))


@about.get("/accessibility")
def accessibility() -> str:
    """What was checked, and what was not."""
    return render_template("register/accessibility.html")


@about.get("/privacy")
def privacy() -> str:
    """What is kept about people."""
    return render_template("register/privacy.html", settings=current_zone().wired.settings)
