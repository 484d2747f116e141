"""Every table and event of the project, gathered for migrations and for the checks that walk all of them."""

from __future__ import annotations

from evaluator import events as evaluator_events
from evaluator import tables as evaluator_tables
from portal import mail, web
from portal.accounts import attempts
from portal.accounts import events as accounts_events
from portal.disclosure import events as disclosure_events
from portal.disclosure import tables as disclosure_tables
from portal.enforcement import events as enforcement_events
from portal.enforcement import tables as enforcement_tables
from portal.filing import events as filing_events
from portal.filing import registry
from portal.filing import tables as filing_tables
from portal.legal import events as legal_events
from portal.legal import tables as legal_tables
from portal.review import events as review_events
from portal.review import tables as review_tables
from secure_access import db, documents, grants, identity, jobs
from secure_access.documents import events as documents_events
from secure_access.identity import events as identity_events
from secure_access.identity import tables as identity_tables
from secure_access.ledger import manifests
from secure_access.ledger import tables as ledger_tables

METADATA = db.Table.metadata

MODULES = (
    attempts,
    db,
    disclosure_tables,
    documents,
    enforcement_tables,
    evaluator_tables,
    filing_tables,
    grants,
    identity,
    identity_tables,
    jobs,
    ledger_tables,
    legal_tables,
    mail,
    manifests,
    registry,
    review_tables,
    web,
)
"""Importing them is what fills `METADATA`."""

EVENTS = (
    accounts_events,
    disclosure_events,
    documents_events,
    enforcement_events,
    evaluator_events,
    filing_events,
    identity_events,
    legal_events,
    review_events,
)
"""Importing them is what declares every event type, without which the audit refuses its entries."""
