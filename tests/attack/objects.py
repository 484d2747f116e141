"""Every address of a zone filled in: with what exists, and with what looks like it and does not exist."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from werkzeug.routing import Rule

from evaluator.tables import Accreditation, Engagement, Flag, IndependentAssessment
from portal.disclosure.tables import AccessNotice, AccessRequest
from portal.enforcement.tables import (
    AllegedViolation,
    MethodAdoption,
    Notice,
    PriorViolation,
    RevenueEvidence,
    Worksheet,
)
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, FilingPerson, Incident
from portal.law import methods, statute
from portal.legal.tables import StatuteVersion
from portal.mail import SentMail
from portal.review.custody_lines import EVENT
from portal.review.tables import (
    Case,
    CaseItem,
    Condition,
    Decision,
    InformationRequest,
    PlanObjection,
    PlanRequest,
)
from secure_access.documents import Attachment
from secure_access.identity import Credential, LinkedAccount, Organisation, OrganisationKind, Person
from secure_access.identity.tables import (
    Delegation,
    Invitation,
    LegalEntity,
    OrganisationRelation,
    ProposedAct,
    Recovery,
    Recusal,
    SigningAuthority,
)
from tests.attack.conftest import Siege
from tests.attack.entries import entry_of, log

Values = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One address of something that exists, its twin that does not, and whose it is."""

    rule: Rule
    path: str
    twin: str
    owner: uuid.UUID | None
    about: Any = None


def targets(siege: Siege, zone: str) -> Iterator[Target]:
    """Every rule of a zone that names something, with everything that it could name."""
    siege, urls = siege.still(), siege.urls(zone)
    for rule in siege.world.zones[zone].url_map.iter_rules():
        for values, owner, about in _values(siege, zone, rule):
            yield Target(
                rule,
                urls.build(rule.endpoint, values),
                urls.build(rule.endpoint, _twin(values, mixed=owner is None and isinstance(about, Case))),
                owner,
                about,
            )


