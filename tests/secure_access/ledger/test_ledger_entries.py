"""Recording an event, and the refusal to change a row of record without one."""

import json
import uuid
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, insert, select, text, update

from secure_access import ledger
from secure_access.db import Database, Session
from secure_access.identity import Actor
from secure_access.ledger import EventError, RecordNotNamed, canonical, commitment, records
from secure_access.ledger.tables import LedgerEntry


def submit(session: Session, kinds: SimpleNamespace, *rows: object, **options: object) -> LedgerEntry:
    return ledger.append(
        session,
        "sample.submitted",
        {"reference": "S-1"},
        **{"by": None, "now": kinds.now, "records": rows, **options},  # type: ignore[arg-type]
    )


def test_an_entry_stores_the_bytes_that_its_leaf_commits_to(
    book: Database, ledger_kinds: SimpleNamespace, officer: Actor
) -> None:
    row = ledger_kinds.Sample(text="e\u0301", due=ledger_kinds.now, listed=["a", {"b": None, "c": 1}])
    with book.write() as session:
        session.add(row)
        made = submit(session, ledger_kinds, row, by=officer, about=("case:1", "sample:2"))
        number = made.number
    with book.read() as session:
        entry = session.get_one(LedgerEntry, number)
        content = entry.content
        assert entry.leaf == commitment.commit(entry.salt, entry.entry)
        assert len({entry.salt, entry.record_salt, entry.leaf}) == 3
        assert entry.leaf_index is None
        assert content["v"] == "assay.entry/v1"
        assert (content["id"], content["type"], content["log"]) == (
            str(entry.id),
            "sample.submitted",
            "public",
        )
        assert content["at"] == "2027-10-01T09:00:00.000000Z"
        assert content["about"] == ["case:1", "sample:2"]
        assert entry.fields == {"reference": "S-1"}
        assert content["by"] == {
            "kind": "regulator",
            "organisation": str(officer.organisation_id),
            "person": str(officer.person_id),
            "roles": sorted(officer.roles),
        }
        assert officer.name not in entry.entry.decode()
        stored = session.get_one(ledger_kinds.Sample, row.id)
        found = records.read(session.connection(), ledger_kinds.Sample, (row.id,))
        assert found is not None
        assert content["records"] == [
            {
                "table": "sample_of_record",
                "id": str(row.id),
                "digest": records.digest(entry.record_salt, ledger_kinds.Sample, found),
                "written": records.digests(entry.record_salt, ledger_kinds.Sample, found)[1],
            }
        ]
        assert json.loads(records.encode(ledger_kinds.Sample, found)) == {
            "v": "assay.record/v1",
            "table": "sample_of_record",
            "columns": {
                "id": str(stored.id),
                "text": "é",
                "state": "submitted",
                "colour": "green",
                "due": "2027-10-01T09:00:00.000000Z",
                "amount": "1.5",
                "minor": str(2**60),
                "seal": "AP8=",
                "listed": ["a", {"c": 1}],
            },
        }
        assert [e.number for e in ledger.entries(session, about="case:1")] == [number]
        assert ledger.entries(session, about="case:2") == []
        assert ledger.find(session, entry.id) is entry
        assert ledger.find(session, uuid.uuid4()) is None


@pytest.mark.parametrize(
    ("name", "fields", "options", "why"),
    [
        ("sample.unknown", {}, {}, "not declared"),
        ("sample.submitted", {}, {}, "has the keys"),
        ("sample.submitted", {"reference": "S", "more": 1}, {}, "has the keys"),
        ("sample.submitted", {"reference": "S"}, {"about": ("case",)}, "kind:id"),
        ("sample.submitted", {"reference": "S"}, {"about": ("Case: 1",)}, "kind:id"),
    ],
)
def test_events_keep_to_their_declaration(
    book: Database,
    ledger_kinds: SimpleNamespace,
    name: str,
    fields: dict[str, object],
    options: dict[str, object],
    why: str,
) -> None:
    with book.write() as session, pytest.raises(EventError, match=why):
        ledger.append(session, name, fields, by=None, now=ledger_kinds.now, **options)  # type: ignore[arg-type]


