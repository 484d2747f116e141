"""The sealed plan of the told story: delivered, granted and read at the demonstration's custodian.

The custodian is the real one, with the story's clock; its people confirm with passkeys in software, which are
taken off its list when the story is told. Nothing is rendered: a story has no screen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.seed import custodian
from infra.seed.passkeys import Passkey
from infra.seed.people import Cast
from infra.seed.stage import Stage
from portal.custodian import Custodian, channel_key_of
from portal.review.custody_round import Round
from secure_access.custodian import demonstration, process
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Refused
from secure_access.custodian.demonstration import Officers
from secure_access.custodian.findings import Told
from secure_access.custodian.lease import Lease
from secure_access.custodian.outside import SEALED, Outside
from secure_access.custodian.plan_manifests import PlanManifest
from secure_access.custodian.process import Opened
from secure_access.custodian.questions import QUESTIONS, answered
from secure_access.custodian.sealed_store import SealedStore
from secure_access.keys import SigningKey
from secure_access.ledger import canonical
from secure_access.ledger.note import VerifierKey
from secure_access.sealing import sections
from secure_access.sealing.plans import PlanKey, SealedSection
from secure_access.workflow import NotFound

PAGES = 3
"""Pages of each section of the story."""


@dataclass
class Sealed:
    """The custodian while the story is told."""

    stage: Stage
    cast: Cast
    opened: Opened
    home: Path
    officers: Officers
    passkeys: dict[str, Passkey] = field(default_factory=dict)

    def enrol(self, *who: str) -> None:
        """Give people of the story a passkey, by a list that follows."""
        custody = self.opened.core.custody
        for name in who:
            listed = custody.enrolment
            self.passkeys[name] = Passkey(listed.custodian, listed.rp_id)
            made = demonstration.with_passkey(
                custody.parts.kept.get(listed.digest),
                str(self.cast[name].person_id),
                self.passkeys[name].credential,
                self.stage.now,
            )
            self.opened.core.enrol(self.officers.sign(made))

    def dismiss(self) -> None:
        """Take the passkeys of the story off the list."""
        custody = self.opened.core.custody
        before = custody.parts.kept.get(custody.enrolment.digest)
        made = demonstration.without_passkeys(before, self.stage.now)
        self.opened.core.enrol(self.officers.sign(made))
        self.round()

    def round(self) -> None:
        """A round of the portal's worker, and its place in the ledger."""
        key = channel_key_of(self.stage.wired.settings)
        core = VerifierKey.parse(SigningKey.load(self.home / "channel-key").verifier)
        asked = Custodian(self.opened.core.custody.rules.origin, key, core, self.stage.clock, self._carry)
        Round(self.stage.wired.database, asked, self.stage.clock).go()
        self.stage.sequence()

    def _carry(self, body: Mapping[str, str]) -> Any:
        questions = {**QUESTIONS, **self.opened.extra}
        told = answered(self.opened.core, canonical.encode({"do": "portal", **body}), questions)
        return json.loads(told)["done"]

    def does(self, act: Act, digest: str, who: str) -> Any:
        """An act of somebody of the story at the custodian. Raises `Refused`, which its log tells."""
        core = self.opened.core
        made = core.ask(act, digest, str(self.cast[who].person_id))
        verbs = {Act.APPROVE: core.approve, Act.OPEN: core.open_sitting}
        return verbs[act](made.nonce, self.passkeys[who].confirm(made.challenge))

    def deliver(self, published: str, files: Mapping[str, bytes], who: str) -> None:
        """Seal a file for each section, and deliver them."""
        key = PlanKey.parse(published.encode())
        named = [self._sealed(key, section, content) for section, content in files.items()]
        manifest = PlanManifest.make(key, named, now=self.stage.now)
        core = self.opened.core
        made = core.ask(Act.DELIVER, manifest.digest, str(self.cast[who].person_id))
        core.deliver(manifest.encode(), made.nonce, self.passkeys[who].confirm(made.challenge))

    def _sealed(self, key: PlanKey, section: str, content: bytes) -> SealedSection:
        with TemporaryDirectory(dir=self.home) as folder:
            plain, out = Path(folder) / f"{section}.pdf", Path(folder) / f"{section}.sealed"
            plain.write_bytes(content)
            made = sections.seal_file(
                plain, out, key=key, section=section, media_type="application/pdf", now=self.stage.now
            )
            SealedStore(self.home / SEALED).keep(out.read_bytes())
        return made

    def read(self, grant: str, who: str, section: str, *pages: int) -> None:
        """Open pages of a section in one sitting, or be refused: the log tells either."""
        try:
            sitting = self.does(Act.OPEN, grant, who)
        except (Refused, NotFound):
            return
        for page in pages:
            self.opened.core.release(sitting.token, section, page)
        self.opened.core.close_sitting(sitting.token)


@contextmanager
def beside(stage: Stage, cast: Cast) -> Iterator[Sealed | None]:
    """The demonstration's custodian, open for as long as the plan of the story is told; ``None`` without."""
    home = custodian.offer(replace(stage.wired, clock=stage.real.clock), stage.clock)
    if home is None:
        yield None
        return
    settings = process.Settings.read(home)
    lease = Lease(settings.lease, settings.name)
    lease.take(stage.now)
    outside = Outside(
        render=lambda *_: b"",
        inspect=lambda manifest: {one.section: Told(True, PAGES, None) for one in manifest.sections},
    )
    opened = process.open_core(home, settings, lease, lambda _keys: outside, _Held(stage, lease))
    try:
        made = Sealed(stage, cast, opened, home, Officers(home))
        yield made
        made.dismiss()
    finally:
        opened.close()
        lease.release(stage.now)


class _Held:
    """The story's clock, which holds the lease as it moves on."""

    def __init__(self, stage: Stage, lease: Lease) -> None:
        self._stage, self._lease = stage, lease

    def now(self) -> Any:
        self._lease.take(self._stage.now)
        return self._stage.now
