"""The custodian: the only way into a sealed plan, its own process and origin; and what seals one for it."""
