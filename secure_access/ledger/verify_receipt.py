"""Verify a receipt of an Assay ledger, offline. One file: needs Python 3.11 and the package ``cryptography``.

    python verify_receipt.py RECEIPT.json POLICY.txt

The policy (C2SP tlog-policy: log keys, witness keys, quorum) says whom you trust. Get it from somewhere
other than the portal that gave you the receipt. Exit status: 0 proved; 1 not proved; 2 the input cannot be
read; 3 signed by the log but not witnessed, so the log could still show others something else; 4 nothing in
it is signed yet, so it proves nothing. What no proof covers is not shown.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:  # pragma: no cover - an older cryptography, which a test of its own stands in for
    MLDSA44PublicKey = None  # type: ignore[assignment, misc]

FORMAT = "assay.receipt/v2"
ENTRY_RECEIPT = "assay.receipt/v1"
CUSTODY_RECEIPT = "assay.custody_receipt/v1"
ENTRY_FORMAT = "assay.entry/v1"
ANCHOR, CUSTODY = "ledger.anchored", "custody"
_OF_MANIFESTS = {"manifest", "acknowledgements"}
_OF_ENTRIES = {"v", "content", "entry", "salt", "log", "proof", "checkpoint"}
_MEMBERS = {
    FORMAT: {*_OF_ENTRIES, "timestamps", *_OF_MANIFESTS},
    ENTRY_RECEIPT: {*_OF_ENTRIES, "timestamps"},
    CUSTODY_RECEIPT: {*_OF_ENTRIES, "anchor"},
}
SALT_SIZE = HASH_SIZE = 32
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
LOG_KEY, WITNESS_KEY, MLDSA_KEY = 1, 4, 6
KEY_SIZES = {LOG_KEY: 32, WITNESS_KEY: 32, MLDSA_KEY: 1312}


class BadInput(ValueError):
    """The receipt or the policy cannot be read; the message says what is wrong with it."""


class State(StrEnum):
    """How far a receipt proves what it says."""

    PROVED = "proved"
    NOT_WITNESSED = "signed, not witnessed"
    PROOF_FOLLOWS = "not proved yet"
    NOT_PROVED = "not proved"


_FOLLOWS = (
    "nothing in it is signed. If it was recorded, its proof follows: fetch the receipt again in a minute"
)
EXIT_STATUS = {State.PROVED: 0, State.NOT_PROVED: 1, State.NOT_WITNESSED: 3, State.PROOF_FOLLOWS: 4}
BAD_INPUT_STATUS = 2


@dataclass(frozen=True)
class Outcome:
    """The result: state, reason, the entry, and the witnesses that signed, as the policy names them.

    ``manifest`` is what the entry names by digest; ``acknowledgements`` are the later entries about the same
    matter that a proof covers, ``unproved`` how many more the receipt claims.
    """

    state: State
    reason: str
    content: dict[str, Any] = field(default_factory=dict)
    witnesses: tuple[str, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)
    acknowledgements: tuple[dict[str, Any], ...] = ()
    unproved: int = 0
    timestamps: tuple[str, ...] = ()
    """What the receipt says of its time stamps. They are not checked here."""

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.state]

    def __str__(self) -> str:
        lines = [f"{self.state}: {self.reason}"]
        for name in ("type", "at", "id"):
            if name in self.content:
                lines.append(f"  {name}: {self.content[name]}")
        lines += [f"  {line}" for line in (*_told(self.manifest), *map(_later, self.acknowledgements))]
        if self.unproved:
            lines.append(f"  not shown: {self.unproved} later entries that no proof covers")
        for stamp in self.timestamps:
            lines.append(f"  time stamp: {stamp}; not checked here, check it with openssl ts -verify")
        return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)


@dataclass(frozen=True)
class Key:
    """A named key of a log or a witness: Ed25519, or ML-DSA-44 (type 6)."""

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    @property
    def usable(self) -> bool:
        """Whether the installed cryptography can check its signatures; they count as absent where not."""
        return self.type != MLDSA_KEY or MLDSA44PublicKey is not None

    @classmethod
    def parse(cls, text: str, kind: int) -> Key:
        """Read ``name+id+base64(type, key)``, of this type or ML-DSA-44. Raises `BadInput`."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _unbase64(encoded, "a key")
        key = cls(name, raw[0] if raw else 0, raw[1:])
        of_kind = key.type in (kind, MLDSA_KEY) and len(key.public) == KEY_SIZES[key.type]
        if not name or not of_kind or key.id.hex() != key_id:
            raise BadInput(f"the key of {name or 'nobody'} in the policy is not a key of the right kind")
        return key


