"""Connections by name: look at them, choose one, add one."""

VERBS = ("list", "show", "use", "add")
