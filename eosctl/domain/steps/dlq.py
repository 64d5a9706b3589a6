"""Steps on dead-letter topics. How they are done: `runtime/steps/dlq.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from eosctl.core.counts import counted
from eosctl.core.plan import Effect, Step
from eosctl.domain.dlq.dialects import Dialect
from eosctl.domain.dlq.replaying import ReplayRules


@dataclass(frozen=True, kw_only=True)
class CreateReplayTopic(Step):
    """Makes the ledger or the topic of parked records."""

    kind: ClassVar[str] = "dlq.create_topic"
    done_when: ClassVar[str] = "the topic exists"

    topic: str
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> str:
        return f"Create topic {self.topic}"

    def effects(self) -> tuple[Effect, ...]:
        return (Effect(self.topic, "topic", "-", counted(self.partitions, "partition")),)


@dataclass(frozen=True, kw_only=True)
class ReplayDeadLetters(Step):
    """Replays the frozen ranges, one transaction a batch; goes on with the job's unfinished run when there is one."""

    kind: ClassVar[str] = "dlq.replay"
    done_when: ClassVar[str] = "the job has committed the frozen end of every partition"

    rules: ReplayRules
    ranges: Mapping[int, tuple[int, int]]
    selection_id: str
    resumes: str = ""
    expected: Mapping[str, int] = field(default_factory=dict)
    dialects: tuple[Dialect, ...] = ()
    canary: int = 0
    watch_group: str = ""
    watch_limit_ms: int = 300_000
    listing: str = ""
    shared: bool = False
    gives_up: str = ""
    finds_origins: bool = False

    def describe(self) -> str:
        return f"Replay {self.rules.source} to {self.rules.to or 'the origin of each record'} as job {self.rules.job}"

    def effects(self) -> tuple[Effect, ...]:
        records = sum(end - start for start, end in self.ranges.values())
        rows = [Effect(self.rules.source, "offsets to read", str(records), "0")]
        rows += [Effect(topic, "records", "-", f"+{count}") for topic, count in self.expected.items()]
        return tuple(rows)


@dataclass(frozen=True, kw_only=True)
class DeleteRecordsBefore(Step):
    """Deletes the front of one partition (DeleteRecords)."""

    kind: ClassVar[str] = "dlq.delete_records"
    done_when: ClassVar[str] = "the log starts at that offset or behind it"

    topic: str
    partition: int
    expects_log_start: int
    before_offset: int

    def describe(self) -> str:
        return f"Delete {self.topic}:{self.partition} up to offset {self.before_offset}"

    def effects(self) -> tuple[Effect, ...]:
        where = f"{self.topic}:{self.partition}"
        return (Effect(where, "log start", str(self.expects_log_start), str(self.before_offset)),)