@dataclass
class Policy:
    """Whom a verifier trusts: logs by origin, witnesses and groups by name, and the quorum."""

    logs: dict[str, list[Key]] = field(default_factory=dict)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = ""
    urls: dict[str, str] = field(default_factory=dict)
    """Where a witness is asked, by its name in the policy; nothing that a verifier needs."""

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read C2SP tlog-policy. Raises `BadInput` with the number of the line."""
        policy = cls()
        if _FORBIDDEN.search(text):
            raise BadInput("the policy holds a control character that is neither a tab nor a newline")
        for number, line in enumerate(text.split("\n"), 1):
            words = re.findall(r"[^ \t]+", line)
            if not words or words[0].startswith("#"):
                continue
            try:
                policy._read(words)
            except BadInput as problem:
                raise BadInput(f"policy, line {number}: {problem}") from None
        if not policy.quorum:
            raise BadInput("the policy has no quorum line")
        for name, keys in policy.logs.items():
            if not any(key.usable for key in keys):
                raise BadInput(f"every key of {name} is of ML-DSA-44, which needs a newer cryptography")
        return policy

    def _read(self, words: list[str]) -> None:
        match words:
            case ["log", key] | ["log", key, _]:
                log = Key.parse(key, LOG_KEY)
                self._check_new_key(log, (key for keys in self.logs.values() for key in keys))
                self.logs.setdefault(log.name, []).append(log)
            case ["witness", name, key, *url] if len(url) < 2:
                witness = Key.parse(key, WITNESS_KEY)
                self._check_new_key(witness, self.witnesses.values())
                self._check_new_name(name)
                self.witnesses[name] = witness
                self.urls.update(dict.fromkeys([name] if url else [], "".join(url)))
            case ["group", name, threshold, *members] if members:
                self._check_new_name(name)
                self._check_members(members)
                self.groups[name] = (_threshold(threshold, len(members)), tuple(members))
            case ["quorum", name] if not self.quorum:
                if name != "none":
                    self._check_known(name)
                self.quorum = name
            case _:
                raise BadInput(f"this is not a line of a policy: {' '.join(words)[:60]}")

    def _check_new_key(self, key: Key, known: Iterable[Key]) -> None:
        if any(other.public == key.public for other in known):
            raise BadInput(f"the key of {key.name} is listed twice")

    def _check_new_name(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise BadInput(f"the name {name} is taken")

    def _check_known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise BadInput(f"{name} is not defined above this line")

    def _check_members(self, members: list[str]) -> None:
        used = {member for _, others in self.groups.values() for member in others}
        for number, member in enumerate(members):
            self._check_known(member)
            if member in used or member in members[:number]:
                raise BadInput(f"{member} is already in a group")

    def reached(self, signed: set[str], name: str | None = None) -> bool:
        """Whether the witnesses ``signed`` make the quorum. Without a quorum there is none to reach."""
        name = name or self.quorum
        if name in self.groups:
            needed, members = self.groups[name]
            return sum(self.reached(signed, member) for member in members) >= needed
        return name in signed


def verify(receipt: str | bytes, policy: Policy) -> Outcome:
    """Check a receipt against a policy. Raises `BadInput` when it cannot be read as a receipt at all."""
    content = _parse_json(receipt)
    version = content.get("v")
    if not isinstance(version, str) or version not in _MEMBERS:
        raise BadInput(f"this is not a receipt of the format {', '.join(_MEMBERS)}")
    if unknown := sorted(content.keys() - _MEMBERS[version]):
        raise BadInput(f"a receipt of the format {version} has no {unknown[0][:40]!r}")
    proof, checkpoint = content.get("proof"), content.get("checkpoint")
    recorded: dict[str, Any] = {}
    try:
        recorded, leaf = _entry(content)
        if version == CUSTODY_RECEIPT:
            return _in_custody(content, recorded, leaf, policy)
        manifest = _manifest(content, recorded)
        later = _acknowledgements(content, recorded, manifest)
        if proof is None or checkpoint is None:
            return Outcome(State.PROOF_FOLLOWS, _FOLLOWS, recorded)
        witnesses = _check(leaf, proof, checkpoint, policy)
        for _, found, shown in later:
            if shown is not None:
                _check(found, shown, checkpoint, policy)
        stamps = _stamps(leaf, proof["index"], content.get("timestamps", []))
    except _Untrue as untrue:
        return Outcome(State.NOT_PROVED, str(untrue), recorded)
    told: dict[str, Any] = {
        "content": recorded,
        "witnesses": witnesses,
        "manifest": manifest,
        "acknowledgements": tuple(entry for entry, _, shown in later if shown is not None),
        "unproved": sum(shown is None for _, _, shown in later),
        "timestamps": stamps,
    }
    return _seen_by(policy, **told)


def verify_leaf(leaf: bytes, proof: Any, checkpoint: Any, policy: Policy) -> Outcome:
    """Check a leaf, the keyed commitment to an entry, without the entry. Raises `BadInput`."""
    if proof is None or checkpoint is None:
        return Outcome(State.PROOF_FOLLOWS, _FOLLOWS)
    try:
        witnesses = _check(hashlib.sha256(b"\x00" + leaf).digest(), proof, checkpoint, policy)
    except _Untrue as untrue:
        return Outcome(State.NOT_PROVED, str(untrue))
    return _seen_by(policy, witnesses=witnesses)


def _seen_by(policy: Policy, **told: Any) -> Outcome:
    witnesses = told["witnesses"]
    if policy.reached(set(witnesses)):
        reason = f"it is in the log, and witnessed by {', '.join(witnesses)}"
        return Outcome(State.PROVED, reason, **told)
    reason = "it is in the signed log, but no quorum of witnesses has seen that log"
    return Outcome(State.NOT_WITNESSED, reason, **told)


def _in_custody(content: dict[str, Any], recorded: dict[str, Any], leaf: bytes, policy: Policy) -> Outcome:
    """An entry of the custody log: in the head that an entry of the public log fixes. Raises `_Untrue`."""
    proof, anchor, checkpoint = (content.get(name) for name in ("proof", "anchor", "checkpoint"))
    if proof is None or anchor is None or checkpoint is None:
        return Outcome(State.PROOF_FOLLOWS, _FOLLOWS, recorded)
    if not isinstance(anchor, dict):
        raise BadInput("the anchor is malformed")
    fixing, fixed = _entry(anchor)
    fields = fixing.get("fields")
    if fixing.get("type") != ANCHOR or not isinstance(fields, dict) or fields.get("log") != CUSTODY:
        raise _Untrue("its anchor does not fix the custody log")
    size, root = fields.get("size"), _unbase64(fields.get("root"), "the root of the anchor")
    if type(size) is not int or recorded.get("log") != CUSTODY:
        raise _Untrue("it is not an entry of the log that its anchor fixes")
    index, path = _path(proof)
    if _root(leaf, index, size, path) != root:
        raise _Untrue("the entry is not in the custody log at this place")
    return _seen_by(
        policy, content=recorded, witnesses=_check(fixed, anchor.get("proof"), checkpoint, policy)
    )


def _entry(part: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What an entry says, and its leaf hash. Raises `_Untrue` where the part for reading says otherwise."""
    try:
        entry, salt, readable = _bytes(part, "entry"), _bytes(part, "salt"), part["content"]
    except KeyError as missing:
        raise BadInput(f"the receipt has no {missing}") from None
    recorded = _parse_json(entry)
    if recorded.get("v") != ENTRY_FORMAT or len(salt) != SALT_SIZE:
        raise BadInput(f"it does not hold an entry of the format {ENTRY_FORMAT} with its salt")
    if _sorted(readable) != _sorted(recorded):
        raise _Untrue("the part for reading differs from the bytes that were recorded")
    return recorded, hashlib.sha256(b"\x00" + hmac.new(salt, entry, hashlib.sha256).digest()).digest()


