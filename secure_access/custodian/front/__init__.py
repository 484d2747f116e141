"""The front of the custodian: its pages, on its own origin. It has no keys and no sessions of its own."""
