"""What a rule of the audit is, and how facts are judged by rules: found, passed, or not checked, never guessed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eosctl.core.errors import UsageError


class Severity(StrEnum):
    """`error`: records are lost or doubled when a failure comes. `warning`: under some condition. `info`: know it."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


class Area(StrEnum):
    """What is looked at. `brokers` are single brokers, `cluster` is what they are together."""

    BROKERS = "brokers"
    CLUSTER = "cluster"
    TOPICS = "topics"
    CLIENTS = "clients"
    CLIENT_SET = "clients together"
    GROUPS = "groups"
    TABLES = "tables"
    POSTGRES = "postgresql"


class Status(StrEnum):
    """What became of a rule on a subject."""

    FOUND = "found"
    NOT_CHECKED = "not checked"
    IGNORED = "ignored"
    PASSED = "passed"


class NotSeen(Exception):
    """Raised inside a rule's check for something that could not be looked at; its text says why."""


class NotConcerned(Exception):
    """Raised inside a rule's check for a subject of another kind: a consumer has no acks. Nothing came of it."""


@dataclass(frozen=True)
class Seen:
    """What a check saw when it found something; `line` is a line of the subject's file, 0 for none."""

    text: str
    line: int = 0


@dataclass(frozen=True)
class Rule:
    """One rule, as the catalogue lists it.

    `check(subject, facts)` is pure: it returns what was seen when the rule is broken, else None, and raises NotSeen.
    `why` says what is lost or doubled and when; `mend` is a command or a line, `{subject}` stands for its name.
    """

    id: str
    area: Area
    severity: Severity
    title: str
    check: Callable[[Any, Any], "Seen | str | None"]
    why: str
    mend: str
    link: str


@dataclass(frozen=True)
class Outcome:
    """A rule on one subject. `seen` is what was seen, or why nothing was; `file` is "" unless a file was audited."""

    rule: Rule
    status: Status
    subject: str
    seen: str = ""
    file: str = ""
    line: int = 0

    @property
    def mend(self) -> str:
        """The mend for this subject."""
        return self.rule.mend.replace("{subject}", self.subject)

    @property
    def fingerprint(self) -> str:
        """What a baseline remembers: the rule and the subject, not the line, which moves."""
        return f"{self.rule.id} {self.subject}"


def judge(rules: Iterable[Rule], subjects: Sequence[Any], facts: Any) -> Iterable[Outcome]:
    """Every rule on every subject. A subject has `name`; one from a file has `file`."""
    for rule in rules:
        for one in subjects:
            file = str(getattr(one, "file", ""))
            try:
                seen = rule.check(one, facts)
            except NotConcerned:
                continue
            except NotSeen as reason:
                yield Outcome(rule, Status.NOT_CHECKED, one.name, str(reason), file)
                continue
            if seen is None:
                yield Outcome(rule, Status.PASSED, one.name, file=file)
                continue
            found = seen if isinstance(seen, Seen) else Seen(seen)
            yield Outcome(rule, Status.FOUND, one.name, found.text, file, found.line or getattr(one, "line", 0))


def known_ids(given: Collection[str], rules: Sequence[Rule]) -> frozenset[str]:
    """The ids, checked. Raises UsageError (`unknown_rule`) that says where they are listed."""
    known = [one.id for one in rules]
    for one in given:
        if one not in known:
            raise UsageError(
                "unknown_rule",
                f"There is no rule {one!r}.",
                hint=f"Did you mean {one.upper()}?" if one.upper() in known else "See `eosctl doctor rules`.",
            )
    return frozenset(given)
