"""Habits of the whole tree that no other tool checks."""

from __future__ import annotations

import ast
import hashlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("portal", "evaluator", "secure_access", "infra")
MANIFESTS = [
    ROOT / folder / "MANIFEST.sha256"
    for folder in ("portal/ui/static/vendor", "tests/web/vendor/axe", "secure_access/custodian/static/vendor")
]
LARGE = 100_000
"""From here on a number of the law cannot be mistaken for a count, a year or a section."""


@lru_cache
def files() -> list[Path]:
    """What git knows or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@lru_cache
def trees() -> dict[Path, ast.Module]:
    """Every module of the packages, parsed; without migrations, which are generated."""
    return {
        path.relative_to(ROOT): ast.parse(path.read_text())
        for path in files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in PACKAGES
        and "versions" not in path.parts
    }


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


# The tree


@pytest.mark.parametrize(
    "words",
    [
        r"pypi\.org|pythonhosted|artifactory|/simple/|--(extra-)?index-url|registry\.npmjs",
        r"mockups?/|shared/(mockups|design|features|style|choices|law|secure_access|sources)",
        r"(?<![\w./-])/(work|root|home)/\w",
    ],
)
def test_no_address_of_a_registry_and_no_path_of_somebody_s_machine(words: str) -> None:
    here = Path(__file__)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files()
        if path != here and path.suffix in {".py", ".md", ".toml", ".txt", ".html", ".yaml", ".sh", ""}
        for match in re.finditer(words, path.read_text(errors="ignore"))
    ]
    assert found == []


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_vendored_files_are_those_of_the_manifest(manifest: Path) -> None:
    named = dict(reversed(line.split("  ", 1)) for line in manifest.read_text().splitlines())
    folder = manifest.parent
    present = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path != manifest
    }
    assert present == named


def test_requirements_are_locked_by_hash_and_name_no_lock_file() -> None:
    for path in (ROOT / "requirements").iterdir():
        pinned = re.findall(r"^[A-Za-z0-9._-]+.*", path.read_text(), re.MULTILINE)
        assert pinned
        assert all("==" in line and line.endswith("\\") for line in pinned), path.name
    assert not (ROOT / "uv.lock").exists()


def test_what_is_asked_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, asked in {
        "run.txt": [*project["dependencies"], *project["optional-dependencies"]["build"]],
        "test.txt": project["optional-dependencies"]["dev"],
    }.items():
        locked = set(
            re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
        )
        wanted = {re.split(r"[\[<>=; ]", line)[0].lower().replace("_", "-") for line in asked}
        assert wanted <= locked, name


def test_test_files_have_unique_names_and_no_package_markers() -> None:
    names = [path.name for path in files() if path.name.startswith("test_") and path.suffix == ".py"]
    assert sorted(names) == sorted(set(names))
    assert not [path for path in files() if path.name == "__init__.py" and "tests" in path.parts]


# The code


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path, tree in trees().items() if not ast.get_docstring(tree) and tree.body]
    silent += [str(path) for path, tree in trees().items() if path.name == "__init__.py" and not tree.body]
    assert silent == []


def test_services_do_not_read_the_clock() -> None:
    clocks = {"datetime.now", "datetime.utcnow", "date.today", "time.time"}
    allowed = {
        # The machine's clock: for leases, sessions, keys, codes, challenges, limits, what is not of record.
        "portal/accounts/account_views.py",
        "portal/accounts/first_keys.py",
        "portal/accounts/policy_changes.py",
        "portal/accounts/attempts.py",
        "portal/accounts/sso_client.py",  # tokens of another machine
        "portal/accounts/step_up.py",
        "portal/home/views.py",
        "portal/web.py",
        "portal/wiring.py",
        "secure_access/clock.py",
        "secure_access/identity/challenges.py",
        "secure_access/identity/credentials.py",
        "secure_access/identity/federation.py",
        "secure_access/identity/roles.py",  # ends sessions
        "secure_access/identity/sessions.py",
        "secure_access/identity/totp.py",
        "secure_access/jobs.py",
        "secure_access/step_up.py",
    }
    found = {str(path) for path, tree in trees().items() for name, _ in calls(tree) if name in clocks}
    assert found <= allowed


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    found = []
    for path, tree in trees().items():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = ["." * node.level + (node.module or "")]
                found += [
                    f"{path}:{function.lineno} {name}"
                    for name in names
                    if name.split(".")[0] in ("", *PACKAGES)
                ]
    assert found == []


def numbers(value: Any) -> Iterator[Decimal]:
    """Every number in a value of TOML or Python, also where it is written as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            yield Decimal(str(value).replace("_", ""))
        except InvalidOperation:
            return


@lru_cache
def law_numbers() -> frozenset[Decimal]:
    packs = (ROOT / "portal/law/statute").rglob("*.toml")
    every = {number for path in packs for number in numbers(tomllib.loads(path.read_text()))}
    return frozenset(number for number in every if number.is_finite() and abs(number) >= LARGE)


def limits(tree: ast.Module) -> set[int]:
    """Lines that set a limit of ours, by its name: round like many numbers of the law, and none of them."""
    assigned = (node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign))
    return {
        node.lineno
        for node in assigned
        if re.match(
            r"MAX|MOST|LONGEST|LARGEST", ast.unparse(getattr(node, "target", None) or node.targets[0])
        )
    }


