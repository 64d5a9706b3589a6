"""Members of a shared replay agree by the ledger's order; an aborted batch leaves no trace in memory."""

import json

from fixtures.dead_letters import spring
from hypothesis import given, settings
from hypothesis import strategies as st

from eosctl.domain.dlq import seen as seen_room
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.canary import CanaryStart
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.records import PlainRecord
from eosctl.domain.dlq.replaying import Replayer, ReplayRules, Target
from eosctl.domain.dlq.seen import SeenIdentities, digest_of
from eosctl.domain.dlq.sharing import Lanes, SharedBegin, SharedRuns, share_of
from eosctl.domain.kafka import TopicPartition

numbers = st.integers(0, 30)


@given(st.lists(st.tuples(st.booleans(), numbers), max_size=20), st.integers(0, 20))
def test_a_run_goes_on_until_it_is_over_wherever_a_member_begins_to_read(entries, at):
    one, late = SharedRuns("j"), SharedRuns("j")
    for place, (begins, number) in enumerate(entries):
        run = f"run-{number}"
        key, value = (one.begin_key, SharedBegin(run, "s", {0: (0, number)}).text()) if begins else (
            one.over_key, run.encode())  # fmt: skip
        assert one.read(key, value)
        if place >= at:
            late.read(key, value)
    over = {f"run-{number}" for begins, number in entries if not begins}
    begun = [f"run-{number}" for begins, number in entries if begins]
    unfinished = one.unfinished()
    assert (unfinished.run if unfinished else None) == (begun[-1] if begun and begun[-1] not in over else None)
    if any(begins for begins, _ in entries[at:]):
        assert late.current == one.current


def test_other_jobs_and_identities_say_nothing_and_bad_records_are_none():
    runs = SharedRuns("j")
    assert not runs.read(SharedRuns("other").begin_key, SharedBegin("r", "s", {}).text())
    assert not runs.read(b"run", b"x" * 16)
    assert not runs.read(None, None)
    for bad in (None, b"", b"[]", b"{}", b"\xff", b'{"run": "r", "selection": "s", "ranges": {"x": [1, 2]}}'):
        assert runs.read(runs.begin_key, bad)
    assert runs.current is None
    begun = SharedBegin("r", "s", {3: (1, 9), 0: (0, 0)})
    runs.read(runs.begin_key, begun.text())
    assert runs.unfinished() == begun


@settings(max_examples=40)
@given(st.lists(st.binary(min_size=1, max_size=3), max_size=200), st.data())
def test_identities_are_taken_out_again(texts, data):
    seen = SeenIdentities()
    for text in texts:
        seen.add(digest_of(text))
    gone = data.draw(st.sets(st.sampled_from(texts))) if texts else set()
    for text in (*gone, b"never there"):
        seen.discard(digest_of(text))
    assert len(seen) == len(set(texts) - gone)
    assert all((digest_of(text) in seen) == (text not in gone) for text in texts)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12), st.integers(0, 12))
def test_a_batch_that_was_rolled_back_is_decided_again_as_if_it_had_never_been(letters, cut):
    rules = ReplayRules("dlt", "j", "l", "p", targets={"orders": Target(3)})

    def records(part):
        return [PlainRecord((0, at), (1, 1), b"k%d" % number,
                            b"v", tuple(spring("orders" if known else "gone", 0, number)))
                for at, (number, known) in enumerate(part)]  # fmt: skip

    one, other = Replayer(rules, Reader(), 2), Replayer(rules, Reader(), 2)
    for record in records(letters[:cut]):
        assert one.decide(record) == other.decide(record)
    one.committed()
    other.committed()
    aborted = [one.decide(record)[0] for record in records(letters[cut:])]
    one.rolled_back()
    assert (one.new_digests, one.new_holds, one.held_keys) == ([], [], other.held_keys)
    assert [one.decide(record)[0] for record in records(letters[cut:])] == aborted
    assert all(outcome in tally.SAYS for outcome in aborted)


