"""KafkaJS: options of `kafka.producer({...})` and its kin in JavaScript or TypeScript, or as YAML or JSON."""

import re
from collections.abc import Iterator

from eosctl.domain.audit.clients.client import UNLIMITED, Client, Kind, Setting
from eosctl.domain.audit.clients.lines import Flat

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`|[A-Za-z_$][\w$]*|-?\d[\w.]*|\S",
    re.DOTALL,
)
_NAMES = {
    "producer": {
        "idempotent": "enable.idempotence",
        "maxInFlightRequests": "max.in.flight.requests.per.connection",
        "transactionalId": "transactional.id",
        "transactionTimeout": "transaction.timeout.ms",
        "retry.retries": "retries",
        "createPartitioner": "partitioner",
        "acks": "acks",
    },
    "consumer": {
        "groupId": "group.id",
        "readUncommitted": "isolation.level",
        "autoCommit": "enable.auto.commit",
        "fromBeginning": "auto.offset.reset",
    },
}
_CALLS = {"producer": "producer", "send": "producer", "sendBatch": "producer",
          "consumer": "consumer", "run": "consumer", "subscribe": "consumer"}  # fmt: skip
_MEANS = {
    "isolation.level": {"true": "read_uncommitted", "false": "read_committed"},
    "auto.offset.reset": {"true": "earliest", "false": "latest"},
    "max.in.flight.requests.per.connection": {"null": UNLIMITED, "undefined": UNLIMITED, "0": UNLIMITED},
}
_Token = tuple[str, int]


def is_kafkajs(found: Flat) -> bool:
    """Whether a YAML or JSON document holds KafkaJS' own option names."""
    own = {f"{side}.{name}" for side, names in _NAMES.items() for name in names} - {"producer.acks"}
    return any(key in own or key.removeprefix("kafkajs.") in own for key in found)


def kafkajs_clients(found: Flat, path: str) -> Iterator[Client]:
    """The producer and the consumer of a YAML or JSON document."""
    for side in _NAMES:
        mine = {key.removeprefix("kafkajs."): value for key, value in found.items()}
        options = {key.removeprefix(f"{side}."): value for key, value in mine.items() if key.startswith(f"{side}.")}
        if options:
            yield Client(path, Kind.KAFKAJS, frozenset({side}), _named(side, options), side)


def javascript_clients(text: str, path: str) -> Iterator[Client]:
    """Each `.producer(...)` and `.consumer(...)` call; options of send, run and subscribe go to all of their side."""
    tokens = [
        (found.group(), text.count("\n", 0, found.start()) + 1)
        for found in _TOKEN.finditer(text)
        if not found.group().startswith(("//", "/*"))
    ]
    made: list[tuple[str, int, Flat]] = []
    later: dict[str, Flat] = {"producer": {}, "consumer": {}}
    for position in range(1, len(tokens) - 1):
        word, line = tokens[position]
        if tokens[position - 1][0] != "." or tokens[position + 1][0] != "(" or word not in _CALLS:
            continue
        options = _object(tokens, position + 2)
        if word in _NAMES:
            made.append((word, line, options))
        else:
            later[_CALLS[word]] |= options
    for side, line, options in made:
        settings = _named(side, {**later[side], **options})
        yield Client(path, Kind.KAFKAJS, frozenset({side}), settings, f"{side} in line {line}")


def _object(tokens: list[_Token], start: int) -> Flat:
    """The literal options of an object that begins here; {} when none does."""
    found: Flat = {}
    if start >= len(tokens) or tokens[start][0] != "{":
        return found
    path: list[str] = []
    position = start + 1
    while position < len(tokens):
        word = tokens[position][0]
        if word == "}":
            if not path:
                return found
            path.pop()
            position += 1
        elif position + 2 < len(tokens) and tokens[position + 1][0] == ":":
            value, line = tokens[position + 2]
            name = ".".join([*path, word.strip("'\"")])
            if value == "{":
                path.append(word.strip("'\""))
                position += 3
                continue
            end = _value_end(tokens, position + 2)
            literal = end == position + 3 and (value[0] in "'\"" or _is_literal(value))
            found[name] = Setting(value.strip("'\"") if literal else None, line)
            position = end
        else:
            if re.fullmatch(r"[A-Za-z_$][\w$]*", word) and tokens[position + 1][0] in (",", "}"):
                found[".".join([*path, word])] = Setting(None, tokens[position][1])
            position = _value_end(tokens, position)
        if position < len(tokens) and tokens[position][0] == ",":
            position += 1
    return found


def _value_end(tokens: list[_Token], position: int) -> int:
    depth = 0
    while position < len(tokens):
        word = tokens[position][0]
        if depth == 0 and word in (",", "}", ")", "]"):
            return max(position, 1)
        depth += (word in "({[") - (word in ")}]")
        position += 1
    return position


def _is_literal(word: str) -> bool:
    return word in ("true", "false", "null", "undefined") or re.fullmatch(r"-?\d[\d_.]*", word) is not None


def _named(side: str, options: Flat) -> Flat:
    found: Flat = {}
    for name, setting in options.items():
        key = _NAMES[side].get(name, name)
        value = setting.value
        found[key] = Setting(_MEANS.get(key, {}).get(value, value) if value is not None else None, setting.line)
    return found
