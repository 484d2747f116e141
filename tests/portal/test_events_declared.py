"""Whatever verifies a ledger knows every type of entry: it refuses the others."""

import subprocess
import sys

from secure_access import ledger

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
