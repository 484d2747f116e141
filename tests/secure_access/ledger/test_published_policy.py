"""The cases of transparency-dev/formats policy/tlog_policy_test.go (Apache-2.0, Google LLC), by our parser.

Inputs and outcomes are theirs, but for three. Their witness keys carry the key id 00000000, which their
verifier never looks at: here a key whose id is not its own is refused, and the cases below use the true one.
A policy that asks for no quorum proves nothing here. And a witness with an ML-DSA key is their newest case:
such keys are tested beside the code that reads them.
"""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_access.keys import SigningKey
from secure_access.ledger import note, verify_receipt
from secure_access.ledger.note import COSIGNATURE_KEY, Checkpoint, VerifierKey
from secure_access.ledger.verify_receipt import BadInput, Policy

ORIGIN = "example.com/log"
PLAIN = "Wit1+55ee4561+AVhZSmQj9+SoL+p/nN0Hh76xXmF7QcHfytUrI1XfSClk"
PUBLISHED = {
    # name: the public key and the private one, as upstream publishes them
    "Wit1": (PLAIN, "AeadRiG7XM4XiieCHzD8lxysXMwcViy5nYsoXURWGrlE"),
    "Wit2": (
        "Wit2+85ecc407+AWVbwFJte9wMQIPSnEnj4KibeO6vSIOEDUTDp3o63c2x",
        "AfPTvxw5eUcqSgivo2vaiC7JPOMUZ/9baHPSDrWqgdGm",
    ),
    "Wit3": (
        "Wit3+d3ed3be7+ASb6Uz1+fxAcXkMvDd7nGa3FjDce7LxIKmbbTCT0MpVn",
        "AR2Kg8k6ccBr5QXz5SHtnkOS4UGQGEQaWi6Gfr6Mm3X5",
    ),
}


def signer(name: str, seed: bytes) -> SigningKey:
    return SigningKey(name, Ed25519PrivateKey.from_private_bytes(seed))


WITNESSES = [signer(name, base64.b64decode(secret)[1:]) for name, (_, secret) in PUBLISHED.items()]
WITNESSES += [signer(f"Wit{n}", bytes([n]) * 32) for n in (4, 5, 6)]
W1, W2, W3, W4, W5, W6 = (str(VerifierKey(key.name, key.public, COSIGNATURE_KEY)) for key in WITNESSES)
LOG, OTHER = signer(ORIGIN, b"\x0a" * 32), signer("other.example.com/log", b"\x0b" * 32)
L = str(VerifierKey(LOG.name, LOG.public))
O = str(VerifierKey(OTHER.name, OTHER.public))  # noqa: E741 - one letter each, as L


def key_of(name: str, kind: int, public: bytes) -> str:
    raw = bytes([kind]) + public
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(raw).decode()}"


def test_the_published_keys_are_read() -> None:
    for witness, (public, _) in zip(WITNESSES, PUBLISHED.values(), strict=False):
        assert str(VerifierKey(witness.name, witness.public)) == public


SPEC = (
    f"log {L}\n\nwitness X1 {W1}\nwitness X2 {W2}\nwitness X3 {W3}\ngroup X-witnesses 2 X1 X2 X3\n\n"
    f"witness Y1 {W4}\nwitness Y2 {W5}\nwitness Y3 {W6}\ngroup Y-witnesses any Y1 Y2 Y3\n\n"
    "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
)
KELVIN = b"KKlvin-w\x80".decode(errors="backslashreplace")
READ: dict[str, tuple[str, int, list[str], dict[str, tuple[int, tuple[str, ...]]], str]] = {
    # policy; how many logs; names of witnesses; groups; quorum
    "example of the specification": (
        SPEC,
        1,
        ["X1", "X2", "X3", "Y1", "Y2", "Y3"],
        {
            "X-witnesses": (2, ("X1", "X2", "X3")),
            "Y-witnesses": (1, ("Y1", "Y2", "Y3")),
            "X-and-Y": (2, ("X-witnesses", "Y-witnesses")),
        },
        "X-and-Y",
    ),
    "minimal": ("quorum none\n", 0, [], {}, "none"),
    "whitespace and comments": (
        f"\n# comment\n\t # another comment\n\twitness \t w1  {W1}   https://w1.example.com/  \n\n"
        "  quorum\tw1",
        0,
        ["w1"],
        {},
        "w1",
    ),
    "addresses are optional": (
        f"log {L} https://log.example.com/\nwitness w1 {W1}\nquorum w1\n",
        1,
        ["w1"],
        {},
        "w1",
    ),
    "a name of any octets": (f"witness {KELVIN} {W1}\nquorum {KELVIN}\n", 0, [KELVIN], {}, KELVIN),
    "keywords are names": (
        f"witness all {W1}\nwitness any {W2}\ngroup group 2 all any\nquorum group\n",
        0,
        ["all", "any"],
        {"group": (2, ("all", "any"))},
        "group",
    ),
    "with a group, addresses and a comment": (
        f"# A policy.\nlog {L} https://log.example.com/\nwitness w1 {W1} https://w1.example.com/\n"
        f"witness w2 {W2}\ngroup g1 any w1 w2\nquorum g1\n",
        1,
        ["w1", "w2"],
        {"g1": (1, ("w1", "w2"))},
        "g1",
    ),
}


