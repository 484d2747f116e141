"""Taxonomies and the mapping between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from portal.law import risk
from portal.law.packs import PackError


def test_the_framework_has_four_tiers_for_three_categories() -> None:
    tiers = {category.id: len(category.tiers) for category in risk.categories("fcf-2025")}
    assert tiers == {"cyber": 4, "cbrn": 4, "sabotage": 4, "manipulation": 0}
    found = risk.taxonomy("fcf-2025").category("cyber").tier(2)
    assert found.name == "Tier 2"
    assert "known methods" in found.description


def test_every_mapping_names_what_exists() -> None:
    assert len(risk.mappings()) >= 8
    for row in risk.mappings():
        assert row.relation in risk.RELATIONS
        for name in (row.first, row.second):
            taxonomy, _, category = name.partition("/")
            assert risk.taxonomy(taxonomy).category(category).name


def test_counterparts_in_both_directions() -> None:
    ((ours, relation),) = risk.counterparts("policy-2026", "biological", "fcf-2025")
    assert (ours.id, relation) == ("cbrn", "narrower")
    ((theirs, back),) = risk.counterparts("fcf-2025", "cbrn", "policy-2026")
    assert (theirs.id, back) == ("biological", "wider")
    assert risk.counterparts("policy-2026", "acceleration", "eu-code-2025") == ()


def test_what_does_not_exist() -> None:
    with pytest.raises(risk.UnknownTaxonomy, match="'moon' is not known"):
        risk.taxonomy("moon")
    with pytest.raises(risk.UnknownTaxonomy, match="no category 'tea'"):
        risk.taxonomy("policy-2026").category("tea")
    with pytest.raises(risk.UnknownTaxonomy, match="has no tiers yet"):
        risk.taxonomy("fcf-2025").category("manipulation").tier(1)
    with pytest.raises(risk.UnknownTaxonomy, match="did not exist on 2026-01-01"):
        risk.taxonomy("policy-2026", on=date(2026, 1, 1))
    assert risk.taxonomy("policy-2026", on=date(2026, 6, 10)).status == "proposed"


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("unmapped", (), "is mapped to policy-2026 and said to be alone, or neither"),
        (
            "unmapped",
            (*risk.unmapped(), risk.Unmapped("fcf-2025/cyber", "policy-2026", "w")),
            "fcf-2025/cyber is mapped to policy-2026 and said",
        ),
        ("mappings", (risk.Mapping("fcf-2025/cyber", "policy-2026/cyber-attack", "odd"),), "relation 'odd'"),
    ],
)
def test_the_mapping_is_complete_or_says_where_not(
    monkeypatch: pytest.MonkeyPatch, name: str, rows: tuple[object, ...], message: str
) -> None:
    risk.check()
    monkeypatch.setattr(risk, name, lambda: rows)
    with pytest.raises(PackError) as caught:
        risk.check()
    assert message in str(caught.value)


def test_tiers_are_numbered_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = risk.taxonomies()
    first = whole[0]
    cyber = replace(first.categories[0], tiers=first.categories[0].tiers[::-1])
    broken = replace(first, categories=(cyber, *first.categories[1:]))
    monkeypatch.setattr(risk, "taxonomies", lambda: (broken, *whole[1:]))
    with pytest.raises(PackError, match="fcf-2025/cyber: tiers are not numbered"):
        risk.check()
