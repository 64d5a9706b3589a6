"""Frozen values and pure rules, one file a concern. No I/O, no clock, no driver."""
