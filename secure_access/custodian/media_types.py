"""What a file is by its first bytes, of what a section of a plan may be. Pure.

It keeps a developer from sealing the wrong file; that a file is sound is found out by who opens it, in the
sandbox. OSCAL is told by its outermost name, not parsed.
"""

from __future__ import annotations

import re

HEAD = 64 * 1024
"""Bytes from the start that are looked at."""
ACCEPTED = "PDF, PNG, JPEG, OSCAL in JSON, YAML or XML, or a threat-actor register in JSON"

_MODELS = (
    rb"(?:catalog|profile|mapping-collection|component-definition|system-security-plan"
    rb"|assessment-plan|assessment-results|plan-of-action-and-milestones)"
)
_BY_START = (
    (re.compile(rb"%PDF-[12]\.[0-9]"), "application/pdf"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (
        re.compile(rb'\s*\{\s*(?:"\$schema"\s*:\s*"[^"\\]{0,500}"\s*,\s*)?"' + _MODELS + rb'"\s*:\s*\{'),
        "application/oscal+json",
    ),
    # A register, by whichever of its two names comes first: it is read as OSCAL in JSON is.
    (
        re.compile(rb'\s*\{\s*(?:"v"\s*:\s*"assay\.threat-actors/v1"|"actors"\s*:\s*\[)'),
        "application/oscal+json",
    ),
    (
        re.compile(
            rb"\s*(?:<\?xml\s[^>]{0,200}\?>\s*)?(?:<(?:!--[^<]{0,4000}--|\?[^<>]{0,500}\?)>\s*){0,20}"
            rb"<" + _MODELS + rb"\s[^<>]{0,2000}xmlns\s*=\s*[\"']http://csrc\.nist\.gov/ns/oscal/1\.0[\"']"
        ),
        "application/oscal+xml",
    ),
    (
        re.compile(
            rb"(?:%YAML 1\.[12]\r?\n)?(?:---[ \t]*\r?\n)?(?:[ \t]*(?:#[^\n]{0,500})?\r?\n){0,100}"
            + _MODELS
            + rb":[ \t]*\r?\n[ \t]+[a-z\"']"
        ),
        "application/oscal+yaml",
    ),
)
_BOM = b"\xef\xbb\xbf"


class NotAccepted(ValueError):
    """The file is none of what a section may be."""


def sniff(head: bytes) -> str:
    """The media type of a file with these first bytes (`HEAD` of them are enough). Raises `NotAccepted`."""
    head = head[:HEAD].removeprefix(_BOM)
    for pattern, media_type in _BY_START:
        if pattern.match(head):
            return media_type
    raise NotAccepted(f"a section of a plan is {ACCEPTED}; by its first bytes this file is none of them")
