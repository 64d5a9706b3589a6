"""Crash tests on real servers: starts programs, kills and stops them, counts what is left. Only `cli` wires it in."""
