"""The lease: one core at a time, a token that rises, and nothing served by one that is not sure."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from secure_access.custodian.lease import LIFE, MARGIN, Lease
from tests.fixtures.enrolled import NOW


def test_one_is_active_and_the_other_stands_by(tmp_path: Path) -> None:
    first, second = Lease(tmp_path / "lease.json", "one"), Lease(tmp_path / "lease.json", "two")
    assert "not the active one" in first.refusal(NOW)
    assert first.take(NOW)
    assert first.refusal(NOW) == ""
    assert not second.take(NOW)
    assert second.refusal(NOW)
    assert (first.token, second.token) == (1, 0)


def test_it_is_renewed_under_the_same_token(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "lease.json", "one")
    for seconds in range(0, 60, 5):
        assert lease.take(NOW + timedelta(seconds=seconds))
    assert lease.token == 1
    assert lease.refusal(NOW + timedelta(seconds=55)) == ""
    assert lease.refusal(NOW + timedelta(seconds=55) + LIFE)


def test_a_standby_takes_over_under_a_higher_token_and_the_old_one_stops(tmp_path: Path) -> None:
    first, second = Lease(tmp_path / "lease.json", "one"), Lease(tmp_path / "lease.json", "two")
    first.take(NOW)
    assert not second.take(NOW + LIFE)
    later = NOW + LIFE + MARGIN
    assert second.take(later)
    assert second.token == 2
    # Its clock stood still: it believes that its lease goes on.
    assert "another core has become active" in first.refusal(NOW)
    assert not first.take(later)
    assert first.refusal(later)


def test_a_core_that_starts_again_waits_like_anybody(tmp_path: Path) -> None:
    Lease(tmp_path / "lease.json", "one").take(NOW)
    again = Lease(tmp_path / "lease.json", "one")
    assert not again.take(NOW)
    assert again.take(NOW + LIFE + MARGIN)
    assert again.token == 2


def test_a_lease_that_cannot_be_read_or_written_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "lease.json"
    lease = Lease(path, "one")
    lease.take(NOW)
    path.write_text("{}")
    assert "cannot be read" in lease.refusal(NOW)
    assert not lease.take(NOW)
    path.unlink()
    lease.take(NOW)
    path.unlink()
    assert lease.refusal(NOW)
    assert not Lease(tmp_path / "missing" / "lease.json", "one").take(NOW)


def test_two_are_not_active_where_the_file_was_lost(tmp_path: Path) -> None:
    first, second = Lease(tmp_path / "lease.json", "one"), Lease(tmp_path / "lease.json", "two")
    assert first.take(NOW)
    (tmp_path / "lease.json").unlink()
    assert second.take(NOW)
    assert second.token == first.token == 1
    assert "another core has become active" in first.refusal(NOW)
    assert not first.take(NOW)
    assert second.refusal(NOW) == ""


def test_one_that_stops_in_order_lets_the_standby_begin_at_once(tmp_path: Path) -> None:
    first, second = Lease(tmp_path / "lease.json", "one"), Lease(tmp_path / "lease.json", "two")
    assert first.take(NOW)
    first.release(NOW)
    assert "not the active one" in first.refusal(NOW)
    assert second.take(NOW)
    assert second.token == 2
    # What is not its own any more it cannot give away.
    first.release(NOW)
    assert second.refusal(NOW) == ""


def test_a_lease_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "lease.json", "one")
    assert lease.take(NOW)
    (tmp_path / "lease.json").write_text("torn")
    lease.release(NOW)
    assert lease.refusal(NOW)
    assert (tmp_path / "lease.json").read_text() == "torn"
