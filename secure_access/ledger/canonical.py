"""Canonical JSON by the name under which the ledger has always had it; the code is `secure_access.canonical`."""

from secure_access.canonical import DEPTH, LIMIT, Json, NotCanonical, decode, encode

__all__ = ["DEPTH", "LIMIT", "Json", "NotCanonical", "decode", "encode"]
