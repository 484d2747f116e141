"""Adopting a method: signed by two, dated, replaced and never deleted; texts kept, and computed again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.enforcement import adoptions, again, checks, texts, worksheets
from portal.enforcement.adoptions import Proposal
from portal.enforcement.tables import MethodAdoption, StatuteText, Worksheet
from portal.enforcement.workflow import AdoptionState
from portal.law import methods, statute
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import Actor
from secure_access.workflow import Denied, NotFound
from tests.fixtures.app import World
from tests.fixtures.enforcement import CHOSEN, TODAY, Bench, make_bench

SINCE = TODAY.date()
EU = Proposal("eu-ai-act", "share-of-maximum", SINCE, "The share follows practice note 4.")
RAISED = statute.load(statute.OFFICE).text.replace('value = "20"', 'value = "21"', 1)


@pytest.fixture
def bench(make_world: Callable[[str], World], own_url: str) -> Bench:
    """A bench of the test's own: what is adopted here would be adopted in every other test."""
    return make_bench(make_world(own_url))


@pytest.fixture
def sqlite_bench(make_world: Callable[[str], World], own_sqlite_url: str) -> Bench:
    """The same on SQLite only."""
    return make_bench(make_world(own_sqlite_url))


def proposed(bench: Bench, stated: Proposal = EU, by: Actor | None = None) -> MethodAdoption:
    with bench.world.wired.database.write() as session:
        return adoptions.propose(session, stated, by=by or bench.officer, now=bench.now)


def act(bench: Bench, row: MethodAdoption, verb: Any, by: Actor, **named: Any) -> MethodAdoption:
    with bench.world.wired.database.write() as session:
        found = adoptions.load(session, row.reference, by=by, for_update=True)
        return verb(session, found, by=by, now=bench.now, **named)


def adopted(bench: Bench, stated: Proposal = EU) -> MethodAdoption:
    bench.world.at(TODAY)
    return act(bench, proposed(bench, stated), adoptions.adopt, bench.head)


def statuses(row: Worksheet) -> set[str]:
    return {line["status"] for line in row.result["lines"]}


def test_until_a_method_is_adopted_the_lines_say_office_method(bench: Bench) -> None:
    before = bench.drafted()
    assert "office method" in statuses(before)
    assert before.adoption_id is None
    choice = adopted(bench)
    after = bench.changed(before, CHOSEN)
    assert statuses(after) == {"enacted", "adopted method"}
    assert (after.adoption_id, after.facts["method"]) == (choice.id, "share-of-maximum")
    assert after.total_minor == before.total_minor
    assert "office method" in statuses(bench.desk.fresh(before))


def test_an_amount_computed_before_the_signature_is_calculated_anew(sqlite_bench: Bench) -> None:
    row = sqlite_bench.prepared()
    adopted(sqlite_bench)
    with pytest.raises(Denied, match="another result"):
        sqlite_bench.step(row, worksheets.approve, sqlite_bench.other_head)


def test_a_choice_begins_on_its_day(bench: Bench) -> None:
    bench.world.at(TODAY)
    choice = adopted(bench, replace(EU, since=SINCE + timedelta(days=1)))
    with bench.world.wired.database.read() as session:
        assert adoptions.in_force(session, "eu-ai-act", SINCE) is None
        found = adoptions.in_force(session, "eu-ai-act", choice.since)
        assert found is not None
        assert adoptions.in_force(session, "ny-raise", choice.since) is None
        [law] = adoptions.as_law(session, found)
    assert (law.by, law.signed, law.since) == ("Tomasz Reyl", choice.reference, choice.since)


def test_nobody_adopts_their_own_proposal(bench: Bench) -> None:
    bench.world.at(TODAY)
    row = proposed(bench, by=bench.head)
    with pytest.raises(Denied, match="You proposed this method"):
        act(bench, row, adoptions.adopt, bench.head)
    with pytest.raises(Denied, match="Only a head of enforcement"):
        act(bench, row, adoptions.adopt, bench.officer)
    signed = act(bench, row, adoptions.adopt, bench.other_head)
    assert (signed.state, signed.adopted_by) == (AdoptionState.ADOPTED, bench.other_head.person_id)
    with pytest.raises(Denied, match="adopted"):
        act(bench, row, adoptions.adopt, bench.other_head)


