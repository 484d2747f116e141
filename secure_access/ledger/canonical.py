"""`secure_access.canonical`, by the name under which the ledger has it."""

from secure_access.canonical import (
    DEPTH,
    LIMIT,
    Json,
    Members,
    NotCanonical,
    decode,
    encode,
    encode_as_written,
    joined,
    members,
)

__all__ = [
    "DEPTH",
    "LIMIT",
    "Json",
    "Members",
    "NotCanonical",
    "decode",
    "encode",
    "encode_as_written",
    "joined",
    "members",
]
