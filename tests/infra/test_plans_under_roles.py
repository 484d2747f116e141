"""Sealed plans under the roles of PostgreSQL: what a page and a round need and may not do ends it as a fault.

Each test is the one of that name; here its pages have the roles of their zones, and its rounds the worker's.
"""

from __future__ import annotations

import pytest

from tests.fixtures.app import World
from tests.fixtures.review import Desk, make_desk
from tests.portal.review.test_plan_alerts import (
    test_the_page_shows_it_to_its_owner_with_what_to_do,
)
from tests.portal.review.test_plan_custody import (
    test_a_reading_that_falls_here_ends_there_in_the_next_round,
    test_break_glass_is_offered_and_tells_the_developer_before_it_opens,
    test_everybody_on_the_list_is_told_of_a_new_version,
    test_from_the_approval_to_a_page,
)

__all__ = [
    "test_a_reading_that_falls_here_ends_there_in_the_next_round",
    "test_break_glass_is_offered_and_tells_the_developer_before_it_opens",
    "test_everybody_on_the_list_is_told_of_a_new_version",
    "test_from_the_approval_to_a_page",
    "test_the_page_shows_it_to_its_owner_with_what_to_do",
]


@pytest.fixture
def desk(ruled_world: World) -> Desk:
    """A desk on the instance whose zones and jobs have roles."""
    return make_desk(ruled_world)


@pytest.fixture
def sqlite_desk(ruled_world: World) -> Desk:
    """Stands in for the desk on SQLite."""
    return make_desk(ruled_world)
