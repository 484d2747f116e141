"""The blueprints of review. The first part of an endpoint says who the page is for."""

from __future__ import annotations

from flask import Blueprint

cases = Blueprint("cases", __name__, template_folder="templates")
"""Government: case officers and deciders."""

plans = Blueprint("plans", __name__, template_folder="templates")
"""Government: plan requests, for whoever asks, approves or reads."""

asked = Blueprint("asked", __name__, template_folder="templates")
"""Developer: information requests and plan requests put to her, her flags, who opened her plan."""

decided = Blueprint("decided", __name__, template_folder="templates")
"""Developer: decisions about her, and notes of appeal."""
