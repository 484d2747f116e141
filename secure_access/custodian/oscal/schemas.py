"""NIST's own schemas of OSCAL system security plans, for JSON and XML, each pinned by SHA-256.

`schemas/releases.toml` lists what NIST has published and which of it is here; `make vendor` writes the files.
A document is held to the schema of the version that it names itself, never to another.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from lxml import etree

from secure_access.custodian.oscal.formats import Tree

_HERE = Path(__file__).parent / "schemas"
_JSON, _XML = "oscal_ssp_schema.json", "oscal_ssp_schema.xsd"
_NAMESPACE = re.compile(r"\{[^}]*\}")
ERRORS = 100
"""How many errors are told; a file with more is not read to its end by anybody."""
_WORDS = 300


class SchemaDamaged(RuntimeError):
    """A schema on this machine is not the official file: nothing can be called valid by it."""


class SchemaState(StrEnum):
    """What holding a document to the official schema of its version came to."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_INSTALLED = "schema not installed"


@dataclass(frozen=True)
class SchemaError:
    """What the schema does not allow, and where: a path in JSON and YAML, a line in XML."""

    place: str
    words: str


@dataclass(frozen=True)
class Checked:
    """The outcome and its errors, at most `ERRORS` of them."""

    state: SchemaState
    errors: tuple[SchemaError, ...] = ()


@cache
def published() -> tuple[str, ...]:
    """The releases of OSCAL that NIST has published, oldest first, whether their schemas are here or not."""
    return tuple(_releases()["published"])


@cache
def installed() -> tuple[str, ...]:
    """The releases whose schemas are here."""
    return tuple(version for version in published() if version in _releases()["release"])


def warm(version: str) -> None:
    """Read the schemas of a release now: what confines itself opens no file later. Raises `SchemaDamaged`."""
    _json_schema(version)
    _xml_schema(version)


def check_tree(tree: Tree, version: str) -> Checked:
    """Holds a document in JSON or YAML to the schema of ``version``. Raises `SchemaDamaged`."""
    if version not in installed():
        return Checked(SchemaState.NOT_INSTALLED)
    errors: list[SchemaError] = []
    for error in _json_schema(version).iter_errors(tree):
        if len(errors) == ERRORS:
            break
        place = " / ".join(str(step + 1 if isinstance(step, int) else step) for step in error.instance_path)
        errors.append(SchemaError(place or "document", _short(error.message)))
    return _outcome(errors)


def check_element(root: etree._Element, version: str) -> Checked:
    """Holds a document in XML to the schema of ``version``. Raises `SchemaDamaged`."""
    if version not in installed():
        return Checked(SchemaState.NOT_INSTALLED)
    schema = etree.XMLSchema(_xml_schema(version))  # keeps a log of errors, so it is not shared
    if schema.validate(root):
        return Checked(SchemaState.VALID)
    told = list(schema.error_log)[:ERRORS]
    return _outcome([SchemaError(f"line {entry.line}", _short(entry.message)) for entry in told])


def _outcome(errors: list[SchemaError]) -> Checked:
    return Checked(SchemaState.INVALID if errors else SchemaState.VALID, tuple(errors))


def _short(message: str) -> str:
    words = _NAMESPACE.sub("", message)
    return words if len(words) <= _WORDS else f"{words[:_WORDS]}…"


@cache
def _json_schema(version: str) -> jsonschema_rs.Draft7Validator:
    # Errors name places, not what stands there: a report may go further than the plan.
    return jsonschema_rs.Draft7Validator(json.loads(_official(version, _JSON)), mask="the value")


@cache
def _xml_schema(version: str) -> etree._ElementTree:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(_official(version, _XML), parser).getroottree()


def _official(version: str, name: str) -> bytes:
    content = (_HERE / version / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != _releases()["release"][version][name]:
        raise SchemaDamaged(f"The schema {version}/{name} is not the file that its SHA-256 names.")
    return content


@cache
def _releases() -> dict[str, Any]:
    return tomllib.loads((_HERE / "releases.toml").read_text(encoding="utf-8"))
