"""Everything eosctl can do. A noun is a package here and lists its verbs; a verb is one file with one OPERATION."""

NOUNS: dict[str, str] = {
    "txn": "Open, late and hanging transactions; blocked readers; abort",
    "producers": "Active producers, zombies; fence them",
    "dedup": "Deduplication tables: set up, watch, check, window, purge",
    "offsets": "Offsets of groups in Kafka and in tables: show, diff, move, keep, forget",
    "dlq": "Dead letters: list, inspect, replay exactly once, purge",
    "outbox": "The transactional outbox: pending, failed, relay, purge, reconcile",
    "cdc": "Debezium for the outbox: configuration, lint, status, restart",
    "status": "One page: is everything well?",
    "check": "For monitoring: thresholds, exit codes, Nagios, Prometheus",
    "doctor": "Audit everything that exactly-once rests on",
    "lab": "A real Kafka and PostgreSQL on this machine",
    "demo": "The main job, on a lab, in a minute",
    "recommend": "Find the strategy that fits",
    "playbook": "Runbooks in YAML: list, show, validate, run, resume",
    "strategy": "The strategies: list, compare, explain, the tree, scaffolds",
    "verify": "Kill a strategy's programs again and again, and count what came out",
    "bench": "What transactions and deduplication cost on these servers",
    "journal": "The record of changes",
    "undo": "Plan the way back of a change",
    "apply": "Run a saved plan",
    "profile": "Connections by name",
}
"""Command group or top-level command: its one line. The module `operations.<noun>` holds `VERBS` or `OPERATION`;
a noun with verbs that is a command by itself too names its module in `ALONE`."""
