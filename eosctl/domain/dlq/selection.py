"""Which dead letters are meant: by place, time, key, cause, origin, header or expression. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eosctl.core.errors import UsageError
from eosctl.core.expressions import compile_expression
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import RawRecord
from eosctl.domain.dlq.rows import FIELDS, letter_of, values_of

Matcher = Callable[[RawRecord], bool]


@dataclass(frozen=True)
class Selection:
    """What was asked for; empty fields ask for nothing. `ranges` are half-open offset ranges by partition."""

    partitions: tuple[int, ...] = ()
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    since_ms: int | None = None
    until_ms: int | None = None
    key: str | None = None
    cause: str = ""
    origin_topic: str = ""
    headers: tuple[str, ...] = ()
    where: str = ""


def matcher_of(selection: Selection, reader: Reader) -> Matcher | None:
    """Whether a record is selected; None when every record is. Raises UsageError for a bad expression or header."""
    tests: list[Matcher] = []
    if selection.since_ms is not None or selection.until_ms is not None:
        since, until = selection.since_ms or 0, selection.until_ms or 2**63
        tests.append(lambda one: since <= one.timestamp()[1] < until)
    if selection.key is not None:
        wanted = selection.key.encode()
        tests.append(lambda one: one.key() == wanted)
    tests += [_header(one) for one in selection.headers]
    tests += _decoded(selection, reader)
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else lambda one: all(test(one) for test in tests)


def offset_ranges(texts: tuple[str, ...]) -> dict[int, tuple[int, int]]:
    """`P:FROM-TO` (TO not included) as ranges; raises UsageError (`bad_offset_range`)."""
    found = {}
    for text in texts:
        match = re.fullmatch(r"(\d+):(\d+)-(\d+)", text)
        if match is None or int(match[2]) >= int(match[3]):
            raise UsageError("bad_offset_range", f"{text!r} is not an offset range.",
                             hint="Write PARTITION:FROM-TO, for example 0:100-200; TO is not included.")  # fmt: skip
        found[int(match[1])] = (int(match[2]), int(match[3]))
    return found


def narrowed(selection: Selection, ranges: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The parts of the log that the selection can touch. Raises UsageError (`unknown_partition`)."""
    wanted = set(selection.partitions) | set(selection.ranges)
    for one in wanted - set(ranges):
        raise UsageError("unknown_partition", f"The topic has no partition {one}.", hint=f"It has {len(ranges)}.")
    found = {}
    for partition, (start, end) in ranges.items():
        if wanted and partition not in wanted:
            continue
        first, last = selection.ranges.get(partition, (start, end))
        found[partition] = (max(start, first), max(start, first, min(end, last)))
    return found


def _header(text: str) -> Matcher:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(
            "bad_header", f"--header {text!r} is not name=value.", hint="For example --header tenant=acme."
        )
    pair = (name, value.encode())
    return lambda one: pair in (one.headers() or ())


def _decoded(selection: Selection, reader: Reader) -> list[Matcher]:
    tests: list[Matcher] = []
    if selection.cause:
        cause = re.compile(selection.cause)
        tests.append(lambda one: _fails_by(cause, reader, one))
    if selection.origin_topic:
        wanted = selection.origin_topic
        tests.append(lambda one: letter_of(one, reader).origin.topic == wanted)
    if selection.where:
        condition = compile_expression(selection.where, FIELDS)
        tests.append(lambda one: condition.holds(_present(values_of(one, reader))))
    return tests


def _fails_by(cause: "re.Pattern[str]", reader: Reader, record: RawRecord) -> bool:
    failure = letter_of(record, reader).failure
    return any(text and cause.search(text) for text in (failure.cause_class, failure.failure_class, failure.message))


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    """CEL knows no optional comparison: an absent text is "", an absent number -1."""
    texts = {"origin_topic", "origin_group", "failure_class", "cause_class", "message", "key", "message_id"}
    return {name: ("" if name in texts else -1) if value is None else value for name, value in values.items()}
