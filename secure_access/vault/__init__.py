"""Byte stores (a local directory, S3) and the vault that seals what goes into them."""

from secure_access.vault.objects import Damaged, Kept, Stored, Vault, Writer
from secure_access.vault.stores import LocalStore, Missing, S3Store, Sink, Store, StoreFailed, VaultError

__all__ = [
    "Damaged",
    "Kept",
    "LocalStore",
    "Missing",
    "S3Store",
    "Sink",
    "Store",
    "StoreFailed",
    "Stored",
    "Vault",
    "VaultError",
    "Writer",
]
