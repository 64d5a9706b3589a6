"""Transactions: what is open, what is late, what hangs, who waits for it, and the way out."""

VERBS = ("list", "describe", "hanging", "blocked", "abort")