def test_no_number_of_the_law_stands_in_python() -> None:
    assert {Decimal("1e26"), Decimal(500_000_000), Decimal(15_000_000)} <= law_numbers()
    # Invented companies; entries of an archive; nanoseconds.
    elsewhere = {"infra/seed", "evaluator/evidence.py", "portal/queue_folder.py"}
    found = [
        f"{path}:{node.lineno} {node.value}"
        for path, tree in trees().items()
        if not str(path).startswith(tuple(elsewhere))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        for number in numbers(node.value)
        if number in law_numbers() and node.lineno not in limits(tree)
    ]
    assert found == []


def test_the_law_writes_no_periods_but_those_of_the_calendar() -> None:
    """A day, a week and a year are the calendar's; 72 hours or 15 days are a statute's."""
    calendar = {0, 1, 7, 365, 366}
    for path, tree in trees().items():
        if path.parts[:2] != ("portal", "law"):
            continue
        for name, call in calls(tree):
            if name == "timedelta":
                literal = [*call.args, *(keyword.value for keyword in call.keywords)]
                fixed = {node.value for node in literal if isinstance(node, ast.Constant)}
                assert fixed <= calendar, f"{path}:{call.lineno}"


def test_money_is_never_a_float() -> None:
    exact = [path for path in trees() if path.parts[:2] in {("portal", "law"), ("portal", "enforcement")}]
    assert exact
    for path in exact:
        for node in ast.walk(trees()[path]):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            assert not is_float, f"{path}:{getattr(node, 'lineno', 0)}"
        assert "float" not in {name for name, _ in calls(trees()[path])}, path


# The documents


def test_every_decision_has_its_headings_and_a_place_in_the_index() -> None:
    folder = ROOT / "docs/adr"
    index = (folder / "README.md").read_text()
    decisions = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert re.search(r"^Status: (proposed|accepted|superseded by \d+)$", text, re.MULTILINE), path.name
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], (
            path.name
        )
        assert f"]({path.name})" in index


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in files():
        if path.suffix == ".md" and "vendor" not in path.parts:
            for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
                if "://" not in target and not (path.parent / target).exists():
                    broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_the_settings_of_the_readme_are_those_that_are_read() -> None:
    read = set(re.findall(r'"(ASSAY_[A-Z0-9_]+|PORT)"', (ROOT / "portal/settings.py").read_text()))
    told = set(re.findall(r"^\| `(ASSAY_\w+|PORT)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    # Written once in the README for all processes, and put together from their names where it is read.
    assert told - {"ASSAY_DATABASE_DEVELOPER"} == read


def test_the_container_runs_the_server_with_the_same_limits() -> None:
    container = (ROOT / "infra/container/Containerfile").read_text()
    serve = (ROOT / "portal/serve.py").read_text()
    for option, constant in (("--blocking-threads", "THREADS"), ("--backpressure", "CONNECTIONS")):
        limit = re.search(rf"^{constant} = (\d+)$", serve, re.MULTILINE)
        assert limit
        assert f'"{option}", "{limit[1]}"' in container
    assert "\nUSER 10001\n" in container


@lru_cache
def names_of_tests() -> frozenset[str]:
    """Every test, by the name of its function and of its file."""
    paths = [path for path in files() if path.name.startswith("test_") and path.suffix == ".py"]
    functions = (re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE) for path in paths)
    return frozenset(name for found in functions for name in found) | {path.name for path in paths}


TRUST = ROOT / "docs/explanation/trust.md"


def test_the_tests_that_the_page_of_trust_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+(?:\.py)?)`", TRUST.read_text()))
    assert len(named) > 50
    assert named - names_of_tests() == set()


def test_each_claim_about_sealed_plans_names_its_test() -> None:
    [section] = re.findall(r"^## Sealed plans: who holds what\n(.*?)^## ", TRUST.read_text(), re.M | re.S)
    claims = re.findall(r"^- .*(?:\n  .*)*", section, re.MULTILINE)
    assert len(claims) > 30
    assert [claim for claim in claims if not re.match(r"- \*\*(can|cannot)\*\*", claim)] == []
    assert [claim for claim in claims if "`test_" not in claim] == []


def test_every_key_that_is_kept_in_a_file_has_its_runbook() -> None:
    """Names of key files as the code writes them; one more of them needs its line."""
    runbook = (ROOT / "docs/how-to/operator-loses-a-key.md").read_text()
    kinds = "ledger|document|witness|certificate|channel|custodian|log|mark|portal"
    names = rf'"((?:{kinds})-(?:key|channel)[\w-]*|\w+-ring\.json|(?:mark|invitations|epochs)\.json|cookie-)'
    places = (*(ROOT / "portal").glob("*.py"), *(ROOT / "secure_access").rglob("*.py"))
    found = {name for path in places for name in re.findall(names, path.read_text())}
    assert {"ledger-key", "witness-key", "epochs.json", "vault-ring.json", "mark.json", "log-key-"} <= found
    assert sorted(name for name in found if name not in runbook) == []


def test_nothing_kept_is_a_link() -> None:
    """A link leads somewhere else on every machine, such as an environment of one of them."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if not line.startswith("100")] == []
