"""Enforcement staff allege, hear, calculate, serve, collect."""
