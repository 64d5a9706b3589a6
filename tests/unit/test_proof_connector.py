"""verify's connector: a Connect that rebalances or is away is asked again; what fails is started again, for a while."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from eosctl.core.errors import EosctlError, OperationFailed, Refused, Unreachable, UsageError
from eosctl.core.progress import NeverStop, Silent
from eosctl.domain.cdc_config import PASSWORD_REFERENCE, CdcWish, ConnectorWish
from eosctl.domain.connect import FAILED, ConnectorStatus, TaskStatus
from eosctl.domain.proof.checks import OutboxFacts
from eosctl.domain.strategies.catalogue import NAMES
from eosctl.domain.strategies.scaffolding import scaffold
from eosctl.operations.verify import VerifyParams, _runnable
from eosctl.ports.verify import Trial
from eosctl.proof import connector
from eosctl.proof.connector import Connector, with_publication
from eosctl.proof.gateway import LocalProof
from eosctl.proof.servers import Servers
from eosctl.proof.standing import Places, Standing

NAME = "eosctl-verify-1"
FILES = scaffold("outbox-cdc", "python").files
BUSY = OperationFailed("connect_rebalancing", "Kafka Connect rebalances.")


class FakeConnect:
    """Connect's answers to `make` and `status` in their order, the last one for ever; what was asked of it."""

    url = "http://connect:8083"

    def __init__(self, *answers: EosctlError | str) -> None:
        self.answers, self.asked, self.names = list(answers), list[str](), list[str]()
        self.configs = dict[str, Mapping[str, str]]()

    def connectors(self) -> tuple[str, ...]:
        return tuple(self.names)

    def make(self, name: str, config: Mapping[str, str]) -> None:
        self._next()
        self.names.append(name)
        self.configs[name] = config

    def remove(self, name: str) -> None:
        self.asked.append("remove")
        self.names.remove(name)

    def status(self, name: str) -> ConnectorStatus:
        state = self._next()
        return ConnectorStatus(name, (TaskStatus(-1, "RUNNING", "w"), TaskStatus(0, state, "w", "no slot left")))

    def restart_failed(self, name: str) -> None:
        self.asked.append("restart")

    def _next(self) -> str:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, EosctlError):
            raise answer
        return answer


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A connector in a database that is not asked."""
    found = ConnectorWish(name=NAME, prefix=NAME, slot="eosctl_verify_1", publication="eosctl_verify_1", host="db",
                          port=5432, database="shop", user="debezium")  # fmt: skip
    monkeypatch.setattr(connector, "_publish", lambda *_: found)
    monkeypatch.setattr(connector, "_drop_slot", lambda *_: None)
    monkeypatch.setattr(connector, "_RESTART_EVERY_S", 0.0)
    monkeypatch.setattr(connector, "_LOOK_EVERY_S", 0.0)

    def made(connect: Any, servers: Servers) -> Connector:
        return Connector(servers, connect, CdcWish("", PASSWORD_REFERENCE), "", name=NAME, table="outbox",
                         template=FILES["connector.json"])  # fmt: skip

    return made


def test_the_scaffolds_connector_is_made_for_this_place(make: Callable[..., Any]) -> None:
    connect = FakeConnect(BUSY, BUSY, "RUNNING")
    make(connect, Servers({}, None))
    config = connect.configs[NAME]
    assert config["publication.name"] == config["slot.name"] == "eosctl_verify_1"
    assert (config["table.include.list"], config["database.hostname"]) == (r"eosctl_verify_1\.outbox", "db")
    assert config["predicates.isOutbox.pattern"] == r"eosctl\-verify\-1\.eosctl_verify_1\.outbox"
    assert config["transforms.outbox.table.expand.json.payload"] == "true", "the rest is the scaffold's own"
    assert config["database.password"] == PASSWORD_REFERENCE


def test_its_publication_has_a_name_of_its_own() -> None:
    schema = with_publication(FILES["schema.sql"], FILES["connector.json"], NAME)
    assert "CREATE PUBLICATION eosctl_verify_1 FOR TABLE outbox" in schema
    assert "eosctl_outbox" not in schema


def test_it_is_waited_for_while_connect_rebalances_is_away_or_has_not_heard_of_it(make: Callable[..., Any]) -> None:
    unknown = UsageError("unknown_connector", "There is none.")
    away = Unreachable("connect_unreachable", "Nobody answers.")
    connect = FakeConnect("made", unknown, BUSY, away, FAILED, "UNASSIGNED", "RUNNING")
    make(connect, Servers({}, None)).wait_until_running(lambda _: None)
    assert connect.asked == ["restart"]
    assert connect.answers == ["RUNNING"]


def test_one_that_fails_again_and_again_is_given_up_with_its_own_words(make: Callable[..., Any]) -> None:
    connect = FakeConnect(FAILED)
    one = make(connect, Servers({}, None))
    with pytest.raises(OperationFailed) as raised:
        one.wait(lambda: False, lambda: 0, lambda _: None)
    assert (raised.value.code, connect.asked) == ("connector_failed", ["restart"] * 5)
    assert "no slot left" in raised.value.why


def test_one_that_brings_nothing_is_given_up(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "_STILL_LIMIT_S", 0.05)
    one = make(FakeConnect("RUNNING"), Servers({}, None))
    with pytest.raises(OperationFailed) as raised:
        one.wait(lambda: False, lambda: 0, lambda _: None)
    assert raised.value.code == "stands_still"


def test_it_is_taken_away_before_its_slot_and_only_where_it_came_to_be(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = FakeConnect(OperationFailed("connect_error", "No such class."))
    servers = Servers({}, None)
    monkeypatch.setattr(servers, "_delete_topics", lambda _: [])
    with pytest.raises(OperationFailed):
        make(refused, servers)
    assert (servers.tidy(), refused.asked) == ((), [])
    connect = FakeConnect("RUNNING")
    monkeypatch.setattr(connector, "_drop_slot", lambda *_: connect.asked.append("slot"))
    make(connect, servers)
    assert (servers.tidy(), connect.asked) == ((), ["remove", "slot"])


def test_what_can_not_be_taken_away_is_named(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def held(*_: str) -> None:
        raise OperationFailed("slot_active", "Somebody still reads the slot.")

    servers = Servers({}, None)
    monkeypatch.setattr(servers, "_delete_topics", lambda _: [])
    monkeypatch.setattr(connector, "_drop_slot", held)
    monkeypatch.setattr("eosctl.proof.servers._UNDO_LIMIT_S", 0.0)
    make(FakeConnect("RUNNING"), servers)
    assert servers.tidy() == ("replication slot eosctl_verify_1",)


class Remembering:
    """A trial that makes one thing, and runs."""

    def __init__(self, trial: Any, servers: Servers, *_: Any) -> None:
        self.servers, self.undone = servers, trial.files

    def run(self) -> str:
        self.servers.remember("replication slot", lambda: self.undone.append("slot"))
        return "seen"


def test_what_a_trial_made_in_the_database_is_gone_before_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --duration there is one round behind the other, and a server has ten slots."""
    monkeypatch.setattr("eosctl.proof.gateway.Conduct", Remembering)
    room, undone = LocalProof({}, None, progress=Silent(), stop=NeverStop()), list[str]()
    made = scaffold("outbox-cdc", "python")
    trial: Any = SimpleNamespace(made=made, faults=(), files=undone)
    assert room.side_by_side([trial, trial]) == ("seen", "seen")
    assert undone == ["slot", "slot"]