@pytest.mark.parametrize("case", READ)
def test_read(case: str) -> None:
    text, logs, witnesses, groups, quorum = READ[case]
    policy = Policy.parse(text)
    assert sum(map(len, policy.logs.values())) == logs
    assert list(policy.witnesses) == witnesses
    assert (policy.groups, policy.quorum) == (groups, quorum)


def test_a_log_is_known_by_the_name_of_its_key() -> None:
    assert list(Policy.parse(f"log {L}\nquorum none\n").logs) == [ORIGIN]


W1_AS_ANOTHER = str(VerifierKey("impostor.example.com", WITNESSES[0].public, COSIGNATURE_KEY))
REFUSED: dict[str, tuple[str, str]] = {
    "disallowed control octet": ("quorum none\n\x01", "control character"),
    "disallowed control octet in a comment": ("# a\x01\nquorum none\n", "control character"),
    "carriage return": ("quorum none\r\n", "control character"),
    "delete": ("quorum none\n\x7f", "control character"),
    "unknown keyword": ("quibble w1\nquorum none\n", "not a line of a policy"),
    "a comment in a line": (
        f"witness w1 {W1} https://w1.example.com/ # comment\nquorum w1\n",
        "not a line of a policy",
    ),
    "log without key": ("log\nquorum none\n", "not a line of a policy"),
    "log with a key that is none": ("log garbage\nquorum none\n", "not base64|right kind"),
    "log with an unknown kind of key": (
        f"log {key_of('unknown.example.com', 0x63, bytes(32))}\nquorum none\n",
        "right kind",
    ),
    "one log key twice": (f"log {L}\nlog {L} https://log.example.com/\nquorum none\n", "listed twice"),
    "witness without key": ("witness w1\nquorum none\n", "not a line of a policy"),
    "witness with an ECDSA key": (
        f"witness w1 {key_of('ecdsa.example.com', 2, bytes([1, 2, 3]))}\nquorum w1\n",
        "right kind",
    ),
    "witness with the key of a log": (f"witness w1 {PLAIN}\nquorum w1\n", "right kind"),
    "witness named none": (f"witness none {W1}\nquorum none\n", "taken"),
    "one name for two witnesses": (f"witness w1 {W1}\nwitness w1 {W2}\nquorum w1\n", "taken"),
    "group with the name of a witness": (f"witness w1 {W1}\ngroup w1 any w1\nquorum w1\n", "taken"),
    "group without members": (f"witness w1 {W1}\ngroup g1 1\nquorum w1\n", "not a line of a policy"),
    "group named none": (f"witness w1 {W1}\ngroup none any w1\nquorum none\n", "taken"),
    "threshold zero": (f"witness w1 {W1}\ngroup g1 0 w1\nquorum g1\n", "cannot need 0"),
    "threshold below zero": (f"witness w1 {W1}\ngroup g1 -1 w1\nquorum g1\n", "cannot need -1"),
    "threshold above the members": (f"witness w1 {W1}\ngroup g1 2 w1\nquorum g1\n", "cannot need 2"),
    "unknown member": (f"witness w1 {W1}\ngroup g1 any w2\nquorum g1\n", "w2 is not defined above"),
    "member named before it is there": (
        f"group g1 any w1\nwitness w1 {W1}\nquorum g1\n",
        "w1 is not defined above",
    ),
    "none as a member": (f"witness w1 {W1}\ngroup g1 any none w1\nquorum g1\n", "none is not defined above"),
    "a member twice in a group": (f"witness w1 {W1}\ngroup g1 all w1 w1\nquorum g1\n", "already in a group"),
    "a member in two groups": (
        f"witness w1 {W1}\nwitness w2 {W2}\ngroup g1 any w1 w2\ngroup g2 any w1\nquorum g1\n",
        "already in a group",
    ),
    "no quorum": (f"witness w1 {W1}\n", "no quorum"),
    "two quorums": (f"witness w1 {W1}\nquorum w1\nquorum w1\n", "not a line of a policy"),
    "quorum of an unknown name": ("quorum unknown\n", "unknown is not defined above"),
    "quorum before its name": (f"quorum w1\nwitness w1 {W1}\n", "w1 is not defined above"),
    "quorum without a name": ("quorum\n", "not a line of a policy"),
    "one witness key under two names": (
        f"witness w1 {W1}\nwitness w2 {W1_AS_ANOTHER}\nquorum w1\n",
        "listed twice",
    ),
    "a key id that is not the key's own": (
        f"witness w1 Wit1+00000000+{W1.split('+', 2)[2]}\nquorum w1\n",
        "right kind",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    text, why = REFUSED[case]
    with pytest.raises(BadInput, match=why):
        Policy.parse(text)


# Whether a checkpoint is enough

LEAF = hashlib.sha256(b"\x00leaf").digest()
HEAD = Checkpoint(ORIGIN, 1, LEAF)
NESTED = (
    f"log {L}\nwitness w1 {W1}\nwitness w2 {W2}\nwitness w3 {W3}\ngroup inner any w2 w3\n"
    "group outer all w1 inner\nquorum outer\n"
)


def checkpoint(by: SigningKey | None, *witnesses: int) -> str:
    signed = str(note.sign(HEAD.text, by)) if by else f"{HEAD.text}\n"
    cosigned = [str(note.cosign(HEAD.text, WITNESSES[n - 1], 1_820_000_000)) for n in witnesses]
    return signed + "".join(cosigned)


def witnessed(policy: str, text: str) -> bool:
    """Whether the quorum is reached. Raises for a checkpoint that no log of the policy signed."""
    trusted = Policy.parse(policy)
    names = verify_receipt._check(LEAF, {"index": 0, "hashes": []}, text, trusted)
    return trusted.reached(set(names))


@pytest.mark.parametrize(
    ("witnesses", "enough"), [((1, 2, 3), True), ((1, 3), True), ((1,), False), ((2, 3), False), ((), False)]
)
def test_a_quorum_of_groups(witnesses: tuple[int, ...], enough: bool) -> None:
    assert witnessed(NESTED, checkpoint(LOG, *witnesses)) is enough


@pytest.mark.parametrize(
    ("policy", "by", "witnesses", "enough"),
    [
        (f"log {L}\nwitness w1 {W1}\nquorum w1\n", LOG, (1,), True),
        (f"log {O}\nlog {L}\nwitness w1 {W1}\nquorum w1\n", LOG, (1,), True),
        (f"log {L}\nwitness w1 {W1}\nquorum w1\n", LOG, (), False),
    ],
)
def test_log_and_quorum(policy: str, by: SigningKey, witnesses: tuple[int, ...], enough: bool) -> None:
    assert witnessed(policy, checkpoint(by, *witnesses)) is enough


@pytest.mark.parametrize(
    ("policy", "by"),
    [
        (f"log {L}\nwitness w1 {W1}\nquorum w1\n", None),
        (f"log {O}\nwitness w1 {W1}\nquorum w1\n", OTHER),
        (f"witness w1 {W1}\nquorum w1\n", LOG),
    ],
)
def test_no_log_of_the_policy_signed(policy: str, by: SigningKey | None) -> None:
    with pytest.raises(verify_receipt._Untrue, match="no log key of the policy"):
        witnessed(policy, checkpoint(by, 1))


def test_quorum_none_asks_for_no_witness() -> None:
    """Upstream calls that met. Here the receipt says "signed, not witnessed": nobody else has seen it."""
    assert not witnessed(f"log {L}\nquorum none\n", checkpoint(LOG))
    assert not Policy(quorum="missing").reached({"w1"})
