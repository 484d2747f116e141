"""The keys of a custody officer: one that signs enrolment lists, one that opens recovery copies.

They are made offline and kept in one file, encrypted under a passphrase: Argon2id (RFC 9106, its second
recommended setting with four times the memory) and AES-256-GCM, which the public half is bound to.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from secure_access.custodian import enrolment, forms
from secure_access.ledger import canonical
from secure_access.sealing import hpke

FORMAT, PUBLIC_FORMAT = "assay.officer-keys/v1", "assay.officer/v1"
SHORTEST = 20
"""Characters of a passphrase: five or six words."""
MEMORY, PASSES, LANES = 256 * 1024, 3, 4
"""Of Argon2id: KiB, iterations, parallel lanes. One try takes about half a second."""
_SALT, _NONCE, _SECRET = 16, 12, 64
_PUBLIC = ("id", "name", "group", "sign", "open")


class WrongPassphrase(ValueError):
    """The passphrase does not open the file, or the file was changed."""


class WeakPassphrase(ValueError):
    """The passphrase is too short to protect a key that can be tried offline."""


@dataclass(frozen=True)
class OfficerKeys:
    """An officer with both private keys, in memory for the length of one command."""

    id: str
    name: str
    group: str
    sign: Ed25519PrivateKey = field(repr=False)
    open: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public half, as the list names it: what is handed to whoever assembles it."""
        return canonical.encode(
            {
                "v": PUBLIC_FORMAT,
                "id": self.id,
                "name": self.name,
                "group": self.group,
                "sign": _text(self.sign.public_key().public_bytes_raw()),
                "open": _text(hpke.public_of(hpke.XWING, self.open)),
            }
        )

    def signature(self, encoded: bytes) -> bytes:
        """The signature over the bytes of a list."""
        return self.sign.sign(enrolment.DOMAIN + encoded)


def make(officer: str, name: str, group: str) -> OfficerKeys:
    """Two fresh key pairs for an officer. Raises `Malformed` for an id that is none."""
    made = OfficerKeys(officer, name, group, Ed25519PrivateKey.generate(), hpke.new_private())
    read_public(made.public)
    return made


def read_public(encoded: bytes) -> enrolment.Officer:
    """An officer's public half. Raises `Malformed`."""
    form = forms.document(encoded, PUBLIC_FORMAT, _PUBLIC)
    return enrolment.Officer(
        form.identifier("id"),
        form.text("name"),
        form.identifier("group"),
        form.raw("sign", enrolment.SIGN_SIZE),
        form.raw("open", enrolment.OPEN_SIZE),
    )


def lock(keys: OfficerKeys, passphrase: str) -> bytes:
    """The bytes of the key file. Raises `WeakPassphrase`."""
    if len(passphrase) < SHORTEST:
        raise WeakPassphrase(f"a passphrase has at least {SHORTEST} characters: five or six words")
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    secret = keys.sign.private_bytes_raw() + keys.open
    sealed = AESGCM(_derive(passphrase, salt)).encrypt(nonce, secret, keys.public)
    return canonical.encode(
        {
            "v": FORMAT,
            "officer": _text(keys.public),
            "salt": _text(salt),
            "nonce": _text(nonce),
            "sealed": _text(sealed),
        }
    )


def unlock(encoded: bytes, passphrase: str) -> OfficerKeys:
    """The keys in a file. Raises `WrongPassphrase`, `Malformed`."""
    form = forms.document(encoded, FORMAT, ("officer", "salt", "nonce", "sealed"))
    public = form.raw("officer", 1, 8192)
    officer = read_public(public)
    cipher = AESGCM(_derive(passphrase, form.raw("salt", _SALT)))
    try:
        secret = cipher.decrypt(form.raw("nonce", _NONCE), form.raw("sealed", _SECRET + 16), public)
    except InvalidTag:
        raise WrongPassphrase("this passphrase does not open the file, or the file was changed") from None
    found = OfficerKeys(
        officer.id,
        officer.name,
        officer.group,
        Ed25519PrivateKey.from_private_bytes(secret[:32]),
        secret[32:],
    )
    if found.public != public:
        raise WrongPassphrase("the keys in the file are not those that it names")
    return found


def _derive(passphrase: str, salt: bytes) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=PASSES, lanes=LANES, memory_cost=MEMORY)
    return kdf.derive(passphrase.encode())


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
