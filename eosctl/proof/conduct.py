"""Conducts one trial: each program in turn through its faults, then undisturbed until its work is done."""

import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eosctl.core.errors import Interrupted, OperationFailed
from eosctl.core.progress import Stop
from eosctl.domain.proof.counting import message
from eosctl.domain.proof.faults import BATCH, SERVER_KINDS, WIRE_KINDS, Fault, Happened
from eosctl.domain.proof.stories import Course, Sent
from eosctl.domain.strategies.scaffolding import Program
from eosctl.ports.connect import ConnectGateway
from eosctl.ports.verify import Observed, Trial
from eosctl.proof.connector import Connector, with_publication
from eosctl.proof.curve import Curve
from eosctl.proof.programs import KILLED, Programs, answers, end, free_port
from eosctl.proof.proxy import Trap
from eosctl.proof.sending import Sender
from eosctl.proof.servers import Servers
from eosctl.proof.standing import IN_TIME_ORDER, SELF_ENDING, Places, Standing
from eosctl.proof.wires import Wires

_STILL_LIMIT_S = 150.0
_LOOK_EVERY_S = 0.2
_LOOK_CLOSELY_S = 0.03  # while a fault waits for its moment: a fast program is through in a second
_SESSION_MS = 6_000
_PAUSE_MS = 20_000
_ZOMBIE_S = 2.0
_FAILURES_IN_A_ROW = 5
_STRUCK_S = 15.0
_SLOW_S = 3.0
_ABORTED = 30


