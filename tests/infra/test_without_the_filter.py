"""The application's own filter taken away: what is foreign is still not there, where there are roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import true

from secure_access.identity import OrganisationKind
from secure_access.visibility import Visibility
from tests.fixtures.app import World
from tests.fixtures.evaluator import make_evaluation
from tests.fixtures.filing import Developer, made
from tests.fixtures.review import make_desk


def foreign(world: World, developer_of: Callable[[World], Developer]) -> dict[str, tuple[FlaskClient, str]]:
    """Pages of somebody else's matters, each with the client of a person of the right role elsewhere."""
    filer, desk = developer_of(world), make_desk(world)
    evaluation = make_evaluation(developer_of(world))
    body = world.organisation(OrganisationKind.EVALUATOR)
    stranger = world.client("developer", developer_of(world).officer)
    evaluator = world.client("evaluator", world.person(body, *evaluation.officer.roles))
    draft, filed, incident = (
        made(filer, filer.draft),
        made(filer, filer.submitted),
        made(filer, filer.incident),
    )
    asked, engagement = desk.served(desk.under_review()), evaluation.declared()
    return {
        "a draft": (stranger, f"/filings/{draft.id}/certify"),
        "a filing": (stranger, f"/filings/{filed.reference}"),
        "its receipt": (stranger, f"/filings/{filed.reference}/receipt.json"),
        "an incident": (stranger, f"/incidents/{incident.reference}"),
        "a request": (stranger, f"/requests/{asked.reference}"),
        "an engagement": (evaluator, f"/engagements/{engagement.reference}"),
        "the filing of an engagement": (evaluator, f"/engagements/{engagement.reference}/filing"),
    }


@pytest.mark.parametrize(("instance", "status"), [("sqlite_world", 200), ("ruled_world", 404)])
def test_without_the_filter_what_is_foreign_is_there_only_without_roles(
    instance: str,
    status: int,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    developer_of: Callable[[World], Developer],
) -> None:
    pages = foreign(request.getfixturevalue(instance), developer_of)
    assert {what: client.get(at).status_code for what, (client, at) in pages.items()} == dict.fromkeys(
        pages, 404
    )
    monkeypatch.setattr(Visibility, "to", lambda _sights, _by: true())
    found = {what: client.get(at).status_code for what, (client, at) in pages.items()}
    assert found == dict.fromkeys(pages, status)
