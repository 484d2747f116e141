"""A key of the log that lies in AWS KMS and never leaves it: Ed25519 or ML-DSA-44.

Source: AWS KMS API, Sign and GetPublicKey. Ed25519 is the key spec ``ECC_NIST_EDWARDS25519`` with
``ED25519_SHA_512`` over the message as it is; ML-DSA-44 is ``ML_DSA_44`` with ``ML_DSA_SHAKE_256``. KMS takes
at most 4,096 bytes, which a checkpoint never reaches.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from secure_access.keys import ED25519, MLDSA44, BadKeyFile

_KINDS = {Ed25519PublicKey: ED25519, MLDSA44PublicKey: MLDSA44}
_ALGORITHMS = {ED25519: "ED25519_SHA_512", MLDSA44: "ML_DSA_SHAKE_256"}


class KmsKey:
    """A `note.Signer` whose key is ``key_id`` of KMS; ``client`` is boto3's client of the service.

    Raises `BadKeyFile` for a key of another kind, and botocore's errors where the service refuses.
    """

    def __init__(self, client: Any, key_id: str, name: str) -> None:
        key = load_der_public_key(client.get_public_key(KeyId=key_id)["PublicKey"])
        found = [kind for public, kind in _KINDS.items() if isinstance(key, public)]
        if not found:
            raise BadKeyFile(f"the key {key_id} of KMS is neither of Ed25519 nor of ML-DSA-44")
        self.name, self.kind = name, found[0]
        self.public: bytes = key.public_bytes_raw()  # type: ignore[union-attr]
        self._client, self._key_id = client, key_id

    def sign(self, message: bytes) -> bytes:
        """The signature over exactly ``message``: 64 bytes, or 2,420."""
        answer = self._client.sign(
            KeyId=self._key_id,
            Message=message,
            MessageType="RAW",
            SigningAlgorithm=_ALGORITHMS[self.kind],
        )
        return bytes(answer["Signature"])
