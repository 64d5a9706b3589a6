"""The cells of a round: what runs beside what, and the measures that come of it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from eosctl.core.counts import counted
from eosctl.core.errors import EosctlError, OperationFailed
from eosctl.domain.bench.measuring import PACE_PER_S, STRATEGIES, BenchWish, Measure, Observation
from eosctl.domain.bench.ratios import percentile
from eosctl.domain.cdc_config import CdcWish
from eosctl.ports.connect import ConnectGateway
from eosctl.proof.bench import broker_cpu, consuming, producing
from eosctl.proof.bench.capturing import Debezium
from eosctl.proof.bench.reading import Readers
from eosctl.proof.bench.relaying import Relay
from eosctl.proof.bench.tidying import BenchServers
from eosctl.proof.servers import LIMIT_S, Servers

_STORED = 40_000
_CHARTED = 100
"""The transaction size whose latencies the chart shows."""

_TICKS_S = 0.05
"""Processor time is counted in ticks of a hundredth of a second: less than this says nothing."""

Cell = Callable[[], None]


@dataclass
class Found:
    """What the rounds gave. A round that was not finished does not count."""

    not_measured: dict[str, str] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    _round: dict[tuple[str, str, Measure, str], tuple[float, float]] = field(default_factory=dict)
    _spread: dict[str, list[float]] = field(default_factory=dict)
    _whole: dict[tuple[str, str, Measure, str], list[tuple[float, float]]] = field(default_factory=dict)

    def note(self, area: str, what: str, measure: Measure, twin: str, values: tuple[float, float]) -> None:
        """A measure of this round: the twin's value and the cell's own."""
        self._round[area, what, measure, twin] = values

    def spread(self, name: str, latencies_ms: list[float]) -> None:
        """Latencies of this round."""
        self._spread[name] = latencies_ms

    def close_round(self, *, warm_up: bool) -> None:
        """The round is whole; the warm-up's counts for nothing."""
        if not warm_up:
            for key, values in self._round.items():
                self._whole.setdefault(key, []).append(values)
            for name, latencies_ms in self._spread.items():
                self.latencies.setdefault(name, []).extend(latencies_ms)
        self._round, self._spread = {}, {}

    def observations(self) -> tuple[Observation, ...]:
        """Every measure with its rounds."""
        return tuple(
            Observation(area, what, measure, twin, tuple(one for one, _ in pairs), tuple(one for _, one in pairs))
            for (area, what, measure, twin), pairs in self._whole.items()
        )


