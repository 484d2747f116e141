"""Whom the custodian believes: every rule of the enrolment list, broken one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access.custodian import enrolment, forms
from secure_access.custodian.enrolment import NotEnrolled, Role, read_signed
from secure_access.custodian.forms import Malformed
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from tests.fixtures.enrolled import DEVELOPER, NOTICE, NOW, SIGNING, Enrolled, signed, text64

WORLD = Enrolled()


def change(place: str, key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def make(found: dict[str, Any]) -> None:
        target: Any = found
        for step in place.split("/") if place else []:
            target = target[int(step) if step.isdecimal() else step]
        target[key] = value

    return make


def drop(place: str, number: int) -> Callable[[dict[str, Any]], None]:
    return lambda found: found[place].pop(number)


def twins(place: str, key: str) -> Callable[[dict[str, Any]], None]:
    def make(found: dict[str, Any]) -> None:
        found[place][1][key] = found[place][0][key]

    return make


def other_key_of_same(found: dict[str, Any]) -> None:
    key = found["people"][0]["credentials"][0]
    found["people"][1]["credentials"][0]["public_key"] = key["public_key"]


MALFORMED = {
    "version 0": change("", "version", 0),
    "version is a truth": change("", "version", True),
    "version is a text": change("", "version", "1"),
    "another format": change("", "v", "assay.enrolment/v2"),
    "a key too many": change("", "more", "x"),
    "previous in capitals": change("", "previous", "A" * 64),
    "previous too short": change("", "previous", "0" * 62),
    "a time without microseconds": change("", "made_at", "2027-10-01T09:00:00Z"),
    "a time of three digits": change("", "made_at", "2027-10-01T09:00:00.000Z"),
    "one signature needed": change("", "needed", 1),
    "more needed than officers": change("", "needed", 4),
    "two officers": drop("officers", 1),
    "one group": change("officers/2", "group", "board"),
    "officers share a signing key": twins("officers", "sign"),
    "officers share an opening key": twins("officers", "open"),
    "officers share an id": twins("officers", "id"),
    "officers out of order": lambda found: found["officers"].reverse(),
    "people out of order": lambda found: found["people"].reverse(),
    "a person twice": twins("people", "person"),
    "a short key of an officer": change("officers/0", "sign", text64(b"x" * 31)),
    "not base64": change("officers/0", "sign", "!"),
    "base64 of another form": change("officers/0", "sign", text64(b"x" * 32) + "\n"),
    "base64 that is a number": change("officers/0", "sign", 7),
    "a role that is none": change("people/0", "roles", ["administrator"]),
    "no role": change("people/0", "roles", []),
    "a role twice": change("people/0", "roles", ["reader", "reader"]),
    "a developer's officer reads": change("people/5", "roles", ["developer_officer", "reader"]),
    "dates the wrong way": change("people/0", "not_after", timestamp(NOW - timedelta(days=40))),
    "text is no truth": change("people/0", "text", "yes"),
    "a name with a control character": change("people/0", "name", "Ada\u0007"),
    "an empty name": change("people/0", "name", ""),
    "an identifier with a space": change("people/0", "team", 3),
    "a person with a space": change("people/0", "person", "a da"),
    "people is no list": change("", "people", {}),
    "a person is no object": change("", "people", ["ada"]),
    "the same passkey of two": lambda found: found["people"][1].update(
        credentials=found["people"][0]["credentials"]
    ),
    "the same public key of two": other_key_of_same,
    "an employer that is not listed": change("people/0", "employer", "elsewhere"),
    "organisations out of order": lambda found: found["organisations"].reverse(),
    "an origin with a path": change("", "custodian", "https://custodian.example/"),
    "an origin without TLS": change("", "custodian", "http://custodian.example"),
    "an origin of another kind": change("", "custodian", "ftp://custodian.example"),
    "no address": change("", "custodian", "https://[custodian"),
    "an RP ID above the origin": change("", "rp_id", "example"),
}


@pytest.mark.parametrize("broken", MALFORMED.values(), ids=MALFORMED)
def test_a_list_of_another_form_is_refused(broken: Callable[[dict[str, Any]], None]) -> None:
    value = Enrolled().next()
    enrolment.parse(canonical.encode(value))
    broken(value)
    with pytest.raises(Malformed):
        enrolment.parse(canonical.encode(value))


def test_bytes_that_are_not_canonical_or_too_many_are_refused() -> None:
    encoded = canonical.encode(WORLD.value)
    for wrong in (b" " + encoded, encoded + b"\n", b"[]", b"", b"\xff", b'"' + b"x" * forms.LONGEST + b'"'):
        with pytest.raises(Malformed):
            enrolment.parse(wrong)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(noise: bytes) -> None:
    with pytest.raises(Malformed):
        enrolment.read_signed(noise)


@given(st.data())
def test_a_flipped_bit_of_the_list_is_never_believed(data: st.DataObject) -> None:
    whole = bytearray(signed(WORLD.next()))
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[at // 8] ^= 1 << (at % 8)
    with pytest.raises((Malformed, NotEnrolled)):
        enrolment.follow(read_signed(bytes(whole)), WORLD.enrolment)


def test_the_first_is_pinned_and_signed_by_its_own_officers() -> None:
    found = enrolment.first(read_signed(signed(WORLD.value)), WORLD.pinned)
    assert found == WORLD.enrolment
    with pytest.raises(NotEnrolled, match="pinned"):
        enrolment.first(read_signed(signed(WORLD.value)), "0" * 64)
    with pytest.raises(NotEnrolled, match="1 officers signed"):
        enrolment.first(read_signed(signed(WORLD.value, ["officer-a"])), WORLD.pinned)
    second = WORLD.next()
    with pytest.raises(NotEnrolled, match="number 1"):
        enrolment.first(read_signed(signed(second)), forms.digest(canonical.encode(second)))


def test_the_next_follows_by_number_digest_and_two_officers() -> None:
    found = enrolment.follow(read_signed(signed(WORLD.next())), WORLD.enrolment)
    assert found.version == 2


FORGED = {
    "another predecessor": (change("", "previous", "1" * 64), ("officer-a", "officer-c"), "before it"),
    "a number left out": (change("", "version", 3), ("officer-a", "officer-c"), "comes 2"),
    "the same number": (change("", "version", 1), ("officer-a", "officer-c"), "comes 2"),
    "made earlier": (
        change("", "made_at", timestamp(NOW - timedelta(days=2))),
        ("officer-a", "officer-c"),
        "was made before",
    ),
    "another custodian": (
        lambda found: found.update(custodian="https://evil.example", rp_id="evil.example"),
        ("officer-a", "officer-c"),
        "another custodian",
    ),
    "nobody signed": (lambda _: None, (), "0 officers"),
    "one signed": (lambda _: None, ("officer-a",), "1 officers"),
    "one signed twice": (lambda _: None, ("officer-a", "officer-a"), "1 officers"),
    "one group signed": (lambda _: None, ("officer-a", "officer-b"), "all of one group"),
}


@pytest.mark.parametrize(("broken", "by", "why"), FORGED.values(), ids=FORGED)
def test_a_list_that_does_not_follow_is_refused(
    broken: Callable[[dict[str, Any]], None], by: tuple[str, ...], why: str
) -> None:
    value = WORLD.next()
    broken(value)
    with pytest.raises(NotEnrolled, match=why):
        enrolment.follow(read_signed(signed(value, by)), WORLD.enrolment)


def test_officers_that_the_new_list_brings_do_not_count_for_it() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    value = WORLD.next()
    mine = {}
    for number, officer in enumerate(value["officers"]):
        mine[officer["id"]] = Ed25519PrivateKey.from_private_bytes(bytes([number + 1]) * 32)
        officer["sign"] = text64(mine[officer["id"]].public_key().public_bytes_raw())
    encoded = canonical.encode(value)
    lines = [
        {"officer": name, "signature": text64(key.sign(enrolment.DOMAIN + encoded))}
        for name, key in mine.items()
    ]
    whole = canonical.encode({"list": text64(encoded), "signatures": lines})
    with pytest.raises(NotEnrolled, match="officer-a is false"):
        enrolment.follow(read_signed(whole), WORLD.enrolment)


def test_a_stranger_s_signature_counts_for_nothing_and_another_domain_neither() -> None:
    value = WORLD.next()
    encoded = canonical.encode(value)
    strange = {"officer": "officer-x", "signature": text64(bytes(64))}
    true = {
        "officer": "officer-a",
        "signature": text64(SIGNING["officer-a"].sign(enrolment.DOMAIN + encoded)),
    }
    whole = canonical.encode({"list": text64(encoded), "signatures": [strange, true]})
    with pytest.raises(NotEnrolled, match="1 officers signed"):
        enrolment.follow(read_signed(whole), WORLD.enrolment)
    bare = {"officer": "officer-c", "signature": text64(SIGNING["officer-c"].sign(encoded))}
    whole = canonical.encode({"list": text64(encoded), "signatures": [true, bare]})
    with pytest.raises(NotEnrolled, match="officer-c is false"):
        enrolment.follow(read_signed(whole), WORLD.enrolment)


def test_people_are_found_within_their_dates() -> None:
    found = WORLD.enrolment
    ada = found.person("ada", NOW)
    assert ada is not None
    assert ada.roles == {Role.READER}
    assert found.person("nobody", NOW) is None
    assert found.person("ada", ada.not_before) == ada
    assert found.person("ada", ada.not_before - timedelta(microseconds=1)) is None
    assert found.person("ada", ada.not_after) is None
    assert found.listed("ada") == ada


def test_a_passkey_is_one_person_s_while_enrolled() -> None:
    found = WORLD.enrolment
    key = WORLD.keys["ada"].key_id
    known = found.credential(key, NOW)
    assert known is not None
    assert (known[0].person, known[1].id) == ("ada", key)
    assert found.credential(b"unknown", NOW) is None
    assert found.credential(key, NOW + timedelta(days=301)) is None


def test_conflicts_are_declared_ones_and_the_employer() -> None:
    world = Enrolled()
    world.one("oskar")["conflicts"] = ["tessaly"]
    found = world.enrolment
    oskar, tess, pia = (found.listed(name) for name in ("oskar", "tess", "pia"))
    assert oskar is not None
    assert tess is not None
    assert pia is not None
    assert oskar.conflicted_with("tessaly").startswith("declared")
    assert tess.conflicted_with("tessaly").startswith("works")
    assert not pia.conflicted_with("tessaly")
    assert found.name_of("tessaly") == "Tessaly Intelligence"
    assert found.name_of("unlisted") == "unlisted"
    assert Role.DEVELOPER_OFFICER.label == "developer's officer"


def test_everyone_listed_is_told_and_those_who_left() -> None:
    value = WORLD.next()
    value["people"] = [entry for entry in value["people"] if entry["person"] != "julien"]
    WORLD.one("ada", value)["team"] = "Another"
    value["people"].insert(0, {**WORLD.one("pia"), "person": "aaron", "credentials": []})
    new = enrolment.follow(read_signed(signed(value)), WORLD.enrolment)
    told = {one.id: one.change for one in enrolment.changed_for(WORLD.enrolment, new)}
    assert told["aaron"] == "added"
    assert told["julien"] == "removed"
    assert told["ada"] == "changed"
    assert told["pia"] == told["officer-a"] == "none"
    assert len(told) == 10
    assert {one.change for one in enrolment.changed_for(None, WORLD.enrolment)} == {"added"}


def test_recovery_goes_to_pairs_of_different_groups() -> None:
    pairs = {(one.id, other.id) for one, other in WORLD.enrolment.pairs()}
    assert pairs == {("officer-a", "officer-c"), ("officer-b", "officer-c")}


def test_a_developer_has_an_address_to_be_told_at_or_none() -> None:
    enrolled = Enrolled()
    assert enrolled.enrolment.notices == {DEVELOPER: NOTICE}
    one = next(one for one in enrolled.value["organisations"] if one["id"] == DEVELOPER)
    one.pop("notice")
    assert enrolled.enrolment.notices == {}


@pytest.mark.parametrize(
    "notice",
    ["", "nobody", "a@b, c@d", "a@b\nBcc: c@d", "<a@b.example>", "a b@c.example", 7, "\u00e9@b.example"],
)
def test_an_address_is_one_address(notice: Any) -> None:
    enrolled = Enrolled()
    for one in enrolled.value["organisations"]:
        one["notice"] = notice
    with pytest.raises(Malformed, match="notice"):
        enrolled.enrolment  # noqa: B018
