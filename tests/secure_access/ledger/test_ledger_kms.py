"""A key of the log in KMS: the real client over a real connection, with a service that answers as KMS."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from secure_access.keys import BadKeyFile, SigningKey
from secure_access.ledger import merkle, note
from secure_access.ledger.kms_key import KmsKey
from secure_access.ledger.note import Checkpoint
from secure_access.ledger.signer import KeptSigner
from tests.fixtures.ledger import NAME, signing_keys

ALGORITHMS = {"one": "ED25519_SHA_512", "two": "ML_DSA_SHAKE_256"}


class Service(ThreadingHTTPServer):
    """GetPublicKey and Sign of two keys, as AWS documents request and answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.keys: dict[str, SigningKey] = dict(zip(ALGORITHMS, signing_keys(), strict=True))
        self.other = generate_private_key(SECP256R1())

    def answer(self, target: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if asked["KeyId"] == "curve":
            public = self.other.public_key()
        elif asked["KeyId"] in self.keys:
            public = self.keys[asked["KeyId"]]._key.public_key()
        else:
            return 400, {"__type": "NotFoundException", "message": "no such key"}
        if target == "TrentService.GetPublicKey":
            der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return 200, {"KeyId": asked["KeyId"], "PublicKey": base64.b64encode(der).decode()}
        right = asked["MessageType"] == "RAW" and asked["SigningAlgorithm"] == ALGORITHMS[asked["KeyId"]]
        message = base64.b64decode(asked["Message"])
        if target != "TrentService.Sign" or not right or len(message) > 4096:
            return 400, {"__type": "ValidationException", "message": "not so"}
        return 200, {"Signature": base64.b64encode(self.keys[asked["KeyId"]].sign(message)).decode()}


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = self.server.answer(self.headers["X-Amz-Target"], asked)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not in the output of the tests."""


@pytest.fixture
def client() -> Iterator[Any]:
    service = Service()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made = boto3.client(
        "kms",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{service.server_address[1]}",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    yield made
    made.close()
    service.shutdown()
    service.server_close()
    thread.join()


def test_a_log_is_signed_by_keys_that_never_leave_kms(client: Any, tmp_path: Path) -> None:
    keys = [KmsKey(client, key_id, NAME) for key_id in ALGORITHMS]
    signer = KeptSigner(keys, tmp_path)
    head = Checkpoint(NAME, 1, merkle.leaf_hash(b"x"))
    signed = note.parse(signer.sign(head, [], 7).note)
    own = KeptSigner(signing_keys(), tmp_path / "other")
    assert signed.verified(own.keys) == signer.keys == own.keys


def test_another_kind_of_key_is_refused(client: Any) -> None:
    with pytest.raises(BadKeyFile, match="neither"):
        KmsKey(client, "curve", NAME)


def test_a_key_that_is_not_there_signs_nothing(client: Any) -> None:
    with pytest.raises(ClientError, match="no such key"):
        KmsKey(client, "three", NAME)
