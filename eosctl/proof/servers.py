"""What a trial needs on the servers that were named: topics, a group and a schema of its own, taken away afterwards."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from eosctl.core.errors import OperationFailed, Refused, Unreachable, UsageError
from eosctl.domain.proof.faults import Fault

LIMIT_S = 30.0
"""The longest wait for one answer of a server, in seconds."""

PARTITIONS = 3
_TIDY_LIMIT_S = 45.0
_UNDO_LIMIT_S = 30.0


class Servers:
    """Kafka and PostgreSQL as they were named. Remembers what was made, so that it can be taken away."""

    def __init__(
        self, kafka: Mapping[str, Any], dsn: str | None, break_server: "Callable[[Fault], None] | None" = None
    ) -> None:
        self._break_server = break_server
        self.kafka, self._dsn = {**kafka, "log_level": 0}, dsn
        self._topics: list[str] = []
        self._groups: list[str] = []
        self._schemas: list[str] = []
        self._others: list[tuple[str, Callable[[], None]]] = []
        self._lock = threading.Lock()

    def name(self) -> str:
        """A name that nobody has."""
        return f"eosctl-verify-{uuid.uuid4().hex[:12]}"

    def make_topics(self, *names: str, partitions: int = PARTITIONS) -> None:
        """Makes them and waits until every partition has a leader."""
        from confluent_kafka import KafkaException
        from confluent_kafka import admin as kafka_admin

        admin, new_topic = self._admin, kafka_admin.NewTopic  # type: ignore[attr-defined]  # public, not in __all__
        try:
            for name, made in admin.create_topics([new_topic(one, partitions) for one in names]).items():
                made.result(LIMIT_S)
                with self._lock:
                    self._topics.append(name)
            until = time.monotonic() + LIMIT_S
            while not all(self._has_leaders(admin, one, partitions) for one in names):
                if time.monotonic() > until:
                    raise Unreachable("no_leader", f"{names[0]} got no leaders within {LIMIT_S:.0f} s.",
                                      hint="eosctl status")  # fmt: skip
                time.sleep(0.05)
        except KafkaException as error:
            raise OperationFailed("not_prepared", f"A topic can't be made: {error.args[0].str()}.",
                                  hint="It needs to create and delete topics eosctl-verify-*.") from None  # fmt: skip

    def remember_group(self, group: str) -> None:
        """A group that the trial's programs will make."""
        with self._lock:
            self._groups.append(group)

    def remember_topic(self, name: str) -> None:
        """A topic that somebody else makes on our behalf."""
        with self._lock:
            self._topics.append(name)

    def remember(self, what: str, undo: Callable[[], None]) -> None:
        """Something else was made; `undo` takes it away, the last one first, and all before topics and schemas."""
        with self._lock:
            self._others.append((what, undo))

    def undo(self) -> list[str]:
        """Takes away what was remembered so; what could not be, and is tried again by `tidy`."""
        self._others = [one for one in reversed(self._others) if not _is_undone(one[1])][::-1]
        return [what for what, _ in reversed(self._others)]

    def break_server(self, fault: Fault) -> None:
        """Ends one of the lab's servers and starts it again. Raises Refused where there is no lab."""
        if self._break_server is None:
            raise Refused("not_a_lab", "Only a lab's servers are broken.", hint="eosctl lab up")
        self._break_server(fault)

    @property
    def dsn(self) -> str:
        """The connection string that was named. Raises UsageError (`no_database`) when none was."""
        if self._dsn is None:
            raise UsageError("no_database", "No database was named.", why="There is no DSN, and no PG* variable.",
                             hint="Give --dsn or --profile NAME, or start one: eosctl lab up.")  # fmt: skip
        return self._dsn

    def make_schema(self, name: str, tables: str) -> str:
        """Makes a schema with these tables; the connection string that finds them first."""
        import psycopg
        from psycopg import conninfo, sql

        schema = name.replace("-", "_")
        try:
            with psycopg.connect(self.dsn, autocommit=True, connect_timeout=20) as connection:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
                with self._lock:
                    self._schemas.append(schema)
                connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
                connection.execute(tables.encode())
        except psycopg.OperationalError as error:
            raise Unreachable(
                "database_unreachable", f"PostgreSQL: {str(error).strip()}", hint="Check --dsn."
            ) from None
        except psycopg.Error as error:
            raise OperationFailed("not_prepared", f"A schema can't be made: {str(error).strip()}",
                                  hint="verify needs CREATE on the database.") from None  # fmt: skip
        given = str(conninfo.conninfo_to_dict(self.dsn).get("options") or "")
        return conninfo.make_conninfo(self.dsn, options=f"{given} -csearch_path={schema}".strip())

    def tidy(self) -> tuple[str, ...]:
        """Deletes what was made. A group's killed members must first time out, so that takes some seconds."""
        left = self.undo()
        self._others.clear()
        left += [f"topic {one}" for one in self._deleted(self._topics, self._delete_topics)]
        left += [f"group {one}" for one in self._deleted(self._groups, self._delete_groups)]
        left += [f"schema {one}" for one in self._deleted(self._schemas, self._drop_schemas)]
        return tuple(left)

    def _deleted(self, names: list[str], delete: Callable[[Iterable[str]], list[str]]) -> list[str]:
        left, until = list(names), time.monotonic() + _TIDY_LIMIT_S
        while left:
            left = delete(left)
            if not left or time.monotonic() > until:
                break
            time.sleep(0.5)
        names[:] = left
        return left

    def _delete_topics(self, names: Iterable[str]) -> list[str]:
        return _undone(self._admin.delete_topics(list(names)), "UNKNOWN_TOPIC_OR_PART")

    def _delete_groups(self, names: Iterable[str]) -> list[str]:
        return _undone(self._admin.delete_consumer_groups(list(names)), "GROUP_ID_NOT_FOUND")

    def _drop_schemas(self, names: Iterable[str]) -> list[str]:
        import psycopg
        from psycopg import sql

        left = []
        for one in names:
            try:
                with psycopg.connect(self.dsn, autocommit=True, connect_timeout=20) as connection:
                    connection.execute("SET lock_timeout = '10s'")
                    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(one)))
            except psycopg.Error:
                left.append(one)
        return left

    @cached_property
    def _admin(self) -> Any:
        """One for all: its futures are not answered when it is gone before them."""
        from confluent_kafka.admin import AdminClient

        return AdminClient(self.kafka)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; 0 when there is none of that name."""
        from confluent_kafka import KafkaException

        try:
            found = self._admin.list_topics(timeout=LIMIT_S).topics.get(topic)
        except KafkaException as error:
            raise Unreachable("kafka_unreachable", f"Kafka: {error.args[0].str()}.", hint="eosctl status") from None
        return len(found.partitions) if found is not None else 0

    def knows_group(self, group: str) -> bool:
        """Whether a group of that name has members or committed offsets."""
        from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException

        try:
            found = self._admin.describe_consumer_groups([group], request_timeout=LIMIT_S)[group].result(LIMIT_S)
            if found.members:
                return True
            asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
            return bool(asked[group].result(LIMIT_S).topic_partitions)
        except KafkaException as error:
            if error.args[0].name() in ("GROUP_ID_NOT_FOUND", "UNKNOWN_MEMBER_ID"):
                return False
            raise

    def member_count(self, group: str) -> int:
        """How many members a group has; 0 while nobody knows."""
        from confluent_kafka import KafkaException

        try:
            found = self._admin.describe_consumer_groups([group], request_timeout=LIMIT_S)[group].result(LIMIT_S)
        except KafkaException:
            return 0
        return len(found.members)

    def members(self, group: str) -> Mapping[str, int]:
        """How many partitions each static member of a group has; {} while nobody knows."""
        from confluent_kafka import KafkaException

        try:
            found = self._admin.describe_consumer_groups([group], request_timeout=LIMIT_S)[group].result(LIMIT_S)
        except KafkaException:
            return {}
        return {one.group_instance_id: len(one.assignment.topic_partitions) for one in found.members if one.assignment}

    @staticmethod
    def _has_leaders(admin: Any, topic: str, count: int) -> bool:
        partitions = admin.list_topics(topic, timeout=LIMIT_S).topics[topic].partitions
        return len(partitions) == count and all(one.leader >= 0 for one in partitions.values())


def _is_undone(undo: Callable[[], None]) -> bool:
    until = time.monotonic() + _UNDO_LIMIT_S
    while True:
        try:
            undo()
            return True
        except Exception:  # noqa: BLE001  a Connect that rebalances, a database that is away: again, then told by name
            if time.monotonic() > until:
                return False
            time.sleep(0.5)


def _undone(futures: Mapping[str, Any], gone: str) -> list[str]:
    """The names whose deletion failed, those that are gone already not among them."""
    from concurrent.futures import TimeoutError as TookTooLong

    from confluent_kafka import KafkaException

    left = []
    for name, future in futures.items():
        try:
            future.result(LIMIT_S)
        except TookTooLong:
            left.append(name)
        except KafkaException as error:
            if error.args[0].name() != gone:
                left.append(name)
    return left
