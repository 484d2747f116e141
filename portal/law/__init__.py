"""The law as dated, cited values and small pure functions over them; no Flask, session, clock or environment."""
