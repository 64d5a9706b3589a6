"""Loops that measure on real servers, each beside its plain twin. Only `cli` wires them in."""
