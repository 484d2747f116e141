"""People, organisations, roles, sessions and credentials: who somebody is, and how that is known."""

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
    "check_password",
    "end_session",
    "end_sessions",
    "live_session",
    "needs_touch",
    "organisation_subject",
    "people_with",
    "person_subject",
    "roles_of",
    "start_session",
]
