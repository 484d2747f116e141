"""Canonical JSON: one value, one text; what could be read in two ways is refused."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secure_access.ledger import canonical
from secure_access.ledger.canonical import NotCanonical

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.recursive(
    TEXT | st.booleans() | st.integers(1 - 2**53, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None)
@given(VALUES)
def test_what_is_encoded_decodes_to_the_same_bytes(value: object) -> None:
    try:
        encoded = canonical.encode(value)
    except NotCanonical:
        assume(False)  # two keys that are one in NFC
    assert canonical.encode(canonical.decode(encoded)) == encoded
    assert canonical.decode(encoded) == json.loads(encoded)


def test_rfc_8785_order_and_escapes() -> None:
    """RFC 8785 §3.2.3: keys in order of UTF-16 code units; §3.2.2.2: the shortest escapes."""
    value = {"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufffd": 1, "1": "One", "\U0001f600": True}
    assert canonical.encode(value).decode() == (
        '{"\\r":"Carriage Return","1":"One","\u20ac":"Euro Sign","\U0001f600":true,"\ufffd":1}'
    )
    escaped = b'"\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f/\xe2\x80\xa8"'
    assert canonical.encode('"\\\b\f\n\r\t\x1f\x7f/\u2028') == escaped


def test_text_is_brought_to_nfc() -> None:
    assert canonical.encode("e\u0301") == "é".encode().join([b'"', b'"'])
    assert canonical.encode(("a", 1)) == b'["a",1]'


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (1.5, "float"),
        ({"a": {"b": None}}, "/a/b: NoneType"),
        ([1, 2**53], "/1: an integer of 2\\^53"),
        (-(2**53), "integer of 2\\^53"),
        ({1: "x"}, "key is int"),
        ({"é": 1, "e\u0301": 2}, "twice"),
        ("\ud800", "surrogate"),
        (b"bytes", "bytes"),
    ],
)
def test_values_without_a_form_are_refused(value: object, why: str) -> None:
    with pytest.raises(NotCanonical, match=why):
        canonical.encode(value)


def test_depth_is_bounded() -> None:
    value: object = 1
    for _ in range(canonical.DEPTH):
        value = [value]
    canonical.encode(value)
    with pytest.raises(NotCanonical, match="deep"):
        canonical.encode([value])


@pytest.mark.parametrize(
    "encoded",
    [
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b"1.0",
        b"1e2",
        b"-0",
        b"01",
        b"null",
        b"NaN",
        b"Infinity",
        b'"\\u0041"',
        b'"\xff"',
        b'"\\ud800"',
        '"e\u0301"'.encode(),
        b"",
        b"[1,]",
        b"9007199254740992",
        b"1" * 5000,
        b"[" * 5000,
        b"\xef\xbb\xbf1",
    ],
)
def test_other_bytes_are_refused(encoded: bytes) -> None:
    with pytest.raises(NotCanonical):
        canonical.decode(encoded)


@settings(deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4), st.dictionaries(TEXT, VALUES, max_size=4))
def test_members_written_apart_are_the_same_bytes(first: dict[str, object], last: dict[str, object]) -> None:
    try:
        together = canonical.encode({**first, **last})
        apart = canonical.joined(canonical.members(first), canonical.members(last))
    except NotCanonical:
        assume(False)  # two keys that are one in NFC
    assert apart == together
