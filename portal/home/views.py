"""The first pages."""

from __future__ import annotations

from flask import Blueprint, render_template

public = Blueprint("home", __name__, template_folder="templates")
developer = Blueprint("home", __name__, template_folder="templates")
evaluator = Blueprint("home", __name__, template_folder="templates")
government = Blueprint("home", __name__, template_folder="templates")


@public.get("/")
def start() -> str:
    """The five doors."""
    return render_template("home/start.html")


@developer.get("/", endpoint="developer")
@evaluator.get("/", endpoint="evaluator")
@government.get("/", endpoint="government")
def home() -> str:
    """What waits for the person who is signed in."""
    return render_template("home/home.html", tasks=[])
