"""Whatever verifies a ledger knows every type of entry: it refuses the others."""

import subprocess
import sys
from pathlib import Path

from secure_access import ledger
from secure_access.ledger import entry_rules, recording

LISTED = "import portal.ledger_cli; from secure_access import ledger; print(*sorted(ledger.declared()))"


def test_the_command_that_verifies_knows_every_type() -> None:
    """In a process of its own, without the pages and the worker, whose imports declare them too."""
    import portal.app
    import portal.worker

    assert portal.app
    assert portal.worker
    shown = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, check=True)
    ours = {name for name in ledger.declared() if not name.startswith(("sample.", "test."))}
    assert set(shown.stdout.split()) >= ours
    assert len(ours) > 100


FORMS = Path(__file__).with_name("recorded_forms.txt")


def forms() -> set[tuple[str, str, str, frozenset[str]]]:
    """Type, log, audience and keys, as they were ever declared."""
    found = set()
    for line in FORMS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, log, audience, keys = line.split()
            found.add((name, log, audience, frozenset(keys.split(",")) - {"-"}))
    return found


def test_what_an_earlier_version_recorded_is_still_believed() -> None:
    who = {"kind": "regulator", "organisation": "x", "person": "x", "roles": []}
    rest = {"id": "x", "at": "x", "about": [], "record_salt": "", "records": []}
    for name, log, audience, keys in forms():
        entry = {"v": recording.FORMAT, "type": name, "log": log, "audience": audience, "by": who, **rest}
        assert list(entry_rules.objections({**entry, "fields": dict.fromkeys(keys, "")})) == [], name


def test_a_declaration_that_changes_adds_a_line() -> None:
    now = {
        (name, kind.log.value, kind.audience.value, kind.keys)
        for name, kind in ledger.declared().items()
        if not name.startswith(("sample.", "test.", "bench."))
    }
    assert now <= forms()
