"""The purge beside the bare batched loop and beside one big DELETE, each while another connection claims ids."""

import json
import multiprocessing
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from fixtures.dedup import Dedup

_ROWS = 5_000_000
_EXPIRED = 1_000_000
_QUIET_S = 4.0
_ROUNDS = 2
_BARE = ("DELETE FROM processed_messages WHERE ctid = ANY(ARRAY(SELECT ctid FROM processed_messages "
         "WHERE processed_at < %s ORDER BY processed_at LIMIT 10000))")  # fmt: skip


@dataclass(frozen=True)
class Claims:
    """What the claiming connection got done."""

    per_s: float
    median_ms: float
    worst_ms: float


def _claim(dsn: str, name: str, stop: Any, answer: Any) -> None:
    """Claims one id after another, each in its own transaction, until it is told to stop."""
    times: list[float] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        began = time.monotonic()
        while not stop.is_set():
            before = time.monotonic()
            connection.execute(
                "INSERT INTO processed_messages VALUES (%s, now(), 0, '0') ON CONFLICT DO NOTHING",
                (f"{name}-{len(times)}",),
            )
            times.append((time.monotonic() - before) * 1_000)
        took = time.monotonic() - began
    answer.put(Claims(len(times) / took, statistics.median(times), max(times)))


def _while_claiming(dedup: Dedup, name: str, work: Callable[[], float]) -> tuple[float, Claims]:
    """What `work` returns, and how the claims went meanwhile."""
    context = multiprocessing.get_context("spawn")
    stop, answer = context.Event(), context.Queue()
    process = context.Process(target=_claim, args=(dedup.dsn, name, stop, answer))
    process.start()
    while not dedup.count(f"message_id = '{name}-10'"):
        time.sleep(0.01)
    found = work()
    stop.set()
    claims = answer.get(timeout=30)
    process.join(30)
    return found, claims


def _expire(dedup: Dedup) -> None:
    """A million expired rows beside the others, everything vacuumed and on disk."""
    dedup.sql("INSERT INTO processed_messages SELECT 'x-' || n, now() - interval '8 days' - n * interval '100 ms', "
              "n %% 12, n::text FROM generate_series(1, %s) AS n", _EXPIRED)  # fmt: skip
    with psycopg.connect(dedup.dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE processed_messages")
        connection.execute("CHECKPOINT")
    assert dedup.count("message_id LIKE 'x-%'") == _EXPIRED


def _quiet(dedup: Dedup) -> float:
    time.sleep(_QUIET_S)
    return _QUIET_S


def _bare_loop(dedup: Dedup) -> float:
    began = time.monotonic()
    with psycopg.connect(dedup.dsn) as connection:
        cutoff = connection.execute("SELECT now() - interval '7 days'").fetchone()
        while connection.execute(_BARE, cutoff).rowcount:
            connection.commit()
    return _EXPIRED / (time.monotonic() - began)


def _one_delete(dedup: Dedup) -> float:
    began = time.monotonic()
    dedup.sql("DELETE FROM processed_messages WHERE processed_at < now() - interval '7 days'")
    return _EXPIRED / (time.monotonic() - began)


def _eosctl(dedup: Dedup, memory_mib: list[int]) -> float:
    """Rows a second of the purge itself, the start of Python and the plan's count left out; notes its peak memory."""
    command = dedup.command("purge", "--older-than", "7d")
    with subprocess.Popen(command, env=dedup.env(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answer = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    memory_mib.append(usage.ru_maxrss // 1_024)
    result = answer["data"]["result"]
    assert (process.returncode, result["deleted"], result["left"]) == (0, _EXPIRED, False)
    return _EXPIRED * 1_000 / float(result["took_ms"])


def test_a_purge_is_nearly_as_fast_as_the_bare_loop_and_leaves_room_for_claims(dedup: Dedup) -> None:
    dedup.make_table()
    dedup.sql("ALTER TABLE processed_messages SET (autovacuum_enabled = false)")
    dedup.sql("INSERT INTO processed_messages SELECT 'm-' || n, now() - n * interval '100 ms', n %% 12, n::text "
              "FROM generate_series(1, %s) AS n", _ROWS - _EXPIRED)  # fmt: skip
    memory_mib: list[int] = []
    contenders: dict[str, Callable[[Dedup], float]] = {
        "quiet": _quiet,
        "bare loop": _bare_loop,
        "eosctl": lambda one: _eosctl(one, memory_mib),
        "one DELETE": _one_delete,
    }
    rounds = [_round(dedup, contenders, number) for number in range(_ROUNDS)]
    print(f"memory of the purge: at most {max(memory_mib)} MiB")
    assert max(memory_mib) < 120
    assert max(one["eosctl"][0] / one["bare loop"][0] for one in rounds) >= 0.8
    assert max(one["eosctl"][1].per_s / one["quiet"][1].per_s for one in rounds) >= 0.7
    assert min(one["eosctl"][1].worst_ms / one["quiet"][1].worst_ms for one in rounds) < 5


def _round(
    dedup: Dedup, contenders: dict[str, Callable[[Dedup], float]], number: int
) -> dict[str, tuple[float, Claims]]:
    """Each contender once. What is compared is of one round; a stall of the machine in one of them proves nothing."""
    found: dict[str, tuple[float, Claims]] = {}
    for name, work in contenders.items():
        if name != "quiet":
            _expire(dedup)
        claimer = f"{name.replace(' ', '-')}-{number}"
        found[name] = _while_claiming(dedup, claimer, lambda work=work: work(dedup))
        rate, one = found[name]
        print(f"{name}: {rate:,.0f} rows/s; claims {one.per_s:,.0f}/s, median {one.median_ms:.2f} ms, "
              f"worst {one.worst_ms:.1f} ms")  # fmt: skip
    return found


def test_a_check_of_a_hundred_thousand_ids_takes_ten_round_trips(dedup: Dedup, tmp_path: Any) -> None:
    from eosctl.operations.dedup import check

    dedup.make_table()
    dedup.fill(1_000_000, days=7)
    file = tmp_path / "ids.txt"
    file.write_text("\n".join(f"m-{n * 13}" for n in range(100_000)), encoding="utf-8")
    live = dedup.gateways()
    asked, trips = live.database.query, []

    def query(name: str, *args: Any, **more: Any) -> Any:
        trips.append(name)
        return asked(name, *args, **more)

    live.database.query = query  # type: ignore[method-assign]
    params = check.DedupCheckParams(from_file=file)
    began = time.monotonic()
    answer = check.report(check.observe(live, params), params)
    print(f"dedup check: {100_000 / (time.monotonic() - began):,.0f} ids/s, {trips.count('dedup_check')} round trips")
    live.close()
    assert trips.count("dedup_check") == 10
    assert sum(one.processed is True for one in answer.data) == 76_923
