"""Producers: who writes where, who should not, and how to stop them."""

VERBS = ("list", "zombies", "fence")
