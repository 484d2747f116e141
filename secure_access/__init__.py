"""Who may do what, and proof of what was done. Knows no AI law."""
