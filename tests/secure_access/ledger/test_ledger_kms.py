"""A key of the log in KMS: the real client over a real connection, with a service that answers as KMS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from secure_access.keys import BadKeyFile
from secure_access.ledger import merkle, note
from secure_access.ledger.kms_key import KmsKey
from secure_access.ledger.note import Checkpoint
from secure_access.ledger.signer import KeptSigner
from tests.fixtures.kms import ALGORITHMS, kms
from tests.fixtures.ledger import NAME, signing_keys


@pytest.fixture
def client() -> Iterator[Any]:
    with kms() as address:
        made = boto3.client(
            "kms",
            region_name="eu-west-1",
            endpoint_url=address,
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        yield made
        made.close()


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
