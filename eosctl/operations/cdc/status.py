"""`cdc status`: the connector, its slot with a forecast, the publication, the heartbeat, and a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from eosctl.core.durations import format_duration_ms, format_size_bytes
from eosctl.core.errors import EosctlError, Notice, UsageError
from eosctl.core.exit_codes import ExitCode
from eosctl.core.operation import Example, Query
from eosctl.core.params import DurationMs, Params, param
from eosctl.core.report import Report, Section
from eosctl.domain.cdc_slot import Forecast, SlotSample, forecast, judge
from eosctl.domain.connect import ConnectorStatus, TaskStatus
from eosctl.domain.kafka import TopicPartition
from eosctl.ports import Gateways

_LOOK_BACK_RECORDS = 20
_SILENT_MS, _SILENT_BEATS = 60_000, 6


class CdcStatusParams(Params):
    """Which connector, or which slot where Connect can't be asked."""

    connector: str = param("", help="The connector's name [default: the only one]", positional=True)
    slot: str = param("", help="A slot by name; then Connect is not asked", complete="slot")
    sample: DurationMs = param(2_000, help="How long to watch the slot grow", ge=100, le=60_000)
    disk_free_bytes: int = param(0, help="Free bytes on the WAL's disk, for the forecast; SQL can't see them", ge=0)


@dataclass(frozen=True)
class CdcStatus:
    """The whole answer. `forecast_ms` is until the slot is invalidated or the disk full, None when that is not near."""

    connector: str
    verdict: str
    parts: tuple[TaskStatus, ...]
    slot: str
    slot_active: bool | None
    wal_status: str | None
    retained_bytes: int | None
    unconfirmed_bytes: int | None
    safe_wal_bytes: int | None
    confirmed_lsn: str | None
    confirmed_moved: bool | None
    inactive_ms: int | None
    growth_bytes_per_s: int
    forecast_ms: int | None
    forecast_ends: str
    max_slot_wal_keep_size: str
    publication: str
    publication_inserts: bool | None
    heartbeat_age_ms: int | None


@dataclass(frozen=True)
class CdcSeen:
    """What each side said."""

    connector: ConnectorStatus | None
    config: Mapping[str, str]
    slot: str
    samples: tuple[SlotSample, ...]
    keep_size: str
    publication: Mapping[str, bool] | None
    heartbeat_ms: int | None
    now_ms: int
    begun: bool | None = None
    unseen: tuple[Notice, ...] = ()


def observe(gateways: Gateways, params: CdcStatusParams) -> CdcSeen:
    """Asks Connect (unless a slot was named), the database twice, and Kafka for the last heartbeat."""
    connector, config, begun = None, dict[str, str](), None
    if not params.slot:
        name = params.connector or only_connector(gateways)
        connector, config = gateways.connect.status(name), dict(gateways.connect.config(name))
        begun = gateways.connect.has_begun(name)
    slot = params.slot or config.get("slot.name", "debezium")
    database = gateways.database
    samples = []
    for turn in range(2):
        samples += [SlotSample(**one) for one in database.query("cdc_slot", {"slot": slot})]
        if turn == 0 and samples:
            gateways.clock.sleep_ms(params.sample)
    publication = config.get("publication.name", "dbz_publication" if config else "")
    found = database.query("cdc_publication", {"name": "pg_class", "publication": publication})
    heartbeat, unseen = None, tuple[Notice, ...]()
    if config.get("heartbeat.interval.ms", "0") != "0":
        try:
            heartbeat = _last_heartbeat_ms(gateways, config)
        except EosctlError as error:
            unseen = (error.notice(),)
    keep = str(database.query("cdc_server")[0]["max_slot_wal_keep_size"])
    now_ms = gateways.clock.now_ms()
    return CdcSeen(connector, config, slot, tuple(samples), keep, dict(found[0]) if found else None, heartbeat, now_ms,
                   begun, unseen)  # fmt: skip


def only_connector(gateways: Gateways) -> str:
    """The only connector there is. Raises UsageError (`which_connector`, `no_connector`)."""
    names = gateways.connect.connectors()
    if len(names) == 1:
        return names[0]
    if names:
        raise UsageError("which_connector", "There are several connectors.", hint=f"Name one of {', '.join(names)}.")
    raise UsageError("no_connector", "Kafka Connect has no connector.", hint="Make one: eosctl cdc config.")


def _last_heartbeat_ms(gateways: Gateways, config: Mapping[str, str]) -> int | None:
    topic = f"{config.get('topic.heartbeat.prefix', '__debezium-heartbeat')}.{config.get('topic.prefix', '')}"
    partition = TopicPartition(topic, 0)
    if topic not in {one.name for one in gateways.cluster.topics()}:
        return None
    offsets = gateways.cluster.log_offsets([partition])[partition]
    start = max(offsets.log_start, offsets.last_stable - _LOOK_BACK_RECORDS)
    times = [one.timestamp_ms for one in gateways.records.read({partition: (start, offsets.last_stable)})]
    return max((one for one in times if one is not None), default=None)


