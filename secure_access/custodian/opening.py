"""Opening what was delivered, unseen: each sealed section is whole, named rightly, and opens in the sandbox.

A plaintext is in the memory of this process only until a child in the sandbox has it, and is overwritten
then; it never touches a disk. No byte of it is parsed here but the first, which say what it is.
"""

from __future__ import annotations

import hashlib
import json
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Protocol

import structlog

from secure_access.custodian import media_types, render, wire
from secure_access.custodian.custody import NotOpened, NotSetUp
from secure_access.custodian.findings import REGISTER, REPORT, Told
from secure_access.custodian.oscal.schemas import SchemaState
from secure_access.custodian.plan_manifests import PlanManifest, SealedSection
from secure_access.custodian.render import NotOpenable
from secure_access.custodian.sandbox import (
    SETTING,
    Broken,
    CannotSandbox,
    Child,
    Limits,
    Sandbox,
    Spare,
    TooSlow,
)
from secure_access.custodian.sealed_store import NotHere, SealedStore, Upload
from secure_access.custodian.self_test import SelfTest
from secure_access.custodian.wire import Kind, Reason
from secure_access.sealing import SealingError, sections
from secure_access.sealing.plans import PlanKey

PDF = "application/pdf"
SETTING_LIMITS = Limits(memory=2 << 30, processor_seconds=60, request_seconds=60, sitting_seconds=120)
MOST_COMPARED = 64 << 20
"""Bytes of plans and register together that are held to the outline."""
_BLOCK = 1 << 20
log = structlog.get_logger(__name__)


class Keys(Protocol):
    """Both halves of plan keys; `plan_keys.KeptPlanKeys` has them."""

    def public(self, fingerprint: str) -> bytes:
        """The bytes of the plan key file."""
        ...

    def private(self, fingerprint: str) -> bytes:
        """The private half."""
        ...


@dataclass(frozen=True)
class Plain:
    """A section in the clear, in memory; `wipe` overwrites it."""

    media_type: str
    content: bytearray = field(repr=False)

    def wipe(self) -> None:
        """Overwrites the content. Copies that libraries made on the way are not reached."""
        self.content[:] = bytes(len(self.content))


@dataclass(frozen=True)
class Sheets:
    """A section as what a child can draw, and what the schema said of it if it is a plan."""

    plain: Plain
    schema: SchemaState | None = None


