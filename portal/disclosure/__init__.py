"""Access requests by law: what the public asks to see of the files, who is heard, what is released."""