def report(seen: CdcSeen, params: CdcStatusParams) -> Report:
    """Numbers, then the verdict; exit 3 for a problem."""
    last = seen.samples[-1] if seen.samples else None
    whole = len(seen.samples) == 2
    ahead = (
        forecast(seen.samples[0], seen.samples[1], params.disk_free_bytes or None) if whole else Forecast(0, None, "")
    )
    problems = (*judge(last, ahead, seen.connector, begun=seen.begun), *_silence(seen), *_unpublished(seen))
    status = _status(seen, last, ahead, "problem" if problems else "ok")
    return Report(
        status,
        CdcStatus,
        exit_code=ExitCode.PROBLEM if problems else ExitCode.DONE,
        warnings=seen.unseen,
        errors=problems,
        sections=_sections(status),
        summary=f"Verdict: {status.verdict}.",
    )


def _silence(seen: CdcSeen) -> tuple[Notice, ...]:
    """A heartbeat that is long overdue while the connector says that it runs."""
    every = seen.config.get("heartbeat.interval.ms", "0")
    runs = seen.connector is not None and not seen.connector.halted and not seen.connector.failed
    if seen.heartbeat_ms is None or not runs or not every.isdigit():
        return ()
    age_ms = seen.now_ms - seen.heartbeat_ms
    if age_ms < max(_SILENT_MS, _SILENT_BEATS * int(every)):
        return ()
    return (Notice("heartbeat_overdue", f"The last heartbeat is {format_duration_ms(age_ms)} old.",
                   "The task says that it runs and sends nothing: see the worker's log."),)  # fmt: skip


def _unpublished(seen: CdcSeen) -> tuple[Notice, ...]:
    name = seen.config.get("publication.name", "")
    if not name or seen.config.get("publication.autocreate.mode") != "disabled":
        return ()
    if seen.publication is None:
        return (Notice("publication_missing", f"There is no publication {name!r}: no event comes.",
                       "Make it: eosctl cdc config --form sql."),)  # fmt: skip
    if not seen.publication["inserts"]:
        return (Notice("publication_without_inserts", f"Publication {name!r} does not publish inserts.",
                       f"ALTER PUBLICATION {name} SET (publish = 'insert');"),)  # fmt: skip
    return ()


def _status(seen: CdcSeen, last: SlotSample | None, ahead: Forecast, verdict: str) -> CdcStatus:
    return CdcStatus(
        connector=seen.connector.name if seen.connector else "",
        verdict=verdict,
        parts=seen.connector.parts if seen.connector else (),
        slot=seen.slot,
        slot_active=last.active if last else None,
        wal_status=last.wal_status if last else None,
        retained_bytes=last.retained_bytes if last else None,
        unconfirmed_bytes=last.unconfirmed_bytes if last else None,
        safe_wal_bytes=last.safe_wal_bytes if last else None,
        confirmed_lsn=last.confirmed_lsn if last else None,
        confirmed_moved=seen.samples[0].confirmed_lsn != last.confirmed_lsn if last else None,
        inactive_ms=_since_ms(last.inactive_since, last.now) if last and not last.active else None,
        growth_bytes_per_s=ahead.growth_bytes_per_s,
        forecast_ms=ahead.ends_in_ms,
        forecast_ends=ahead.ends_how,
        max_slot_wal_keep_size=seen.keep_size,
        publication=seen.config.get("publication.name", ""),
        publication_inserts=seen.publication["inserts"] if seen.publication else None,
        heartbeat_age_ms=max(0, seen.now_ms - seen.heartbeat_ms) if seen.heartbeat_ms is not None else None,
    )


def _since_ms(since: datetime | None, now: datetime) -> int | None:
    return max(0, round((now - since).total_seconds() * 1_000)) if since else None


def _sections(status: CdcStatus) -> tuple[Section, ...]:
    shown = {key: value for key, value in vars(status).items() if key not in ("connector", "verdict", "parts", "slot")}
    units = ("_bytes_per_s", "_bytes", "_ms")
    names = {key: next((key.removesuffix(one) for one in units if key.endswith(one)), key) for key in shown}
    facts = [{"field": names[key].replace("_", " "), "value": _words(key, value)} for key, value in shown.items()]
    parts = [{"part": "connector" if one.id < 0 else f"task {one.id}", "state": one.state, "worker": one.worker,
              "trace": one.trace} for one in status.parts]  # fmt: skip
    connector = (Section(f"Connector {status.connector}", parts),) if parts else ()
    return (*connector, Section(f"Slot {status.slot}", facts))


def _words(key: str, value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        size = format_size_bytes(value)
        return format_duration_ms(value) if key.endswith("_ms") else f"{size}/s" if key.endswith("_per_s") else size
    return value


OPERATION = Query(
    name="cdc.status",
    summary="The connector, its replication slot with a forecast, and a verdict",
    params=CdcStatusParams,
    result=CdcStatus,
    needs=("database",),
    listing=False,
    observe=observe,
    report=report,
    details="Looks at the slot twice and says when it would be invalidated or the disk full at this rate. Exit 3 for a "
    "failed task, a slot that nobody reads, that is lost or missing, or whose end is nearer than a day.",
    examples=(
        Example("eosctl cdc status", "Is the only connector well?"),
        Example("eosctl cdc status --slot eosctl_outbox --sample 10s", "The slot alone, watched longer."),
    ),
)
