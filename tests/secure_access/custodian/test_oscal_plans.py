"""Plans in OSCAL: the three formats come to one plan, and each is held to the schema of its own version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secure_access.custodian import oscal
from secure_access.custodian.oscal import Format, NotReadable, SchemaDamaged, SchemaState, schemas
from tests.fixtures.oscal import as_json, as_xml, as_yaml, tree

WRITERS: dict[Format, Callable[[Any], bytes]] = {
    Format.JSON: as_json,
    Format.YAML: as_yaml,
    Format.XML: as_xml,
}
WORD = st.text(st.characters(categories=["L", "Nd"], include_characters="-,.&<>'\""), min_size=1, max_size=30)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("version", schemas.installed())
def test_a_plan_is_valid_by_the_schema_of_every_installed_version(form: Format, version: str) -> None:
    reading = oscal.read(WRITERS[form](tree(version=version)), form)
    assert (reading.state, reading.errors) == (SchemaState.VALID, ())
    assert reading.plan.oscal_version == version


@pytest.mark.parametrize("form", Format)
def test_a_plan_is_read_in_the_order_of_the_document(form: Format) -> None:
    plan = oscal.read(
        WRITERS[form](tree({"sc-7": "implemented", "ac-2.1": "planned", "own-9": ""})), form
    ).plan
    assert (plan.title, plan.version, plan.system) == ("Plan of a model & its weights", "3", "Cluster")
    assert [(each.identifier, each.title, each.status) for each in plan.controls] == [
        ("sc-7", "Boundary Protection", "implemented"),
        ("ac-2.1", "Account Management: Automated System Account Management", "planned"),
        ("own-9", "", "not stated"),
    ]
    (statement,) = plan.controls[0].statements
    (answer,) = statement.answers
    assert (statement.part, answer.component, answer.text) == ("a", "Weight store", "Two people open it.")
    assert answer.parameters == (oscal.Parameter("sc-7_prm_1", ("each day", "each release")),)
    assert [each.in_place for each in plan.controls] == [True, False, True]


@given(st.lists(WORD, min_size=1, max_size=6).map(" ".join))
@example("- 0")
def test_the_three_formats_of_one_plan_are_one_plan(text: str) -> None:
    plan = tree(text=f"{text}\n\n{text}")
    read = [oscal.read(write(plan), form).plan.controls for form, write in WRITERS.items()]
    assert read[0] == read[1] == read[2]


def test_nothing_of_a_file_is_left_out() -> None:
    plan = tree()
    plan["system-security-plan"]["metadata"]["remarks"] = "MARK-1"
    plan["system-security-plan"]["back-matter"] = {"resources": [{"uuid": "MARK-2", "title": "MARK-3"}]}
    requirement = plan["system-security-plan"]["control-implementation"]["implemented-requirements"][0]
    requirement["remarks"], requirement["props"] = "MARK-4", [{"name": "origin", "value": "MARK-5"}]
    requirement["statements"][0]["links"] = [{"href": "MARK-6"}]
    answer = requirement["statements"][0]["by-components"][0]
    answer["implementation-status"]["remarks"], answer["export"] = "MARK-7", {"description": "MARK-8"}
    answer["remarks"], requirement["statements"][0]["remarks"] = "MARK-9", "MARK-0"
    shown = repr(oscal.read(as_json(plan), Format.JSON).plan)
    assert [number for number in range(10) if f"MARK-{number}" not in shown] == []


def test_a_state_told_as_a_property_of_the_control_counts() -> None:
    plan = tree({"ac-2": ""})
    requirement = plan["system-security-plan"]["control-implementation"]["implemented-requirements"][0]
    requirement["props"] = [{"name": "implementation-status", "value": "planned"}]
    (control,) = oscal.read(as_json(plan), Format.JSON).plan.controls
    assert (control.status, control.in_place) == ("planned", False)


def test_a_partly_planned_control_is_in_place() -> None:
    plan = tree({"ac-2": "planned"})
    requirement = plan["system-security-plan"]["control-implementation"]["implemented-requirements"][0]
    requirement["by-components"] = [
        {
            "component-uuid": "unheard-of",
            "uuid": "x",
            "description": "",
            "implementation-status": {"state": "partial"},
        }
    ]
    (control,) = oscal.read(as_json(plan), Format.JSON).plan.controls
    assert (control.statuses, control.in_place) == (("partial", "planned"), True)
    assert control.statements[0].answers[0].component == "component unheard-of"


# Validity


def broken(**changes: Any) -> dict[str, Any]:
    plan = tree()
    plan["system-security-plan"] |= changes
    return plan


def test_what_the_schema_does_not_allow_is_told_and_shown_all_the_same() -> None:
    reading = oscal.read(as_json(broken(surprise="SECRET-WORD")), Format.JSON)
    assert reading.state is SchemaState.INVALID
    assert [error.place for error in reading.errors] == ["system-security-plan"]
    assert len(reading.plan.controls) == 2
    assert reading.words == "Not valid by NIST's schema of OSCAL 1.1.2: 1 error."


def test_errors_name_the_place_and_not_what_stands_there() -> None:
    reading = oscal.read(as_json(broken(uuid="SECRET-WORD")), Format.JSON)
    (error,) = reading.errors
    assert error.place == "system-security-plan / uuid"
    assert "SECRET-WORD" not in error.words


def test_errors_in_xml_name_the_line() -> None:
    content = (
        as_xml(tree())
        .replace(b"<system-name>", b"<system-nome>")
        .replace(b"</system-name>", b"</system-nome>")
    )
    reading = oscal.read(content, Format.XML)
    assert reading.state is SchemaState.INVALID
    assert reading.errors[0].place == "line 2"
    assert "system-nome" in reading.errors[0].words
    assert "{http" not in reading.errors[0].words


@pytest.mark.parametrize("form", Format)
def test_errors_are_told_up_to_a_number(form: Format) -> None:
    plan = tree({f"ac-{number}": "" for number in range(1, 131)})
    for requirement in plan["system-security-plan"]["control-implementation"]["implemented-requirements"]:
        requirement["uuid"] = "none"
    reading = oscal.read(WRITERS[form](plan), form)
    assert len(reading.errors) == schemas.ERRORS
    assert reading.words.endswith("100 errors or more.")


@pytest.mark.parametrize("form", Format)
def test_a_version_without_an_installed_schema_is_never_valid(form: Format) -> None:
    assert "1.2.2" not in schemas.installed()
    reading = oscal.read(WRITERS[form](tree(version="1.2.2")), form)
    assert (reading.state, reading.errors) == (SchemaState.NOT_INSTALLED, ())
    assert reading.words == "The schema of OSCAL 1.2.2 is not installed here, so the plan was not checked."


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize(
    ("version", "state"),
    [("1.0.6", SchemaState.INVALID), ("1.1.0", SchemaState.VALID), ("1.2.3", SchemaState.VALID)],
)
def test_the_schema_is_that_of_the_plan_s_own_version(form: Format, version: str, state: SchemaState) -> None:
    plan = tree(version=version)
    del plan["system-security-plan"]["system-characteristics"]["security-impact-level"]  # needed before 1.1
    assert oscal.read(WRITERS[form](plan), form).state is state


def test_no_two_versions_have_one_schema_but_those_that_nist_published_so() -> None:
    files = [
        (schemas._HERE / version / "oscal_ssp_schema.json").read_bytes() for version in schemas.installed()
    ]
    assert len(set(files)) == len(files) - 1  # 1.0.1 was published with the files of 1.0.0


@pytest.mark.parametrize("name", ["oscal_ssp_schema.json", "oscal_ssp_schema.xsd"])
def test_every_schema_is_the_file_that_is_pinned(name: str) -> None:
    folders = {path.name for path in schemas._HERE.iterdir() if path.is_dir()}
    assert folders == set(schemas.installed())
    for version in folders:
        content = (schemas._HERE / version / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == schemas._releases()["release"][version][name]


@pytest.mark.parametrize("form", [Format.JSON, Format.XML])
def test_a_schema_that_was_changed_makes_nothing_valid(
    form: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = schemas._HERE
    (tmp_path / "releases.toml").write_bytes((here / "releases.toml").read_bytes())
    (tmp_path / "1.1.2").mkdir()
    for path in (here / "1.1.2").iterdir():
        (tmp_path / "1.1.2" / path.name).write_bytes(path.read_bytes() + b"\n")
    monkeypatch.setattr(schemas, "_HERE", tmp_path)
    schemas._json_schema.cache_clear()
    schemas._xml_schema.cache_clear()
    with pytest.raises(SchemaDamaged, match=r"1\.1\.2"):
        oscal.read(WRITERS[form](tree()), form)


# What is no plan


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("model", sorted(oscal.OTHER_MODELS))
def test_other_models_are_refused_by_name(form: Format, model: str) -> None:
    with pytest.raises(NotReadable, match=f"OSCAL {model.replace('-', ' ')}"):
        oscal.read(WRITERS[form]({model: tree()["system-security-plan"]}), form)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("", "does not say of which OSCAL version"),
        ("9.9.9", "no version that NIST has published"),
        ("1.1", "no version that NIST has published"),
        ("1.1.2/../1.1.3", "no version that NIST has published"),
    ],
)
def test_a_version_that_is_missing_or_unknown_is_refused(form: Format, version: str, words: str) -> None:
    with pytest.raises(NotReadable, match=words):
        oscal.read(WRITERS[form](tree(version=version)), form)


@pytest.mark.parametrize("content", [b"[]", b"{}", b'"text"', b"1", b'{"system-security-plan": []}'])
def test_json_that_is_no_plan_is_refused(content: bytes) -> None:
    with pytest.raises(NotReadable, match="not an OSCAL system security plan"):
        oscal.read(content, Format.JSON)


@pytest.mark.parametrize("content", [b"<a/>", b'<system-security-plan xmlns="urn:other"/>'])
def test_xml_that_is_no_plan_is_refused(content: bytes) -> None:
    with pytest.raises(NotReadable, match="not an OSCAL system security plan"):
        oscal.read(content, Format.XML)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "title",
                    "implemented-requirements",
                    "statements",
                    "by-components",
                    "set-parameters",
                    "values",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON, JSON)
def test_a_plan_of_any_shape_is_read_or_refused_and_never_breaks(a: object, b: object, c: object) -> None:
    plan = {
        "metadata": {"oscal-version": "1.1.2", "title": a},
        "control-implementation": b,
        "system-implementation": c,
    }
    reading = oscal.read(json.dumps({"system-security-plan": plan}).encode(), Format.JSON)
    assert reading.state is SchemaState.INVALID


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.JSON", Format.JSON),
        ("b.yml", Format.YAML),
        ("c.yaml", Format.YAML),
        ("d.xml", Format.XML),
        ("e.pdf", None),
    ],
)
def test_the_format_is_told_by_the_name(name: str, form: Format | None) -> None:
    assert oscal.format_of(name) is form


# Real plans


@pytest.mark.parametrize(
    ("name", "version", "controls"),
    [
        ("fedramp_rev5/FedRAMP-SSP-OSCAL-Template.json", "1.0.4", 20),
        ("nist_examples/ssp-example.json", "1.1.2", 1),
        ("nist_examples/ssp-example.xml", "1.1.2", 1),
        ("nist_examples/oscal_leveraged-example_ssp.yaml", "1.1.2", 1),
        ("oscal_cli_tests/example_ssp_valid.json", "1.1.1", 1),
    ],
)
def test_published_plans_are_valid(shared: Path, name: str, version: str, controls: int) -> None:
    form = oscal.format_of(name)
    assert form
    reading = oscal.read((shared / "data/oscal" / name).read_bytes(), form)
    assert (reading.state, reading.plan.oscal_version) == (SchemaState.VALID, version)
    assert len(reading.plan.controls) == controls


def test_a_published_plan_says_the_same_in_json_and_xml(shared: Path) -> None:
    folder = shared / "data/oscal/nist_examples"
    as_tree = oscal.read((folder / "ssp-example.json").read_bytes(), Format.JSON).plan
    as_elements = oscal.read((folder / "ssp-example.xml").read_bytes(), Format.XML).plan
    assert as_tree.controls == as_elements.controls
    assert len(as_tree.others) == len(as_elements.others)


def test_the_published_invalid_plan_is_invalid(shared: Path) -> None:
    content = (shared / "data/oscal/oscal_cli_tests/example_ssp_invalid.json").read_bytes()
    assert len(oscal.read(content, Format.JSON).errors) == 3


@pytest.mark.parametrize(
    "name",
    [
        "nist_examples/basic-catalog.json",
        "nist_examples/example-component-definition.json",
        "oscal_cli_tests/example_ar_valid.xml",
        "fedramp_rev5/FedRAMP-POAM-OSCAL-Template.xml",
        "sp800-53/NIST_SP-800-53_rev5_LOW-baseline_profile-min.json",
    ],
)
def test_published_documents_of_other_models_are_refused(shared: Path, name: str) -> None:
    form = oscal.format_of(name)
    assert form
    with pytest.raises(NotReadable, match="A section takes a system security plan"):
        oscal.read((shared / "data/oscal" / name).read_bytes(), form)


def test_the_schema_of_1_2_1_is_the_one_that_others_have(shared: Path) -> None:
    theirs = (shared / "data/oscal/schemas/oscal_ssp_schema.json").read_bytes()
    assert schemas._official("1.2.1", "oscal_ssp_schema.json") == theirs
