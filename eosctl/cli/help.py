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
_EXAMPLES = (
    ("eosctl status", "is everything well, and if not, what to do"),
    ("eosctl txn blocked --group orders", "why a read_committed group stands still"),
    ("eosctl txn abort orders:0 --producer-id 7 --dry-run", "what it would do, before it is done"),
)


def top_help() -> str:
    """The text of `eosctl --help`."""
    lines = [
        "Usage: eosctl [OPTIONS] COMMAND ...",
        "",
        "The operator's toolkit for exactly-once processing on Kafka and PostgreSQL.",
        "",
    ]
    placed: set[str] = set()
    for job, nouns in _JOBS.items():
        present = [noun for noun in nouns if noun in NOUNS]
        placed.update(present)
        if present:
            lines += [f"{job}:", *(f"  {noun:<11}{NOUNS[noun]}" for noun in present)]
    rest = [noun for noun in NOUNS if noun not in placed]
    if rest:
        lines += ["More:", *(f"  {noun:<11}{NOUNS[noun]}" for noun in rest)]
    lines += [
        "",
        "Every command takes --profile, --bootstrap-server, --dsn, -X key=value and -o FORMAT.",
        "Options here: --version, --help. Exit codes: 0 done, 3 problem found, 7 refused; see the README.",
        "",
        "Examples:",
        *(f"  {command:<52} {says}" for command, says in _EXAMPLES),
    ]
    return "\n".join(lines) + "\n"
