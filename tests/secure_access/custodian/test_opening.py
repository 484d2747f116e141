"""Opening and showing: nothing before the sandbox was tried, no other file, and nothing for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from secure_access.clock import FixedClock
from secure_access.custodian import cli, outside, process, showing
from secure_access.custodian.access_grants import GrantedSection
from secure_access.custodian.custody import NoSuchPage, NotOpened, NotSetUp, Release
from secure_access.custodian.lease import Lease
from secure_access.custodian.opening import Opening, Plain
from secure_access.custodian.outside import sandboxed
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection
from secure_access.custodian.process import Settings, open_core
from secure_access.custodian.sandbox import Child, Limits, Sandbox, SandboxFailure, TooSlow
from secure_access.custodian.sealed_store import SealedStore, Upload
from secure_access.custodian.self_test import SelfTest
from secure_access.custodian.showing import OPEN_TO_ONE, Showing
from secure_access.custodian.wire import Kind
from secure_access.sealing import sections
from secure_access.sealing.plans import PlanKey, new_plan_key
from tests.fixtures import hostile, oscal, pdfs
from tests.fixtures.custody import need_sandbox
from tests.fixtures.enrolled import NOW, ORIGIN, REQUEST
from tests.secure_access.custodian.test_core_process import with_keys, written

PDF, SECTION = "application/pdf", "weights"
SAID = b'{"problems":[],"schema":"valid","register":false}'


class OneKey:
    """The key of one plan."""

    def __init__(self) -> None:
        self.key, self._private = new_plan_key(ORIGIN, REQUEST, now=NOW, not_after=NOW + timedelta(days=9))

    def public(self, _fingerprint: str) -> bytes:
        return self.key.encode()

    def private(self, _fingerprint: str) -> bytes:
        return self._private


@dataclass
class Table:
    """A store with a key, and what opens it."""

    folder: Path
    store: SealedStore
    keys: OneKey
    opening: Opening

    @property
    def key(self) -> PlanKey:
        return self.keys.key

    def seal(self, content: bytes, media_type: str = PDF, section: str = SECTION) -> SealedSection:
        said = sections.SectionContent("a", media_type, len(content), hashlib.sha256(content).hexdigest())
        made = b"".join(map(bytes, sections.sealed([content], said, key=self.key, section=section)))
        return SealedSection(section, len(made), self.store.keep(made))

    def manifest(self, *files: SealedSection) -> PlanManifest:
        return PlanManifest(REQUEST, self.key.fingerprint, files, NOW, "00" * 16)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    need_sandbox()
    store, keys = SealedStore(tmp_path / "sealed"), OneKey()
    opening = Opening(store, keys)
    opening.tested(SelfTest(()))
    yield Table(tmp_path / "sealed", store, keys, opening)
    opening.close()


def test_nothing_is_opened_before_the_sandbox_was_tried(tmp_path: Path) -> None:
    store, keys = SealedStore(tmp_path / "sealed"), OneKey()
    untried = Opening(store, keys)
    made = Table(tmp_path / "sealed", store, keys, untried)
    for content, media_type in ((pdfs.plain(), PDF), (oscal.as_json(oscal.tree()), "application/oscal+json")):
        with pytest.raises(NotSetUp, match="was not tested"):
            untried.inspect(made.manifest(made.seal(content, media_type)))
    untried.tested(SelfTest(("A child can read a key.",)))
    with pytest.raises(NotSetUp, match="can read a key"):
        untried.prepare()
    untried.close()


WRONG: dict[str, tuple[bytes, str, str]] = {
    "a picture that is said to be a PDF": (hostile.picture("PNG"), PDF, "first bytes are of image/png"),
    "text that is said to be a PDF": (b"hello", PDF, "none of them"),
    "a PDF that is said to be a plan": (pdfs.plain(), "application/oscal+json", "not UTF-8"),
    "a locked or broken PDF": (b"%PDF-1.7\nhello", PDF, "damaged"),
}


@pytest.mark.parametrize(("content", "media_type", "words"), WRONG.values(), ids=WRONG)
def test_a_type_has_to_be_that_of_the_content(
    table: Table, content: bytes, media_type: str, words: str
) -> None:
    with pytest.raises(NotOpened, match=words):
        table.opening.inspect(table.manifest(table.seal(content, media_type)))


def test_the_section_is_the_one_that_it_is_sealed_as(table: Table) -> None:
    sealed = table.seal(pdfs.plain())
    with pytest.raises(NotOpened, match="this is the section weights, not other"):
        table.opening.inspect(table.manifest(replace(sealed, section="other")))
    report = table.seal(pdfs.plain(), section="drift-report")
    with pytest.raises(NotOpened, match="makes this section itself"):
        table.opening.inspect(table.manifest(report))
    plan = table.seal(oscal.as_json(oscal.tree()), "application/oscal+json", "threat-actors")
    with pytest.raises(NotOpened, match="register belongs in the section threat-actors"):
        table.opening.inspect(table.manifest(plan))


@pytest.mark.parametrize("place", [30, 1500, 60_000, -1])
def test_a_changed_byte_opens_nothing(table: Table, tmp_path: Path, place: int) -> None:
    sealed = table.seal(pdfs.plain())
    path = tmp_path / "sealed" / sealed.sha256
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(NotOpened):
        table.opening.plain(table.key.fingerprint, SECTION, sealed.sha256)


def test_a_section_that_is_too_large_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    store, keys = SealedStore(tmp_path / "sealed"), OneKey()
    small = Opening(store, keys, Sandbox(limits=Limits(section_bytes=1 << 20)))
    made = Table(tmp_path / "sealed", store, keys, small)
    with pytest.raises(NotOpened, match="more than 1 MiB"):
        small.plain(made.key.fingerprint, SECTION, made.seal(bytes((1 << 20) + 1)).sha256)


def test_a_plaintext_is_wiped() -> None:
    plain = Plain(PDF, bytearray(b"secret"))
    assert "secret" not in repr(plain)
    plain.wipe()
    assert plain.content == bytes(6)


def release(table: Table, sitting: str = "one") -> Release:
    enrolled = with_keys().enrolment
    reader = enrolled.person("ada", NOW)
    assert reader is not None
    return Release(7, reader, "Authority", None, NOW, table.key.fingerprint, sitting)  # type: ignore[arg-type]


def test_a_sitting_has_few_sections_open_and_none_after_it(table: Table) -> None:
    shown = Showing(table.opening, b"k" * 32)
    names = [f"s{number}" for number in range(OPEN_TO_ONE + 1)]
    granted = [GrantedSection(name, name, table.seal(pdfs.plain(2), section=name).sha256) for name in names]
    for one in granted:
        shown.prepare(one, 1, release(table))
    shown.prepare(granted[-1], 1, release(table, "two"))
    assert list(shown._open) == [*(("one", name) for name in names[1:]), ("two", names[-1])]
    before = list(shown._open.values())
    shown.keep({"two"})
    assert list(shown._open) == [("two", names[-1])]
    assert [one._child.alive for one in before] == [False] * OPEN_TO_ONE + [True]
    with pytest.raises(NoSuchPage):
        shown.page(granted[-1], 3, release(table, "two"))
    shown.keep(())
    assert shown._open == {} == shown._making


def test_no_more_than_so_many_are_open_in_all(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "OPEN", 1)
    shown = Showing(table.opening, b"k" * 32)
    one = GrantedSection(SECTION, SECTION, table.seal(pdfs.plain(2)).sha256)
    for sitting in ("one", "two"):
        shown.prepare(one, 1, release(table, sitting))
    assert list(shown._open) == [("two", SECTION)]
    shown.keep(())


def test_after_a_child_that_failed_comes_another(table: Table) -> None:
    shown = Showing(table.opening, b"k" * 32)
    one = GrantedSection(SECTION, SECTION, table.seal(pdfs.plain(2)).sha256)
    shown.prepare(one, 1, release(table))
    next(iter(shown._open.values()))._child.close()
    with pytest.raises(SandboxFailure):
        shown.prepare(one, 2, release(table))
    assert shown._open == {}
    assert shown.page(one, 2, release(table))[:4] == b"RIFF"
    shown.keep(())


def test_a_report_that_cannot_be_made_is_none(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = table.seal(oscal.as_json(oscal.tree()), "application/oscal+json")
    report = table.opening.compare(table.manifest(plan), {"a": "AC-2"})
    assert report is not None
    assert table.opening.plain(table.key.fingerprint, "drift-report", report.sha256).media_type == PDF
    other = SealedSection(SECTION, plan.size, plan.sha256)
    monkeypatch.setattr("secure_access.custodian.opening.MOST_COMPARED", 10)
    assert table.opening.compare(table.manifest(other), {}) is None


def test_what_lies_here_is_of_the_size_of_the_manifest(table: Table) -> None:
    sealed = table.seal(pdfs.plain())
    assert table.opening.inspect(table.manifest(sealed))[SECTION].pages == 1
    with pytest.raises(NotOpened, match="the manifest says"):
        table.opening.inspect(table.manifest(replace(sealed, size=sealed.size + 1)))
    with pytest.raises(NotOpened, match="not uploaded"):
        table.opening.inspect(table.manifest(replace(sealed, sha256="0" * 64)))
    table.opening.check_upload(
        table.key.fingerprint,
        Upload(REQUEST, SECTION, sealed.size, sealed.sha256, NOW),
        (table.folder / sealed.sha256).open("rb"),
    )


def test_another_sealed_file_in_its_place_opens_nothing(table: Table) -> None:
    sealed, other = table.seal(pdfs.plain()), table.seal(pdfs.plain())
    (table.folder / sealed.sha256).write_bytes((table.folder / other.sha256).read_bytes())
    with pytest.raises(NotOpened, match="another one than was delivered"):
        table.opening.plain(table.key.fingerprint, SECTION, sealed.sha256, sealed.size)


def test_a_sandbox_that_is_gone_is_not_the_file_s_fault(table: Table, tmp_path: Path) -> None:
    gone = Opening(table.store, table.keys, Sandbox("/nowhere/bwrap"))
    gone.tested(SelfTest(()))
    for content, media_type in ((pdfs.plain(), PDF), (oscal.as_json(oscal.tree()), "application/oscal+json")):
        with pytest.raises(NotSetUp, match="cannot be started"):
            gone.inspect(table.manifest(table.seal(content, media_type)))


@pytest.mark.parametrize(
    ("lie", "words"), [("no pdf", "must not"), ("slow", "longer to open"), ("problem", "many texts")]
)
def test_a_child_that_sets_no_pages_delivers_nothing(
    table: Table, monkeypatch: pytest.MonkeyPatch, lie: str, words: str
) -> None:
    answers = iter([(Kind.LOOKED, bytearray(SAID)), (Kind.COUNT, bytearray(b"x"))])

    def answer(child: Child, _most: int) -> tuple[Kind, bytearray]:
        if lie == "slow":
            raise TooSlow("It took longer to open than is allowed.")
        if lie == "problem":
            return Kind.LOOKED, bytearray(b'{"problems":["many texts"],"schema":"","register":false}')
        return next(answers)

    sealed = table.seal(oscal.as_json(oscal.tree()), "application/oscal+json")
    monkeypatch.setattr(Child, "answer", answer)
    with pytest.raises(NotOpened, match=words):
        table.opening.inspect(table.manifest(sealed))
    answers = iter([(Kind.LOOKED, bytearray(SAID)), (Kind.COUNT, bytearray(b"x"))])
    with structlog.testing.capture_logs() as logged:
        assert table.opening.compare(table.manifest(sealed), {}) is None
    # What a child says that read the plan may be the plan.
    assert logged == [
        {"event": "custodian.no_drift_report", "log_level": "warning", "plan": table.key.fingerprint}
    ]


def test_words_of_a_page(table: Table) -> None:
    shown = Showing(table.opening, b"k" * 32)
    one = GrantedSection(SECTION, SECTION, table.seal(hostile.saying("Two people open it.")).sha256)
    words = shown.text(one, 1, release(table))
    assert words.splitlines()[0] == "Ada Brenner · reader · release 7 · 2027-10-04 09:00 UTC"
    assert "Two people open it." in words
    for page in (2, 3):
        with pytest.raises(NoSuchPage):
            shown.text(one, page, release(table))
        with pytest.raises(NoSuchPage):
            shown.prepare(one, page, release(table))
    shown.keep(())


def opened(home: Path, box: Sandbox, front: int) -> process.Opened:
    settings = replace(Settings.read(written(home, with_keys())), front=front)
    lease = Lease(settings.lease, settings.name)
    assert lease.take(NOW)
    clock = FixedClock(NOW)
    return open_core(home, settings, lease, sandboxed(home, clock, box), clock)


def test_what_the_self_test_tries_to_read_are_the_keys(tmp_path: Path) -> None:
    need_sandbox()
    home = tmp_path / "core"
    made = opened(home, Sandbox(), 0)
    names = {path.name for path in outside._secrets(home)}
    assert {"mark.json", "certificate-key", "core.toml", "log-key-01"} <= names
    assert made.test().ready
    assert made.sandbox.words == "ready"
    made.sweep()
    made.close()


def test_separated_custody_does_not_start_without_a_sandbox_and_a_demonstration_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "core"
    made = opened(home, Sandbox(bwrap="/nowhere/bwrap"), 0)
    settings = Settings.read(home)
    cli._tested(made, settings)
    assert "# no plan is opened or shown: The sandbox cannot be started" in capsys.readouterr().out
    assert "cannot be started" in made.sandbox.words
    assert settings.custody == process.DEMONSTRATION
    with pytest.raises(cli.UnsafeHere, match="does not hold"):
        cli._tested(made, replace(settings, front=settings.front + 1))


def test_the_command_refuses_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = written(tmp_path / "core", with_keys(), front="nobody")
    monkeypatch.setenv("PATH", "/nowhere")
    result = CliRunner().invoke(cli.custodian, ["core", "--home", str(home)])
    assert result.exit_code == 1
    assert (
        "Nothing is served. The sandbox does not hold: bubblewrap (bwrap) is not installed." in result.output
    )