def test_a_later_choice_replaces_and_keeps_the_earlier(bench: Bench) -> None:
    first = adopted(bench)
    second = adopted(bench, replace(EU, since=SINCE + timedelta(days=30), reason="Confirmed."))
    old = bench.desk.fresh(first)
    assert (old.state, old.replaced_by) == (AdoptionState.SUPERSEDED, second.id)
    with bench.world.wired.database.read() as session:
        governing = [adoptions.in_force(session, "eu-ai-act", SINCE + timedelta(days=n)) for n in (0, 29, 30)]
        rows = adoptions.every(session, by=bench.officer)
    assert [row.id for row in governing if row] == [first.id, first.id, second.id]
    assert len(rows) == 2
    with pytest.raises(Denied, match=f"{second.reference} starts on the same day or later"):
        adopted(bench, replace(EU, since=SINCE + timedelta(days=5)))


def test_a_choice_does_not_reach_back(bench: Bench) -> None:
    bench.world.at(TODAY)
    with pytest.raises(Denied, match="does not reach back"):
        proposed(bench, replace(EU, since=SINCE - timedelta(days=1)))
    row = proposed(bench)
    bench.desk.later(days=2)
    with pytest.raises(Denied, match="first day has passed"):
        act(bench, row, adoptions.adopt, bench.head)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regime": "aaif-proposal", "method": "aaif-proposal"}, "is a proposal and no law"),
        ({"method": "aaif-proposal"}, "nothing that is served may rest on it"),
        ({"regime": "aaif-proposal"}, "is a proposal and no law"),
        ({"method": "ico-2024"}, "counts in GBP"),
        ({"method": "ussg-ch8"}, "counts in USD"),
        ({"method": "invented"}, "from the lists"),
        ({"regime": "nowhere"}, "from the lists"),
        ({"reason": " "}, "Say why this method"),
    ],
)
def test_what_cannot_be_adopted_says_why(sqlite_bench: Bench, change: dict[str, str], words: str) -> None:
    sqlite_bench.world.at(TODAY)
    with pytest.raises(Denied, match=words):
        proposed(sqlite_bench, replace(EU, **change))


def test_a_proposal_is_withdrawn_with_a_reason_and_stays(bench: Bench) -> None:
    bench.world.at(TODAY)
    row = proposed(bench)
    with pytest.raises(Denied, match="Say why the proposal is withdrawn"):
        act(bench, row, adoptions.withdraw, bench.officer, reason=" ")
    gone = act(bench, row, adoptions.withdraw, bench.officer, reason="Superfluous.")
    assert (gone.state, gone.withdrawn_reason) == (AdoptionState.WITHDRAWN, "Superfluous.")
    with pytest.raises(Denied, match="withdrawn"):
        act(bench, row, adoptions.adopt, bench.head)
    with bench.world.wired.database.read() as session:
        types = [e.type for e in ledger.entries(session, about=f"adoption:{row.id}")]
    assert types == ["method.proposed", "method.withdrawn"]


def test_a_method_that_changed_since_is_adopted_anew(sqlite_bench: Bench) -> None:
    choice = adopted(sqlite_bench)
    shipped = methods.load("share-of-maximum")
    changed = methods.parse(shipped.text.replace("Practice note 4", "Practice note 5"), "changed")
    with sqlite_bench.world.wired.database.read() as session:
        assert adoptions.in_force(session, "eu-ai-act", SINCE) is not None
        with methods.using(changed):
            assert adoptions.in_force(session, "eu-ai-act", SINCE) is None
            standing = adoptions.standing(session, choice, now=sqlite_bench.now)
    assert "reads otherwise now" in standing.unfit


