"""Files of offsets: the CSV of kafka-consumer-groups.sh, and JSON that holds more. Text in, values out; no I/O."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import UsageError

SCHEMA = "eosctl.offsets/v1"
_CELL = re.compile(r'("(?:[^"]|"")*"|[^,]*)(?:,|$)')
_JSON = re.compile(r"\s*(\{\s*\"|\[\s*[\[{\"])")
"""A group's name may begin with a brace too: JSON is what goes on as JSON does (CSV quotes a name with a quote)."""
_LIMITS = {"partition": 2**31 - 1, "offset": 2**63 - 1, "leader_epoch": 2**31 - 1}
_STORES = ("", "kafka", "db")
_PLACED_CHARACTERS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class KeptOffset:
    """A group's next offset to read on one partition. `store` is "" where the file does not say which one it was."""

    group: str
    topic: str
    partition: int
    offset: int
    store: str = ""
    leader_epoch: int | None = None
    metadata: str = ""

    @property
    def place(self) -> str:
        """`topic:partition`."""
        return f"{self.topic}:{self.partition}"


@dataclass(frozen=True)
class OffsetFile:
    """What a file holds; `target` names the servers that it was taken from, where it says so."""

    offsets: tuple[KeptOffset, ...]
    target: Mapping[str, str]


def parse(text: str, *, name: str, group: str = "") -> OffsetFile:
    """Every line or nothing. `group` is whose the lines without a group are.

    CSV is `group,topic,partition,offset` or `topic,partition,offset` without a heading, as kafka-consumer-groups.sh
    has it (`CsvUtils`), or has a heading of our own names. Raises UsageError (`bad_offsets_file`) with line and column.
    """
    body = text.removeprefix("\ufeff")
    if _JSON.match(body):
        found, target = _parsed_json(body, name, group)
    else:
        found, target = list(_parsed_csv(body, name, group)), {}
    if not found:
        raise UsageError("bad_offsets_file", f"{name} holds no offsets.")
    _no_twins(found, name)
    return OffsetFile(tuple(one for _, one in found), target)