def _values(siege: Siege, zone: str, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    names = rule.arguments
    if not names or rule.endpoint in ("ui.static_file", "ui.mark"):
        return
    filled = _FILLED.get(rule.endpoint) or _FILLED.get(rule.endpoint.partition(".")[0])
    assert filled is not None, f"nothing is known that {zone} {rule} could name: say so in _FILLED"
    for known, owner, about in filled(siege, rule):
        values = {"form": "json", **known}
        assert set(values) >= names, f"{rule} needs {names}"
        yield {name: value for name, value in values.items() if name in names}, owner, about


def _twin(values: Values, *, mixed: bool) -> Values:
    """The same shape, and nothing there: the first thing named is changed, or the part of another case."""
    parts = [name for name in values if name.endswith("_reference") or name in ("filing_id", "condition_id")]
    named = [name for name in ("key", "reference", "version_id") if name in values]
    name = parts[0] if mixed and parts else (named or list(values))[0]
    value = values[name]
    if isinstance(value, uuid.UUID) or len(str(value)) == 36:
        return {**values, name: uuid.UUID("6f3c9d1e-0000-4000-8000-00000000dead")}
    head, _, tail = str(value).rpartition("-")
    return {**values, name: f"{head}-{'9' * len(tail)}"}


def _filings(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    hanging = siege.rows(Attachment)
    for filing in siege.rows(Filing):
        papers = [a.document_id for a in hanging if a.subject == f"filing:{filing.id}"] or [uuid.uuid4()]
        for key in {str(filing.id), filing.reference} - {None}:
            values = {"key": key, "section": "tested", "form": "json", "document_id": papers[0]}
            values["entry_id"] = entry_of(siege, f"filing:{filing.id}")
            yield values, filing.developer_id, filing


def _draft_people(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    """The people of every filing; only drafts have any."""
    places = {row.filing_id: row.id for row in siege.rows(FilingPerson)}
    for filing in siege.rows(Filing):
        act = "remove" if "place_id" in rule.arguments else "restrict"
        values = {"filing_id": filing.id, "place_id": places.get(filing.id, uuid.uuid4()), "act": act}
        yield values, filing.developer_id, filing


def _incidents(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(Incident):
        yield {"key": row.reference}, row.developer_id, row


def _developers(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(Organisation):
        if row.kind is OrganisationKind.DEVELOPER:
            yield {"developer_id": row.id}, row.id, row


def _versions(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(ModelVersion):
        yield {"version_id": row.id}, row.developer_id, row


def _cases(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    """Cases with their own parts, and with the parts of another case."""
    every = siege.rows(Case)
    parts = _parts(siege)
    for case, other in product(every, every):
        mine = dict(parts[other.id])
        if any(mine.get(name, "") is None for name in rule.arguments):
            continue
        # The code of a flag and the number of an entry are not unique, so they name no other case's.
        mixed = rule.arguments - {"reference", "code", "number", "form"}
        if case is other or mixed:
            owner = case.developer_id if case is other else None
            yield {"reference": case.reference, **mine}, owner, case


def _parts(siege: Siege) -> dict[uuid.UUID, Values]:
    found: dict[uuid.UUID, Values] = {}
    filings = {f"filing:{row.id}": row for row in siege.rows(Filing)}
    items, hanging = siege.rows(CaseItem), siege.rows(Attachment)
    decided = {row.id: row for row in siege.rows(Decision)}
    for case in siege.rows(Case):
        mine = [filings[i.subject] for i in items if i.case_id == case.id and i.subject in filings]
        with_paper = [(f, a) for f in mine for a in hanging if a.subject == f"filing:{f.id}"] or [
            (mine[0], None) if mine else (None, None)
        ]
        incident = next(
            (
                r
                for r in siege.rows(Incident)
                for i in items
                if i.case_id == case.id and i.subject == f"incident:{r.id}"
            ),
            None,
        )
        asked = next((r for r in siege.rows(InformationRequest) if r.case_id == case.id), None)
        condition = next(
            (c for c in siege.rows(Condition) if decided[c.decision_id].case_id == case.id), None
        )
        flag = next((f for f in siege.rows(Flag) if f.case_id == case.id), None)
        engaged = [e.id for e in siege.rows(Engagement) if e.case_id == case.id]
        made = [a for a in siege.rows(IndependentAssessment) if a.engagement_id in engaged and a.of_record()]
        filing, paper = with_paper[0]
        found[case.id] = {
            "filing_id": filing.id if filing else None,
            "document_id": paper.document_id if paper else uuid.uuid4(),
            "incident_reference": incident.reference if incident else None,
            "request_reference": asked.reference if asked else None,
            "assessment_reference": made[0].reference if made else None,
            "condition_id": condition.id if condition else None,
            "code": flag.code if flag else None,
            "number": 1,
        }
    return found


def _evidence(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    """Files of evidence, each under its assessment and case."""
    hanging = {a.subject: a.document_id for a in siege.rows(Attachment)}
    papers = {a.reference: hanging.get(f"assessment:{a.id}") for a in siege.rows(IndependentAssessment)}
    for values, owner, case in _cases(siege, rule):
        yield {**values, "document_id": papers[values["assessment_reference"]]}, owner, case


def _requests(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(InformationRequest):
        yield {"reference": row.reference, "document_id": uuid.uuid4()}, row.developer_id, row


def _plans(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(PlanRequest):
        yield {"reference": row.reference}, row.developer_id, row


def _openings(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for values, owner, row in _plans(siege, rule):
        yield {**values, "entry_id": entry_of(siege, f"plan_request:{row.id}", (EVENT,))}, owner, row


def _objections(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    found = {row.plan_request_id: row.id for row in siege.rows(PlanObjection)}
    for row in siege.rows(PlanRequest):
        values = {"reference": row.reference, "objection_id": found.get(row.id, uuid.uuid4())}
        yield values, row.developer_id, row


def _decisions(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(Decision):
        yield {"reference": row.reference}, row.developer_id, row


def _engagements(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    hanging = siege.rows(Attachment)
    for row in siege.rows(Engagement):
        papers = [a.document_id for a in hanging if a.subject == f"filing:{row.filing_id}"]
        entry = entry_of(siege, f"engagement:{row.id}")
        values = {"reference": row.reference, "document_id": papers[0], "entry_id": entry}
        yield values, row.evaluator_id, row


def _accreditations(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(Accreditation):
        yield {"reference": row.reference, "action": "suspend"}, None, row


def _methods(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(MethodAdoption):
        yield {"reference": row.reference}, row.proposed_by, row


def _priors(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(PriorViolation):
        yield {"prior_id": row.id}, row.developer_id, row


def _penalties(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    if "worksheets" in rule.rule:
        kind: type[Any] = Worksheet
    else:
        kind = Notice if "notices" in rule.rule else AllegedViolation
    revenue = siege.rows(RevenueEvidence)[0]
    hanging = siege.rows(Attachment)
    items = siege.rows(CaseItem)
    parts = rule.arguments & {"filing_id", "incident_id"}
    for row in siege.rows(kind):
        wanted = "filing:" if "filing_id" in parts else "incident:"
        for item in [i for i in items if i.subject.startswith(wanted)] if parts else [None]:
            subject = item.subject if item else ""
            papers = [a.document_id for a in hanging if a.subject == subject]
            known = {name: uuid.UUID(subject.partition(":")[2]) for name in parts}
            outside = item is not None and item.case_id != row.case_id
            values = {"reference": row.reference, "row_id": revenue.id, **known}
            values["document_id"] = papers[0] if papers else uuid.uuid4()
            yield values, None if outside else row.developer_id, row


def _findings(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(Notice):
        sent_here = row.kind == "preliminary_findings" and row.state == "sent"
        values = {"reference": row.reference, "reply_id": uuid.uuid4()}
        yield values, row.developer_id if sent_here else None, row


def _public(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    kinds: dict[str, type[Any]] = {
        "decisions": Decision,
        "models": Filing,
        "penalties": Notice,
        "evaluators": IndependentAssessment,
    }
    if "version_id" in rule.arguments:
        yield from _versions(siege, rule)
        return
    if "developer_id" in rule.arguments:
        for owner in {row.developer_id for row in siege.rows(Filing)}:
            yield {"developer_id": owner}, owner, None
        return
    for row in siege.rows(kinds[rule.endpoint.partition(".")[0]]):
        if row.reference:
            yield {"reference": row.reference}, None, row


def _walk(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    yield {"key": "developer"}, None, None


def _laws(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for pack in statute.regimes():
        yield {"regime": pack.id}, None, pack


def _law_methods(_siege: Siege, _rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for method in methods.methods():
        yield {"method": method.id}, None, method


def _statutes(siege: Siege, _rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(StatuteVersion):
        yield {"reference": row.reference}, None, row


def _asked_for(siege: Siege, _rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(AccessRequest):
        yield {"reference": row.reference}, None, row


def _heard(siege: Siege, _rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(AccessNotice):
        yield {"reference": row.reference, "part": "notice"}, row.developer_id, row


def _keys(siege: Siege, _rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(Credential):
        yield {"key_id": row.id}, None, row


def _links(siege: Siege, _rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    for row in siege.rows(LinkedAccount):
        yield {"link_id": row.id}, None, row


def _own(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    """What an organisation's own page names: people, invitations, authorities, delegations."""
    kinds: dict[str, type[Any]] = {
        "person_id": Person,
        "invitation_id": Invitation,
        "authority_id": SigningAuthority,
        "delegation_id": Delegation,
    }
    name = next(name for name in kinds if name in rule.arguments)
    for row in siege.rows(kinds[name]):
        yield {name: row.id, "act": "team"}, row.organisation_id, row


def _administered(siege: Siege, rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    """What the authority's administrators have pages of."""
    kinds: dict[str, type[Any]] = {
        "person_id": Person,
        "entity_id": LegalEntity,
        "relation_id": OrganisationRelation,
        "proposal_id": ProposedAct,
        "recusal_id": Recusal,
        "recovery_id": Recovery,
        "mail_id": SentMail,
        "organisation_id": Organisation,
        "invitation_id": Invitation,
    }
    name = next((name for name in kinds if name in rule.arguments), "")
    if not name:  # a rule of the sign-in policy, of which there is one for each role
        yield {"role": "decider"}, None, None
        return
    invited = siege.rows(Invitation)
    for row in siege.rows(kinds[name]):
        given = {name: row.id, "act": "verify" if name == "entity_id" else "team", "role": "decider"}
        yield {"invitation_id": invited[0].id, **given}, None, row


def _tokens(_siege: Siege, _rule: Rule) -> Iterator[tuple[Values, Any, Any]]:
    """A single-use link is for whoever holds it, and no guess away from another."""
    yield from ()


_FILLED: dict[str, Any] = {
    "account": _keys,
    "account.sso_unlink": _links,
    "accounts": _tokens,
    "own_organisation": _own,
    "administration": _administered,
    "filings": _filings,
    "signing": _filings,
    "draft_people": _draft_people,
    "filed": _filings,
    "filed.incident": _incidents,
    "filed.duties": _developers,
    "incidents": _incidents,
    "registry": _versions,
    "cases": _cases,
    "cases.evidence": _evidence,
    "plans.new": _cases,
    "plans.ask": _cases,
    "plans": _plans,
    "reading": _plans,
    "asked": _requests,
    "asked.flags": _cases,
    "asked.reply": _cases,
    "asked.plan": _plans,
    "asked.deliver": _plans,
    "asked.accept_plan": _plans,
    "asked.object_plan": _plans,
    "plans.answer_objection": _objections,
    "asked.openings": _plans,
    "asked.opening": _openings,
    "asked.opening_receipt": _openings,
    "decided": _decisions,
    "engagements": _engagements,
    "accreditations": _accreditations,
    "enforcement": _penalties,
    **dict.fromkeys(
        ("enforcement.method", "enforcement.adopt_method", "enforcement.withdraw_method"), _methods
    ),
    **dict.fromkeys(("enforcement.prior", "enforcement.change_prior"), _priors),
    "statutes": _statutes,
    "access": _tokens,
    "access_requests": _asked_for,
    "access_notices": _heard,
    "findings": _findings,
    "home.walk": _walk,
    "law": _laws,
    "law.method": _law_methods,
    "decisions": _public,
    "models": _public,
    "developers": _public,
    "evaluators": _public,
    "penalties": _public,
    "ledger": log,
    "tiles": log,
}


def sampled(found: Iterator[Target], most: int) -> list[Target]:
    """At most so many of each rule."""
    by_rule: dict[tuple[str, str], list[Target]] = {}
    for target in found:
        by_rule.setdefault((target.rule.endpoint, target.rule.rule), []).append(target)
    return [target for group in by_rule.values() for target in islice(group, most)]
