"""The strategies: what there is, how they compare, how each works, and a small working program of it."""

VERBS = ("list", "compare", "explain", "tree", "scaffold")
