"""The core as a deployment sets it up: one folder with its settings, keys, log and documents, and its pulses.

Nothing here needs a portal. What renders pages and opens delivered files is handed in (`outside`).
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secure_access.clock import Clock, MovedClock, SystemClock
from secure_access.custodian import demonstration, portal_channel, portal_questions, private_files
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Custody, Parts, Rules
from secure_access.custodian.custody_log import CustodyLog
from secure_access.custodian.forms import Form
from secure_access.custodian.freshness import Freshness
from secure_access.custodian.lease import Lease
from secure_access.custodian.outside import Outside
from secure_access.custodian.plan_keys import KeptPlanKeys
from secure_access.custodian.private_files import Kept
from secure_access.custodian.questions import Done, Question
from secure_access.custodian.recertification_questions import DUE
from secure_access.custodian.self_test import SelfTest
from secure_access.keys import ED25519, MLDSA44, SigningKey
from secure_access.ledger.note import NoteError, VerifierKey
from secure_access.ledger.records import timestamp
from secure_access.ledger.signer import KeptSigner, Seen
from secure_access.ledger.witnesses import NONE, Witnesses, largest_seen

SETTINGS = "core.toml"
LONGEST_SHIFT = 100 * 366 * 86_400
"""Seconds."""
DEMONSTRATION, SEPARATED = "demonstration custody", "separated custody"


class BadSettings(ValueError):
    """The settings of the core are not complete, or name something that is not there."""


@dataclass(frozen=True)
class Settings:
    """``core.toml``. ``pinned`` is the SHA-256 of the first enrolment list, ``front`` the front's user.

    ``portal`` is the public key of the portal's channel; without it nothing is made, offered or served.
    """

    origin: str
    log: str
    pinned: str
    front: int
    socket: Path
    lease: Path
    name: str
    witnesses: Path | None = None
    fresh_minutes: int = 10
    backup_days: int = 35
    break_glass: bool = False
    portal: VerifierKey | None = None
    clock_shift: float = 0.0
    """Seconds by which the clock of a demonstration is moved, as its portal's is."""
    demonstration_officers: bool = False
    """Whether the keys of the custody officers lie in this home, so that anybody is enrolled at once."""

    @classmethod
    def read(cls, home: Path) -> Settings:
        """The settings in a core's home. Raises `BadSettings`."""
        try:
            told = tomllib.loads((home / SETTINGS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise BadSettings(f"{home / SETTINGS} cannot be read: {problem}") from None
        unknown = told.keys() - cls.__dataclass_fields__.keys()
        missing = {"origin", "log", "pinned", "front"} - told.keys()
        if unknown or missing:
            named = ", ".join(sorted(unknown | missing))
            raise BadSettings(f"{home / SETTINGS}: missing or unknown: {named}")
        if not re.fullmatch(r"[0-9a-f]{64}", str(told["pinned"])):
            raise BadSettings("pinned: the SHA-256 of the first enrolment list, as the ceremony prints it")
        kinds = {
            "fresh_minutes": int,
            "backup_days": int,
            "break_glass": bool,
            "demonstration_officers": bool,
        }
        for key, kind in kinds.items():
            if key in told and (type(told[key]) is not kind or (kind is int and told[key] < 1)):
                raise BadSettings(f"{key}: {'true or false' if kind is bool else 'a number from 1'}")
        found = cls(
            **{key: told[key] for key in kinds if key in told},
            origin=str(told["origin"]),
            log=str(told["log"]),
            pinned=str(told["pinned"]),
            front=_user(told["front"]),
            socket=home / str(told.get("socket", "core.sock")),
            lease=home / str(told.get("lease", "lease.json")),
            name=str(told.get("name", os.uname().nodename)),
            witnesses=home / str(told["witnesses"]) if "witnesses" in told else None,
            portal=_portal(told["portal"]) if "portal" in told else None,
            clock_shift=_shift(told.get("clock_shift", 0)),
        )
        if found.custody != DEMONSTRATION and (found.clock_shift or found.demonstration_officers):
            raise BadSettings(
                "clock_shift, demonstration_officers: only where one user runs core and front (demonstration "
                "custody). A custodian with a custody of its own has neither; take both out."
            )
        return found

    @property
    def clock(self) -> Clock:
        """The clock of this core: the machine's, but for a demonstration that lives at another date."""
        return MovedClock(timedelta(seconds=self.clock_shift)) if self.clock_shift else SystemClock()

    @property
    def custody(self) -> str:
        """What pages and receipts say of the separation of users."""
        return DEMONSTRATION if self.front == os.geteuid() else SEPARATED


@dataclass
class Serving:
    """Whether pages may leave at all: the lease of this core, and witnesses over its log."""

    lease: Lease
    freshness: Freshness

    def refusal(self, now: datetime) -> str:
        """Why nothing may be served now, in words; empty while it may."""
        return self.lease.refusal(now) or self.freshness.refusal(now)


@dataclass
class Sandboxed:
    """What the self-test of the sandbox found, for whoever asks how the core stands."""

    verdict: SelfTest = field(default_factory=lambda: SelfTest(("The sandbox was not tested.",)))

    @property
    def words(self) -> str:
        """Ready, or why nothing is opened and shown."""
        return " ".join(self.verdict.faults) or "ready"


@dataclass(frozen=True)
class Opened:
    """A core with what it is made of, for the process that serves it."""

    core: Core
    log: CustodyLog
    keys: KeptPlanKeys
    serving: Serving
    extra: Mapping[str, Question]
    clock: Clock
    outside: Outside
    sandbox: Sandboxed
    channel: str
    """The line by which the portal verifies what the core answers."""

    def test(self) -> SelfTest:
        """Try the sandbox; nothing is opened or shown before it holds."""
        self.sandbox.verdict = self.outside.test()
        return self.sandbox.verdict

    def sweep(self) -> None:
        """Remove uploads that took too long, and sealed files that no delivery names."""
        self.core.deliveries.sweep(self.outside.sweep)

    def witness(self) -> dict[str, str]:
        """Show the log to its witnesses; what went wrong, by address."""
        return self.serving.freshness.ask(self.clock.now())

    def rotate(self) -> int:
        """Move plan keys to this month's epoch, and finish what failed before; how many were moved."""
        self.core.finish()
        return self.keys.rotate(self.clock.now())

    def close(self) -> None:
        """Let go of the log, so that the standby may open it, and wipe what is open."""
        self.outside.close()
        self.log.close()


def open_core(
    home: Path,
    settings: Settings,
    lease: Lease,
    outside: Callable[[KeptPlanKeys], Outside] = lambda _keys: Outside(),
    clock: Clock | None = None,
) -> Opened:
    """The core in a folder, once its lease is held. Makes its own keys at the first start.

    Raises `Damaged`, `UnsafeFile`, `KeyFailure`, `BadSettings` and ``OSError``: then nothing is served.
    """
    clock = clock or SystemClock()
    private_files.folder(home)
    known = _witnesses(settings)
    signing = [
        _key(home / f"log-key-{kind:02x}", f"{settings.log}/custodian", kind) for kind in (ED25519, MLDSA44)
    ]
    signer = KeptSigner(signing, home / "signer", _asked(known))
    keys = KeptPlanKeys(
        private_files.folder(home / "keys"),
        _key(home / "certificate-key", f"{settings.log}/destruction", ED25519),
        timedelta(days=settings.backup_days),
    )
    log = CustodyLog(home / "log")
    try:
        keys.tidy()
        fresh = Freshness(log, signer, known, timedelta(minutes=settings.fresh_minutes))
        serving, beside, sandbox = Serving(lease, fresh), outside(keys), Sandboxed()
        parts = Parts(
            log=log,
            kept=Kept(home / "kept"),
            keys=keys,
            fresh=serving,
            clock=clock,
            render=beside.render,
            inspect=beside.inspect,
            prepare=beside.prepare,
            text=beside.text,
            keep=beside.keep,
            compare=beside.compare,
        )
        core = Core(Custody(parts, Rules(settings.origin, settings.pinned, settings.break_glass)))
        core.start()
    except BaseException:
        log.close()
        raise
    channel = _key(home / "channel-key", f"{settings.log}/custodian-channel", ED25519)
    opened = Opened(core, log, keys, serving, {}, clock, beside, sandbox, channel.verifier)
    extra = {**_extra(settings, opened)}
    if settings.demonstration_officers:
        extra |= demonstration.questions(home)
    portal = portal_questions.channel(
        portal_channel.Portal(settings.portal),
        channel,
        {**DUE, **{one: extra[one] for one in ("state", "plan_key")}},
    )
    return replace(opened, extra={**extra, **beside.questions, "portal": portal})


def _extra(settings: Settings, opened: Opened) -> dict[str, Question]:
    keys, serving = opened.keys, opened.serving

    def state(core: Core, _form: Form) -> Done:
        now = opened.clock.now()
        return {
            "custody": settings.custody,
            "sandbox": opened.sandbox.words,
            "serving": serving.refusal(now) or "yes",
            "witness": serving.freshness.words(now),
            "lines": core.state_of_log,
            "log_keys": [str(key) for key in serving.freshness.signer.keys],
            "certificate_key": keys.certificate_key,
            "now": timestamp(now),
            "demonstration_officers": settings.demonstration_officers,
        }

    def plan_key(_core: Core, form: Form) -> Done:
        return {"key": keys.public(form.hexadecimal("plan", 32)).decode()}

    return {
        "state": Question((), state),
        "plan_key": Question(("plan",), plan_key),
    }


def _witnesses(settings: Settings) -> Witnesses:
    if settings.witnesses is None:
        return NONE
    try:
        return Witnesses.parse(settings.witnesses.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadSettings(f"{settings.witnesses} is no policy with witnesses: {problem}") from None


def _asked(known: Witnesses) -> Callable[[str], Seen | None]:
    """What the signer asks at its start: how much witnesses have seen. Without any, nothing."""
    return (lambda note: largest_seen(known.asked, note)) if known.asked else (lambda _note: Seen(0))


def _key(path: Path, name: str, kind: int) -> SigningKey:
    found = SigningKey.load(path) if path.exists() else SigningKey.create(path, name, kind)
    if found.name != name:
        raise BadSettings(f"{path} is the key of {found.name}, and the settings say {name}")
    return found


def _portal(told: Any) -> VerifierKey:
    try:
        found = VerifierKey.parse(str(told))
    except NoteError:
        found = None
    if found is None or found.type != ED25519:
        raise BadSettings("portal: the line that the portal's operator was shown (assay channel-key)")
    return found


def _shift(told: Any) -> float:
    if type(told) not in (int, float) or not abs(told) <= LONGEST_SHIFT:
        raise BadSettings("clock_shift: a number of seconds, of at most a hundred years")
    return float(told)


def _user(told: Any) -> int:
    if type(told) is int and told >= 0:
        return told
    try:
        return pwd.getpwnam(str(told)).pw_uid
    except KeyError:
        raise BadSettings("front: the name or number of the front's user on this machine") from None


def group_of(user: int) -> int:
    """The group that a socket is given to, so that this user reaches it. Raises `BadSettings`."""
    try:
        return grp.getgrgid(pwd.getpwuid(user).pw_gid).gr_gid
    except KeyError:
        raise BadSettings("front: this machine does not know that user") from None