def _manifest(content: dict[str, Any], recorded: dict[str, Any]) -> dict[str, Any]:
    """The manifest, if its digest stands in the entry; one of the entry alone has none. Raises `_Untrue`."""
    fields, manifest = recorded.get("fields"), content.get("manifest")
    named = fields.get("manifest") if isinstance(fields, dict) else None
    if content["v"] == ENTRY_RECEIPT or (named is None and manifest is None):
        return {}
    if not isinstance(manifest, dict):
        raise _Untrue("the entry names a manifest, and the receipt does not hold it")
    if hashlib.sha256(_canonical(manifest)).hexdigest() != named:
        raise _Untrue("the manifest is not the one that was recorded")
    return manifest


def _acknowledgements(
    content: dict[str, Any], recorded: dict[str, Any], manifest: dict[str, Any]
) -> list[tuple[dict[str, Any], bytes, Any]]:
    """Later entries with leaf hash and proof. Raises `_Untrue` for one out of order or of another matter."""
    given, found, before = content.get("acknowledgements", []), [], _place(content.get("proof"))
    if content["v"] == ENTRY_RECEIPT:
        return []
    if not isinstance(given, list) or not all(isinstance(part, dict) for part in given):
        raise BadInput("the acknowledgements are malformed")
    for number, part in enumerate(given, 1):
        entry, leaf = _entry(part)
        mine = [_at(manifest, "subject")] if manifest else _list(recorded, "about")[:1]
        if not mine or mine[0] not in _list(entry, "about"):
            raise _Untrue(f"acknowledgement {number} is about something else")
        if (proof := part.get("proof")) is not None:
            if (place := _place(proof)) <= before:
                raise _Untrue(f"acknowledgement {number} does not come after what stands before it")
            before = place
        found.append((entry, leaf, proof))
    return found


