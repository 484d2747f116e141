"""The tables of all workflows held against what must never happen."""
