"""Debezium for the outbox: its configuration written and checked, its slot watched, its failed tasks restarted."""

VERBS = ("config", "lint", "status", "restart")
