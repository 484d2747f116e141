"""What a section is by its bytes: a plan, a register, or neither. For the sandbox and whoever seals. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from secure_access.custodian import oscal, register
from secure_access.custodian.oscal import Format, NotReadable, Reading, SchemaState
from secure_access.custodian.oscal.formats import json_tree
from secure_access.custodian.register import Register, RegisterRefused

CSV = "text/csv"
_MEDIA_TYPES = {
    ".csv": CSV,
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".xml": "application/xml",
}


@dataclass(frozen=True)
class Looked:
    """What the bytes of a section are: a plan, a register, or something that only the sandbox opens (None).

    With ``problems`` it is neither: they say why.
    """

    content: Reading | Register | None
    problems: tuple[str, ...] = ()

    @property
    def schema(self) -> SchemaState | None:
        """What the official schema says of a plan; None for anything else."""
        return self.content.state if isinstance(self.content, Reading) else None


def look(content: bytes, media_type: str) -> Looked:
    """What the bytes are, by media type and by what they say themselves. Raises `oscal.SchemaDamaged`."""
    try:
        if media_type == CSV:
            return Looked(register.from_csv(content))
        form = oscal.MEDIA_TYPES.get(media_type)
        if form is None:
            return Looked(None)
        if form is Format.JSON and register.is_register(tree := json_tree(content)):
            return Looked(register.from_tree(tree))
        return Looked(oscal.read(content, form))
    except NotReadable as error:
        return Looked(None, (str(error),))
    except RegisterRefused as refused:
        return Looked(None, refused.problems)


def media_type_of(name: str) -> str:
    """The media type of what is looked into, by the ending of a file's name; empty for anything else."""
    return _MEDIA_TYPES.get(PurePath(name).suffix.lower(), "")
