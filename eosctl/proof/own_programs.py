"""The user's own program: a shell's command in a process group of its own, which every signal reaches as a whole."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from eosctl.proof.programs import Record

_END_LIMIT_S = 30.0
_LOG_TAIL = 600


class OwnPrograms:
    """Instances of one command, by number. What they write goes to one log."""

    def __init__(self, command: str, log: Path) -> None:
        self._command, self._log = command, log
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.record = Record()

    def start(self, instance: int, environment: Mapping[str, str]) -> None:
        """Starts an instance, where eosctl was started: Ctrl-C at the terminal does not reach it."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", self._command], env={**os.environ, **environment, "INSTANCE": str(instance)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._running[instance] = process
        self.record.started(process, "your program", str(instance))

    def ended(self, instance: int) -> int | None:
        """The exit code of an instance that has ended; None while it runs."""
        return self._running[instance].poll()

    def is_started(self, instance: int) -> bool:
        """Whether it was started, and not ended by us since."""
        return instance in self._running

    def forget(self, instance: int) -> None:
        """An instance that has ended."""
        self._signal(self._running.pop(instance), signal.SIGKILL)  # what it may have left in its group

    def send(self, instance: int, number: signal.Signals) -> None:
        """A signal to the whole group."""
        self._signal(self._running[instance], number)

    def kill(self, instance: int) -> None:
        """SIGKILL to the whole group, and waits until the instance is gone."""
        process = self._running.pop(instance)
        self._signal(process, signal.SIGKILL)
        process.wait()

    def end(self, instance: int) -> None:
        """SIGTERM, and time for the work in hand; then SIGKILL."""
        process = self._running.pop(instance, None)
        if process is None:
            return
        self._signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_LIMIT_S)
        self._signal(process, signal.SIGKILL)
        process.wait()

    def kill_all(self) -> None:
        """SIGKILL to all that runs."""
        for instance in tuple(self._running):
            self.send(instance, signal.SIGCONT)
            self.kill(instance)

    def log(self) -> str:
        """The end of what they wrote."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return text[-_LOG_TAIL:].strip()

    @staticmethod
    def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


class Patience:
    """Notices when nothing has moved for so long."""

    def __init__(self) -> None:
        self._last: object = None
        self._since = time.monotonic()

    def still_s(self, state: object) -> float:
        """For how long the state has been what it is."""
        if state != self._last:
            self._last, self._since = state, time.monotonic()
        return time.monotonic() - self._since
