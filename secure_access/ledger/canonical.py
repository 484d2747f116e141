"""`secure_access.canonical`, by the name under which the ledger has it."""

from secure_access.canonical import DEPTH, LIMIT, Json, NotCanonical, decode, encode

__all__ = ["DEPTH", "LIMIT", "Json", "NotCanonical", "decode", "encode"]