class Cells:
    """Producers, consumers and relay of one run, closed at its end; `Servers.tidy` takes topics and schema away."""

    def __init__(self, servers: BenchServers, connect: ConnectGateway, wish: BenchWish, found: Found) -> None:
        self._servers, self._connect, self._wish, self._found = servers, connect, wish, found
        self._stack = ExitStack()
        self._value = b"x" * wish.record_bytes
        self._seconds = wish.cell_ms / 1_000
        self._name = servers.name()
        self._cpu: broker_cpu.BrokerCpu | None = None
        self._plain: producing.Plain
        self._transactional: producing.Transactional
        self._readers: Readers
        self._consumers: consuming.Consumers
        self._relay: Relay | None = None
        self._debezium: Debezium | None = None

    def __enter__(self) -> "Cells":
        """Prepares what the areas need."""
        try:
            self._prepare()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Ends processes, threads and connections."""
        self._stack.close()

    def round(self, *, swapped: bool) -> Iterator[Cell]:
        """The cells in their order; `swapped`: the twin goes second."""
        for area in self._wish.areas:
            yield from getattr(self, f"_{area}_cells")(swapped=swapped)

    def _prepare(self) -> None:
        wish, servers, name = self._wish, self._servers, self._name
        if {"produce", "read"} & set(wish.areas):
            servers.make_topics(f"{name}-produce")
            self._transactional = producing.Transactional(servers.kafka, f"{name}-produce", name)
        if "produce" in wish.areas:
            self._plain = producing.Plain(servers.kafka, f"{name}-produce")
            self._cpu, why = broker_cpu.find(_brokers(servers))
            if self._cpu is None:
                self._found.not_measured["broker CPU"] = why
        if "read" in wish.areas:
            servers.make_topics(f"{name}-read")
            self._reading = producing.Transactional(servers.kafka, f"{name}-read", f"{name}-read")
            self._readers = Readers(servers.kafka, f"{name}-read")
            self._stack.callback(self._readers.close)
        if {"consume", "outbox"} & set(wish.areas):
            dsn = servers.make_schema(name, consuming.TABLES)
            if "consume" in wish.areas:
                servers.make_topics(f"{name}-consume")
                servers.remember_group(name)
                consuming.fill(servers.kafka, f"{name}-consume", _STORED, wish.record_bytes)
                self._consumers = consuming.Consumers(servers.kafka, f"{name}-consume", dsn, name)
                self._stack.callback(self._consumers.close)
            if "outbox" in wish.areas:
                self._relay_events(dsn)
                if wish.cdc is not None and self._relay is not None:
                    self._capture(wish.cdc, dsn)

    def _relay_events(self, dsn: str) -> None:
        """A relay reads security settings from a file: where they are no words it can't run, and that is told."""
        self._servers.make_topics(f"{self._name}-outbox-events")
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="eosctl-bench-")))
        try:
            self._relay = Relay(self._servers.kafka, dsn, f"{self._name}-outbox", folder)
            self._stack.callback(self._relay.close)
        except OperationFailed as error:
            self._found.not_measured["outbox"] = f"{error.message} {error.why}".strip()

    def _capture(self, wish: CdcWish, dsn: str) -> None:
        """Debezium beside the relay; where it does not run, that is told, and the rest is measured all the same."""
        import psycopg

        name, servers = self._name, self._servers
        servers.make_topics(f"{name}-cdc-events")
        try:
            self._debezium = Debezium(servers, self._connect, wish, dsn, name)
            self._stack.callback(self._debezium.close)
        except EosctlError as error:
            self._found.not_measured["CDC"] = f"{error.message} {error.why}".strip()
        except psycopg.Error as error:
            self._found.not_measured["CDC"] = str(error).strip()

    def _produce_cells(self, *, swapped: bool) -> Iterator[Cell]:
        for records in self._wish.sizes:
            yield partial(self._by_count, records, swapped=swapped)
        for interval_ms in self._wish.intervals_ms:
            yield partial(self._by_time, interval_ms, swapped=swapped)
            yield partial(self._paced, interval_ms, swapped=swapped)

    def _by_count(self, records: int, *, swapped: bool) -> None:
        what = f"{counted(records, 'record')} a transaction"
        twin = f"{counted(records, 'record')}, then a flush"
        plain, own = self._pair(
            lambda sender: producing.by_count(sender, records, self._value, self._seconds), what, twin, swapped=swapped
        )
        self._note_latencies("produce", what, twin, plain.latencies_ms, own.latencies_ms)
        if records == _CHARTED:
            self._found.spread("without transactions", plain.latencies_ms)
            self._found.spread(what, own.latencies_ms)

    def _by_time(self, interval_ms: int, *, swapped: bool) -> None:
        what = f"{interval_ms:,} ms a transaction"
        self._pair(
            lambda sender: producing.by_time(sender, interval_ms / 1_000, self._value, self._seconds),
            what, f"as fast as it goes, a flush every {interval_ms:,} ms", swapped=swapped,
        )  # fmt: skip

    def _paced(self, interval_ms: int, *, swapped: bool) -> None:
        """Without transactions nothing ends: a plain producer waits for no interval."""

        def loop(sender: producing.Sender) -> producing.Sample:
            ends = sender is self._transactional
            return producing.paced(
                sender, interval_ms / 1_000, PACE_PER_S, self._seconds, lambda: self._value, ends=ends
            )

        plain, own = _both(loop, self._plain, self._transactional, swapped=swapped)
        twin = f"{PACE_PER_S:,} records/s, no transactions"
        self._note_latencies("produce", f"{interval_ms:,} ms a transaction", twin, plain.latencies_ms, own.latencies_ms)

    def _pair(
        self, loop: Callable[[producing.Sender], producing.Sample], what: str, twin: str, *, swapped: bool
    ) -> tuple[producing.Sample, producing.Sample]:
        """Throughput, and the brokers' processor time for each record."""
        spent: dict[int, float] = {}

        def watched(sender: producing.Sender) -> producing.Sample:
            before = self._cpu.spent_s() if self._cpu else 0.0
            sample = loop(sender)
            spent[id(sample)] = self._cpu.spent_s() - before if self._cpu else 0.0
            return sample

        plain, own = _both(watched, self._plain, self._transactional, swapped=swapped)
        self._found.note("produce", what, "throughput", twin, (plain.rate, own.rate))
        if min(spent.values()) >= _TICKS_S:
            each = [spent[id(one)] * 1e6 / one.records for one in (plain, own)]
            self._found.note("produce", what, "cpu", twin, (each[0], each[1]))
        return plain, own

    def _read_cells(self, *, swapped: bool) -> Iterator[Cell]:
        for interval_ms in self._wish.intervals_ms:
            yield partial(self._read, interval_ms)

    def _read(self, interval_ms: int) -> None:
        """Both read the same records at the same time: no turns are needed."""
        ages = self._readers.ages_ms(self._reading, interval_ms / 1_000, self._seconds)
        self._note_latencies("read", f"transactions of {interval_ms:,} ms", "read_uncommitted", *ages)

    def _consume_cells(self, *, swapped: bool) -> Iterator[Cell]:
        for batch in self._wish.sizes:
            yield partial(self._consume, batch, swapped=swapped)

    def _consume(self, batch: int, *, swapped: bool) -> None:
        ways = ("plain", *STRATEGIES)
        rates = {way: self._consumers.rate(way, batch, self._seconds).rate for way in (ways[::-1] if swapped else ways)}
        for way in STRATEGIES:
            self._found.note("consume", f"{way}, batches of {batch:,}", "throughput", "no memory of what was done",
                             (rates["plain"], rates[way]))  # fmt: skip

    def _outbox_cells(self, *, swapped: bool) -> Iterator[Cell]:
        if self._relay is not None:
            yield partial(self._outbox, self._relay)

    def _outbox(self, relay: Relay) -> None:
        """Event by event in turns."""
        ways = {"direct": relay.sent_ms, "relay": relay.through_ms}
        if self._debezium is not None:
            ways["Debezium"] = self._debezium.through_ms
        seen: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(self._wish.events):
            for way, measure in ways.items():
                seen[way].append(measure())
        self._note_latencies("outbox", "outbox relay", "sent after the commit", seen["direct"], seen["relay"])
        if self._debezium is not None:
            self._note_latencies("outbox", "Debezium", "sent after the commit", seen["direct"], seen["Debezium"])
            self._note_latencies(
                "outbox", "Debezium, beside the relay", "outbox relay", seen["relay"], seen["Debezium"]
            )

    def _note_latencies(self, area: str, what: str, twin: str, plain: list[float], own: list[float]) -> None:
        measures: tuple[tuple[Measure, float], ...] = (("p50", 50), ("p99", 99))
        for measure, percent in measures:
            self._found.note(area, what, measure, twin, (percentile(plain, percent), percentile(own, percent)))


def _both(
    loop: Callable[[Any], producing.Sample], plain: producing.Sender, own: producing.Sender, *, swapped: bool
) -> tuple[producing.Sample, producing.Sample]:
    """Twin and cell, one after the other."""
    if swapped:
        second = loop(own)
        return loop(plain), second
    return loop(plain), loop(own)


def _brokers(servers: Servers) -> list[tuple[str, int]]:
    from confluent_kafka.admin import AdminClient

    return [
        (str(one.host), one.port) for one in AdminClient(servers.kafka).list_topics(timeout=LIMIT_S).brokers.values()
    ]