def test_choices_do_not_exist_for_others(bench: Bench) -> None:
    row = adopted(bench)
    for actor in (bench.desk.officer, bench.desk.decider, bench.desk.developer, bench.desk.evaluator):
        with bench.world.wired.database.read() as session:
            with pytest.raises(NotFound):
                adoptions.load(session, row.reference, by=actor)
            with pytest.raises(NotFound):
                adoptions.every(session, by=actor)
        with bench.world.wired.database.write() as session, pytest.raises(NotFound):
            adoptions.propose(session, EU, by=actor, now=bench.now)


def test_two_choices_signed_at_once_follow_each_other(bench: Bench) -> None:
    bench.world.at(TODAY)
    rows = [proposed(bench), proposed(bench, by=bench.other_head)]
    done: list[str] = []

    def sign(row: MethodAdoption) -> None:
        try:
            act(bench, row, adoptions.adopt, bench.head)
            done.append("signed")
        except Denied:
            done.append("refused")

    threads = [threading.Thread(target=sign, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == ["refused", "signed"]


def test_the_texts_that_a_worksheet_used_are_kept_once(bench: Bench) -> None:
    row = bench.drafted()
    bench.changed(row, replace(CHOSEN, gravity="high"))
    with bench.world.wired.database.read() as session:
        kept = texts.stored(session)
        assert set(kept) == {row.result[name] for name in checks.DIGESTS}
        assert statute.parse(kept[row.statute_digest], "kept").digest == row.statute_digest
        types = [e.type for e in ledger.entries(session, about="statute:eu-ai-act")]
    assert types == ["statute.text_kept"]


def test_texts_kept_at_once_are_kept_once(bench: Bench) -> None:
    pack = statute.load("ca-tfaia")
    made: list[int] = []

    def keep() -> None:
        with bench.world.wired.database.write() as session:
            made.append(len(texts.keep(session, (pack,), bench.now)))

    threads = [threading.Thread(target=keep) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(made) == [0] * 5 + [1]


def test_a_kept_text_is_not_changed_or_removed(bench: Bench) -> None:
    bench.drafted()
    database = bench.world.wired.database
    statements = ["UPDATE statute_text SET pack_id = pack_id", "DELETE FROM statute_text"]
    if database.is_sqlite:
        statements.append("INSERT OR REPLACE INTO statute_text SELECT * FROM statute_text")
    for statement in statements:
        with database.engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement))


def test_computed_again_from_the_versions_it_used(bench: Bench) -> None:
    adopted(bench)
    office = statute.parse(RAISED, "raised")
    assert office.digest != statute.load(statute.OFFICE).digest
    with statute.using(office):
        row = bench.drafted()
    assert row.result["office_digest"] == office.digest
    with bench.world.wired.database.read() as session:
        proof = again.prove(session, row)
    assert (proof.same, proof.total, proof.differs) == (True, row.result["total"], ())
    assert [(v.role, v.in_use) for v in proof.versions] == [
        ("The law", True),
        ("The office's practice", False),
        ("The method", True),
    ]
    assert all(version.kept_at == bench.now for version in proof.versions)
    assert proof.adoption is not None


def test_what_was_changed_since_does_not_come_out_the_same(sqlite_bench: Bench) -> None:
    row = sqlite_bench.drafted()
    row.facts = {**row.facts, "on": "2027-08-27"}
    row.result = {**row.result, "total": "1", "office_digest": row.result["office_digest"]}
    with sqlite_bench.world.wired.database.read() as session:
        assert again.prove(session, row).differs == ("total",)
        row.result = {**row.result, "method_digest": "sha256:" + "0" * 64}
        failed = again.prove(session, row)
    assert "neither shipped with this release nor stored here" in failed.failed
    assert [version.role for version in failed.versions] == ["The law", "The office's practice"]


def test_the_first_day_is_the_law_s_own_day(sqlite_bench: Bench) -> None:
    sqlite_bench.world.at(TODAY)
    new_york = replace(EU, regime="ny-raise", since=date(2027, 10, 1))
    assert proposed(sqlite_bench, new_york).since == date(2027, 10, 1)
    with sqlite_bench.world.wired.database.read() as session:
        assert session.exec(select(StatuteText.pack_id)).all() == ["share-of-maximum"]
