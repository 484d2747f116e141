"""Screens of sign-in, organisations, people and roles."""

from portal.accounts.invitation_views import bp

__all__ = ["bp"]