def csv_text(offsets: Sequence[KeptOffset]) -> str:
    """What kafka-consumer-groups.sh --from-file reads: three columns for one group, four for several.

    With offsets of both stores, which that tool knows nothing of, a heading and all columns.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if len({one.store for one in offsets}) > 1:
        names = [one.name for one in fields(KeptOffset)]
        writer.writerow(names)
        writer.writerows([getattr(one, name) for name in names] for one in offsets)
        return out.getvalue().rstrip("\n")
    several = len({one.group for one in offsets}) > 1
    for one in offsets:
        writer.writerow([*([one.group] if several else []), one.topic, one.partition, one.offset])
    return out.getvalue().rstrip("\n")


def json_text(offsets: Iterable[KeptOffset], *, taken_at: str, target: Mapping[str, str]) -> str:
    """A line an offset, so that two files can be compared."""
    head = json.dumps({"schema": SCHEMA, "taken_at": taken_at, "target": dict(target)}, ensure_ascii=False)
    rows = ",\n".join(json.dumps(vars(one), ensure_ascii=False) for one in offsets)
    return f'{head[:-1]}, "data": [\n{rows}\n]}}\n'


def _parsed_csv(text: str, name: str, group: str) -> Iterator[tuple[tuple[int, int], KeptOffset]]:
    columns: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        cells = list(_cells(line.rstrip("\r")))
        if not line.strip():
            continue
        words = [word.strip().lower() for _, word in cells]
        if not columns and {"topic", "partition", "offset"} <= set(words):
            columns = words
            continue
        if not columns:
            columns = [*(["group"] if len(cells) != 3 else []), "topic", "partition", "offset"]
        if len(cells) != len(columns):
            why = f"{counted(len(cells), 'column')}, and {len(columns)} are wanted: {','.join(columns)}."
            raise _bad(name, (number, 1), why)
        given = {column: word for column, (_, word) in zip(columns, cells, strict=True)}
        places = {column: (number, at) for column, (at, _) in zip(columns, cells, strict=True)}
        yield (number, 1), _kept(given, group, lambda key, why, at=places: _bad(name, at.get(key, (0, 0)), why))


def _cells(line: str) -> Iterator[tuple[int, str]]:
    """Each cell and the column of its first character, from 1."""
    at = 0
    while True:
        found = _CELL.match(line, at)
        word = found.group(1) if found else line[at:]
        quoted = len(word) > 1 and word.startswith('"') and word.endswith('"')
        yield at + 1, word[1:-1].replace('""', '"') if quoted else word
        if found is None or not found.group(0).endswith(","):
            return
        at = found.end()


def _parsed_json(
    text: str, name: str, group: str
) -> tuple[list[tuple[tuple[int, int], KeptOffset]], Mapping[str, str]]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise _bad(name, (error.lineno, error.colno), f"It is no JSON: {error.msg}.") from None
    rows = data.get("data") if isinstance(data, dict) else data
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise _bad(name, (1, 1), "There is no list of offsets in `data`.")
    known = {one.name for one in fields(KeptOffset)}
    found = []
    for index, row in enumerate(rows):
        unknown = sorted(set(row) - known)
        if unknown:
            raise _bad_entry(name, text, index, unknown[0], f"{unknown[0]!r} is not known.")
        kept = _kept(row, group, partial(_bad_entry, name, text, index))
        found.append(((index, -1), kept))
    target = data.get("target", {}) if isinstance(data, dict) else {}
    return found, target if isinstance(target, dict) else {}


def _kept(given: Mapping[str, Any], group: str, bad: Any) -> KeptOffset:
    values: dict[str, Any] = {"group": given.get("group") or group, "topic": given.get("topic") or ""}
    if not values["group"]:
        raise bad("topic", "It names no group: give --group.")
    for key in ("group", "topic"):
        if not isinstance(values[key], str) or not values[key].strip():
            raise bad(key, f"The {key} is {values[key]!r}, not a name.")
    for key in ("partition", "offset"):
        values[key] = _number(key, given.get(key), bad)
    if given.get("leader_epoch") not in (None, ""):
        values["leader_epoch"] = _number("leader_epoch", given["leader_epoch"], bad)
    values |= {"store": given.get("store") or "", "metadata": given.get("metadata") or ""}
    if values["store"] not in _STORES:
        raise bad("store", f"{values['store']!r} is not kafka or db.")
    if not isinstance(values["metadata"], str):
        raise bad("metadata", f"{values['metadata']!r} is not text.")
    return KeptOffset(**values)


def _number(key: str, value: Any, bad: Any) -> int:
    text = value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
    if not re.fullmatch(r"-?[0-9]{1,20}", text):
        raise bad(key, f"The {key.replace('_', ' ')} {value!r} is not a whole number.")
    number = int(text)
    if not 0 <= number <= _LIMITS[key]:
        raise bad(key, f"The {key.replace('_', ' ')} {number} is {'negative' if number < 0 else 'too large'}.")
    return number


def _no_twins(found: Iterable[tuple[tuple[int, int], KeptOffset]], name: str) -> None:
    seen: dict[tuple[str, str, str, int], tuple[int, int]] = {}
    for place, one in found:
        key = (one.store, one.group, one.topic, one.partition)
        if key in seen:
            first, again = (f"line {at[0]}" if at[1] > 0 else f"entry {at[0] + 1}" for at in (seen[key], place))
            raise UsageError("bad_offsets_file", f"{name}, {again}: {one.place} of {one.group} is there twice.",
                             why=f"The first is {first}.", hint="Nothing was applied.")  # fmt: skip
        seen[key] = place


def _json_place(text: str, index: int, key: str) -> tuple[int, int]:
    """Where a value stands; JSON's own parser keeps no places, YAML's does, and JSON is YAML. (0, 0) in a text so long
    that this would take many seconds: then only the entry's number is told."""
    import yaml

    if len(text) > _PLACED_CHARACTERS:
        return (0, 0)
    try:
        top = yaml.compose(text.replace("\t", " "), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return (0, 0)
    rows: Any = top
    if isinstance(top, yaml.MappingNode):
        rows = next(value for name, value in top.value if name.value == "data")
    row = rows.value[index]
    mark = next((value.start_mark for name, value in row.value if name.value == key), row.start_mark)
    return (mark.line + 1, mark.column + 1)


def _bad_entry(name: str, text: str, index: int, key: str, why: str) -> UsageError:
    place = _json_place(text, index, key)
    return _bad(name, place, why) if place[0] else _bad(f"{name}, entry {index + 1}", place, why)


def _bad(name: str, place: tuple[int, int], why: str) -> UsageError:
    where = f", line {place[0]}, column {place[1]}" if place[0] else ""
    return UsageError("bad_offsets_file", f"{name}{where}: {why}", hint="Nothing was applied.")