def test_values_without_a_canonical_form_are_refused(book: Database, ledger_kinds: SimpleNamespace) -> None:
    with book.write() as session, pytest.raises(canonical.NotCanonical, match="float"):
        ledger.append(session, "sample.submitted", {"reference": 1.5}, by=None, now=ledger_kinds.now)
    with book.write() as session, pytest.raises(canonical.NotCanonical, match="time zone"):
        submit(session, ledger_kinds, now=ledger_kinds.now.replace(tzinfo=None))


def test_only_rows_of_record_in_the_session_are_named(book: Database, ledger_kinds: SimpleNamespace) -> None:
    with book.write() as session:
        entry = submit(session, ledger_kinds)
        with pytest.raises(EventError, match="not a table of record"):
            submit(session, ledger_kinds, entry)
        with pytest.raises(EventError, match="never added"):
            submit(session, ledger_kinds, ledger_kinds.Sample())


def test_declarations_do_not_contradict_each_other() -> None:
    again = ledger.declare("sample.submitted", keys=("reference",), audience="public")
    assert ledger.declared()["sample.submitted"] == again
    with pytest.raises(EventError, match="twice"):
        ledger.declare("sample.submitted", keys=("reference", "more"), audience="public")
    with pytest.raises(EventError, match="named like"):
        ledger.declare("Submitted")
    with pytest.raises(EventError, match="never published"):
        ledger.declare("sample.opened", log="custody", audience="public")


def saved(book: Database, kinds: SimpleNamespace, **columns: object) -> uuid.UUID:
    row = kinds.Sample(**columns)
    with book.write() as session:
        session.add(row)
        if row.of_record():
            submit(session, kinds, row)
    return row.id  # type: ignore[no-any-return]


def test_a_row_of_record_is_not_inserted_without_an_entry(
    book: Database, ledger_kinds: SimpleNamespace
) -> None:
    row = ledger_kinds.Sample()
    with pytest.raises(RecordNotNamed, match=f"sample_of_record {row.id}"), book.write() as session:
        session.add(row)
    with book.read() as session:
        assert session.get(ledger_kinds.Sample, row.id) is None


def test_a_row_of_record_is_not_changed_without_an_entry(
    book: Database, ledger_kinds: SimpleNamespace
) -> None:
    row_id = saved(book, ledger_kinds)
    with pytest.raises(RecordNotNamed), book.write() as session:
        session.get_one(ledger_kinds.Sample, row_id).text = "changed"
    with pytest.raises(RecordNotNamed), book.write() as session:
        session.delete(session.get_one(ledger_kinds.Sample, row_id))
    # Out of record by the back door: the row counted before, so it counts.
    with pytest.raises(RecordNotNamed), book.write() as session:
        session.get_one(ledger_kinds.Sample, row_id).state = "draft"
    with pytest.raises(RecordNotNamed), book.write() as session:
        row = session.get_one(ledger_kinds.Sample, row_id)
        row.state = "draft"
        session.flush()
        session.delete(row)
    with book.write() as session:
        row = session.get_one(ledger_kinds.Sample, row_id)
        row.text = "changed"
        submit(session, ledger_kinds, row)


def test_the_entry_comes_after_the_last_change(book: Database, ledger_kinds: SimpleNamespace) -> None:
    row = ledger_kinds.Sample()
    with pytest.raises(RecordNotNamed), book.write() as session:
        session.add(row)
        submit(session, ledger_kinds, row)
        row.text = "after"
    with book.write() as session:
        row = ledger_kinds.Sample()
        session.add(row)
        submit(session, ledger_kinds, row)
        row.text = "after"
        submit(session, ledger_kinds, row)


def test_an_entry_names_the_right_rows(book: Database, ledger_kinds: SimpleNamespace) -> None:
    one, two = ledger_kinds.Sample(), ledger_kinds.Pair(left=1, right="r")
    with (
        pytest.raises(RecordNotNamed, match=r"1 changed without .* pair_of_record 1/r"),
        book.write() as session,
    ):
        session.add_all([one, two])
        submit(session, ledger_kinds, one)
    with book.write() as session:
        session.add_all([ledger_kinds.Pair(left=1, right="r")])
        submit(session, ledger_kinds, session.get(ledger_kinds.Pair, (1, "r")))
    with (
        pytest.raises(RecordNotNamed, match="pair_of_record 1/r, pair_of_record 2/r"),
        book.write() as session,
    ):
        moved = session.get_one(ledger_kinds.Pair, (1, "r"))
        moved.left = 2