@given(st.integers(1, 10**6), st.integers(1, 50), st.integers(1, 50))
def test_the_shares_of_a_rate_add_up_to_no_more_than_it_and_one_each(rate, mine, others):
    every = mine + others
    assert share_of(rate, mine, every) + share_of(rate, others, every) <= max(rate, 2)
    assert share_of(0, mine, every) == 0


def test_a_set_that_grows_beyond_its_buckets_loses_nothing(monkeypatch):
    monkeypatch.setattr(seen_room, "_FULL", 0)
    seen, texts = SeenIdentities(), [b"%d" % number for number in range(500)]
    assert all(seen.add(digest_of(text)) for text in texts)
    assert not any(seen.add(digest_of(text)) for text in texts)
    seen.discard(digest_of(texts[0]))
    assert [text for text in (*texts, b"other") if digest_of(text) not in seen] == [texts[0], b"other"]


def _told(runs, **body):
    assert runs.read(runs.canary_key, json.dumps({"run": "r", **body}).encode())
    return runs.canary("r")


def test_a_canary_goes_on_where_the_ledger_says_and_begins_anew_after_a_halt():
    runs = SharedRuns("j")
    start = CanaryStart({TopicPartition("d", 0): 7}, {TopicPartition("o", 1): 9, TopicPartition("o", 0): 0}, 3)
    told = _told(runs, start=start.plain(), size=5)
    assert (told.start, told.size, told.passed, told.halts) == (start, 5, False, 0)
    _told(runs, size=10, passed=False)
    assert (told.start, told.size) == (start, 10)
    _told(runs, halted="it grew")
    assert (told.start, told.size, told.passed, told.halted, told.halts) == (None, 0, False, "it grew", 1)
    _told(runs, size=20, passed=True)
    assert not told.passed, "a zombie's word after the halt"
    _told(runs, start=start.plain(), size=5)
    _told(runs, size=20, passed=True)
    assert told.passed
    assert runs.canary("other").start is None


def test_a_canary_record_that_nobody_can_read_says_nothing():
    runs = SharedRuns("j")
    for bad in (
        None,
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"run": "r"}',
        b'{"run": "r", "start": 1}',
        b'{"run": "r", "start": {}}',
    ):
        assert runs.read(runs.canary_key, bad)
    assert runs.canary("r").start is None
    assert not SharedRuns("j").read(SharedRuns("other").canary_key, b'{"run": "r", "halted": "x"}')


def _letter(origin, partition, *, key=b"k", at=(0, 0), topic="orders"):
    headers = () if origin is None else tuple(spring(topic, partition, origin))
    return PlainRecord(at, (1, 1), key, b"v", headers)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=9, unique=True), st.integers(0, 50), st.data())
def test_an_origins_partition_has_one_lane_and_so_has_a_key_without_an_origin(partitions, origin_partition, data):
    lanes, again = Lanes(Reader(()), partitions), Lanes(Reader(()), list(reversed(partitions)))
    places = st.tuples(st.sampled_from(partitions), numbers)
    keys = st.none() | st.binary(max_size=3)
    of_origin = {
        lanes.of(_letter(data.draw(numbers), origin_partition, key=data.draw(keys), at=data.draw(places)))
        for _ in range(5)
    }
    of_key = {lanes.of(_letter(None, 0, key=b"one", at=data.draw(places))) for _ in range(5)}
    assert len(of_origin) == len(of_key) == 1
    assert of_origin | of_key <= set(partitions)
    one = _letter(7, origin_partition)
    assert lanes.of(one) == again.of(one)


def test_the_lanes_of_an_origins_partitions_spread_over_all_members():
    lanes = Lanes(Reader(()), [0, 2, 5])
    assert {lanes.of(_letter(1, one)) for one in range(3)} == {0, 2, 5}
    nothing = [lanes.of(_letter(None, 0, key=None, at=(one, 1))) for one in range(3)]
    assert set(nothing) == {0, 2, 5}
