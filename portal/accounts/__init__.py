"""Screens of sign-in, of one's own keys and sessions, of organisations, people and roles."""

from portal.accounts import events
from portal.accounts.account_views import bp as account
from portal.accounts.service import lacking
from portal.accounts.sso_views import bp

__all__ = ["account", "bp", "events", "lacking"]
