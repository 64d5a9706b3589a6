"""Offsets of consumer groups, in Kafka and in tables: shown, compared, moved safely, taken back."""

VERBS = ("show", "diff", "reset", "seek", "export", "import", "snapshot", "delete")