def gateways(error: EosctlError | None) -> Any:
    def require() -> None:
        if error is not None:
            raise error

    return SimpleNamespace(verify=SimpleNamespace(require_capture=require))


def test_a_strategy_that_needs_connect_is_refused_without_one() -> None:
    room: Any = SimpleNamespace(verify=LocalProof({}, None, progress=Silent(), stop=NeverStop()))
    with pytest.raises(Refused) as raised:
        _runnable(room, VerifyParams(strategy="outbox-cdc"))
    assert raised.value.code == "needs_connect"
    assert "EOSCTL_CONNECT_URL" in raised.value.hint
    assert "eosctl lab up --cdc" in raised.value.hint


def test_a_connect_that_does_not_answer_is_told_as_it_is() -> None:
    with pytest.raises(Unreachable):
        _runnable(gateways(Unreachable("connect_unreachable", "x")), VerifyParams(strategy="outbox-cdc"))


@pytest.mark.parametrize("code", ["no_connect", "connect_unreachable", "wal_level"])
def test_all_leaves_it_out_with_a_warning_where_it_can_not_run(code: str) -> None:
    names, left_out = _runnable(gateways(OperationFailed(code, "It is so.")), VerifyParams(all=True))
    assert names == tuple(one for one in NAMES if one != "outbox-cdc")
    assert [(one.code, one.message) for one in left_out] == [("not_verified", "outbox-cdc was left out. It is so.")]


def test_all_is_all_where_connect_answers() -> None:
    assert _runnable(gateways(None), VerifyParams(all=True)) == (NAMES, ())


class FakeReader:
    """The log's ends and the group's position, as they are set."""

    high: ClassVar[dict[int, int]] = {}
    place: ClassVar[int] = 0

    def __init__(self, *_: Any) -> None:
        """Connects to nothing."""

    def ends(self) -> dict[int, int]:
        return dict(self.high)

    def position(self) -> int:
        return self.place


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Standing:
    """Of three orders, carried over by transactions: behind the last record lies a marker."""
    made = scaffold("outbox-cdc", "python")
    monkeypatch.setattr("eosctl.proof.effects.Reader", FakeReader)
    places = Places("in", "out", "group", "dsn", "api", Path())
    trial = Trial(made, made.files, 3, (), CdcWish("", PASSWORD_REFERENCE))
    return Standing(trial, Servers({}, None), places)


def test_the_consumer_waits_until_every_row_is_in_the_topic(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, looks = [OutboxFacts(3, 1, 0), OutboxFacts(3, 0, 0)], list[str]()
    monkeypatch.setattr("eosctl.proof.effects.outbox_facts", lambda *_: looks.append("look") or facts[len(looks) - 1])
    found = []
    for high in ({0: 2}, {0: 3}, {0: 3}, {0: 5}):
        monkeypatch.setattr(FakeReader, "high", high)
        found.append(standing.is_carried())
    assert found == [False, False, False, True]
    assert len(looks) == 2, "the topic is read when it holds enough, and again only when it has grown"


def test_the_consumer_is_done_behind_the_last_record_and_not_behind_its_marker(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = next(one for one in scaffold("outbox-cdc", "python").programs if one.role == "consumer")
    monkeypatch.setattr(FakeReader, "high", {0: 4, 1: 0})
    monkeypatch.setattr("eosctl.proof.effects.last_records", lambda *_: {0: 3, 1: 0})
    found = []
    for place in (2, 3):
        monkeypatch.setattr(FakeReader, "place", place)
        found.append(standing.is_done(consumer, set()))
    assert found == [False, True]
