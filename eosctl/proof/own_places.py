"""Where the user's own program reads and writes: topics, a group and tables, fresh ones or with leave."""

import json
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.error import URLError

from eosctl.core.errors import OperationFailed, Refused, UsageError
from eosctl.domain.proof.counting import Effect, known
from eosctl.ports.verify import OwnTrial
from eosctl.proof import effects
from eosctl.proof.servers import LIMIT_S, Servers

_HINT = "Leave it out: verify makes one and takes it away. Or give --allow-existing when that is meant."


class Places:
    """Makes what is missing. Raises Refused (`not_fresh`) for what is there and holds something."""

    def __init__(self, trial: OwnTrial, servers: Servers) -> None:
        self._trial, self._servers, name = trial, servers, servers.name()
        self.prefix = f"v{uuid.uuid4().hex[:6]}-"
        self.group = trial.group or name
        self.input = trial.input_topic or f"{name}-in"
        self.output = trial.output_topic or f"{name}-out"
        self._refuse_group()
        self.partitions = self._topic(self.input)
        self.output_partitions = self._topic(self.output)
        self._output = effects.Reader(servers.kafka, self.output, self.output, self.output_partitions)
        self._output_begin = self._output.ends() if trial.counted == "topic" else {}
        self.dsn = self._database(name)

    def counted(self, began_epoch_ms: int) -> Iterator[Effect]:
        """The effects, in the order in which the topic, the query or the answer has them."""
        found: Iterable[tuple[str, int | None]]
        match self._trial.counted:
            case "topic":
                found = (
                    (_id_of(one, self._trial.id_at), one.timestamp()[1] - began_epoch_ms)
                    for one in effects.committed(
                        self._servers.kafka, self.output, self.output_partitions, self._output_begin
                    )
                )
            case "sql":
                found = ((str(row[0]), None) for row in self._rows(self._statement()))
            case _:
                found = ((one, None) for one in self._answer())
        for id, at_ms in found:
            effect = known(id, self.prefix, at_ms)
            if effect.amount >= 0 or not self._trial.allow_existing or self.prefix in id:
                yield effect  # with leave to use what exists, others' messages are no concern

    def count(self) -> int:
        """How many effects there are by now; records of a topic with those of open transactions."""
        match self._trial.counted:
            case "topic":
                return sum(self._output.ends().values())
            case "sql":
                return int(self._rows(f"SELECT count(*) FROM ({self._statement()}) AS counted")[0][0])
            case _:
                return len(self._answer())

    def close(self) -> None:
        """Closes its connection."""
        self._output.close()

    def _refuse_group(self) -> None:
        if self._trial.group and not self._trial.allow_existing and self._servers.knows_group(self.group):
            raise Refused("not_fresh", f"The group {self.group} exists.",
                          why="Its members would take messages, its offsets would move.", hint=_HINT)  # fmt: skip
        if not self._trial.group or not self._servers.knows_group(self.group):
            self._servers.remember_group(self.group)

    def _topic(self, name: str) -> int:
        partitions = self._servers.partitions(name)
        if not partitions:
            self._servers.make_topics(name, partitions=self._trial.partitions)
            return self._trial.partitions
        if not self._trial.allow_existing and any(self._ends(name, partitions).values()):
            raise Refused("not_fresh", f"The topic {name} exists and holds records.",
                          why="verify writes thousands of messages to it; others may read it.", hint=_HINT)  # fmt: skip
        return partitions

    def _ends(self, topic: str, partitions: int) -> dict[int, int]:
        reader = effects.Reader(self._servers.kafka, topic, topic, partitions)
        try:
            return reader.ends()
        finally:
            reader.close()

    def _database(self, name: str) -> str:
        if self._trial.schema:
            return self._servers.make_schema(name, self._trial.schema)
        if self._trial.counted == "sql" and not self._trial.allow_existing:
            raise Refused("not_fresh", "The program would write to your own tables.",
                          why="--check-sql was given without --schema-sql.",
                          hint="Give --schema-sql FILE: its tables are made in a schema that is taken away. "
                          "Or --allow-existing when that is meant.")  # fmt: skip
        return self._servers.dsn if self._trial.allow_existing or self._trial.counted == "sql" else ""

    def _statement(self) -> str:
        return self._trial.sql.strip().rstrip(";")

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        import psycopg

        try:
            return effects.rows(self.dsn, statement)
        except psycopg.errors.Error as error:
            if isinstance(error, psycopg.OperationalError):
                raise
            raise UsageError("bad_check_sql", f"--check-sql can't be run: {str(error).splitlines()[0]}",
                             hint="Its first column is a message's id, a row an effect.") from None  # fmt: skip

    def _answer(self) -> list[str]:
        path = self._trial.id_at.removeprefix("json:") if self._trial.id_at.startswith("json:") else "id"
        try:
            with urllib.request.urlopen(self._trial.url, timeout=LIMIT_S) as answer:
                found = json.load(answer)
        except (URLError, OSError, ValueError) as error:
            raise OperationFailed("check_http", f"{self._trial.url} can't be asked: {error}.",
                                  hint="It answers GET with a JSON list, an element an effect.") from None  # fmt: skip
        if not isinstance(found, list):
            raise UsageError("check_http", f"{self._trial.url} answers no JSON list.", hint="An element is an effect.")
        return [_at_path(one, path) if isinstance(one, dict) else str(one) for one in found]


def _id_of(record: Any, place: str) -> str:
    """The id of a record; "" when it has none there."""
    if place == "key":
        return (record.key() or b"").decode(errors="replace")
    if place.startswith("header:"):
        value = dict(record.headers() or []).get(place.removeprefix("header:"))
        return (value or b"").decode(errors="replace")
    try:
        return _at_path(json.loads(record.value() or b""), place.removeprefix("json:"))
    except ValueError:
        return ""


def _at_path(value: Any, path: str) -> str:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)
