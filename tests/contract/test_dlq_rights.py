"""ACLs that a replay lacks are named before its first record moves; what nobody tells stops it, with nothing lost."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka import admin as kafka_admin
from confluent_kafka.admin import AclBinding, AclBindingFilter, NewTopic
from fixtures.dead_letters import spring
from fixtures.lab import LIMIT_S, wait_until

from eosctl.lab import clients
from eosctl.lab.state import LabState

_DLT, _TOPIC = "acl-orders-dlt", "acl-orders"
_JOB = f"eosctl-replay-{_DLT}"
_LEDGER, _PARKED = f"{_DLT}.replayed", f"{_DLT}.parked"
_KIND = kafka_admin.ResourceType
_WHOLE = {
    ("TOPIC", _DLT, "READ"), ("TOPIC", _DLT, "DESCRIBE_CONFIGS"),
    ("TOPIC", _TOPIC, "WRITE"), ("TOPIC", _TOPIC, "DESCRIBE_CONFIGS"),
    ("TOPIC", _LEDGER, "CREATE"), ("TOPIC", _LEDGER, "READ"), ("TOPIC", _LEDGER, "WRITE"),
    ("TOPIC", _PARKED, "CREATE"), ("TOPIC", _PARKED, "WRITE"),
    ("GROUP", _JOB, "READ"), ("TRANSACTIONAL_ID", _JOB, "WRITE"),
}  # fmt: skip
Right = tuple[str, str, str]


@dataclass
class Limited:
    """The lab's user without rights, and who gives it some."""

    lab: LabState
    admin: Any

    def allow(self, *rights: Right) -> None:
        """Exactly these, and no others."""
        for made in self.admin.delete_acls([_filter()], request_timeout=LIMIT_S).values():
            made.result(LIMIT_S)
        bindings = [_binding(*one) for one in rights]
        for made in self.admin.create_acls(bindings, request_timeout=LIMIT_S).values() if bindings else ():
            made.result(LIMIT_S)
        wait_until(lambda: len(self._given()) == len(rights))

    def replay(self, *words: str) -> dict[str, Any]:
        """The envelope of a replay by the limited user."""
        command = [sys.executable, "-m", "eosctl", "dlq", "replay", _DLT, "-o", "json", *words]
        env = {**os.environ, "EOSCTL_KAFKA_CONFIG": str(self.lab.path("security", "limited.properties")),
               "EOSCTL_BOOTSTRAP_SERVER": self.lab.bootstrap_servers, "EOSCTL_QUIET": "1"}  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _given(self) -> list[Any]:
        found: list[Any] = self.admin.describe_acls(_filter(), request_timeout=LIMIT_S).result(LIMIT_S)
        return found


def _binding(kind: str, name: str, operation: str) -> AclBinding:
    return AclBinding(getattr(_KIND, kind), name, kafka_admin.ResourcePatternType.LITERAL, "User:limited", "*",
                      getattr(kafka_admin.AclOperation, operation), kafka_admin.AclPermissionType.ALLOW)  # fmt: skip


def _filter() -> AclBindingFilter:
    return AclBindingFilter(_KIND.ANY, None, kafka_admin.ResourcePatternType.ANY, "User:limited", None,
                            kafka_admin.AclOperation.ANY, kafka_admin.AclPermissionType.ANY)  # fmt: skip


@pytest.fixture
def limited(secure_lab: LabState) -> Iterator[Limited]:
    """Three dead letters, and a user that may do nothing yet."""
    admin = clients.librdkafka_admin(secure_lab)
    for made in admin.create_topics([NewTopic(_TOPIC, 3, 1), NewTopic(_DLT, 1, 1)]).values():
        made.result(LIMIT_S)
    producer = Producer(clients.librdkafka_settings(secure_lab))
    for number in range(3):
        producer.produce(_DLT, b"%d" % number, b"k", headers=spring(_TOPIC, number, number))
    assert producer.flush(LIMIT_S) == 0
    one = Limited(secure_lab, admin)
    yield one
    one.allow()
    known = admin.list_topics(timeout=LIMIT_S).topics
    gone = [name for name in (_TOPIC, _DLT, _LEDGER, _PARKED) if name in known]
    for deleted in admin.delete_topics(gone).values():
        deleted.result(LIMIT_S)


