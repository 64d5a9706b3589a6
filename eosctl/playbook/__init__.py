"""Playbooks: YAML that runs operations in order. Sees operations and the runtime; only the command line sees it."""
