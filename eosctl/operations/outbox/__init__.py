"""The transactional outbox: its table, what is pending or failed, the relay, the purge, the reconciliation."""

VERBS = ("init", "status", "list", "retry", "mark", "relay", "purge", "reconcile")
