"""Forms of people and organisations."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from wtforms import IntegerField, PasswordField, StringField, TextAreaField

from portal.law.statute import Pack
from portal.ui.fields import MemorableDateField, Needed, RadioField, SelectField, SelectMultipleField
from portal.ui.forms import Form
from secure_access.identity import Method, Organisation, Person
from secure_access.identity.authority import NewAuthority
from secure_access.identity.delegation import SCOPE, NewDelegation
from secure_access.identity.invitations import Wanted
from secure_access.identity.organisations import NewEntity, NewRelation
from secure_access.identity.policy import Rule
from secure_access.identity.tables import RelationKind
from secure_access.ledger import removal
from secure_access.workflow import Role

SHORTEST_PASSWORD = 12

_FROM = Needed("Give the first day.")


class InviteForm(Form):
    """Who is invited, and what they may do."""

    name = StringField("Full name", validators=[Needed("Write the person’s full name.")])
    email = StringField(
        "E-mail address",
        description="The link goes there, and only the account of this address can accept it.",
        validators=[Needed("Write the e-mail address.")],
    )
    title = StringField("Title", description="As it stands on the person’s card. May stay empty.")
    team = StringField("Team", description="May stay empty.")
    roles = SelectMultipleField("Roles", validators=[Needed("Choose at least one role.")])

    def wanted(self, organisation: Organisation) -> Wanted:
        """The answers, once they are valid."""
        return Wanted(
            organisation_id=organisation.id,
            email=self.email.data or "",
            name=self.name.data or "",
            roles=[Role(role) for role in self.roles.data],
            title=self.title.data or "",
            team=self.team.data or "",
        )

    def invited(self) -> str:
        """Who is invited to what, in words."""
        roles = ", ".join(Role(role).label for role in self.roles.data)
        return f"{self.name.data}, {self.email.data}: {roles}"


class EntityForm(Form):
    """A legal entity and the laws it answers for."""

    name = StringField("Name of the legal entity", validators=[Needed("Write its registered name.")])
    jurisdiction = StringField(
        "Jurisdiction", description="For example Delaware, or Ireland.", validators=[Needed("Write where.")]
    )
    number = StringField("Number in its register", description="May stay empty where there is none.")
    regimes = SelectMultipleField("Laws for which it answers")
    from_on = MemorableDateField("Part of the organisation since", validators=[_FROM])

    def stated(self) -> NewEntity:
        """The answers, once they are valid."""
        assert self.from_on.data is not None
        return NewEntity(
            self.name.data or "",
            self.jurisdiction.data or "",
            (self.number.data or "").strip(),
            list(self.regimes.data or ()),
            self.from_on.data,
        )


class RelationForm(Form):
    """How two organisations stand to each other."""

    kind = RadioField(
        "Relation",
        choices=[
            (RelationKind.PARENT_OF, "This organisation is the parent of the other"),
            ("subsidiary_of", "This organisation is a subsidiary of the other"),
            (RelationKind.AFFILIATE_OF, "Both are under common control (affiliates)"),
            (RelationKind.MERGED_INTO, "This organisation was merged into the other"),
        ],
        validators=[Needed("Choose the relation.")],
    )
    other = SelectField("Other organisation", validators=[Needed("Choose the other organisation.")])
    from_on = MemorableDateField("From", validators=[_FROM])
    until_on = MemorableDateField("Until", description="Empty while it lasts.")
    source = StringField(
        "Source", description="Where it is published, with its date.", validators=[Needed("Name the source.")]
    )

    def stated(self, organisation: Organisation) -> NewRelation:
        """The answers, once they are valid."""
        assert self.from_on.data is not None
        sides = (organisation.id, uuid.UUID(self.other.data))
        inverse = self.kind.data == "subsidiary_of"
        first, second = reversed(sides) if inverse else sides
        kind = RelationKind.PARENT_OF if inverse else RelationKind(self.kind.data)
        return NewRelation(first, second, kind, self.from_on.data, self.source.data or "", self.until_on.data)


class AuthorityForm(Form):
    """That an officer may sign."""

    officer = SelectField("Certifying officer", validators=[Needed("Choose the officer.")])
    title = StringField("Title", validators=[Needed("Write the title under which the officer signs.")])
    appointed_by = StringField("Appointed by", validators=[Needed("Write who appointed the officer.")])
    evidence = TextAreaField(
        "Evidence",
        description="The resolution or power of attorney, with its date and where it is kept.",
        validators=[Needed("Say what shows the appointment.")],
    )
    entity = SelectField("For which legal entity")
    from_on = MemorableDateField("May sign from", validators=[_FROM])
    until_on = MemorableDateField("Until", description="Empty where it has no end.")

    def stated(self) -> NewAuthority:
        """The answers, once they are valid."""
        assert self.from_on.data is not None
        return NewAuthority(
            uuid.UUID(self.officer.data),
            self.title.data or "",
            self.appointed_by.data or "",
            self.evidence.data or "",
            self.from_on.data,
            self.until_on.data,
            entity_id=uuid.UUID(self.entity.data) if self.entity.data else None,
        )


class DelegationForm(Form):
    """What an agent may do for a developer."""

    agent = SelectField("Counsel or agent", validators=[Needed("Choose who is to act for you.")])
    scope = SelectMultipleField(
        "What they may do",
        choices=[(name, words, "") for name, (_, words) in SCOPE.items()],
        description="Signing cannot be delegated.",
        validators=[Needed("Choose at least one act.")],
    )
    from_on = MemorableDateField("From", validators=[_FROM])
    until_on = MemorableDateField("Last day", validators=[Needed("Give the last day.")])

    def stated(self) -> NewDelegation:
        """The answers, once they are valid."""
        assert self.from_on.data is not None
        assert self.until_on.data is not None
        return NewDelegation(
            uuid.UUID(self.agent.data), list(self.scope.data), self.from_on.data, self.until_on.data
        )


class ConflictForm(Form):
    """A conflict of an official with a developer."""

    person = SelectField("Official", validators=[Needed("Choose the official.")])
    developer = SelectField("Developer", validators=[Needed("Choose the developer.")])
    reason = TextAreaField("What the conflict is", validators=[Needed("Say in a sentence what it is.")])


class OwnConflictForm(Form):
    """One's own conflict with a developer."""

    developer = SelectField("Developer", validators=[Needed("Choose the developer.")])
    reason = TextAreaField("What the conflict is", validators=[Needed("Say in a sentence what it is.")])


