"""The only way into a sealed plan: what opens, reads, shows and logs it, apart from the portal."""
