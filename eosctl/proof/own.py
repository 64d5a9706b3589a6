"""Conducts a trial of the user's own program: a wave of messages for each fault, then undisturbed until all is done.

Nothing of the program is known but what passes its proxies: that tells where it can be hit.
"""

import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eosctl.core.errors import Interrupted, Refused
from eosctl.core.progress import Stop
from eosctl.domain.proof.faults import SERVER_KINDS, WIRE_KINDS, Fault, Happened
from eosctl.domain.proof.stories import Course, Sent
from eosctl.ports.verify import Observed, OwnTrial
from eosctl.proof import effects
from eosctl.proof.curve import Curve
from eosctl.proof.own_places import Places
from eosctl.proof.own_programs import OwnPrograms, Patience
from eosctl.proof.own_running import Running
from eosctl.proof.proxy import Trap
from eosctl.proof.sending import Sender
from eosctl.proof.servers import Servers

_QUIET_S = 25.0
_STILL_S = 90.0  # behind a transaction that a crash left open: its time-out is 60 s unless it was set
_SETTLED_S = 2.0
_PAUSE_S = 35.0
_SESSION_S = 7.0
_JOIN_S = 30.0
_ZOMBIE_S = 2.0
_SLOW_S = 3.0
_LOOK_S = 0.05
_FIRST_WAVE = 60