class Conduct:
    """One trial on the servers: `run` once, then it is over."""

    def __init__(
        self, trial: Trial, servers: Servers, stop: Stop, advance: Callable[[], None], connect: ConnectGateway | None
    ) -> None:
        self._trial, self._servers, self._stop, self._advance = trial, servers, stop, advance
        self._connect = connect
        self._connector: Connector | None = None
        self._programs: Programs
        self._standing: Standing
        self._roles = {one.role for one in trial.made.programs}
        self._wires: Wires | None = None
        self._curve: Curve | None = None
        self._sender: Sender
        self._sent: list[Sent] = []
        self._dsn = self._api = self._input = self._output = self._group = ""
        self._ended: set[str] = set()
        self._restarts = self._failures = 0
        self._history: list[Happened] = []

    def run(self) -> Observed:
        """Raises OperationFailed (`program_failed`, `stands_still`), Interrupted."""
        with tempfile.TemporaryDirectory(prefix="eosctl-verify-") as folder, self._prepared(Path(folder)):
            for program in self._trial.made.programs:
                if program.role == "consumer" and self._connector is not None:
                    self._connector.wait(self._standing.is_carried, self._standing.arrived, self._pass)
                if program.role != "api":
                    self._go_through(program)
            return self._observed()

    @contextmanager
    def _prepared(self, folder: Path) -> Iterator[None]:
        trial, servers, name = self._trial, self._servers, self._servers.name()
        self._input, self._output, self._group = f"{name}-events", f"{name}-out", name
        servers.make_topics(self._input, self._output)
        if "consumer" in self._roles:
            servers.remember_group(self._group)
        self._make_tables(name)
        lines = "".join(json.dumps(message(number)) + "\n" for number in range(trial.messages))
        port = free_port()
        self._api = f"http://127.0.0.1:{port}"
        if any(one.kind in WIRE_KINDS for one in trial.faults):
            self._wires = Wires(servers.kafka, self._dsn)
        kafka = self._wires.kafka if self._wires else servers.kafka
        environment = {
            "BOOTSTRAP_SERVERS": str(kafka["bootstrap.servers"]), "GROUP": self._group,
            "DSN": self._wires.dsn if self._wires else self._dsn,
            "INPUT_TOPIC": self._input, "OUTPUT_TOPIC": self._output, "AGGREGATE_TYPE": name, "BATCH": str(BATCH),
            "API_URL": self._api, "API_PORT": str(port), "RECONCILE_AFTER_S": "1", "INPUT_FILE": "orders.jsonl",
            "KAFKA_PROPERTIES_FILE": "kafka.properties",
        }  # fmt: skip
        properties = {**kafka, "session.timeout.ms": _SESSION_MS}
        files = {**trial.files, "kafka.properties": "".join(f"{key}={value}\n" for key, value in properties.items())}
        self._programs = Programs(folder, files, environment, lines)
        places = Places(self._input, self._output, self._group, self._dsn, self._api, folder)
        self._standing = Standing(trial, servers, places)
        self._sender = Sender(servers.kafka, self._input, keyed_by_id=trial.made.keyed_by_id)
        if trial.made.counted in IN_TIME_ORDER:
            self._curve = Curve(self._standing.count, self._now_ms)
        try:
            self._send()
            if "api" in self._roles and not answers(port, self._programs.start("api.py"), 30):
                raise self._failed("api.py")
            yield
        finally:
            self._programs.kill_all()
            self._standing.close()
            if self._wires is not None:
                self._wires.close()

    def _make_tables(self, name: str) -> None:
        """The scaffold's tables, and its connector where the outbox has one."""
        files, cdc = self._trial.files, self._trial.cdc
        if "schema.sql" not in files:
            return
        if cdc is None or self._connect is None:
            self._dsn = self._servers.make_schema(name, files["schema.sql"])
            return
        template = files["connector.json"]
        self._dsn = self._servers.make_schema(name, with_publication(files["schema.sql"], template, name))
        self._connector = Connector(self._servers, self._connect, cdc, self._dsn, name=name, table="outbox",
                                    template=template)  # fmt: skip
        self._connector.wait_until_running(self._pass)

    def _send(self) -> None:
        """What the consumer reads, unless a program of the strategy sends it; aborted messages lie in the middle."""
        messages = self._trial.messages
        self._sent.append(Sent(0, messages, self._now_ms()))
        if self._roles.isdisjoint(SELF_ENDING):
            half = messages // 2
            self._sender.send(range(half))
            self._sender.send_aborted(range(min(_ABORTED, half)))
            self._sender.send(range(half, messages))

    def _go_through(self, program: Program) -> None:
        for fault in (one for one in self._trial.faults if one.program == program.file):
            at_ms = None if self._is_done(program) else self._break(program, fault)
            self._history.append(Happened(fault, at_ms))
            self._advance()
        while not self._is_done(program):
            process = self._programs.start(program.file)
            self._wait(program, process, lambda: False)
            self._finish(program, process)

    def _break(self, program: Program, fault: Fault) -> int | None:
        if fault.kind in SERVER_KINDS:
            return self._strike(program, fault, lambda: self._servers.break_server(fault))
        again = range(fault.after_messages)
        ways = {
            "kill": self._kill, "pause": self._pause, "rebalance": self._rebalance, "lost-ack": self._lose_answer,
            "duplicate": lambda *_: self._strike(program, fault, lambda: self._sender.send(again)),
            "cut": lambda *_: self._strike(program, fault, lambda: self._proxies().cut(fault.point)),
            "slow": lambda *_: self._strike(program, fault, lambda: self._proxies().slow(fault.point, _SLOW_S)),
        }  # fmt: skip
        return ways[fault.kind](program, fault)

    def _proxies(self) -> Wires:
        if self._wires is None:
            raise ValueError("A trial with such a fault has proxies.")
        return self._wires

    def _strike(self, program: Program, fault: Fault, strike: Callable[[], object]) -> int | None:
        """Does something to what the program lives on, in the middle of its work; then sees it move on, or end."""
        process, before = self._programs.start(program.file), self._position(program)
        self._wait(program, process, lambda: self._position(program) >= before + fault.after_messages, _LOOK_CLOSELY_S)
        if process.poll() is not None or self._is_done(program):
            self._finish(program, process)
            return None
        self._look()
        at_ms, stood = self._now_ms(), self._position(program)
        strike()
        self._wait(
            program, process, lambda: self._position(program) > stood or self._now_ms() > at_ms + _STRUCK_S * 1e3
        )
        self._finish(program, process)
        self._failures = 0  # to give up then is the program's right
        return at_ms

    def _lose_answer(self, program: Program, fault: Fault) -> int | None:
        """The server does it, and the program never hears of it: its connection ends instead."""
        trap = Trap(f"after-{fault.point}", fault.passes)
        wires = self._proxies()
        wires.arm(trap)
        process = self._programs.start(program.file)
        try:
            self._wait(program, process, trap.sprung.is_set, _LOOK_CLOSELY_S)
            self._look()
            at_ms, stood = self._now_ms(), self._position(program)
        finally:
            trap.decide(forward=False)
            wires.arm(None)
        if trap.sprung.is_set():
            self._wait(program, process, lambda: self._position(program) > stood
                       or self._now_ms() > at_ms + _STRUCK_S * 1e3)  # fmt: skip
        self._finish(program, process)
        self._failures = 0
        return at_ms if trap.sprung.is_set() else None

    def _kill(self, program: Program, fault: Fault) -> int | None:
        """SIGKILL by its own hand at the place: between two statements, where no other process could hit it."""
        passes = fault.passes + self._taken(program)
        process = self._programs.start(program.file, crash=f"{fault.point}:{passes}")
        self._wait(program, process, lambda: False)
        if process.poll() == KILLED:
            self._restarts += 1
            self._failures = 0
            self._look()
            return self._now_ms()
        self._finish(program, process)
        return None

    def _pause(self, program: Program, fault: Fault) -> int | None:
        """The zombie: stopped until the group has given its partitions to a second instance, which works on them.

        One that holds locks or a transaction may keep the second one waiting; then it goes on after `_PAUSE_MS`.
        """
        zombie, before = self._programs.start(program.file), self._position(program)
        self._wait(program, zombie, lambda: self._position(program) >= before + fault.after_messages, _LOOK_CLOSELY_S)
        if zombie.poll() is not None or self._is_done(program):
            self._finish(program, zombie)
            return None
        zombie.send_signal(signal.SIGSTOP)
        self._look()
        at_ms, stood = self._now_ms(), self._position(program)
        second = self._programs.start(program.file, instance="2")
        try:
            self._wait(program, second, lambda: self._position(program) > stood or self._now_ms() > at_ms + _PAUSE_MS)
        finally:
            zombie.send_signal(signal.SIGCONT)
        self._pass(_ZOMBIE_S)
        self._finish(program, zombie)
        self._finish(program, second)
        self._failures = 0  # a zombie that gives up is what shall happen
        return at_ms

    def _rebalance(self, program: Program, fault: Fault) -> int | None:
        first, second = self._programs.start(program.file), self._programs.start(program.file, instance="2")
        joined = f"{self._group}-2"
        self._wait(program, first, lambda: self._servers.members(self._group).get(joined, 0) > 0)
        at_ms = self._now_ms() if self._servers.members(self._group).get(joined, 0) > 0 else None
        before = self._position(program)
        self._wait(program, first, lambda: self._position(program) >= before + fault.after_messages, _LOOK_CLOSELY_S)
        self._finish(program, second)
        self._finish(program, first)
        return at_ms

    def _wait(
        self,
        program: Program,
        process: "subprocess.Popen[bytes]",
        until: Callable[[], bool],
        every_s: float = _LOOK_EVERY_S,
    ) -> None:
        """Until the process is gone, the work done, or the condition true; fails when nothing moves for too long."""
        position, moved = -1, time.monotonic()
        while process.poll() is None and not self._is_done(program) and not until():
            now = self._position(program)
            if now != position:
                position, moved = now, time.monotonic()
            if self._curve is not None:
                self._curve.look()
            if self._wires is not None and self._wires.unknown():
                raise OperationFailed("unknown_protocol", f"The proxy does not know {self._wires.unknown()}.",
                                      hint="Leave out cut, lost-ack and slow.")  # fmt: skip
            if time.monotonic() - moved > _STILL_LIMIT_S:
                raise OperationFailed("stands_still", f"{program.file} made no progress for {_STILL_LIMIT_S:.0f} s.",
                                      why=self._programs.log(), hint="eosctl status, eosctl txn blocked")  # fmt: skip
            self._pass(every_s, process)

    def _pass(self, seconds: float, process: "subprocess.Popen[bytes] | None" = None) -> None:
        """Lets time pass, at most until the process is gone. Raises Interrupted when somebody wants us to stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and (process is None or process.poll() is None):
            if self._stop.requested():
                raise Interrupted("interrupted", "The crash test was interrupted.", why="What it made is taken away.")
            time.sleep(0.01)

    def _finish(self, program: Program, process: "subprocess.Popen[bytes]") -> None:
        """Ends a program that runs; one that ended by itself has done its work, or is started again."""
        if process.poll() is None:
            end(process)
            self._look()
            return
        self._look()
        if process.returncode == 0:
            if program.role in SELF_ENDING:
                self._ended.add(program.file)
            return
        self._restarts += 1
        self._failures += 1
        if self._failures >= _FAILURES_IN_A_ROW:
            raise self._failed(program.file)

    def _failed(self, file: str) -> OperationFailed:
        return OperationFailed("program_failed", f"{file} ended by itself again and again.", why=self._programs.log(),
                               hint="Is the database or Kafka short of something the programs need?")  # fmt: skip

    def _is_done(self, program: Program) -> bool:
        return self._standing.is_done(program, self._ended)

    def _position(self, program: Program) -> int:
        return self._standing.position(program)

    def _taken(self, program: Program) -> int:
        """Passes that a restarted program makes without work: the service reads its orders from the first again."""
        return self._position(program) if program.role == "service" else 0

    def _look(self) -> None:
        """Counts the effects and notes who has ended: what comes later has another cause."""
        if self._curve is not None:
            self._curve.look(at_once=True)
        self._programs.record.look()

    def _observed(self) -> Observed:
        self._look()
        record, standing = self._programs.record, self._standing
        course = Course(tuple(self._sent), record.ran(), tuple(self._history))
        found = tuple(standing.effects(self._curve, record.began_epoch_ms))
        return Observed(found, self._restarts, course, standing.positions(), standing.outbox())

    def _now_ms(self) -> int:
        return self._programs.record.now_ms()
