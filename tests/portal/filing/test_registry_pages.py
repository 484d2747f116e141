"""Pages of the registry: models, training compute, figures, coverage."""

from __future__ import annotations

import pytest

from portal.filing.registration import models_of
from portal.filing.registry_forms import TERRITORIES
from portal.law import statute
from tests.fixtures.filing import day, made, page, post


@pytest.fixture
def dev(sqlite_developer):
    return sqlite_developer


@pytest.fixture
def client(dev):
    return dev.world.client("developer", dev.preparer)


VERSION = {
    "model_name": "Corvane 4",
    "name": "Corvane 4",
    "snapshot": "corvane-4-x",
    "do": "save",
}


def test_register_by_parameters_and_tokens_shows_the_arithmetic(client):
    typed = {**VERSION, "parameters": "4e11", "tokens": "1.6e13", "do": "show"}
    shown = post(client, "/models/new", typed, status=200).text
    assert "6 x 4e11 parameters x 1.6e13 tokens = 3.84e25 FLOP" in shown
    assert 'value="corvane-4-x"' in shown
    answer = post(client, "/models/new", {**typed, "do": "save"})
    assert "coverage" in answer.location
    assert "Anthropic proposal (June 2026)" not in page(client, answer.location)
    post(client, answer.location, form_at=answer.location)
    shown = page(client, answer.location)
    assert "Anthropic proposal (June 2026)" in shown
    assert "would be covered" in shown or "cannot say (proposed)" in shown
    assert "presumed" in shown
    assert "gross revenue" in shown


def test_register_with_mistakes_keeps_what_was_typed(client):
    typed = {**VERSION, "name": "", "training_flop": "a lot", "planned_release-day": "31"}
    shown = post(client, "/models/new", typed, status=422).text
    assert "Name the version." in shown
    assert "Write training compute as 3.8e25" in shown
    assert 'value="a lot"' in shown
    assert "Write the month and the year too" in shown


def test_figures_are_kept_and_coverage_asks_to_be_run_again(dev, client):
    version = made(dev, dev.version)
    at = f"/models/versions/{version.id}/coverage"
    post(client, at)
    typed = {
        "entity": "Quillmark",
        **day("period_start", "1", "1", "2026"),
        **day("period_end", "31", "12", "2026"),
        "currency": "USD",
        "gross_revenue": "900,000,000.00",
        "with_affiliates": "yes",
        "source": "Annual report",
        "sample_of": "Somebody",
    }
    post(client, "/figures/new", typed)
    assert "Sample figures of Somebody, no allegation." in page(client, "/models")
    assert "USD 900,000,000.00" in page(client, "/models")
    assert "What you stated has changed since this result" in page(client, at)
    typed |= {"period_end-year": "2025", "source": ""}
    shown = post(client, "/figures/new", typed, status=422).text
    assert "Say where the figures are published" in shown
    shown = post(client, "/figures/new", {**typed, "source": "x"}, status=422).text
    assert "The period ends before it starts" in shown


def test_correcting_a_version(dev, client):
    version = made(dev, dev.version, compute={"parameters": "4e11", "tokens": "1e13"})
    at = f"/models/versions/{version.id}/correct"
    shown = page(client, at)
    assert 'value="400000000000"' in shown
    typed = {**VERSION, "training_flop": "2e26", "territories": ["US-CA"]}
    post(client, at, typed)
    with dev.world.wired.database.read() as session:
        kept = models_of(session, dev.organisation.id)[0][1][0].compute
    assert kept["training_flop"] == "200000000000000000000000000"
    assert [item["territory"] for item in kept["placed_on_market"]] == ["US-CA", "US"]


def test_every_law_that_asks_where_finds_its_place_among_the_answers(dev, client):
    for pack in statute.regimes():
        assert set(pack.coverage["territories"]) & set(TERRITORIES), pack.id
    version = made(dev, dev.version, compute={"training_flop": "2e26"})
    post(client, f"/models/versions/{version.id}/correct", {**VERSION, "territories": ["US-IL"]})
    with dev.world.wired.database.read() as session:
        kept = models_of(session, dev.organisation.id)[0][1][0].compute
    assert [item["territory"] for item in kept["placed_on_market"]] == ["US-IL", "US"]


def test_compute_by_chips_and_a_fact_that_cannot_be(dev, client):
    typed = {**VERSION, "chip_name": "NVIDIA H200 SXM", "chip_count": "10000", "chip_hours": "1000"}
    shown = post(client, "/models/new", {**typed, "do": "show"}, status=200).text
    assert "10000 x NVIDIA H200 SXM" in shown
    shown = post(client, "/models/new", {**typed, "chip_utilisation": "2"}, status=422).text
    assert 'href="#chip_utilisation"' in shown
    shown = post(
        client,
        "/models/new",
        {**typed, "parameters": "1", "active_parameters": "2", "tokens": "3"},
        status=422,
    )
    assert 'href="#active_parameters"' in shown.text
    post(client, "/models/new", typed)
    version = models(dev)[0]
    at = f"/models/versions/{version.id}/correct"
    assert 'value="10000"' in page(client, at)
    assert "10000 x NVIDIA H200 SXM" in post(client, at, {**typed, "do": "show"}, status=200).text
    post(client, at, {**typed, "snapshot": ""}, status=422)
    post(
        client,
        f"/models/new?model={version.model_id}",
        {**typed, "model": str(version.model_id), "name": "4.1"},
    )
    assert len(models(dev)) == 2


def models(dev):
    with dev.world.wired.database.read() as session:
        return models_of(session, dev.organisation.id)[0][1]
