"""`doctor`: an audit of everything that exactly-once rests on; its rules are `domain/audit/rules`."""

ALONE = "audit"
VERBS = ("rules",)
