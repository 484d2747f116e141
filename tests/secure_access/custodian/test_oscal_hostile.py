"""Files of somebody who means harm: bombs, inclusions, two meanings. Each is refused in words, at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from secure_access.custodian.oscal import Format, NotReadable, formats, read
from secure_access.custodian.oscal.formats import DEPTH, VALUES, json_tree, xml_tree, yaml_tree
from tests.fixtures.oscal import as_json, as_xml, as_yaml, tree

LAUGHS = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))

JSON = {
    "same key twice": (b'{"a": 1, "b": {"c": 1, "c": 2}}', "key “c” twice"),
    "same key, other escapes": (b'{"a": 1, "\\u0061": 2}', "key “a” twice"),
    "not a number": (b'{"a": NaN}', "NaN is not a number"),
    "infinity": (b'{"a": -Infinity}', "-Infinity is not a number"),
    "digits": (b'{"a": ' + b"9" * 6000 + b"}", "number in the file is too long"),
    "half a pair": (b'{"a": "\\ud800"}', "half of a surrogate pair"),
    "half a pair as key": (b'{"\\udfff": 1}', "half of a surrogate pair"),
    "other encoding": ('{"a": "ä"}'.encode("latin-1"), "not UTF-8"),
    "two values": (b"{} {}", "not JSON: line 1, column 4"),
    "cut off": (b'{"a": [1, 2', "not JSON"),
    "empty": (b"  \n", "The file is empty"),
    "deep": (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), "nested more than"),
    "very deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested more than"),
    "many": (b"[" + b"[],[],[],[]," * VALUES + b"1]", "values"),
}
YAML = {
    "billion laughs": (b"l0: &l0 lol\n" + LAUGHS.encode(), "anchors and aliases"),
    "anchor alone": (b"a: &x 1\n", "anchors and aliases"),
    "merge": (b"a: &x {b: 1}\nc:\n  <<: *x\n", "anchors and aliases"),
    "python": (b"a: !!python/object/apply:os.system [id]\n", "tags of YAML"),
    "own tag": (b"a: !thing 1\n", "tags of YAML"),
    "binary": (b"a: !!binary aGk=\n", "tags of YAML"),
    "same key twice": (b"a: 1\nb: 2\na: 3\n", "key “a” twice"),
    "same key, number and text": (b"1: a\n'1': b\n", "key “1” twice"),
    "key that is a list": (b"? [a, b]\n: 1\n", "a key is not text"),
    "two documents": (b"a: 1\n---\nb: 2\n", "more than one YAML document"),
    "no document": (b"# nothing\n", "The file is empty"),
    "deep": (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), "nested more than"),
    "very deep": (b"[" * 100_000 + b"]" * 100_000, "not YAML"),  # a bound of libyaml itself
    "other encoding": ("a: ä".encode("utf-16"), "not UTF-8"),
    "cut off": (b"a: [1, 2", "not YAML"),
    "tabs": (b"a:\n\t- b\n", "not YAML: line 2"),
}
XML = {
    "billion laughs": (
        f'<!DOCTYPE a [<!ENTITY e0 "lol">{ENTITIES}]><a>&e11;</a>'.encode(),
        "declares a document type",
    ),
    "external entity": (
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        "declares a document type",
    ),
    "external type": (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "declares a document type"),
    "parameter entity": (
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p">%p;]><a/>',
        "declares a document type",
    ),
    "empty type": (b"<!DOCTYPE a><a/>", "declares a document type"),
    "type in UTF-16": ('<?xml version="1.0"?><!DOCTYPE a><a/>'.encode("utf-16"), "declares a document type"),
    "entity of nothing": (b"<a>&x;</a>", "not XML"),
    "inclusion": (
        b'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></a>',
        "includes others",
    ),
    "same attribute twice": (b'<a b="1" b="2"/>', "not XML: duplicate attribute"),
    "encoding nobody knows": (b'<?xml version="1.0" encoding="utf-7"?><a/>', "not XML"),
    "cut off": (b"<a><b>", "not XML"),
    "text without end": (b"<a>" + b"x" * 11_000_000 + b"</a>", "not XML"),
    "deep": (b"<a>" * (DEPTH + 1) + b"</a>" * (DEPTH + 1), "nested more than"),
    "very deep": (b"<a>" * 200_000, "nested more than"),
    "many": (b"<a>" + b"<b/>" * (VALUES + 1) + b"</a>", "elements"),
    "empty": (b"", "The file is empty"),
}
CASES = [
    pytest.param(reader, content, words, id=f"{reader.__name__}: {name}")
    for reader, cases in ((json_tree, JSON), (yaml_tree, YAML), (xml_tree, XML))
    for name, (content, words) in cases.items()
]


@pytest.mark.parametrize(("reader", "content", "words"), CASES)
def test_it_is_refused_in_words_and_at_once(reader, content: bytes, words: str) -> None:  # type: ignore[no-untyped-def]
    begun = time.monotonic()
    with pytest.raises(NotReadable, match=words):
        reader(content)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("reader", [json_tree, yaml_tree, xml_tree])
def test_a_large_file_is_refused_unread(reader, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(formats, "BYTES", 2**20)
    with pytest.raises(NotReadable, match="more than 1 MiB"):
        reader(b"<" * (2**20 + 1))


def test_many_values_that_are_no_lists_are_refused_in_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "VALUES", 100)
    with pytest.raises(NotReadable, match="more than 100 values"):
        yaml_tree(b"- a\n" * 300)
    with pytest.raises(NotReadable, match="more than 100 values"):
        json_tree(b"[" + b"1," * 150 + b"1]")


def test_a_plan_cannot_bring_a_file_of_this_machine_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("THE SECRET")
    plan = as_xml(tree()).replace(
        b'<?xml version="1.0" encoding="UTF-8"?>',
        f'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'.encode(),
    )
    with pytest.raises(NotReadable, match="declares a document type"):
        read(plan.replace(b"Two people open it.", b"&s;"), Format.XML)


def test_a_second_look_refuses_a_document_type_that_the_first_did_not_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formats, "_guarded", lambda content: None)
    with pytest.raises(NotReadable, match="declares a document type"):
        xml_tree(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')


def test_comments_and_instructions_of_xml_are_no_text() -> None:
    content = as_xml(tree()).replace(b"Two people", b"Two<!-- no --><?run no?> people")
    (control, _) = read(content, Format.XML).plan.controls
    assert control.statements[0].answers[0].text == "Two people open it."


def test_yaml_keeps_text_that_other_readers_turn_into_dates_and_switches() -> None:
    read_back = yaml_tree(
        b"a: 2027-08-16\nb: yes\nc: 0o17\nd: 1.1.2\ne: 12:30:45\nf: 3\ng: 1.5\nh: true\ni: ~\nj:\n"
    )
    assert read_back == {
        "a": "2027-08-16",
        "b": "yes",
        "c": "0o17",
        "d": "1.1.2",
        "e": "12:30:45",
        "f": 3,
        "g": 1.5,
        "h": True,
        "i": None,
        "j": None,
    }


def test_a_byte_order_mark_is_no_text() -> None:
    for content, form in ((as_json(tree()), Format.JSON), (as_yaml(tree()), Format.YAML)):
        assert read(b"\xef\xbb\xbf" + content, form).plan.title == "Plan of a model & its weights"


MARKUP = (
    b"<description><h1>Head</h1><p>One <em>two</em>\n   <insert type='param' id-ref='p-1'/> three</p>"
    b"<ul><li>first</li><li>second <code>x y</code></li></ul><pre>a\n  b</pre>"
    b"<table><tr><th>A</th><td>B</td></tr></table></description>"
)


def test_markup_in_xml_becomes_lines_of_text() -> None:
    content = as_xml(tree()).replace(b"<description><p>Two people open it.</p></description>", MARKUP)
    (control, _) = read(content, Format.XML).plan.controls
    assert control.statements[0].answers[0].text == (
        "Head\n\nOne two {{ insert: param, p-1 }} three\n- first\n- second x y\n\na\n  b\n\nA B"
    )
