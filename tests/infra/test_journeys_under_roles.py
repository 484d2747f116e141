"""The main journeys through the pages, as told beside each page, under the roles of PostgreSQL.

A journey is the test of that name; here its instance is one whose zones and jobs have roles. What a page or a
job needs and may not do ends it as a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.evaluator.test_engagement_pages import (
    test_an_attachment_of_the_filing_is_a_recorded_download,
    test_from_the_list_to_a_submitted_assessment_with_its_receipt,
    test_the_accreditation_form,
)
from tests.fixtures.app import World
from tests.fixtures.roles import instance_in
from tests.portal.accounts.test_own_keys import (
    test_a_key_is_added_and_opens_its_zone,
)
from tests.portal.accounts.test_people_pages import (
    bureau,
    desk,
    test_a_link_is_accepted_in_the_browser_and_signs_in,
    test_a_role_taken_between_form_and_submit_stops_the_form,
    test_an_agent_who_is_suspended_acts_for_nobody_from_the_next_request,
    test_two_administrators_work_an_act_through_the_pages,
)
from tests.portal.disclosure.test_access_pages import (
    test_from_the_public_form_over_an_objection_to_the_answer,
)
from tests.portal.enforcement.test_enforcement_pages import (
    b,
    test_a_prior_is_recorded_and_a_wrong_one_comes_back,
    test_the_letter_is_downloaded_and_the_opening_recorded,
    test_the_story_from_suggestion_to_answer,
)
from tests.portal.filing.test_filing_pages import (
    client,
    dev,
    test_amend_withdraw_discard_pages,
    test_an_incident_in_two_answers,
    test_an_official_reads_an_incident,
    test_another_developer_gets_no_page,
    test_attaching_refusing_and_removing,
    test_every_page_of_every_form_opens_and_saves,
    test_from_draft_to_receipt_and_a_second_click,
)
from tests.portal.filing.test_registry_pages import (
    test_correcting_a_version,
    test_figures_are_kept_and_coverage_asks_to_be_run_again,
)
from tests.portal.legal.test_legal_pages import (
    test_from_draft_to_law,
)
from tests.portal.review.test_review_pages import (
    test_a_decision_goes_from_form_to_the_developer,
    test_a_file_comes_with_an_answer_and_is_read_after_it_is_sent,
    test_a_filing_is_read_then_accepted,
    test_a_flag_is_replied_to_then_resolved,
    test_a_plan_is_asked_approved_by_page,
    test_a_request_form_keeps_what_was_typed_and_serves,
)
from tests.portal.test_web import (
    test_a_form_sent_many_times_at_once_is_used_once,
    test_a_person_signs_in_where_they_belong_and_nowhere_else,
    test_signing_out_ends_the_session_on_the_server,
    test_too_many_wrong_passwords_stop_only_this_account_from_here,
)

__all__ = [
    "b",
    "bureau",
    "client",
    "desk",
    "dev",
    "test_a_decision_goes_from_form_to_the_developer",
    "test_a_file_comes_with_an_answer_and_is_read_after_it_is_sent",
    "test_a_filing_is_read_then_accepted",
    "test_a_flag_is_replied_to_then_resolved",
    "test_a_form_sent_many_times_at_once_is_used_once",
    "test_a_key_is_added_and_opens_its_zone",
    "test_a_link_is_accepted_in_the_browser_and_signs_in",
    "test_a_person_signs_in_where_they_belong_and_nowhere_else",
    "test_a_plan_is_asked_approved_by_page",
    "test_a_prior_is_recorded_and_a_wrong_one_comes_back",
    "test_a_request_form_keeps_what_was_typed_and_serves",
    "test_a_role_taken_between_form_and_submit_stops_the_form",
    "test_amend_withdraw_discard_pages",
    "test_an_agent_who_is_suspended_acts_for_nobody_from_the_next_request",
    "test_an_attachment_of_the_filing_is_a_recorded_download",
    "test_an_incident_in_two_answers",
    "test_an_official_reads_an_incident",
    "test_another_developer_gets_no_page",
    "test_attaching_refusing_and_removing",
    "test_correcting_a_version",
    "test_every_page_of_every_form_opens_and_saves",
    "test_figures_are_kept_and_coverage_asks_to_be_run_again",
    "test_from_draft_to_law",
    "test_from_draft_to_receipt_and_a_second_click",
    "test_from_the_list_to_a_submitted_assessment_with_its_receipt",
    "test_from_the_public_form_over_an_objection_to_the_answer",
    "test_signing_out_ends_the_session_on_the_server",
    "test_the_accreditation_form",
    "test_the_letter_is_downloaded_and_the_opening_recorded",
    "test_the_story_from_suggestion_to_answer",
    "test_too_many_wrong_passwords_stop_only_this_account_from_here",
    "test_two_administrators_work_an_act_through_the_pages",
]


@pytest.fixture
def sqlite_world(ruled_world: World) -> World:
    """Stands in for the instance on SQLite that these journeys are told on."""
    return ruled_world


@pytest.fixture
def world(ruled_world: World) -> World:
    """Stands in for the instance on each database in turn."""
    return ruled_world


@pytest.fixture
def make_world(
    postgresql_made: Callable[[], AbstractContextManager[str]], tmp_path: Path
) -> Iterator[Callable[[str], World]]:
    """Stands in for an instance of the journey's own, where it changes the law for all others."""
    with postgresql_made() as url, instance_in(url, tmp_path / "home") as made:
        yield lambda _url: made
