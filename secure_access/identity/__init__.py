"""People, organisations, roles, sessions and credentials: who somebody is, and how that is known.

Who there is: `people` (accounts, and the `Actor` that somebody is now), `organisations` (entities, relations,
the yearly confirmation), `roles`, `tables`, `events`, `workflow` (the steps, pure). Coming and going:
`invitations`, `leaving`, `recovery` (an administrator made on the machine), `proposals` (acts of two
administrators). Acting for others, or not: `authority` (to sign), `delegation`, `conflicts`. Signing in:
`policy`, `passwords`, `totp` (codes of an app), `passkeys`, `credentials` (the keys that are kept),
`challenges`, `sessions`.
"""

from secure_access.actor import Actor, Agency, OrganisationKind
from secure_access.identity.challenges import Challenge
from secure_access.identity.credentials import Credential
from secure_access.identity.federation import LinkedAccount
from secure_access.identity.passwords import PasswordHasher, check_password
from secure_access.identity.people import (
    NewPerson,
    Organisation,
    Person,
    PersonRole,
    actor,
    add_organisation,
    add_person,
    by_email,
    names_of,
    organisation_subject,
    people_with,
    person_subject,
    roles_of,
)
from secure_access.identity.sessions import (
    ABSOLUTE_LIMIT,
    IDLE_LIMIT,
    Entered,
    Method,
    SignInSession,
    end_session,
    end_sessions,
    live_session,
    needs_touch,
    start_session,
)
from secure_access.identity.totp import Totp

__all__ = [
    "ABSOLUTE_LIMIT",
    "IDLE_LIMIT",
    "Actor",
    "Agency",
    "Challenge",
    "Credential",
    "Entered",
    "LinkedAccount",
    "Method",
    "NewPerson",
    "Organisation",
    "OrganisationKind",
    "PasswordHasher",
    "Person",
    "PersonRole",
    "SignInSession",
    "Totp",
    "actor",
    "add_organisation",
    "add_person",
    "by_email",
    "check_password",
    "end_session",
    "end_sessions",
    "live_session",
    "names_of",
    "needs_touch",
    "organisation_subject",
    "people_with",
    "person_subject",
    "roles_of",
    "start_session",
]