def _place(proof: Any) -> int:
    index = proof.get("index") if isinstance(proof, dict) else None
    return index if type(index) is int else -1


def _canonical(value: Any) -> bytes:
    """RFC 8785 for what a manifest holds: objects by UTF-16 code units, no white space, UTF-8."""

    def ordered(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: ordered(part[key]) for key in sorted(part, key=lambda key: key.encode("utf-16-be"))}
        return [ordered(item) for item in part] if isinstance(part, list) else part

    try:
        return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode()
    except (RecursionError, UnicodeEncodeError):
        raise BadInput("the manifest has no canonical form") from None


def _told(manifest: dict[str, Any]) -> list[str]:
    """What a manifest says, line by line."""
    paths = ("kind", "reference", "entity.name", "received.utc", "received.local", "received.zone")
    found = [(path.replace(".", ", "), _at(manifest, path)) for path in (*paths, "timeliness.ruling")]
    found += [("due", _at(manifest, "timeliness.due_at"))]
    found += [
        ("signed by", f"{_at(one, 'title')}, person {_at(one, 'person') or 'not named'}")
        for one in _list(manifest, "signed")
    ]
    found += [
        ("attachment", f"{_at(one, 'label')}, SHA-256 {_at(one, 'sha256')}")
        for one in _list(manifest, "attachments")
    ]
    return [f"{name}: {value}" for name, value in found if value]


def _later(entry: dict[str, Any]) -> str:
    clock, due = _at(entry, "fields.clock"), _at(entry, "fields.due")
    starts = f", starts the clock {clock}" + (f", due {due}" if due else "") if clock else ", starts no clock"
    return f"later: {_at(entry, 'type')} at {_at(entry, 'at')}{starts}"


def _at(value: Any, path: str) -> str:
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, dict) else ""
    return value if isinstance(value, str) else ""


