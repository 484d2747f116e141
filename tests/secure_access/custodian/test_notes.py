"""Notes beside pages: what stops a page stops a note, its line comes first, and nobody else ever gets one."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secure_access.custodian import notes
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import STRANGERS, Refused, Why
from secure_access.custodian.notes import Told
from secure_access.custodian.private_files import UnsafeFile
from secure_access.sealing.notes import WrongNote
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import text64
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_reading import STOPS, Change, destroy, pause, revoke

SECTION = "weight_storage"
CANARY = "Gletscherspalte"


def beside(world: World, page: int = 3) -> tuple[str, str]:
    """A grant and the token of a sitting in which a page was released."""
    digest = world.granted()
    token = world.sit(digest).token
    world.core.release(token, SECTION, page)
    return digest, token


def texts(world: World, token: str) -> list[str]:
    return [one.text for one in world.core.notes.of(token)]


def test_a_note_is_acknowledged_after_its_line_and_sealed_at_rest(world: World) -> None:
    digest, token = beside(world)
    told = world.core.notes.write(token, SECTION, 3, f"{CANARY}\r\nunder glass ")
    assert (told.version, told.section, told.page, told.text) == (1, SECTION, 3, f"{CANARY}\nunder glass")
    line = world.last()
    assert (line.type, line.plan, line.at) == ("note.written", world.plan, told.at)
    sealed = line.fields["sealed"]
    assert line.fields == {
        "grant": digest,
        "section": SECTION,
        "page": 3,
        "note": told.note,
        "version": 1,
        "sealed": sealed,
        "size": (world.home / "kept" / str(sealed)).stat().st_size,
    }
    assert world.core.notes.of(token) == [told]
    assert holding(world.home, CANARY) == []
    assert CANARY not in repr(told)


def holding(home: Path, word: str) -> list[Path]:
    raw = word.encode()
    spelled = (raw, text64(raw)[:-4].encode(), raw.hex().encode())
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) > 5
    return [path for path in files if any(one in path.read_bytes() for one in spelled)]


def test_no_note_is_acknowledged_without_its_line(world: World) -> None:
    _, token = beside(world)
    world.log.close()
    with pytest.raises(Refused) as refused:
        world.core.notes.write(token, SECTION, 3, "x")
    assert refused.value.why is Why.NOT_LOGGED


def test_a_change_is_a_version_and_what_was_shown_before_is_not_overwritten(world: World) -> None:
    digest, token = beside(world)
    first = world.core.notes.write(token, SECTION, 3, "first")
    second = world.core.notes.change(token, first.note, 1, "second")
    assert (second.note, second.version) == (first.note, 2)
    assert texts(world, token) == ["second"]
    with pytest.raises(Refused) as refused:
        world.core.notes.change(token, first.note, 1, "third")
    assert refused.value.why is Why.WRONG_STATE
    with pytest.raises(Refused):
        world.core.notes.remove(token, first.note, 1)
    assert texts(world, token) == ["second"]
    written = world.custody.state.grants[digest].written
    assert len(written) == 2
    assert all((world.home / "kept" / one).exists() for one in written)
    world.core.notes.remove(token, first.note, 2)
    assert world.last().type == "note.removed"
    assert world.last().fields == {"grant": digest, "section": SECTION, "page": 3, "note": first.note}
    assert texts(world, token) == []
    for gone in (
        lambda: world.core.notes.change(token, first.note, 2, "x"),
        lambda: world.core.notes.remove(token, first.note, 2),
        lambda: world.core.notes.remove(token, "ab" * 16, 1),
    ):
        with pytest.raises(NotFound):
            gone()


def test_after_a_restart_the_lines_alone_bring_the_notes_back(world: World) -> None:
    digest, token = beside(world)
    kept = world.core.notes.write(token, SECTION, 3, "kept")
    gone = world.core.notes.write(token, SECTION, 3, "gone")
    kept = world.core.notes.change(token, kept.note, 1, "kept, changed")
    world.core.notes.remove(token, gone.note, 1)
    world.restart()
    world.core.heard()
    with pytest.raises(NotFound):
        world.core.notes.of(token)
    again = world.sit(digest).token
    assert world.core.notes.of(again) == [kept]
    # The page was released in the sitting before: under the same grant a note may stand beside it.
    world.core.notes.write(again, SECTION, 3, "later")
    assert len(world.custody.state.grants[digest].written) == 4


@pytest.mark.parametrize(("stop", "why"), STOPS.values(), ids=STOPS)
def test_what_stops_a_page_stops_a_note(world: World, stop: Change, why: Why) -> None:
    digest, token = beside(world)
    note = world.core.notes.write(token, SECTION, 3, "x")
    stop(world, digest)
    before = len(world.lines("note.written"))
    for page, tried in (
        (0, lambda: world.core.notes.of(token)),
        (3, lambda: world.core.notes.write(token, SECTION, 3, "y")),
        (0, lambda: world.core.notes.change(token, note.note, 1, "y")),
        (0, lambda: world.core.notes.remove(token, note.note, 1)),
    ):
        with pytest.raises(Refused) as refused:
            tried()
        assert refused.value.why is why
        line = world.last()
        assert (line.type, line.plan) == ("note.refused", world.plan)
        assert (line.fields["reason"], line.fields["page"]) == (why.value, page)
    assert len(world.lines("note.written")) == before
    assert world.lines("note.removed") == []


def test_notes_are_there_again_when_the_developer_resumes(world: World) -> None:
    digest, token = beside(world)
    world.core.notes.write(token, SECTION, 3, "x")
    pause(world, digest)
    with pytest.raises(Refused):
        world.core.notes.of(token)
    world.core.resume(*world.act(Act.RESUME, world.plan, "tess"))
    assert texts(world, token) == ["x"]


def test_another_reader_and_another_grant_of_the_same_reader_get_none(world: World) -> None:
    _, token = beside(world)
    note = world.core.notes.write(token, SECTION, 3, "x")
    mine = world.granted(reference="AG-2")
    theirs = world.granted(
        reference="AG-3",
        reader="julien",
        credentials=[text64(world.enrolled.keys["julien"].key_id)],
        requester="pia",
        changes=[
            {"term": "readers", "why": "Ada is away."},
            {"term": "sections", "why": "Not needed."},
        ],
    )
    julien = world.sit(theirs, "julien").token
    ada = world.sit(mine).token
    for other in (julien, ada):
        world.core.release(other, SECTION, 3)
        assert texts(world, other) == []
        for tried in (
            lambda token=other: world.core.notes.change(token, note.note, 1, "y"),
            lambda token=other: world.core.notes.remove(token, note.note, 1),
        ):
            with pytest.raises(NotFound):
                tried()
    # One sitting a reader: the first was over when the second opened.
    with pytest.raises(NotFound):
        world.core.notes.of(token)


def test_a_note_stands_beside_a_page_that_was_released_under_this_grant_only(world: World) -> None:
    _, token = beside(world)
    for section, page in ((SECTION, 4), ("insider_threat", 3), ("key_ceremony", 3), ("nowhere", 3)):
        with pytest.raises(NotFound):
            world.core.notes.write(token, section, page, "x")
        line = world.last()
        assert (line.type, line.fields["reason"]) == ("note.refused", "unknown")
        named = section if section in ("insider_threat", SECTION) else ""
        assert (line.fields["section"], line.fields["page"]) == (named, page)


def test_a_note_counts_as_no_page(world: World) -> None:
    digest = world.granted(pages=1, changes=[*CHANGES, {"term": "pages", "why": "One will do."}])
    token = world.sit(digest).token
    world.core.release(token, SECTION, 1)
    with pytest.raises(Refused):
        world.core.release(token, SECTION, 2)
    world.core.notes.write(token, SECTION, 1, "x")
    assert texts(world, token) == ["x"]
    assert len(world.custody.state.grants[digest].released) == 1


CHANGES = [{"term": "readers", "why": "x"}, {"term": "sections", "why": "x"}]


def test_a_flood_ends_at_its_bounds_and_fills_no_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_NOTES", 3)
    monkeypatch.setattr(notes, "MOST_WRITTEN", 5)
    _, token = beside(world)
    made = [world.core.notes.write(token, SECTION, 3, str(number)) for number in range(3)]
    refused_as(world, Why.TOO_MUCH, lambda: world.core.notes.write(token, SECTION, 3, "4"))
    world.core.notes.remove(token, made[0].note, 1)
    made.append(world.core.notes.write(token, SECTION, 3, "4"))
    world.core.notes.change(token, made[1].note, 1, "5")
    refused_as(world, Why.TOO_MUCH, lambda: world.core.notes.change(token, made[1].note, 2, "6"))
    world.core.notes.remove(token, made[1].note, 2)
    refused_as(world, Why.TOO_MUCH, lambda: world.core.notes.write(token, SECTION, 3, "6"))
    before = world.log.size
    for _ in range(STRANGERS + 20):
        with pytest.raises(Refused):
            world.core.notes.write(token, SECTION, 3, "6")
    assert world.log.size - before <= STRANGERS
    world.later(minutes=61)
    # The count outlives a restart.
    world.restart()
    world.core.heard()
    again = world.sit(world.lines("grant.offered")[0].fields["grant"]).token  # type: ignore[arg-type]
    refused_as(world, Why.TOO_MUCH, lambda: world.core.notes.write(again, SECTION, 3, "6"))


def refused_as(world: World, why: Why, tried: Any) -> None:
    with pytest.raises(Refused) as refused:
        tried()
    assert refused.value.why is why
    assert str(refused.value)
    assert world.last().fields["reason"] == why.value


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 4001, "a\x00b", "a\u202eb", "a\x1b[31m"])
def test_what_is_no_note_is_not_kept(world: World, text: str) -> None:
    _, token = beside(world)
    refused_as(world, Why.MALFORMED, lambda: world.core.notes.write(token, SECTION, 3, text))
    assert world.lines("note.written") == []


def test_a_stranger_gets_nothing_and_names_nothing(world: World) -> None:
    beside(world)
    for tried in (
        lambda: world.core.notes.of("none"),
        lambda: world.core.notes.write("none", SECTION, 3, "x"),
        lambda: world.core.notes.change("none", "ab" * 16, 1, "x"),
        lambda: world.core.notes.remove("none", "ab" * 16, 1),
    ):
        with pytest.raises(NotFound):
            tried()
        assert (world.last().type, world.last().fields) == ("note.refused", {"reason": "unknown"})
        assert world.last().plan == ""


def test_destroyed_with_the_key_of_the_plan_also_after_a_crash(world: World) -> None:
    digest, token = beside(world)
    note = world.core.notes.write(token, SECTION, 3, CANARY)
    world.core.notes.change(token, note.note, 1, f"{CANARY} two")
    gone = world.core.notes.write(token, SECTION, 3, "removed")
    world.core.notes.remove(token, gone.note, 1)
    files = [world.home / "kept" / one for one in world.custody.state.grants[digest].written]
    assert all(path.exists() for path in files)
    world.keys.fails = True
    with pytest.raises(OSError, match="no power"):
        destroy(world, digest)
    world.keys.fails = False
    world.restart()
    assert world.lines("plan.destroyed") != []
    assert not any(path.exists() for path in files)
    # The log still tells that notes were written, and what it names is gone.
    assert len(world.lines("note.written")) == 3
    world.core.heard()
    with pytest.raises(Refused) as refused:
        world.sit(digest)
    assert refused.value.why is Why.DESTROYED


def test_notes_of_another_plan_stay_when_one_is_destroyed(world: World) -> None:
    digest, token = beside(world)
    world.core.notes.write(token, SECTION, 3, "x")
    world.core.notes.wipe("ab" * 32)
    assert texts(world, token) == ["x"]
    assert world.custody.state.grants[digest].written != []


def test_a_note_that_was_exchanged_on_disk_is_never_shown(world: World) -> None:
    digest, token = beside(world)
    for text in ("one", "two"):
        world.core.notes.write(token, SECTION, 3, text)
    given = world.custody.state.grants[digest]
    first, second = (world.home / "kept" / one for one in given.written)
    first.write_bytes(second.read_bytes())
    with pytest.raises(UnsafeFile):
        world.core.notes.of(token)
    # A state that names another note's file under this one is found out by the header.
    one, two = given.notes.values()
    given.notes[one.note] = type(one)(one.note, one.version, one.section, one.page, two.sealed, one.at)
    with pytest.raises(WrongNote):
        world.core.notes.of(token)


def test_what_the_portal_takes_in_tells_that_a_note_was_written_and_no_word_of_it(world: World) -> None:
    digest, token = beside(world)
    world.core.notes.write(token, SECTION, 3, CANARY)
    revoke(world, digest)
    lines = [line.encoded.decode() for line in world.core.lines()]
    assert not any(CANARY in line for line in lines)
    (told,) = [json.loads(line) for line in lines if '"type":"note.written"' in line]
    assert (told["fields"]["section"], told["fields"]["page"]) == (SECTION, 3)
    assert "at" in told


def test_the_sitting_that_is_over_reads_no_note(world: World) -> None:
    _, token = beside(world)
    told = world.core.notes.write(token, SECTION, 3, "x")
    assert isinstance(told, Told)
    world.core.close_sitting(token)
    with pytest.raises(NotFound):
        world.core.notes.of(token)
    world.clock.at += timedelta(seconds=1)
