"""The record of changes: who did what, when, and what it was before."""

VERBS = ("list", "show")
