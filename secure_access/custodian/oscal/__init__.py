"""Reads a system security plan in OSCAL, and says whether it is valid by NIST's own schema of its version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from lxml import etree

from secure_access.custodian.oscal import schemas
from secure_access.custodian.oscal.formats import (
    MEDIA_TYPES,
    Format,
    NotReadable,
    json_tree,
    xml_tree,
    yaml_tree,
)
from secure_access.custodian.oscal.nodes import NAMESPACE, ElementNode, Passage, TreeNode
from secure_access.custodian.oscal.plan import (
    NOT_IN_PLACE,
    Answer,
    Parameter,
    Statement,
    SystemControl,
    SystemPlan,
    plan_of,
)
from secure_access.custodian.oscal.schemas import SchemaDamaged, SchemaError, SchemaState

__all__ = [
    "MEDIA_TYPES",
    "NOT_IN_PLACE",
    "Answer",
    "Format",
    "NotReadable",
    "Parameter",
    "Passage",
    "Reading",
    "SchemaDamaged",
    "SchemaError",
    "SchemaState",
    "Statement",
    "SystemControl",
    "SystemPlan",
    "format_of",
    "read",
]

PLAN = "system-security-plan"
OTHER_MODELS = frozenset(
    {
        "assessment-plan",
        "assessment-results",
        "catalog",
        "component-definition",
        "mapping-collection",
        "plan-of-action-and-milestones",
        "profile",
    }
)
_VERSION = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}")
_ENDINGS = {".json": Format.JSON, ".yaml": Format.YAML, ".yml": Format.YAML, ".xml": Format.XML}


@dataclass(frozen=True)
class Reading:
    """A plan as read. It is shown whatever the schema says; it is valid only if ``state`` says so."""

    plan: SystemPlan
    form: Format
    state: SchemaState
    errors: tuple[SchemaError, ...]

    @property
    def words(self) -> str:
        """What the schema said, in one sentence."""
        version = self.plan.oscal_version
        match self.state:
            case SchemaState.VALID:
                return f"Valid by NIST's schema of OSCAL {version}."
            case SchemaState.INVALID:
                many = len(self.errors) >= schemas.ERRORS
                count = f"{schemas.ERRORS} errors or more" if many else _counted(len(self.errors), "error")
                return f"Not valid by NIST's schema of OSCAL {version}: {count}."
        return f"The schema of OSCAL {version} is not installed here, so the plan was not checked."


def format_of(name: str) -> Format | None:
    """In what a file is written, by the ending of its name; None for one that is no OSCAL format's."""
    return _ENDINGS.get(PurePath(name).suffix.lower())


def read(content: bytes, form: Format) -> Reading:
    """Reads a plan and holds it to the official schema of the version that it names.

    Raises `NotReadable` for what is no system security plan, names no version or one that NIST has not
    published, or breaks a bound of `formats`; `SchemaDamaged` where the schema on this machine is not NIST's.
    """
    if form is Format.XML:
        root = xml_tree(content)
        _is_plan(root)
        plan = plan_of(ElementNode(root))
        checked = schemas.check_element(root, _published(plan.oscal_version))
    else:
        tree = json_tree(content) if form is Format.JSON else yaml_tree(content)
        plan = plan_of(TreeNode(_plan_in(tree)))
        checked = schemas.check_tree(tree, _published(plan.oscal_version))
    return Reading(plan, form, checked.state, checked.errors)


def _plan_in(tree: Any) -> dict[str, Any]:
    found = tree.get(PLAN) if isinstance(tree, dict) else None
    if isinstance(found, dict):
        return found
    other = OTHER_MODELS.intersection(tree) if isinstance(tree, dict) else ()
    raise _no_plan(next(iter(sorted(other)), ""))


def _is_plan(root: etree._Element) -> None:
    name = etree.QName(root)
    if name.namespace != NAMESPACE or name.localname != PLAN:
        own = name.namespace == NAMESPACE and name.localname in OTHER_MODELS
        raise _no_plan(name.localname if own else "")


def _no_plan(other: str) -> NotReadable:
    if other:
        return NotReadable(
            f"The file is an OSCAL {other.replace('-', ' ')}. A section takes a system security plan."
        )
    return NotReadable("The file is not an OSCAL system security plan.")


def _published(version: str) -> str:
    if not version:
        raise NotReadable("The plan does not say of which OSCAL version it is (metadata, oscal-version).")
    if not _VERSION.fullmatch(version) or version not in schemas.published():
        last = schemas.published()[-1]
        raise NotReadable(
            f"OSCAL {version[:20]} is no version that NIST has published, as far as is known (to {last})."
        )
    return version


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
