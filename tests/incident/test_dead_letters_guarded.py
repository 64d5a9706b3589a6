"""`--guard-newer` on a real broker: an older record of a key is held back, counted, listed, and nothing else is."""

import json
from pathlib import Path

from confluent_kafka import Producer
from fixtures.dead_letters import DeadLetters, result_of, spring
from fixtures.lab import LIMIT_S

from eosctl.lab import clients


def _produce(dead_letters: DeadLetters, topic: str, *records: tuple[bytes, bytes, int]) -> None:
    """Key, value, and for dead letters the origin's offset in partition 0."""
    producer = Producer(clients.librdkafka_settings(dead_letters.lab))
    for key, value, offset in records:
        headers = spring(dead_letters.topic, 0, offset) if topic == dead_letters.dead else []
        producer.produce(topic, value, key, 0, headers=headers)
    assert producer.flush(LIMIT_S) == 0


def test_an_older_record_is_held_with_or_without_the_rest_of_its_key(dead_letters: DeadLetters, tmp_path: Path) -> None:
    _produce(dead_letters, dead_letters.topic, (b"a", b"0", 0), (b"b", b"1", 1), (b"a", b"2", 2), (b"c", b"3", 3))
    _produce(dead_letters, dead_letters.dead, (b"a", b"0", 0), (b"b", b"1", 1), (b"a", b"2", 2))
    listed = tmp_path / "held.jsonl"
    planned = dead_letters.data("replay", dead_letters.dead, "--guard-newer", "--dry-run")
    assert planned["plan"]["observed"]["expected"] == {"held:newer": 1, "replayed": 1, "held:key": 1}
    done = dead_letters.replay("--guard-newer", "--list", str(listed))
    assert done.returncode == 3, done.stdout + done.stderr
    assert result_of(done)["outcomes"] == {"held:newer": 1, "replayed": 1, "held:key": 1}
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    assert [(one["origin_offset"], one["outcome"], one["key"]) for one in lines] == [
        (0, "held:newer", "a"), (2, "held:key", "a")]  # fmt: skip
    alone = dead_letters.replay("--guard-newer", "--on-hold", "record")
    assert result_of(alone)["outcomes"] == {"held:newer": 1, "skipped:window": 1, "replayed": 1}
    assert [(one.key, one.value) for one in dead_letters.records()[4:]] == [(b"b", b"1"), (b"a", b"2")]


def test_dead_letters_out_of_order_do_not_overwrite_each_other_even_after_a_kill(dead_letters: DeadLetters) -> None:
    """The control, without the guard, ends with the oldest record of each key."""
    _produce(dead_letters, dead_letters.dead, *[
        (b"k-%d" % (number % 10), b"%d" % number, number) for number in (*range(200, 400), *range(200))
    ])  # fmt: skip
    words = ("--guard-newer", "--on-hold", "record", "--batch", "50", "--no-scan", "--timestamp", "now")
    killed = dead_letters.replay(*words, driver=("before-commit", 3, "real"))
    assert killed.returncode == -9, killed.stderr
    last = dead_letters.replay(*words)
    assert last.returncode == 3, last.stdout + last.stderr
    assert (result_of(last)["resumed"], result_of(last)["outcomes"]) == (True, {"replayed": 200, "held:newer": 200})
    newest = {one.key: int(one.value or b"") for one in dead_letters.records()}
    assert newest == {b"k-%d" % (number % 10): number for number in range(390, 400)}
    dead_letters.replay("--job", f"{dead_letters.topic}-control", "--ledger", f"{dead_letters.dead}.replayed",
                        "--dedup-window", "0s", "--no-scan")  # fmt: skip
    control = {one.key: int(one.value or b"") for one in dead_letters.records()}
    assert max(control.values()) < 200, "the order did no harm, so the guard proves nothing"
