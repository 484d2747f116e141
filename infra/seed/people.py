"""Who is in the demonstration, and the accounts with which a visitor enters."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from infra.seed.stage import Stage
from portal.law import statute
from secure_access import identity
from secure_access.db import Session
from secure_access.identity import (
    Actor,
    NewPerson,
    Organisation,
    OrganisationKind,
    authority,
    organisations,
)
from secure_access.workflow import Role

QUILLMARK = "Quillmark Systems, Inc."
TESSALY = "Tessaly Intelligence"
LARKFIELD = "Larkfield Assurance"
BRACKEN = "Bracken Row Institute"
_EUROPEAN = "eu-ai-act"


@dataclass(frozen=True)
class Part:
    """A person of the demonstration: ``key`` is the name in the story and the first part of the e-mail."""

    key: str
    name: str
    title: str
    organisation: str
    roles: tuple[Role, ...]
    team: str = ""


AUTHORITY = "authority"
PARTS = (
    Part("mira", "Mira Lindqvist", "case officer", AUTHORITY, (Role.CASE_OFFICER,), "Review team 2"),
    Part("paul", "Paul Sørby", "decider", AUTHORITY, (Role.DECIDER,), "Board office"),
    Part("ida", "Ida Kant", "plan approver", AUTHORITY, (Role.PLAN_APPROVER,), "Security office"),
    Part("brenner", "A. Brenner", "named reader", AUTHORITY, (Role.PLAN_READER,), "Technical security"),
    Part("moreau", "J. Moreau", "technical reader", AUTHORITY, (Role.PLAN_READER,), "Technical security"),
    Part(
        "ruth",
        "Ruth Abara",
        "accreditation officer",
        AUTHORITY,
        (Role.ACCREDITATION_OFFICER,),
        "Evaluators office",
    ),
    Part("ines", "Ines Falk", "enforcement officer", AUTHORITY, (Role.ENFORCEMENT_OFFICER,), "Enforcement"),
    Part(
        "tomasz", "Tomasz Reyl", "head of enforcement", AUTHORITY, (Role.HEAD_OF_ENFORCEMENT,), "Enforcement"
    ),
    Part("salma", "Salma Haddad", "legal officer", AUTHORITY, (Role.LEGAL_OFFICER,), "Legal office"),
    Part("joris", "Joris Aerts", "senior legal officer", AUTHORITY, (Role.LEGAL_OFFICER,), "Legal office"),
    Part("astrid", "Astrid Nyberg", "head of administration", AUTHORITY, (Role.ADMINISTRATOR,), "Office"),
    Part("emil", "Emil Varga", "administrator", AUTHORITY, (Role.ADMINISTRATOR,), "Office"),
    Part("nadia", "Nadia Osei", "reporting lead", QUILLMARK, (Role.PREPARER,), "Compliance"),
    Part(
        "weiss", "Dr Helena Weiss", "chief risk officer", QUILLMARK, (Role.CERTIFYING_OFFICER,), "Executive"
    ),
    Part(
        "greta",
        "Greta Malm",
        "company secretary",
        QUILLMARK,
        (Role.ORGANISATION_ADMINISTRATOR,),
        "Company office",
    ),
    Part("pavel", "Pavel Novak", "people lead", QUILLMARK, (Role.ORGANISATION_ADMINISTRATOR,), "People"),
    Part("jonas", "Jonas Eide", "reporting lead", TESSALY, (Role.PREPARER,), "Policy"),
    Part("amara", "Amara Diallo", "general counsel", TESSALY, (Role.CERTIFYING_OFFICER,), "Legal"),
    Part("lena", "Lena Vogt", "lead assessor", LARKFIELD, (Role.ASSESSOR,), "Cyber"),
    Part(
        "oskar",
        "Oskar Lind",
        "evaluation officer",
        LARKFIELD,
        (Role.ASSESSOR, Role.EVALUATION_OFFICER),
        "Office",
    ),
    Part("petra", "Petra Holm", "evaluation officer", BRACKEN, (Role.EVALUATION_OFFICER,), "Office"),
)
DOORS = {"case-officer": "mira", "evaluator": "oskar", "developer": "nadia", "enforcement": "ines"}
_ZONES = {AUTHORITY: "government", LARKFIELD: "evaluator", BRACKEN: "evaluator"}
_MAIL = {
    AUTHORITY: "authority.example",
    QUILLMARK: "quillmark.example",
    TESSALY: "tessaly.example",
    LARKFIELD: "larkfield.example",
    BRACKEN: "brackenrow.example",
}


@dataclass(frozen=True)
class Cast:
    """Everybody, ready to act."""

    actors: dict[str, Actor]
    organisations: dict[str, Organisation]

    def __getitem__(self, key: str) -> Actor:
        return self.actors[key]


def email(key: str) -> str:
    """The e-mail address of a part."""
    part = next(part for part in PARTS if part.key == key)
    return f"{key}@{_MAIL[part.organisation]}"


def engage(stage: Stage) -> Cast:
    """Make organisations, people and their passwords; the passwords go into a file only we can read."""
    passwords = {part.key: _password() for part in PARTS}
    hashes = {key: stage.wired.hasher.hash(password) for key, password in passwords.items()}

    def verb(session: Session, *, now: datetime) -> Cast:
        organisations = _organisations(stage, session)
        actors = {}
        for part in PARTS:
            new = NewPerson(email(part.key), part.name, frozenset(part.roles), part.title, part.team)
            person = identity.add_person(
                session,
                organisation=organisations[part.organisation],
                new=new,
                password_hash=hashes[part.key],
                now=now,
            )
            actors[part.key] = identity.actor(session, person.id)
        return Cast(actors, organisations)

    cast = stage.act(verb)
    _bind(stage, cast)
    _keep(stage.wired.settings.home / "demo-accounts.txt", passwords)
    return cast


def _bind(stage: Stage, cast: Cast) -> None:
    """Legal entities that the authority has verified, and who may sign, before anything is signed."""
    since = date(2027, 1, 1)
    laws = [pack.id for pack in statute.regimes()]
    for developer, name, place, number, regimes in (
        (QUILLMARK, QUILLMARK, "Delaware", "7741203", laws),
        (TESSALY, f"{TESSALY}, PBC", "California", "C4410982", [law for law in laws if law != _EUROPEAN]),
        (TESSALY, f"{TESSALY} Europe B.V.", "Netherlands", "91544207", [_EUROPEAN]),
    ):
        new = organisations.NewEntity(name, place, number, regimes, date(2021, 4, 1))
        owner = cast.organisations[developer]
        entity = stage.act(organisations.claim, organisation=owner, new=new, by=None)
        stage.act(organisations.verify, entity=entity, evidence="Extract of the register.", by=cast["astrid"])
    for name, officer, title in (
        (QUILLMARK, "weiss", "chief risk officer"),
        (TESSALY, "amara", "general counsel"),
    ):
        appointed = authority.NewAuthority(
            cast[officer].person_id,
            title,
            "Board of directors",
            "Resolution of 12 January 2027, kept by the company secretary.",
            since,
        )
        stage.act(authority.record, organisation_id=cast.organisations[name].id, new=appointed, by=None)


def _organisations(stage: Stage, session: Session) -> dict[str, Organisation]:
    kinds = {
        AUTHORITY: (OrganisationKind.REGULATOR, stage.wired.settings.authority),
        QUILLMARK: (OrganisationKind.DEVELOPER, QUILLMARK),
        TESSALY: (OrganisationKind.DEVELOPER, TESSALY),
        LARKFIELD: (OrganisationKind.EVALUATOR, LARKFIELD),
        BRACKEN: (OrganisationKind.EVALUATOR, BRACKEN),
    }
    return {
        key: identity.add_organisation(session, kind=kind, name=name, now=stage.now)
        for key, (kind, name) in kinds.items()
    }


def _password() -> str:
    """Four groups that can be typed from paper: about 79 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def _keep(path: Path, passwords: dict[str, str]) -> None:
    lines = ["Accounts of this demonstration. The passwords were made for this instance alone.", ""]
    for part in PARTS:
        zone = _ZONES.get(part.organisation, "developer")
        lines.append(f"  {zone:<11} {email(part.key):<28} {passwords[part.key]}   {part.name}, {part.title}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