def _sent(limited: Limited) -> int:
    return sum(clients.ends(limited.lab, _TOPIC, range(3), committed=True).values())


def test_every_right_that_is_missing_is_named_in_the_plan(limited: Limited) -> None:
    limited.allow(("TOPIC", _DLT, "READ"), ("TOPIC", _DLT, "DESCRIBE_CONFIGS"), ("TOPIC", _TOPIC, "DESCRIBE"),
                  ("TOPIC", _TOPIC, "DESCRIBE_CONFIGS"))  # fmt: skip
    answer = limited.replay("--dry-run")
    (error,) = answer["errors"]
    assert (answer["exit_code"], error["code"]) == (1, "acl_missing")
    for right in (f"Write on Topic '{_TOPIC}'", f"Read on Topic '{_LEDGER}'", f"Write on Topic '{_LEDGER}'",
                  f"Create on Topic '{_LEDGER}'", f"Write on Topic '{_PARKED}'", f"Create on Topic '{_PARKED}'",
                  f"Read on Group '{_JOB}'", f"Write on TransactionalId '{_JOB}'"):  # fmt: skip
        assert right in error["message"], right
    assert f"Topic '{_DLT}'" not in error["message"]


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        (("TOPIC", _TOPIC, "WRITE"), f"The origin {_TOPIC} is no topic"),
        (("TOPIC", _LEDGER, "WRITE"), f"Write on Topic '{_LEDGER}'"),
        (("GROUP", _JOB, "READ"), f"Read on Group '{_JOB}'"),
        (("TRANSACTIONAL_ID", _JOB, "WRITE"), f"Write on TransactionalId '{_JOB}'"),
    ],
)
def test_one_right_that_is_missing_moves_nothing(limited: Limited, gone: Right, named: str) -> None:
    """A target that may not even be described looks like none: its records are held."""
    limited.allow(*(_WHOLE - {gone}))
    answer = limited.replay("--yes")
    said = [one["message"] for one in (*answer["errors"], *answer["warnings"])]
    assert any(named in one for one in said), said
    assert _sent(limited) == 0


def test_an_id_that_may_be_described_and_not_written_stops_the_run_and_loses_nothing(limited: Limited) -> None:
    limited.allow(*(_WHOLE - {("TRANSACTIONAL_ID", _JOB, "WRITE")}), ("TRANSACTIONAL_ID", _JOB, "DESCRIBE"))
    answer = limited.replay("--yes")
    (error,) = answer["errors"]
    assert (error["code"], _sent(limited)) == ("acl_missing", 0)
    assert f"InitProducerId is not allowed on TransactionalId '{_JOB}'" in error["message"], error
    limited.allow(*_WHOLE)
    assert limited.replay("--yes")["data"]["result"]["outcomes"] == {"replayed": 3}
    assert _sent(limited) > 3, "records and their markers"


def test_a_right_that_is_taken_away_meanwhile_is_named_with_its_topic(limited: Limited) -> None:
    limited.allow(*_WHOLE)
    plan = limited.lab.path("rights-plan.json")
    assert limited.replay("--dry-run", "--plan-out", str(plan))["exit_code"] == 0
    limited.allow(*(_WHOLE - {("TOPIC", _TOPIC, "WRITE")}), ("TOPIC", _TOPIC, "DESCRIBE"))
    command = [sys.executable, "-m", "eosctl", "apply", str(plan), "--yes", "-o", "json"]
    env = {**os.environ, "EOSCTL_KAFKA_CONFIG": str(limited.lab.path("security", "limited.properties")),
           "EOSCTL_BOOTSTRAP_SERVER": limited.lab.bootstrap_servers, "EOSCTL_QUIET": "1"}  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)
    assert f"It lacks Write on Topic '{_TOPIC}'." in done.stdout, done.stdout + done.stderr
    assert _sent(limited) == 0
