"""The custodian of sealed plans: who may open one, and the proof of it. It imports nothing of the portal."""