def test_drafts_and_columns_that_are_not_of_record_change_freely(
    book: Database, ledger_kinds: SimpleNamespace
) -> None:
    draft = saved(book, ledger_kinds, state="draft")
    with book.write() as session:
        session.get_one(ledger_kinds.Sample, draft).text = "still a draft"
    with book.write() as session:
        session.delete(session.get_one(ledger_kinds.Sample, draft))
    row_id = saved(book, ledger_kinds)
    with book.write() as session:
        session.get_one(ledger_kinds.Sample, row_id).wrapped = "wrapped anew"
    with book.write() as session:
        row = session.get_one(ledger_kinds.Sample, row_id)
        row.text = row.text  # no change at all


def test_a_draft_becomes_of_record_and_goes_back_by_entries(
    book: Database, ledger_kinds: SimpleNamespace
) -> None:
    row_id = saved(book, ledger_kinds, state="draft")
    with pytest.raises(RecordNotNamed), book.write() as session:
        session.get_one(ledger_kinds.Sample, row_id).state = "submitted"
    for state, draft in (("submitted", False), ("draft", True)):
        with book.write() as session:
            row = session.get_one(ledger_kinds.Sample, row_id)
            row.state = state
            entry = submit(session, ledger_kinds, row)
            assert ("draft" in entry.content["records"][0]) is draft  # type: ignore[index,operator]


def test_a_deleted_row_is_named_as_deleted(book: Database, ledger_kinds: SimpleNamespace) -> None:
    row_id = saved(book, ledger_kinds)
    with book.write() as session:
        row = session.get_one(ledger_kinds.Sample, row_id)
        session.delete(row)
        entry = submit(session, ledger_kinds, row)
        assert entry.content["records"] == [{"deleted": True, "id": str(row_id), "table": "sample_of_record"}]


def test_an_entry_in_a_savepoint_that_rolls_back_names_nothing(
    book: Database, ledger_kinds: SimpleNamespace
) -> None:
    row = ledger_kinds.Sample()
    with pytest.raises(RecordNotNamed), book.write() as session:
        session.add(row)
        savepoint = session.begin_nested()
        submit(session, ledger_kinds, row)
        savepoint.rollback()
    with book.write() as session:
        savepoint = session.begin_nested()
        session.add(ledger_kinds.Sample())
        session.flush()
        savepoint.rollback()
        with session.begin_nested():
            kept = ledger_kinds.Sample()
            session.add(kept)
        submit(session, ledger_kinds, kept)


def test_a_change_made_while_committing_is_seen(book: Database, ledger_kinds: SimpleNamespace) -> None:
    from sqlalchemy import event

    def late(session: Session) -> None:
        session.add(ledger_kinds.Sample())

    with pytest.raises(RecordNotNamed), book.write() as session:
        event.listen(session, "before_commit", late)
        submit(session, ledger_kinds)


def test_a_rolled_back_session_starts_afresh(book: Database, ledger_kinds: SimpleNamespace) -> None:
    with book.write() as session:
        session.add(ledger_kinds.Sample())
        session.flush()
        session.rollback()
        submit(session, ledger_kinds)


def test_statements_that_bypass_objects_are_refused(book: Database, ledger_kinds: SimpleNamespace) -> None:
    sample = ledger_kinds.Sample
    touched = update(sample).values(text="x").returning(sample.id).cte("touched")
    for statement in (
        update(sample).values(text="x"),
        update(sample.__table__).values(text="x"),
        insert(sample).values(text="x"),
        delete(sample),
        select(touched),
        text("UPDATE sample_of_record SET text = 'x'"),
        text('DELETE FROM "sample_of_record"'),
    ):
        with book.write() as session, pytest.raises(RecordNotNamed):
            session.execute(statement)
    with book.write() as session:
        session.execute(text("SELECT count(*) FROM sample_of_record"))
        session.execute(text("UPDATE ledger_head SET size = size WHERE 1 = 0"))


def test_damaged_entry_bytes_are_not_read() -> None:
    with pytest.raises(canonical.NotCanonical, match="an object"):
        _ = LedgerEntry(entry=b"[]").content
