"""Screens of sign-in, of one's own keys and sessions, of organisations, people and roles.

Signing in: `views` (the page), `service` (the rules), `attempts` (its limits), `entrance` (the door of the
zone), `devices` (names of browsers), `sso`, `sso_client` and `sso_views` (single sign-on). One's own
account: `account_views`, `linked_views`, `keys`, `step_up` (a fresh assertion before an act, for every
package), `told` (who hears of a changed credential). By a link: `invitation_views`. An organisation runs
its own people: `own_views`; `first_keys` are the codes that its administrators give. The authority's
administrators: `administration_views`, `organisation_views`, `act_views` (acts of two), `conflict_views`,
`policy_views` (the sign-in policy; `policy_changes` its rules, `policy_words` what a change does, `standing`
how somebody stands under one). Shared by those pages: `pages`, `forms`, `happened`, `tasks`.
"""

from portal.accounts import act_views, conflict_views, events, organisation_views, policy_views
from portal.accounts.administration_views import bp as administration
from portal.accounts.conflict_views import own_conflicts
from portal.accounts.linked_views import account
from portal.accounts.own_views import bp as own_organisation
from portal.accounts.policy_changes import begin_policy
from portal.accounts.service import lacking
from portal.accounts.sso_views import bp

__all__ = [
    "account",
    "act_views",
    "administration",
    "begin_policy",
    "bp",
    "conflict_views",
    "events",
    "lacking",
    "organisation_views",
    "own_conflicts",
    "own_organisation",
    "policy_views",
]
"""The modules among them add their pages to the blueprint ``administration``."""
