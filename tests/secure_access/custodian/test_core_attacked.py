"""What somebody would try against the core who has a passkey, an old approval, or the portal."""

from __future__ import annotations

from typing import Any

import pytest

from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.state import Standing
from secure_access.custodian.visits import Visit
from tests.fixtures.enrolled import DEVELOPER, NOW
from tests.secure_access.custodian.conftest import World


def refused(why: Why, match: str = "") -> Any:
    return pytest.raises(Refused, match=match or None, check=lambda error: error.why is why)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"roles": ["reader"]}, "may not approve this any more"),
        ({"conflicts": [DEVELOPER]}, "may not approve this any more"),
        ({"employer": DEVELOPER}, "may not approve this any more"),
        ({"team": "Systems Assurance"}, "team Systems Assurance too"),
    ],
)
def test_who_could_not_approve_today_does_not_count(world: World, change: Any, words: str) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(change))
    given = world.custody.state.grants[digest]
    oskar = world.custody.enrolment.person("oskar", NOW)
    assert oskar is not None
    assert words in world.core.visits.obstacle(Visit("", oskar, NOW), given)
    with refused(Why.NOT_ALLOWED, words):
        world.core.approve(*world.act(Act.APPROVE, digest, "oskar"))
    assert given.standing is Standing.WAITING
