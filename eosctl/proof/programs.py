"""A trial's programs: files in a temporary folder, processes that are killed, stopped, continued and ended by pid."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

KILLED = -int(signal.SIGKILL)
_END_LIMIT_S = 60.0
_LOG_TAIL = 600


class Programs:
    """Starts the scaffold's files with one environment. Everything that still runs at the end is killed."""

    def __init__(self, folder: Path, files: Mapping[str, str], environment: Mapping[str, str], orders: str) -> None:
        self._folder, self._environment = folder, dict(environment)
        self._running: list[subprocess.Popen[bytes]] = []
        for path, text in {**files, "orders.jsonl": orders}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")

    @property
    def folder(self) -> Path:
        """Where the programs run."""
        return self._folder

    def start(self, file: str, *, crash: str = "", instance: str = "1") -> "subprocess.Popen[bytes]":
        """A program in a process and a session of its own: Ctrl-C at the terminal does not reach it."""
        environment = {**os.environ, **self._environment, "EOS_CRASH_POINTS": crash, "INSTANCE": instance}
        with (self._folder / "log.txt").open("ab") as log, (self._folder / "orders.jsonl").open("rb") as orders:
            process = subprocess.Popen(
                [sys.executable, file], cwd=self._folder, env=environment, stdin=orders, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._running.append(process)
        return process

    def log(self) -> str:
        """The end of what the programs wrote."""
        path = self._folder / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip() if path.exists() else ""

    def kill_all(self) -> None:
        """SIGKILL to what still runs."""
        for one in self._running:
            if one.poll() is None:
                one.kill()
            one.wait()


def end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, and time for the batch in hand; then SIGKILL."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(port: int, process: "subprocess.Popen[bytes]", limit_s: float) -> bool:
    """Whether the program listens on its port within the limit."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5):
                return True
        except OSError:
            time.sleep(0.05)
    return False
