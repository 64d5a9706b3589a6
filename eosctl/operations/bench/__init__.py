"""`bench`: what the strategies cost on the servers at hand; `compare` holds two runs side by side."""

ALONE = "run"
VERBS = ("compare",)
