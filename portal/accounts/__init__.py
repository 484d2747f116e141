"""Screens of sign-in, of one's own keys and sessions, of organisations, people and roles."""

from portal.accounts import events
from portal.accounts.linked_views import account
from portal.accounts.service import lacking
from portal.accounts.sso_views import bp

__all__ = ["account", "bp", "events", "lacking"]
