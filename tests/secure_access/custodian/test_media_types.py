"""What a section of a plan may be, by its first bytes."""

from __future__ import annotations

import pytest

from secure_access.custodian.media_types import NotAccepted, sniff
from secure_access.sealing.sections import MEDIA_TYPES

ACCEPTED = [
    (b"%PDF-1.7\n", "application/pdf"),
    (b"%PDF-2.0\n", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    (b'{"system-security-plan": {"uuid": "x"}}', "application/oscal+json"),
    (
        b'\xef\xbb\xbf\r\n{\n "$schema": "https://example.org/s.json",\n "catalog" : {',
        "application/oscal+json",
    ),
    (b'{"actors": [{"name": "A"}], "v": "assay.threat-actors/v1"}', "application/oscal+json"),
    (b'\n{ "v" : "assay.threat-actors/v1", "actors": []}', "application/oscal+json"),
    (b"system-security-plan:\n  uuid: x\n", "application/oscal+yaml"),
    (b"%YAML 1.2\n---\n# a plan\n\nplan-of-action-and-milestones:\r\n  uuid: x\n", "application/oscal+yaml"),
    (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- x -->\n<system-security-plan uuid="x" '
        b'xmlns="http://csrc.nist.gov/ns/oscal/1.0">',
        "application/oscal+xml",
    ),
    (b"<catalog xmlns='http://csrc.nist.gov/ns/oscal/1.0'>", "application/oscal+xml"),
]
REFUSED = [
    b"",
    b"\n%PDF-1.7",
    b"MZ\x90\0",
    b"PK\x03\x04",
    b"<!DOCTYPE html><html>",
    b"<svg xmlns='http://www.w3.org/2000/svg'>",
    b"<catalog xmlns='http://example.org/'>",
    b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><catalog xmlns='http://csrc.nist.gov/ns/oscal/1.0'>",
    b'{"title": {"catalog": {}}}',
    b'{"catalog": []}',
    b'["catalog"]',
    b'{"v": "assay.threat-actors/v2", "actors": []}',
    b'{"actors": {}}',
    b"catalogue:\n  uuid: x\n",
    b"catalog: &a x\n",
    b"a plan in words",
    b"GIF89a",
    b"II*\0",
]


@pytest.mark.parametrize(("head", "media_type"), ACCEPTED)
def test_accepted(head: bytes, media_type: str) -> None:
    assert sniff(head) == media_type
    assert sniff(head + b"\0" * 100_000) == media_type


def test_all_types_of_a_section_are_told() -> None:
    assert {one[1] for one in ACCEPTED} == MEDIA_TYPES


@pytest.mark.parametrize("head", REFUSED)
def test_refused(head: bytes) -> None:
    with pytest.raises(NotAccepted, match="PDF, PNG, JPEG, OSCAL"):
        sniff(head)


@pytest.mark.parametrize(
    "head", [b"\n" * 70_000, b"#" * 70_000, b"# x\n" * 20_000, b"<!--" * 20_000, b"{" * 70_000]
)
def test_hostile_heads_are_refused_at_once(head: bytes) -> None:
    with pytest.raises(NotAccepted):
        sniff(head)
