"""The outbox relay's loop: take a batch, publish it, await every answer, mark it; order before speed.

A crash between publish and mark publishes a batch again, each record with the `idempotency-key` that it had before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eosctl.core.errors import Unreachable
from eosctl.domain import outbox_relay as rules
from eosctl.domain.outbox import OutboxMapping
from eosctl.domain.outbox_events import NotARecord, OutboxEvent, OutgoingRecord, record_of
from eosctl.domain.outbox_relay import Holds, RelayWish
from eosctl.ports import Gateways
from eosctl.ports.outbox import RelaySession, RowsLocked
from eosctl.ports.publisher import DeliveryError

_SHARE_EVERY_MS = 2_000
_RECONNECT_MS = 1_000
_OUTAGE_HOLD_MS = 5_000
_STOP_LOOK_MS = 250
_AGAIN = 3


@dataclass
class RelayTally:
    """What a relay did: events published and tries that failed, how often it lost a server, the most lanes it held."""

    published: int = 0
    failures: int = 0
    batches: int = 0
    interruptions: int = 0
    lanes: int = 0
    stopped: bool = False


def run_relay(gateways: Gateways, mapping: OutboxMapping, wish: RelayWish) -> RelayTally:
    """Runs until it is told to stop, or is done with `once` or `drain`.

    A server that is away is waited for, unless `once` or `drain`: then Unreachable is raised.
    """
    tally = RelayTally()
    gateways.progress.begin("Publishing", unit="events")
    try:
        while not tally.stopped:
            try:
                with_session(gateways, mapping, wish, tally)
                return tally
            except Unreachable as error:
                if wish.once or wish.drain:
                    raise
                tally.interruptions += 1
                gateways.progress.advance(0, f"{error.message} {error.why} Trying again.")
                tally.stopped = _slept_until_stop(gateways, _RECONNECT_MS)
        return tally
    finally:
        gateways.publisher.close()
        gateways.progress.end()


def with_session(gateways: Gateways, mapping: OutboxMapping, wish: RelayWish, tally: RelayTally) -> None:
    """One session's work, closed behind it: its lanes are free for other relays at once."""
    session = gateways.outbox.relay_session(mapping)
    try:
        _Relay(gateways, mapping, wish, tally, session).work()
    finally:
        session.close()


def _slept_until_stop(gateways: Gateways, duration_ms: int) -> bool:
    until = gateways.clock.monotonic_ms() + duration_ms
    while gateways.clock.monotonic_ms() < until:
        if gateways.stop.requested():
            return True
        gateways.clock.sleep_ms(min(_STOP_LOOK_MS, duration_ms))
    return False


