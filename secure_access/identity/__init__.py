"""People, organisations, roles, sessions and credentials: who somebody is, and how that is known."""

from secure_access.identity.passwords import PasswordHasher, check_password
from secure_access.identity.people import (
    Actor,
    NewPerson,
    Organisation,
    OrganisationKind,
    Person,
    PersonRole,
    actor,
    add_organisation,
    add_person,
    people_with,
)
from secure_access.identity.sessions import (
    ABSOLUTE_LIMIT,
    IDLE_LIMIT,
    SignInSession,
    end_session,
    live_session,
    needs_touch,
    start_session,
)

__all__ = [
    "ABSOLUTE_LIMIT",
    "IDLE_LIMIT",
    "Actor",
    "NewPerson",
    "Organisation",
    "OrganisationKind",
    "PasswordHasher",
    "Person",
    "PersonRole",
    "SignInSession",
    "actor",
    "add_organisation",
    "add_person",
    "check_password",
    "end_session",
    "live_session",
    "needs_touch",
    "people_with",
    "start_session",
]
