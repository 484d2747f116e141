"""The custodian: the only place where sealed plans are opened. Its own processes, its own origin."""
