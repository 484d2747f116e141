"""Screens of sign-in, organisations, people and roles."""

from portal.accounts.views import bp

__all__ = ["bp"]
