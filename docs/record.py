"""Makes the real output in our guides and the README's picture: `make guides`.

Each guide has cog blocks: they start a lab, make an incident on it, and show commands with what they printed. A command
that ends with another exit code than the guide says stops everything.
"""

import atexit
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cog

BIN = Path(sys.executable).parent
LIMIT_S = 180


class Session:
    """A lab of its own and a shell in which `eosctl` is pointed at it."""

    def __init__(self, *flags: str, columns: int = 112) -> None:
        folder = tempfile.TemporaryDirectory(prefix="eosctl-guide-")
        known = {name: value for name, value in os.environ.items() if not name.startswith(("EOSCTL", "PG"))}
        homes = {f"XDG_{name}_HOME": str(Path(folder.name, name.lower())) for name in ("DATA", "CONFIG", "STATE")}
        self.folder = Path(folder.name)
        self._environment = {
            **known,
            **homes,
            "EOSCTL_QUIET": "1",
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "COLUMNS": str(columns),
        }
        self.quietly(" ".join(["eosctl lab up", *flags]))
        self._ended = False
        atexit.register(folder.cleanup)
        atexit.register(self._end)
        for line in self.quietly("eosctl lab env").splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self._environment[name] = shlex.split(value)[0]
        self.servers, self.dsn = self._environment["EOSCTL_BOOTSTRAP_SERVER"], self._environment["EOSCTL_DSN"]

    def quietly(self, command: str, code: int = 0) -> str:
        """Runs it without showing it; what it printed to stdout."""
        return self._run(command, code, apart=True)

    def show(self, *commands: str, code: int = 0) -> None:
        """Shows commands with what they printed, as on a terminal; only the last may end with another code than 0."""
        cog.outl("```console")
        for number, command in enumerate(commands):
            printed = self._run(command, code if number == len(commands) - 1 else 0)
            cog.outl(f"$ {command}")
            cog.outl(printed.replace(str(self.folder), "~").rstrip())
        cog.outl("```")

    def data(self, command: str, code: int = 0) -> Any:
        """The data of a command's JSON."""
        return json.loads(self.quietly(f"{command} -o json", code))["data"]

    def picture(self, path: str, *commands: str, columns: int = 100) -> None:
        """Commands on a terminal with colours, as an SVG file without anything from elsewhere."""
        import re

        from rich.console import Console
        from rich.text import Text

        console = Console(record=True, width=columns, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        for command in commands:
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            console.print(Text.from_ansi(self._on_terminal(command, columns)))
        svg = console.export_svg(title="eosctl", unique_id="eosctl")
        Path(path).write_text(re.sub(r",\s*url\([^)]*\) format\([^)]*\)", "", svg), encoding="utf-8")

    def inject(self, incident: str, **details: str) -> dict[str, str]:
        """A real incident on the lab; its facts."""
        set_ = " ".join(f"--set {key}={value}" for key, value in details.items())
        facts: dict[str, str] = self.data(f"eosctl lab inject {incident} {set_}")["facts"]
        return facts

    def sql(self, *statements: str) -> None:
        """Statements on the lab's database."""
        import psycopg

        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def profile(self, **parts: Any) -> None:
        """A profile named `prod` of this lab with these parts, used from now on."""
        import yaml

        lab = {"bootstrap_servers": self.servers, "dsn": self.dsn}
        path = self.folder / "config" / "eosctl" / "config.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"current": "prod", "profiles": {"prod": {**lab, **parts}}}), encoding="utf-8")
        self._environment = {name: value for name, value in self._environment.items() if not _connects(name)}

    def topic(self, name: str, partitions: int = 1) -> None:
        """Makes a topic."""
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": self.servers})
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(LIMIT_S)

    def send(self, topic: str, key: str, value: str, **headers: str) -> None:
        """One record."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.servers})
        producer.produce(topic, value.encode(), key.encode(), headers=headers)
        assert producer.flush(LIMIT_S) == 0

    def produce(self, topic: str, count: int, *, partitions: int = 1, before_s: int = 0) -> None:
        """A topic with records that have keys and JSON values, a second apart, the last one `before_s` ago."""
        import time

        from confluent_kafka import Producer

        self.topic(topic, partitions)
        producer = Producer({"bootstrap.servers": self.servers, "queue.buffering.max.messages": 1_000_000})
        last = time.time() - before_s
        for number in range(count):
            at = int((last - (count - number)) * 1_000)
            value = json.dumps({"order": number, "amount": number % 97}).encode()
            producer.produce(topic, value, f"order-{number}".encode(), partition=number % partitions, timestamp=at)
        assert producer.flush(LIMIT_S) == 0

    def commit(self, group: str, topic: str, *offsets: int) -> None:
        """Offsets of a group that has no members, one for each partition."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": group, "enable.auto.commit": False})
        places = [TopicPartition(topic, partition, offset) for partition, offset in enumerate(offsets)]
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()

    def close(self) -> None:
        """Ends the lab."""
        self._end()
        self._ended = True

    def _end(self) -> None:
        if not self._ended:
            self.quietly("eosctl lab down --purge")

    def _on_terminal(self, command: str, columns: int) -> str:
        import fcntl
        import pty
        import struct
        import termios

        side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        known = {name: value for name, value in self._environment.items() if name not in ("COLUMNS", "NO_COLOR")}
        with subprocess.Popen(
            ["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=other, stderr=other,
            env={**known, "TERM": "xterm-256color"},
        ):  # fmt: skip
            os.close(other)
            printed = b""
            try:
                while part := os.read(side, 65_536):
                    printed += part
            except OSError:
                pass  # the command has ended
        os.close(side)
        return printed.decode().replace("\r\n", "\n").rstrip()

    def _run(self, command: str, code: int, *, apart: bool = False) -> str:
        done = subprocess.run(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE if apart else subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, timeout=LIMIT_S, check=False, env=self._environment,
        )  # fmt: skip
        if done.returncode != code:
            raise SystemExit(f"{command}\nended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr or ''}")
        return done.stdout


def _connects(name: str) -> bool:
    return name.startswith(("EOSCTL_BOOTSTRAP", "EOSCTL_DSN", "EOSCTL_PROFILE", "EOSCTL_KAFKA", "PG"))