def _list(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []


class _Untrue(Exception):
    """A proof or a signature is false."""


def _check(leaf: bytes, proof: Any, checkpoint: Any, policy: Policy) -> tuple[str, ...]:
    """The witnesses that signed the checkpoint in which ``leaf`` is. Raises `_Untrue`."""
    index, path = _path(proof)
    if not isinstance(checkpoint, str):
        raise BadInput("the checkpoint is malformed")
    text, signatures = _read_note(checkpoint)
    origin, size, root = _read_head(text)
    keys = policy.logs.get(origin, [])
    signed = [_signed(text, signatures, key) for key in keys]
    if not any(signed):
        raise _Untrue(f"no log key of the policy signed the checkpoint of {origin}")
    if _root(leaf, index, size, path) != root:
        raise _Untrue("the entry is not in the log at this place")
    return tuple(name for name, key in policy.witnesses.items() if _signed(text, signatures, key))


def _path(proof: Any) -> tuple[int, list[bytes]]:
    """Place and audit path of a proof. Raises `BadInput`."""
    if not isinstance(proof, dict):
        raise BadInput("the proof is malformed")
    index, hashes = proof.get("index"), proof.get("hashes")
    if type(index) is not int or not isinstance(hashes, list):
        raise BadInput("the proof has no index or no hashes")
    return index, [_unbase64(value, "a hash of the proof") for value in hashes]


def _stamps(leaf: bytes, index: int, stamps: Any) -> tuple[str, ...]:
    """What each time stamp is said to be, once ``leaf`` is in the checkpoint that it is over.

    Who stamped and when is not checked: that takes the authority's certificate. Raises `_Untrue`.
    """
    if not isinstance(stamps, list) or not all(isinstance(stamp, dict) for stamp in stamps):
        raise BadInput("the time stamps are malformed")
    found = []
    for stamp in stamps:
        text, hashes = stamp.get("checkpoint"), stamp.get("hashes")
        if not isinstance(text, str) or not isinstance(hashes, list):
            raise BadInput("a time stamp has no checkpoint or no hashes")
        _, size, root = _read_head(text)
        if _root(leaf, index, size, [_unbase64(value, "a hash of a time stamp") for value in hashes]) != root:
            raise _Untrue("the entry is not in the checkpoint of its time stamp")
        if hashlib.sha256(text.encode()).digest() not in _bytes(stamp, "answer"):
            raise _Untrue("a time stamp is of something else than its checkpoint")
        found.append(" ".join(f"{stamp.get('name')}, {stamp.get('at')}".split())[:200])
    return tuple(found)


def _root(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an audit path leads to (RFC 9162 §2.1.3.2). Raises `_Untrue` for a wrong length."""
    if not 0 <= index < size:
        raise _Untrue("the log has no such place")
    if any(len(value) != HASH_SIZE for value in (leaf, *path)):
        raise _Untrue("a hash of the proof has a wrong length")
    position, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise _Untrue("the proof is too long")
        if position & 1 or position == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        position, last = position >> 1, last >> 1
    if last:
        raise _Untrue("the proof is too short")
    return found


def _read_note(checkpoint: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, blank, rest = checkpoint.rpartition("\n\n")
    if not blank or not rest.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", checkpoint):
        raise BadInput("the checkpoint is not a signed note")
    signatures = []
    for line in rest[:-1].split("\n"):
        match = re.fullmatch(r"— (\S+) (\S+)", line)
        if match is None:
            raise BadInput("a signature line of the checkpoint is malformed")
        signatures.append((match[1], _unbase64(match[2], "a signature")))
    return text + "\n", signatures


def _read_head(text: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    if len(lines) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise BadInput("the checkpoint has no origin, size and root")
    return lines[0], int(lines[1]), _unbase64(lines[2], "the root")


def _signed(text: str, signatures: list[tuple[str, bytes]], key: Key) -> bool:
    """Whether ``key`` signed. Raises `_Untrue` for a signature that claims the key and is false."""
    if not key.usable:
        return False
    mine = [signature[4:] for name, signature in signatures if name == key.name and signature[:4] == key.id]
    for signature in mine:
        try:
            _check_signature(text, signature, key)
        except (InvalidSignature, ValueError):
            raise _Untrue(f"the signature of {key.name} is false") from None
    return bool(mine)


def _check_signature(text: str, signature: bytes, key: Key) -> None:
    """Raises ``InvalidSignature``, or ``ValueError`` for what cannot be one."""
    if key.type == LOG_KEY:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
        return
    stamp, own = signature[:8], signature[8:]
    if key.type == WITNESS_KEY:
        message = f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n{text}".encode()
        Ed25519PublicKey.from_public_bytes(key.public).verify(own, message)
        return
    origin, size, root = _read_head(text)
    names = [bytes([len(name)]) + name for name in (key.name.encode(), origin.encode())]
    head = names[1] + bytes(8) + size.to_bytes(8, "big") + root
    message = b"subtree/v1\n\x00" + names[0] + stamp + head
    MLDSA44PublicKey.from_public_bytes(key.public).verify(own, message)


def _threshold(text: str, members: int) -> int:
    needed = {"any": 1, "all": members}.get(text)
    if needed is None and re.fullmatch(r"[1-9][0-9]{0,3}", text):
        needed = int(text)
    if needed is None or needed > members:
        raise BadInput(f"a group of {members} cannot need {text}")
    return needed


def _parse_json(text: str | bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise BadInput("an object has the same key twice")
        return found

    try:
        content = json.loads(text, object_pairs_hook=once)
    except BadInput:
        raise
    except (ValueError, RecursionError):
        raise BadInput("this is not JSON") from None
    if not isinstance(content, dict):
        raise BadInput("this is JSON, but not an object")
    return content


def _sorted(content: Any) -> str:
    """One text for one value, so that ``true`` and ``1`` are not taken for the same."""
    try:
        return json.dumps(content, sort_keys=True)
    except RecursionError:
        raise BadInput("it is nested too deep") from None


def _bytes(content: dict[str, Any], name: str) -> bytes:
    return _unbase64(content[name], name)


def _unbase64(text: Any, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise BadInput(f"{what} is not base64") from None


def main(arguments: list[str]) -> int:
    """Verify the files named on the command line; the exit status."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return BAD_INPUT_STATUS
    try:
        receipt, policy = (Path(name).read_bytes() for name in arguments)
        # Names in a policy may be any octets; those that are not UTF-8 are kept apart by their escapes.
        outcome = verify(receipt, Policy.parse(policy.decode(errors="backslashreplace")))
    except (OSError, ValueError) as problem:
        print(f"cannot be read: {problem}", file=sys.stderr)
        return BAD_INPUT_STATUS
    print(outcome)
    return outcome.exit_status


if __name__ == "__main__":  # pragma: no cover - a test runs the file on its own
    sys.exit(main(sys.argv[1:]))
