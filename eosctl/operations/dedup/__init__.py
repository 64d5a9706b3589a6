"""Deduplication tables: make them, watch them, reason about their window, purge them."""

VERBS = ("init", "status", "check", "window", "purge")
