"""Dead letters: which topics hold them, what is in them, replayed exactly once, deleted when they are done."""

VERBS = ("list", "inspect", "replay", "purge")