class Opening:
    """What opens sections. It refuses to until `tested` was told that the sandbox holds."""

    def __init__(self, store: SealedStore, keys: Keys, box: Sandbox | None = None) -> None:
        self._store, self._keys = store, keys
        self._box = box or Sandbox()
        self._setting = replace(self._box, limits=SETTING_LIMITS, program=SETTING)
        self._spare: Spare | None = None
        self._one = threading.Lock()
        self.refusal = "The sandbox was not tested."

    def tested(self, verdict: SelfTest) -> None:
        """Take in what the self-test found; with a fault, nothing is ever opened."""
        self.refusal = " ".join(verdict.faults)
        if verdict.ready and self._spare is None:
            self._spare = Spare(self._box)

    def close(self) -> None:
        """Ends the child that waits."""
        self.refusal = "The custodian stops."
        if self._spare is not None:
            self._spare.close()

    def prepare(self) -> Child:
        """A child that draws pages, confined. Raises `NotSetUp`, `Broken`, `TooSlow`."""
        if self.refusal or self._spare is None:
            raise NotSetUp(f"Nothing is opened here. {self.refusal}")
        try:
            return self._spare.prepare()
        except CannotSandbox as problem:
            raise NotSetUp(str(problem)) from problem

    def check_upload(self, fingerprint: str, upload: Upload, file: BinaryIO) -> None:
        """Whether an uploaded file says that it was sealed for this request. Raises `SealingError`."""
        header = sections.read_header(_blocks(file))
        header.check(PlanKey.parse(self._keys.public(fingerprint)), upload.section)
        header.check_size(upload.size)

    def inspect(self, manifest: PlanManifest) -> dict[str, Told]:
        """Open every delivered section unseen, one after the other; what may be told of each.

        Raises `NotOpened` for the first that does not open, with words for who delivers; `NotSetUp` where
        this machine cannot open anything now.
        """
        with self._one:
            told = {}
            for one in manifest.sections:
                try:
                    if one.section == REPORT:
                        raise NotOpened("The custodian makes this section itself.")
                    plain = self.plain(manifest.key, one.section, one.sha256, one.size)
                    told[one.section] = self._looked(one.section, plain)
                except NotOpened as problem:
                    raise NotOpened(f"Section {one.section} was not received. {problem}") from None
            return told

    def compare(self, manifest: PlanManifest, outline: Mapping[str, str]) -> SealedSection | None:
        """Hold plans and register to the public outline; the report, sealed to the same key and kept.

        None where there is more of it than is compared, or it cannot be set: then there is no report. The
        delivery has been inspected. Raises `NotOpened`, `NotSetUp`, ``OSError``.
        """
        with self._one:
            files, content = list[list[Any]](), bytearray()
            for one in manifest.sections:
                plain = self.plain(manifest.key, one.section, one.sha256, one.size)
                if plain.media_type in sections.OSCAL_TYPES:
                    files.append([plain.media_type, len(plain.content)])
                    content += plain.content
                plain.wipe()
                if len(content) > MOST_COMPARED:
                    return None
            sections_ = [one.section for one in manifest.sections]
            told = {"outline": dict(outline), "sections": sections_, "files": files}
            asked = Plain(wire.COMPARED, bytearray(json.dumps(told).encode() + b"\n") + content)
            content[:] = bytes(len(content))
            try:
                pdf = self._set(REPORT, asked).plain
            except NotOpened:
                # Without its words: a child that read the plan wrote them.
                log.warning("custodian.no_drift_report", plan=manifest.key)
                return None
            return self._sealed(PlanKey.parse(self._keys.public(manifest.key)), pdf)

    def _sealed(self, key: PlanKey, pdf: Plain) -> SealedSection:
        said = sections.SectionContent(
            "drift-report.pdf", PDF, len(pdf.content), hashlib.sha256(pdf.content).hexdigest()
        )
        made = b"".join(map(bytes, sections.sealed([pdf.content], said, key=key, section=REPORT)))
        pdf.wipe()
        return SealedSection(REPORT, len(made), self._store.keep(made))

    def plain(self, fingerprint: str, section: str, sha256: str, size: int | None = None) -> Plain:
        """A section in the clear. Raises `NotOpened`, `NoSuchKey`, `CannotOpen`."""
        key = PlanKey.parse(self._keys.public(fingerprint))
        try:
            with self._store.opened(sha256) as file:
                there = file.seek(0, 2)
                file.seek(0)
                if size is not None and there != size:
                    raise NotOpened(f"It has {there} bytes; the manifest says {size}.")
                header = sections.read_header(_blocks(file))
                header.check(key, section)
                header.check_size(there)
                file.seek(0)
                return self._unsealed(file, key, section, sha256)
        except NotHere:
            raise NotOpened("It was not uploaded.") from None
        except SealingError as problem:
            raise NotOpened(f"It does not open: {problem}.") from None

    def sheets(self, section: str, plain: Plain) -> Sheets:
        """The section as what can be drawn: itself, or the pages that are set of a plan or register.

        Takes ``plain`` over. Raises `NotOpened`, `NotSetUp`.
        """
        if plain.media_type in sections.OSCAL_TYPES:
            return self._set(section, plain)
        try:
            found = media_types.sniff(bytes(plain.content[: media_types.HEAD]))
        except media_types.NotAccepted as problem:
            plain.wipe()
            raise NotOpened(f"Inside, {problem}.") from None
        if found != plain.media_type:
            plain.wipe()
            raise NotOpened(f"It is said to be {plain.media_type}, and its first bytes are of {found}.")
        return Sheets(plain)

    def _unsealed(self, file: BinaryIO, key: PlanKey, section: str, sha256: str) -> Plain:
        digest = hashlib.sha256()
        opened = sections.open_section(
            _blocks(file, digest), self._keys.private(key.fingerprint), key=key, section=section
        )
        if opened.content.size > self._box.limits.section_bytes:
            raise NotOpened(
                f"A section of more than {self._box.limits.section_bytes >> 20} MiB is not opened."
            )
        found = Plain(opened.content.media_type, bytearray(opened.content.size))
        at = 0
        try:
            for block in opened.blocks():
                found.content[at : at + len(block)] = block
                at += len(block)
            if digest.hexdigest() != sha256:
                raise NotOpened("The sealed file that is here is another one than was delivered.")
        except BaseException:
            found.wipe()
            raise
        return found

    def _looked(self, section: str, plain: Plain) -> Told:
        sheets = self.sheets(section, plain)
        try:
            found = render.look(self, sheets.plain.content, sheets.plain.media_type)
        finally:
            sheets.plain.wipe()
        if isinstance(found, NotOpenable):
            raise NotOpened(found.reason)
        return Told(True, found.pages, sheets.schema)

    def _set(self, section: str, plain: Plain) -> Sheets:
        """The pages of a plan or register, set by a child that can do nothing else."""
        if self.refusal:
            plain.wipe()
            raise NotSetUp(f"Nothing is opened here. {self.refusal}")
        try:
            with self._setting.prepare() as child:
                child.give(plain.content, plain.media_type)
                schema, register = _said(child)
                if register != (section == REGISTER):
                    found = "a register" if register else "no register"
                    words = f"A register belongs in the section {REGISTER}, and nothing else does."
                    raise NotOpened(f"It is {found}. {words}")
                kind, pdf = child.answer(wire.MAX_PDF)
                if kind is not Kind.PDF:
                    raise child.broken("The renderer answered what it must not.")
                return Sheets(Plain(PDF, pdf), schema)
        except CannotSandbox as problem:
            raise NotSetUp(str(problem)) from problem
        except (Broken, TooSlow) as problem:
            raise NotOpened(str(problem)) from None
        finally:
            plain.wipe()


def _said(child: Child) -> tuple[SchemaState | None, bool]:
    """What the child says of a plan or register, taken for hostile. Raises `NotOpened`, `Broken`."""
    kind, answer = child.answer(wire.MAX_LOOKED)
    if kind is Kind.REFUSED and answer == bytes([Reason.MEMORY]):
        raise NotOpened(wire.WORDS[Reason.MEMORY])
    try:
        found: dict[str, Any] = json.loads(answer)
        problems, schema, register = found["problems"], found["schema"], found["register"]
        if problems:
            raise NotOpened(" ".join(_plain_words(str(one)) for one in problems))
        if kind is Kind.LOOKED and isinstance(register, bool):
            return (SchemaState(schema) if schema else None), register
    except (ValueError, LookupError, TypeError, RecursionError):
        pass  # it is ended below, as every child that answers what it must not
    raise child.broken("The renderer answered what it must not.")


def _plain_words(text: str) -> str:
    """Without what a screen or a terminal would obey."""
    return "".join(one for one in text if unicodedata.category(one)[0] != "C")


def _blocks(file: BinaryIO, digest: Any = None) -> Iterator[memoryview]:
    """The file from where it stands, in one buffer that is used again."""
    buffer = bytearray(_BLOCK)
    view = memoryview(buffer)
    while read := file.readinto(buffer):  # type: ignore[attr-defined]
        if digest is not None:
            digest.update(view[:read])
        yield view[:read]
