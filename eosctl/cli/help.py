"""The first help page: one screen, commands by job, three examples at the end."""

from eosctl.operations import NOUNS

_JOBS: dict[str, tuple[str, ...]] = {
    "Look": ("status", "doctor", "check"),
    "Transactions": ("txn", "producers"),
    "Positions and memory": ("offsets", "dedup", "dlq", "outbox", "cdc"),
    "Choose and prove": ("recommend", "strategy", "verify", "bench"),
    "Runbooks": ("playbook", "journal", "undo", "apply"),
    "This machine": ("lab", "demo", "profile"),
}
EXAMPLES = (
    ("eosctl status", "is everything well, and if not, what to do"),
    ("eosctl txn blocked --group orders", "why a read_committed group stands still"),
    ("eosctl txn abort orders:0 --producer-id 7 --dry-run", "what it would do, before it is done"),
)


def by_job() -> list[tuple[str, list[str]]]:
    """Every noun under its job."""
    jobs = [(job, [noun for noun in nouns if noun in NOUNS]) for job, nouns in _JOBS.items()]
    placed = {noun for _, nouns in jobs for noun in nouns}
    return [(job, nouns) for job, nouns in (*jobs, ("More", [n for n in NOUNS if n not in placed])) if nouns]


def top_help() -> str:
    """The text of `eosctl --help`."""
    lines = [
        "Usage: eosctl [OPTIONS] COMMAND ...",
        "",
        "The operator's toolkit for exactly-once processing on Kafka and PostgreSQL.",
        "",
    ]
    for job, nouns in by_job():
        lines += [f"{job}:", *(f"  {noun:<11}{NOUNS[noun]}" for noun in nouns)]
    lines += [
        "",
        "Every command takes --profile, --bootstrap-server, --dsn, -X key=value and -o FORMAT.",
        "Options here: --version, --help. Exit codes: 0 done, 3 problem found, 7 refused; see the README.",
        "",
        "Examples:",
        *(f"  {command:<52} {says}" for command, says in EXAMPLES),
    ]
    return "\n".join(lines) + "\n"
