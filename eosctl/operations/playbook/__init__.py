"""Playbooks: YAML that people on call can read, review and run."""

VERBS = ("list", "show", "validate", "run", "resume", "schema")
