"""Whether a consumer that keeps its offsets in a table still runs, judged by when its rows changed. Pure rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from eosctl.core.durations import format_duration_ms
from eosctl.core.errors import Notice, Refused
from eosctl.domain.kafka import TopicPartition


class Evidence(StrEnum):
    """By what the time of a row's last change is known; the first two look back, the last sees what it watches."""

    COMMITS = "PostgreSQL's commit timestamps"
    UPDATED_AT = "the column that is mapped as updated_at"
    WATCHED = "looking again"


@dataclass(frozen=True)
class TableActivity:
    """How long ago each row of a group changed, as far as that is known; `watched_ms` is how long they were watched."""

    table: str
    evidence: Evidence
    ages_ms: Mapping[TopicPartition, int] = field(default_factory=dict)
    watched_ms: int = 0

    def busy(self, idle_ms: int, settled: Collection[TopicPartition] = ()) -> TopicPartition | None:
        """The row that changed last, when it did within `idle_ms`. Rows that are where they shall be don't count: they
        may have been put there by a move that stopped half way."""
        young = {at: age for at, age in self.ages_ms.items() if age < idle_ms and at not in settled}
        return min(young, key=lambda at: (young[at], at), default=None)

    def refusal(self, at: TopicPartition) -> Refused:
        """Why the group's rows are left alone."""
        age = format_duration_ms(self.ages_ms[at])
        return Refused(
            "table_active",
            f"{self.table}: the row for {at} changed {age} ago, by {self.evidence}.",
            why="A consumer that keeps its own offsets still runs, or has just stopped.",
            hint="Stop it and give --wait-empty 2m, which waits until its rows are quiet. If that was a move of yours: "
            "--table-idle 0s.",
        )

    def notice(self, group: str) -> Notice:
        """By what the rows were found quiet."""
        if self.evidence is Evidence.WATCHED:
            return Notice(
                "table_watched",
                f"{self.table}: no row of {group} changed in {format_duration_ms(self.watched_ms)} of watching.",
                "A consumer that stores its offsets more seldom is noticed by the move itself (exit 4). To look back: "
                "track_commit_timestamp, or a column mapped as updated_at. To watch for longer: --wait-empty 2m.",
            )
        last = min(self.ages_ms.values(), default=None)
        when = f"the last {format_duration_ms(last)}" if last is not None else "all the time that is known"
        return Notice("table_quiet", f"{self.table}: no row of {group} changed in {when}, by {self.evidence}.")