class OwnConduct:
    """One trial: `run` once, then it is over."""

    def __init__(
        self, trial: OwnTrial, servers: Servers, stop: Stop, begin: Callable[[int], Callable[[], None]]
    ) -> None:
        self._trial, self._servers, self._stop, self._begin = trial, servers, stop, begin
        self._places: Places
        self._running: Running
        self._programs: OwnPrograms
        self._sender: Sender
        self._reader: effects.Reader
        self._curve: Curve
        self._sent: list[Sent] = []
        self._history: list[Happened] = []
        self._patience = Patience()
        self._next = 0

    def run(self) -> Observed:
        """Raises OperationFailed (`program_failed`), Refused (`not_fresh`, `encrypted`), Interrupted."""
        with tempfile.TemporaryDirectory(prefix="eosctl-verify-") as folder, self._prepared(Path(folder)):
            self._wave(min(_FIRST_WAVE, self._trial.messages // 2))
            self._until_done()
            passed = self._running.passed()
            faults = self._trial.draw(passed)
            advance = self._begin(len(faults))
            for number, fault in enumerate(faults):
                left = self._trial.messages - self._next
                self._history.append(Happened(fault, self._break(fault, left // (len(faults) - number + 1))))
                advance()
            self._wave(self._trial.messages - self._next)
            self._until_done()
            self._running.end()
            self._look()
            return self._observed(passed)

    @contextmanager
    def _prepared(self, folder: Path) -> Iterator[None]:
        trial, servers = self._trial, self._servers
        self._places = places = Places(trial, servers)
        self._running = Running(trial.command, trial.instances, places, servers, folder)
        self._programs = self._running.programs
        self._sender = Sender(servers.kafka, places.input, prefix=places.prefix, template=trial.template)
        self._reader = effects.Reader(servers.kafka, places.group, places.input, places.partitions)
        self._curve = Curve(places.count, self._programs.record.now_ms)
        try:
            yield
        finally:
            self._running.close()
            self._reader.close()
            places.close()

    def _break(self, fault: Fault, wave: int) -> int | None:
        if fault.kind in WIRE_KINDS and not self._running.wires:
            raise Refused("encrypted", f"{fault.kind} needs to read what the program says, which is encrypted.",
                          hint="Leave out cut, lost-ack and slow.")  # fmt: skip
        if fault.kind in SERVER_KINDS:
            return self._strike(wave, lambda: self._servers.break_server(fault))
        match fault.kind:
            case "kill":
                return self._kill(fault, wave)
            case "pause":
                return self._pause(fault, wave)
            case "rebalance":
                return self._rebalance(wave)
            case "lost-ack":
                return self._lose_answer(fault, wave)
            case "duplicate":
                again = range(max(0, self._next - fault.after_messages), self._next)
                return self._strike(wave, lambda: self._sender.send(again), also_idle=True)
            case "cut":
                return self._strike(wave, lambda: sum(one.cut(fault.point) for one in self._running.wires.values()))
            case _:
                return self._strike(wave, lambda: self._slow(fault.point))

    def _slow(self, server: str) -> None:
        for one in self._running.wires.values():
            one.slow(server, _SLOW_S)

    def _kill(self, fault: Fault, wave: int) -> int | None:
        with self._caught(fault, wave) as (victim, trap):
            if victim is None:
                return None
            self._programs.kill(victim)
            if trap is not None:
                trap.decide(forward=False)
            self._running.restarts += 1
            return self._struck()

    def _pause(self, fault: Fault, wave: int) -> int | None:
        """The zombie: stopped until the others have passed it, or for `_PAUSE_S` when they wait for what it holds."""
        with self._caught(fault, wave) as (victim, trap):
            if victim is None:
                return None
            self._programs.send(victim, signal.SIGSTOP)
            at_ms, since = self._struck(), time.monotonic()
            with self._running.another():
                self._wait(lambda: self._is_passed(time.monotonic() - since), done=False)
                self._look()
                if self._programs.is_started(victim):
                    self._programs.send(victim, signal.SIGCONT)
                if trap is not None:
                    trap.decide(forward=True)
                until = time.monotonic() + _ZOMBIE_S
                self._wait(lambda: time.monotonic() > until, done=False)
            self._running.forgive()
            return at_ms

    def _is_passed(self, for_s: float) -> bool:
        """Whether the others have done what the zombie had in hand: its session is over, and nothing is left."""
        if for_s < _SESSION_S:
            return False
        return for_s > _PAUSE_S or not self._has_work()

    def _rebalance(self, wave: int) -> int | None:
        since, all_of_them = time.monotonic(), self._running.count() + 1
        with self._running.another():
            self._wave(wave)
            self._wait(lambda: self._servers.member_count(self._places.group) >= all_of_them
                       or time.monotonic() > since + _JOIN_S, done=False)  # fmt: skip
            joined = self._servers.member_count(self._places.group) >= all_of_them
            at_ms = self._struck()
            self._until_done()
        return at_ms if joined else None

    def _lose_answer(self, fault: Fault, wave: int) -> int | None:
        at = Fault(fault.kind, fault.program, fault.after_messages, f"after-{fault.point}", fault.passes)
        with self._caught(at, wave) as (victim, trap):
            if victim is None or trap is None:
                return None
            at_ms = self._struck()
            trap.decide(forward=False)
        self._until_done()
        self._running.forgive()
        return at_ms

    def _strike(self, wave: int, strike: Callable[[], object], *, also_idle: bool = False) -> int | None:
        before = self._reader.position()
        self._wave(wave)
        self._wait(lambda: self._reader.position() > before)
        in_work, at_ms = self._has_work(), self._struck()
        strike()
        self._until_done()
        self._running.forgive()
        return at_ms if in_work or also_idle else None

    def _has_work(self) -> bool:
        """Whether something is left to do: a fault that comes to an idle program proves nothing."""
        return self._reader.position() < sum(self._reader.ends().values())

    @contextmanager
    def _caught(self, fault: Fault, wave: int) -> Iterator[tuple[int | None, Trap | None]]:
        """The instance that came to the fault's point, held there; (None, None) when none did. In two half waves, so
        that a second pass has work."""
        named = fault.point not in ("", "anywhere")
        traps = {number: Trap(fault.point, fault.passes) for number in self._running.wires if named}
        for number, trap in traps.items():
            self._running.wires[number].arm(trap)
        try:
            yield self._first_caught(fault, wave, traps)
        finally:
            self._let_go(traps)

    def _first_caught(self, fault: Fault, wave: int, traps: dict[int, Trap]) -> tuple[int | None, Trap | None]:
        before = self._reader.position()
        for part in (wave // 2, wave - wave // 2):
            self._wave(part)
            if not traps:
                self._wait(lambda: self._reader.position() > before)
                if self._has_work():
                    return self._running.alive(fault.instance), None
                continue
            self._wait(lambda: any(one.sprung.is_set() for one in traps.values()))
            for number, trap in traps.items():
                if trap.sprung.is_set() and self._programs.is_started(number):
                    self._let_go({other: one for other, one in traps.items() if other != number})
                    return number, trap
        return None, None

    def _let_go(self, traps: dict[int, Trap]) -> None:
        """These traps catch nobody any more."""
        for number, trap in traps.items():
            trap.decide(forward=True)
            self._running.wires[number].arm(None)

    def _wave(self, count: int) -> None:
        """Sends the next messages, and some between them whose transaction is aborted."""
        if count <= 0:
            return
        first, half, at_ms = self._next, self._next + count // 2, self._programs.record.now_ms()
        self._next += count
        self._sender.send(range(first, half))
        if self._history == [] and half > first:
            self._sender.send_aborted(range(first, half))
        self._sender.send(range(half, self._next))
        self._sent.append(Sent(first, count, at_ms))

    def _until_done(self) -> None:
        """Until all that was sent has been passed and no effect has come for a moment."""
        self._wait(lambda: False)
        settled = Patience()
        self._wait(lambda: settled.still_s(self._places.count()) > _SETTLED_S, done=False)

    def _wait(self, until: Callable[[], bool], *, done: bool = True) -> None:
        """Keeps all instances running until the condition is true; with `done`, also until there is nothing to do."""
        while not until():
            if self._stop.requested():
                raise Interrupted("interrupted", "The crash test was interrupted.", why="What it made is taken away.")
            if self._running.keep(self._reader):
                self._look()
            self._curve.look()
            if done and self._is_done() and not until():
                return
            time.sleep(_LOOK_S)

    def _is_done(self) -> bool:
        """Positions are at the end; or, for a program that keeps none in Kafka, nothing has moved for long."""
        position = self._reader.position()
        if position >= sum(self._reader.ends().values()):
            return True
        count = self._places.count()
        still_s = self._patience.still_s((position, count, self._next, len(self._history)))
        all_there = self._trial.counted != "topic" and count >= self._next
        return still_s > (_SETTLED_S if all_there else _STILL_S if position else _QUIET_S)

    def _struck(self) -> int:
        self._look()
        return self._programs.record.now_ms()

    def _look(self) -> None:
        self._curve.look(at_once=True)
        self._programs.record.look()

    def _observed(self, passed: tuple[str, ...]) -> Observed:
        record = self._programs.record
        found = self._places.counted(record.began_epoch_ms)
        counted = tuple(found if self._trial.counted == "topic" else self._curve.timed(found))
        course = Course(tuple(self._sent), record.ran(), tuple(self._history))
        return Observed(
            counted, self._running.restarts, course, self._reader.positions(), prefix=self._places.prefix, seen=passed
        )
