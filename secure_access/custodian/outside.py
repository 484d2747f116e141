"""What renders pages, opens delivered files and takes uploads: nothing, or the sandbox of this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from secure_access.clock import Clock
from secure_access.custodian import mark
from secure_access.custodian.access_grants import GrantedSection
from secure_access.custodian.custody import NotSetUp, Release, Render
from secure_access.custodian.findings import Told
from secure_access.custodian.opening import Opening
from secure_access.custodian.plan_keys import KeptPlanKeys
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection
from secure_access.custodian.questions import Question
from secure_access.custodian.receiving import upload_questions
from secure_access.custodian.sandbox import Sandbox
from secure_access.custodian.sealed_store import SealedStore
from secure_access.custodian.self_test import SelfTest, self_test
from secure_access.custodian.showing import Showing

SEALED = "sealed"
"""The folder of sealed sections in the home of the core."""
_MOST_TRIED = 500


def _no_render(*_: object) -> bytes:
    raise NotSetUp("this core has no sandbox: it renders nothing")


def _no_text(*_: object) -> str:
    raise NotSetUp("this core has no sandbox: it renders nothing")


def _no_inspect(_: PlanManifest) -> Mapping[str, Told]:
    raise NotSetUp("this core has no sandbox: it receives nothing")


def _nothing(*_: object) -> None:
    """There is nothing to do."""


@dataclass(frozen=True)
class Outside:
    """As in `custody.Parts`, with questions of its own; without a sandbox it shows and receives nothing.

    ``sweep`` removes files that no delivery names; ``test`` tries the sandbox, and lets it open files if it
    holds; ``close`` ends what runs.
    """

    render: Render = _no_render
    inspect: Callable[[PlanManifest], Mapping[str, Told]] = _no_inspect
    prepare: Callable[[GrantedSection, int, Release], None] = _nothing
    text: Callable[[GrantedSection, int, Release], str] = _no_text
    keep: Callable[[Collection[str]], None] = _nothing
    compare: Callable[[PlanManifest, Mapping[str, str]], SealedSection | None] = lambda _m, _outline: None
    sweep: Callable[[Collection[str]], object] = _nothing
    test: Callable[[], SelfTest] = lambda: SelfTest(("This core has no sandbox.",))
    close: Callable[[], None] = _nothing
    questions: Mapping[str, Question] = field(default_factory=dict)


def sandboxed(home: Path, clock: Clock, box: Sandbox | None = None) -> Callable[[KeptPlanKeys], Outside]:
    """What opens and shows sections that lie in a core's home; makes the mark key where there is none.

    It opens nothing before ``test`` was called and found no fault.
    """

    def made(keys: KeptPlanKeys) -> Outside:
        if not (home / mark.RING).exists():
            mark.make_mark_key(home, now=clock.now())
        found = box or Sandbox()
        store = SealedStore(home / SEALED)
        opening = Opening(store, keys, found)
        showing = Showing(opening, mark.mark_key(home))

        def test() -> SelfTest:
            verdict = self_test(_secrets(home), found)
            opening.tested(verdict)
            return verdict

        def close() -> None:
            showing.keep(())
            opening.close()

        return Outside(
            render=showing.page,
            inspect=opening.inspect,
            prepare=showing.prepare,
            text=showing.text,
            keep=showing.keep,
            compare=opening.compare,
            sweep=lambda delivered: store.sweep(delivered, clock.now()),
            test=test,
            close=close,
            questions=upload_questions(store, opening, clock),
        )

    return made


def _secrets(home: Path) -> list[Path]:
    """Files of a home that a child must not be able to read: its keys first."""
    found = [*home.glob("*"), *(home / "keys").rglob("*")]
    return [path for path in sorted(found) if path.is_file()][:_MOST_TRIED]