class RuleForm(Form):
    """The rule of some roles in a sign-in policy."""

    roles = SelectMultipleField(
        "Roles that get this rule",
        description="Whoever holds several roles is held to all of their rules.",
        validators=[Needed("Choose at least one role.")],
    )
    methods = SelectMultipleField("Ways to sign in", validators=[Needed("Choose at least one way.")])
    keys = IntegerField(
        "Keys at least",
        description="Whoever has fewer reaches nothing but their own account.",
        validators=[Needed("Write how many keys.")],
    )
    device_bound = RadioField(
        "Keys that count",
        choices=[("yes", "Only keys that stay on their device"), ("no", "Also keys that can be copied")],
        validators=[Needed("Choose which keys count.")],
    )
    step_up = RadioField(
        "Acts of record",
        choices=[("yes", "Always confirmed with a key"), ("no", "Confirmed by whoever has a key")],
        validators=[Needed("Choose when acts are confirmed.")],
    )
    reason = TextAreaField("Reason", validators=[Needed("Say why; the administrator who approves reads it.")])

    def stated(self) -> tuple[list[Role], Rule]:
        """The roles and their rule, once the answers are valid."""
        rule = Rule(
            frozenset(Method(name) for name in self.methods.data),
            self.keys.data or 0,
            device_bound=self.device_bound.data == "yes",
            step_up=self.step_up.data == "yes",
        )
        return [Role(name) for name in self.roles.data], rule


class TimesForm(Form):
    """The times of a sign-in policy."""

    wait_hours = IntegerField(
        "Hours for which a new key signs, approves and serves nothing",
        validators=[Needed("Write how many hours.")],
    )
    lapse_days = IntegerField(
        "Days for which an act of two can be approved", validators=[Needed("Write how many days.")]
    )
    reason = TextAreaField("Reason", validators=[Needed("Say why; the administrator who approves reads it.")])


class ReasonForm(Form):
    """Why something is ended or proposed."""

    reason = TextAreaField("Reason", validators=[Needed("Say why. It is kept.")])


class RemovalForm(Form):
    """Which entry's content is to be removed, and on what basis."""

    entry = StringField(
        "Identifier of the entry",
        description="It stands on the page of the entry, under History of the case.",
        validators=[Needed("Give the identifier of the entry.")],
    )
    basis = RadioField(
        "Basis",
        choices=[(code, words[0].upper() + words[1:]) for code, words in removal.BASES.items()],
        validators=[Needed("Choose the basis.")],
    )
    reason = TextAreaField("Reason", validators=[Needed("Say why. It is kept.")])


class EndForm(Form):
    """On which day something ended."""

    until_on = MemorableDateField("Last day", validators=[Needed("Give the last day.")])


class OrganisationForm(Form):
    """An organisation that the authority registers."""

    kind = RadioField(
        "Kind",
        choices=[
            ("developer", "Developer"),
            ("evaluator", "Evaluator"),
            ("agent", "Counsel or agent of developers"),
        ],
        validators=[Needed("Choose the kind.")],
    )
    name = StringField("Name", validators=[Needed("Write the name of the organisation.")])


class SettingsForm(Form):
    """Mail domains and second contact of an organisation."""

    mail_domains = StringField(
        "Mail domains",
        description="Of which addresses people can be invited, for example quillmark.example. Empty for any.",
    )
    contact_email = StringField(
        "Second contact", description="An address that is told when somebody’s credential is changed."
    )


class PasswordForm(Form):
    """A new password, typed twice."""

    password = PasswordField(
        "New password",
        description=f"At least {SHORTEST_PASSWORD} characters.",
        validators=[Needed("Write a password.")],
    )
    again = PasswordField("The same again", validators=[Needed("Write the password again.")])

    def check(self) -> bool:
        """Whether both are there, long enough and the same."""
        if not self.validate():
            return False
        if len(self.password.data or "") < SHORTEST_PASSWORD:
            self.refuse("password", f"The password has fewer than {SHORTEST_PASSWORD} characters.")
        elif self.password.data != self.again.data:
            self.refuse("again", "The two passwords differ.")
        return not self.problems()


def people_choices(people: Iterable[Person]) -> list[tuple[str, str]]:
    """People as a select offers them."""
    return [(str(p.id), f"{p.name}, {p.title}" if p.title else p.name) for p in people]


def organisation_choices(found: Sequence[Organisation]) -> list[tuple[str, str]]:
    """Organisations as a select offers them."""
    return [(str(organisation.id), organisation.name) for organisation in found]


def regime_choices(packs: Iterable[Pack]) -> list[tuple[str, str, str]]:
    """Laws as checkboxes offer them: the full name is the hint where the short one says less."""
    return [(pack.id, pack.short, pack.name if pack.name != pack.short else "") for pack in packs]


def role_choices(roles: Iterable[Role]) -> list[tuple[str, str, str]]:
    """Roles as checkboxes offer them."""
    return [(role.value, role.label.capitalize(), "") for role in sorted(roles)]
