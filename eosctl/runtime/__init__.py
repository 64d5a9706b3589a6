"""The only code that changes the outside world: execute, journal, the confirmation policy."""
