"""The strategies: what each does, needs, survives and costs. Their texts are YAML files, one a strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.domain.strategies.packaged import packaged

NAMES = (
    "at-most-once",
    "at-least-once",
    "idempotent-producer",
    "kafka-transactions",
    "natural-idempotency",
    "dedup-table",
    "idempotency-key",
    "conditional-write",
    "content-fingerprint",
    "outbox-polling",
    "outbox-cdc",
    "external-idempotency-keys",
    "stored-offsets",
    "reservation-compensation",
)
"""Every strategy, in the order in which `strategy list` shows them."""

Result = Literal["neither", "lost", "twice", "late"]


@dataclass(frozen=True)
class CrashPoint:
    """A crash `at` a moment: whether a message is `lost`, done `twice`, `late`, or `neither`, and what happens then."""

    at: str
    result: Result
    then: str


@dataclass(frozen=True)
class Strategy:
    """One way, in words and in configuration. `survives` maps a kind of failure to what the strategy does with it."""

    name: str
    title: str
    scope: str
    overhead: str
    complexity: str
    when: str
    guarantee: str
    effect: str
    needs: tuple[str, ...]
    survives: Mapping[str, str]
    diagram: str
    steps: tuple[str, ...]
    crashes: tuple[CrashPoint, ...]
    limits: tuple[str, ...]
    mistakes: tuple[str, ...]
    producer: Mapping[str, str] = field(default_factory=dict)
    consumer: Mapping[str, str] = field(default_factory=dict)
    ddl: str = ""
    window: str = ""
    watch: tuple[str, ...] = ()

    @property
    def verify(self) -> str:
        """The command that proves it."""
        return f"eosctl verify {self.name}"


def strategy(name: str) -> Strategy:
    """The strategy of that name; raises UsageError (`unknown_strategy`) with the nearest names."""
    if name not in NAMES:
        raise UsageError(
            "unknown_strategy",
            f"There is no strategy {name!r}.",
            hint=did_you_mean(name, NAMES) or f"There are: {', '.join(NAMES)}.",
        )
    return _built(packaged(f"data/{name}.yaml"))


def strategies(names: Sequence[str] = NAMES) -> tuple[Strategy, ...]:
    """Several, all by default; raises UsageError as `strategy` does."""
    return tuple(strategy(name) for name in names)


def crash_point(data: Mapping[str, Any]) -> CrashPoint:
    """A crash point from its YAML."""
    return CrashPoint(data["at"], data["result"], data["then"])


def _built(data: Mapping[str, Any]) -> Strategy:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    values["crashes"] = tuple(crash_point(one) for one in data["crashes"])
    return Strategy(**values)