class _Relay:
    """One session's state: which aggregates wait, when lanes were last shared."""

    def __init__(
        self, gateways: Gateways, mapping: OutboxMapping, wish: RelayWish, tally: RelayTally, session: RelaySession
    ) -> None:
        self._gateways = gateways
        self._mapping = mapping
        self._wish = wish
        self._tally = tally
        self._session = session
        self._waiting = Holds()
        self._exhausted = Holds()
        self._shared_at_ms: int | None = None

    def work(self) -> None:
        """Batch after batch."""
        idle, around_locks = False, False
        while True:
            if self._gateways.stop.requested():
                self._tally.stopped = True
                return
            self._share_lanes()
            began_ms = self._now()
            for holds in (self._waiting, self._exhausted):
                holds.release_due(began_ms)
            if idle and not self._session.has_work(self._held()):
                if self._is_over() and not self._got_more_lanes():
                    return
                self._wait()
                continue
            try:
                taken, published = self._batch(around_locks=around_locks)
            except RowsLocked:
                around_locks = True
                continue
            around_locks = False
            idle = taken == 0
            if self._wish.once and (published or idle):
                return
            self._keep_rate(published, began_ms)

    def _now(self) -> int:
        return self._gateways.clock.monotonic_ms()

    def _held(self) -> list[tuple[str, str]]:
        return [*self._waiting.until_ms, *self._exhausted.until_ms]

    def _is_over(self) -> bool:
        return self._wish.once or (self._wish.drain and not self._waiting.until_ms)

    def _got_more_lanes(self) -> bool:
        """Before it ends: the lanes of a relay that died a moment ago may have come free."""
        held, self._shared_at_ms = len(self._session.lanes()), None
        self._share_lanes()
        return len(self._session.lanes()) > held

    def _share_lanes(self) -> None:
        now = self._now()
        if self._shared_at_ms is not None and now - self._shared_at_ms < _SHARE_EVERY_MS:
            return
        self._shared_at_ms = now
        session, relays = self._session, self._session.relays()
        surplus = rules.lanes_to_release(session.lanes(), relays)
        if surplus:
            session.release_lanes(surplus)
        wanted = rules.lanes_to_try(session.lanes(), session.taken_lanes(), relays)
        if wanted:
            session.lock_lanes(wanted)
        self._tally.lanes = max(self._tally.lanes, len(session.lanes()))

    def _batch(self, *, around_locks: bool) -> tuple[int, int]:
        """How many rows were taken, and how many went out."""
        with self._session.batch():
            events = self._session.take(self._wish.next_batch, self._held(), around_locks=around_locks)
            chosen = rules.select(events, self._mapping.max_retries)
            now = self._now()
            for aggregate in chosen.exhausted:
                self._exhausted.hold(aggregate, now + rules.EXHAUSTED_LOOK_MS)
            for aggregate in chosen.locked_elsewhere:
                self._waiting.hold(aggregate, now + self._wish.poll_ms)
            delivered, errors = self._publish(chosen.ready)
            if delivered:
                self._session.mark_published([one.id for one in delivered])
            counted = {event.id: self._failed(event, error) for event, error in errors}
            if counted:
                self._session.mark_failed(counted)
        self._tally.batches += bool(events)
        self._tally.published += len(delivered)
        self._tally.failures += len(counted)
        if delivered:
            self._gateways.progress.advance(len(delivered))
        return len(events), len(delivered)

    def _failed(self, event: OutboxEvent, error: DeliveryError) -> tuple[str, int]:
        count = self._mapping.max_retries if error.final else event.retry_count + 1
        if count >= self._mapping.max_retries:
            self._exhausted.hold(event.aggregate, self._now() + rules.EXHAUSTED_LOOK_MS)
        else:
            self._waiting.hold(event.aggregate, self._now() + rules.retry_delay_ms(event.retry_count))
        return f"{error.code}: {error.message}", count

    def _publish(
        self, events: Sequence[OutboxEvent]
    ) -> tuple[list[OutboxEvent], list[tuple[OutboxEvent, DeliveryError]]]:
        """What was delivered, and the errors that count against their events. Raises Unreachable when Kafka is away."""
        pairs, errors = self._records(events)
        delivered: list[OutboxEvent] = []
        outages: list[DeliveryError] = []
        for _ in range(_AGAIN):
            if not pairs:
                break
            failed = self._gateways.publisher.publish([record for _, record in pairs]).failed
            delivered += [event for at, (event, _) in enumerate(pairs) if at not in failed]
            culprits = {pairs[at][0].aggregate for at, one in failed.items() if one.tried}
            left = [pairs[at] for at in sorted(failed)]
            alone = [one for one in left if one[0].aggregate in culprits]
            pairs = [one for one in left if one[0].aggregate not in culprits]
            if any(one.outage for one in failed.values()):
                outages += [one for one in failed.values() if one.outage]
                self._hold_for_outage(alone)
                break
            self._one_by_one(alone, delivered, errors, outages)
        if outages and not delivered and not errors:
            raise Unreachable(
                "kafka_unreachable",
                "Kafka does not take the outbox's events.",
                why=f"{outages[0].message}.",
                hint="Nothing was counted against the events; they go out when Kafka is back.",
            )
        return delivered, errors

    def _records(
        self, events: Sequence[OutboxEvent]
    ) -> tuple[list[tuple[OutboxEvent, OutgoingRecord]], list[tuple[OutboxEvent, DeliveryError]]]:
        pairs, errors = [], []
        stopped: set[tuple[str, str]] = set()
        for event in events:
            if event.aggregate in stopped:
                continue
            try:
                pairs.append((event, record_of(event, self._wish.topic_template, self._wish.form)))
            except NotARecord as error:
                code, _, message = str(error).partition(": ")
                errors.append((event, DeliveryError(code, message, final=True)))
                stopped.add(event.aggregate)
        return pairs, errors

    def _one_by_one(
        self,
        pairs: Sequence[tuple[OutboxEvent, OutgoingRecord]],
        delivered: list[OutboxEvent],
        errors: list[tuple[OutboxEvent, DeliveryError]],
        outages: list[DeliveryError],
    ) -> None:
        failed = self._gateways.publisher.publish_singly([record for _, record in pairs]).failed if pairs else {}
        delivered += [event for at, (event, _) in enumerate(pairs) if at not in failed]
        for at, error in failed.items():
            if error.outage:
                outages.append(error)
                self._hold_for_outage([pairs[at]])
            elif error.tried:
                errors.append((pairs[at][0], error))

    def _hold_for_outage(self, pairs: Sequence[tuple[OutboxEvent, OutgoingRecord]]) -> None:
        for event, _ in pairs:
            self._waiting.hold(event.aggregate, self._now() + _OUTAGE_HOLD_MS)

    def _wait(self) -> None:
        dues = [one for one in (self._waiting.next_due_ms(), self._exhausted.next_due_ms()) if one is not None]
        until_due = min(dues) - self._now() if dues else self._wish.poll_ms
        self._session.wait(max(1, min(self._wish.poll_ms, until_due, _STOP_LOOK_MS)))

    def _keep_rate(self, published: int, began_ms: int) -> None:
        if self._wish.rate_per_s and published:
            rest = published * 1_000 // self._wish.rate_per_s - (self._now() - began_ms)
            if rest > 0:
                self._tally.stopped = _slept_until_stop(self._gateways, rest)
