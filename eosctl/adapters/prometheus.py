"""Prometheus: a round's measures as metrics, written in one go for the node exporter, or served over HTTP.

The only import of prometheus_client. Names and base units follow Prometheus's naming page; a check that could not be
looked at has no value, so that an old one never looks fresh: its `eosctl_check_status` is 3 and its sample's age grows.
"""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from prometheus_client import CollectorRegistry, generate_latest, start_http_server, write_to_textfile
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from eosctl import __version__
from eosctl.core.errors import OperationFailed, UsageError
from eosctl.domain.checks.measures import CheckResult, Round

UP = "eosctl_up"
STATUS = "eosctl_check_status"
WARNING = "eosctl_check_warning_threshold"
CRITICAL = "eosctl_check_critical_threshold"
SAMPLED_AT = "eosctl_sample_timestamp_seconds"
SAMPLE_AGE = "eosctl_sample_age_seconds"
DURATION = "eosctl_check_duration_seconds"
BUILD = "eosctl_build"


class Rounds:
    """A collector: the last round, and when each check was last looked at whole. Updated and read by two threads."""

    def __init__(self, *, serving: bool, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._round: Round | None = None
        self._began = now() if serving else None
        self._sampled: dict[str, float] = {}

    def update(self, found: Round) -> None:
        """Takes a new round in place of the last."""
        with self._lock:
            self._round = found
            at = found.at.timestamp()
            self._sampled |= {one.check.name: at for one in found.results if one.seen}

    def describe(self) -> tuple[Metric, ...]:
        """Nothing in advance: registering must not collect."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric, from the last round."""
        with self._lock:
            found, sampled = self._round, dict(self._sampled)
        build = InfoMetricFamily(BUILD, "Which eosctl this is")
        build.add_metric([], {"version": __version__})
        yield build
        if found is not None:
            yield _up(found)
            yield _one_each(STATUS, "0 ok, 1 warning, 2 critical, 3 unknown",
                            {one.check.name: one.level.number for one in found.results})  # fmt: skip
            yield from _thresholds(found)
            yield from self._times(found, sampled)
            yield from (_measures(one) for one in found.results)

    def _times(self, found: Round, sampled: dict[str, float]) -> Iterator[Metric]:
        """An age counts from when we began to serve where nothing was seen since. A file's age would stand still."""
        names = [one.check.name for one in found.results]
        known = {name: sampled[name] for name in names if name in sampled}
        yield _one_each(SAMPLED_AT, "When a check was last looked at whole", known)
        if self._began is not None:
            now, began = self._now(), self._began
            ages = {name: round(max(0.0, now - sampled.get(name, began)), 3) for name in names}
            yield _one_each(SAMPLE_AGE, "How long ago a check was last looked at whole", ages)
        yield GaugeMetricFamily(DURATION, "How long the last round took", value=found.took_ms / 1_000)


def exposition(found: Round) -> str:
    """A round in Prometheus's text format."""
    return generate_latest(_registry(_of(found))).decode("utf-8")


def write_textfile(path: Path, found: Round) -> None:
    """Writes the file in one go: a reader sees the old one or the new one. Raises OperationFailed, UsageError."""
    if path.suffix != ".prom":
        raise UsageError("bad_textfile", f"{path} does not end in .prom.",
                         why="The node exporter's textfile collector reads no other files.",
                         hint=f"Write {path.with_suffix('.prom').name}, or - for standard output.")  # fmt: skip
    try:
        write_to_textfile(str(path), _registry(_of(found)))
    except OSError as error:
        raise OperationFailed("textfile_not_written", f"{path} can't be written: {error.strerror}.",
                              hint="Check the folder and who may write there.") from None  # fmt: skip


class Exporter:
    """Serves the last round at `/metrics`. A scrape never waits for a look."""

    def __init__(self, host: str, port: int) -> None:
        self.rounds = Rounds(serving=True)
        try:
            self._server, self._thread = start_http_server(port, host or "0.0.0.0", _registry(self.rounds))
        except (OSError, OverflowError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            why = "Somebody listens there already." if taken else f"{error}."
            raise OperationFailed("not_served", f"{host}:{port} can't be served.", why=why,
                                  hint="Give another --serve HOST:PORT.") from None  # fmt: skip

    @property
    def port(self) -> int:
        """Where it really listens: port 0 asks for any free one."""
        return int(self._server.server_port)

    def __enter__(self) -> "Exporter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _of(found: Round) -> Rounds:
    rounds = Rounds(serving=False)
    rounds.update(found)
    return rounds


def _registry(rounds: Rounds) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(rounds)
    return registry


def _up(found: Round) -> Metric:
    family = GaugeMetricFamily(UP, "Whether a server answered", labels=["server"])
    for name, answered in sorted(found.servers.items()):
        family.add_metric([name], float(answered))
    return family


def _thresholds(found: Round) -> Iterator[Metric]:
    for name, says, side in ((WARNING, "a warning", "warning"), (CRITICAL, "critical", "critical")):
        limits = {one.check.name: (one.check.unit, getattr(one.limits, side)) for one in found.results}
        values = {check: unit.base(limit) for check, (unit, limit) in limits.items() if limit is not None}
        yield _one_each(name, f"Above it a check's value is {says}, in the value's unit", values)


def _one_each(name: str, says: str, values: dict[str, float] | dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=["check"])
    for check, value in values.items():
        family.add_metric([check], float(value))
    return family


def _measures(one: CheckResult) -> Metric:
    family = GaugeMetricFamily(one.check.metric, one.check.says, labels=one.check.labels)
    for each in sorted(one.measures, key=lambda each: each.subject):
        if each.value is not None:
            family.add_metric(each.subject, one.check.unit.base(each.value))
    return family
