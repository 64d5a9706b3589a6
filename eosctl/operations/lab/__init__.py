"""A real Kafka and PostgreSQL on this machine, and real incidents on them."""

VERBS = ("up", "down", "status", "env", "inject")
