"""Every table of the project, gathered for migrations and for the checks that walk all of them."""

from __future__ import annotations

from evaluator import tables as evaluator_tables
from portal import mail, web
from portal.accounts import attempts
from portal.enforcement import tables as enforcement_tables
from portal.filing import registry
from portal.filing import tables as filing_tables
from portal.legal import tables as legal_tables
from portal.review import tables as review_tables
from secure_access import db, documents, grants, identity, jobs
from secure_access.identity import tables as identity_tables
from secure_access.ledger import manifests
from secure_access.ledger import tables as ledger_tables

METADATA = db.Table.metadata

MODULES = (
    attempts,
    db,
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
