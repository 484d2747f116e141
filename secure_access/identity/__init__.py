"""People, organisations, roles, sessions and credentials: who somebody is, and how that is known."""

from secure_access.actor import Actor, Agency, OrganisationKind
from secure_access.identity.passwords import PasswordHasher, check_password
from secure_access.identity.people import (
    NewPerson,
    Organisation,
    Person,
    PersonRole,
    actor,
    add_organisation,
    add_person,
    organisation_subject,
    people_with,
    person_subject,
    roles_of,
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
    "Agency",
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
    "organisation_subject",
    "people_with",
    "person_subject",
    "roles_of",
    "start_session",
]
