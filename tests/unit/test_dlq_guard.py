"""`--guard-newer`: a replay never makes a key older than its target has it, and holds back no more than that."""

from dataclasses import dataclass, field

from fixtures.dead_letters import spring
from hypothesis import given, settings
from hypothesis import strategies as st

from eosctl.adapters.mark_index import MarkIndex
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.guard import Destination, Mark, Marks, is_newer, mark_of, origin_header
from eosctl.domain.dlq.records import PlainRecord
from eosctl.domain.dlq.replaying import Replayer, ReplayRules, Target
from eosctl.domain.dlq.seen import digest_of

LATER_MS = 10**12


@dataclass
class Log:
    """One partition of a target: (key, what the record stands for, time, headers) by offset."""

    records: list = field(default_factory=list)

    def append(self, key, stands_for, written_ms, headers=()):
        self.records.append((key, stands_for, written_ms, tuple(headers)))

    def marks(self):
        return Marks.of(
            (digest_of(b"orders", key), mark_of("orders", (0, offset), written_ms, headers))
            for offset, (key, _, written_ms, headers) in enumerate(self.records)
        )

    def last_of(self, key):
        return [stands_for for one, stands_for, _, _ in self.records if one == key][-1]


def replayer(**changes):
    rules = ReplayRules("dlt", "j", "l", "p", targets={"orders": Target(1)}, guard_newer=True, **changes)
    return Replayer(rules, Reader(), LATER_MS)


def dead_letter(key, offset):
    headers = [(name, (offset + 1).to_bytes(8, "big") if name.endswith("original-timestamp") else value)
               for name, value in spring("orders", 0, offset)]  # fmt: skip
    return PlainRecord((0, offset), (1, LATER_MS), key, b"v", tuple(headers))


@settings(max_examples=40)
@given(st.lists(st.sampled_from([b"a", b"b"]), min_size=1, max_size=12), st.data())
def test_a_guarded_replay_never_makes_a_key_older_and_never_holds_the_newest(keys, data):
    """Batches in any order, copies with either timestamp, runs that begin anew: the log alone remembers."""
    log = Log()
    for offset, key in enumerate(keys):
        log.append(key, offset, offset + 1)
    newest = {key: log.last_of(key) for key in keys}
    dead = data.draw(st.permutations(sorted(data.draw(st.sets(st.sampled_from(range(len(keys))))))))
    at = 0
    while at < len(dead):
        size = data.draw(st.integers(1, 4))
        one = replayer(hold_key=False, origin_timestamp=data.draw(st.booleans()))
        one.marks = log.marks()
        for offset in dead[at : at + size]:
            outcome, out = one.decide(dead_letter(keys[offset], offset))
            assert (outcome == tally.REPLAYED) == (offset == newest[keys[offset]])
            if out is not None:
                log.append(out.key, offset, out.timestamp_ms or LATER_MS, out.headers)
        at += size
    assert {key: log.last_of(key) for key in keys} == newest


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(1, 9)), max_size=12), st.permutations(range(6)))
def test_where_places_say_nothing_times_decide(written, dead):
    """`--to` another topic: what is there, and what goes there, is compared by when it was written."""
    log = Log()
    for key, written_ms in sorted(written, key=lambda one: one[1]):
        log.append(key, written_ms, written_ms)
    one = Replayer(ReplayRules("dlt", "j", "l", "p", to="other", targets={"other": Target(1)}, guard_newer=True),
                   Reader(), LATER_MS)  # fmt: skip
    one.marks = Marks.of((digest_of(b"other", key), mark_of("other", (0, offset), written_ms, headers))
                         for offset, (key, _, written_ms, headers) in enumerate(log.records))  # fmt: skip
    newest = {b"a": 0, b"b": 0}
    newest |= {key: log.last_of(key) for key, _ in written}
    held = set()
    for number in dead:
        key, time = (b"a", b"b")[number % 2], number + 1
        outcome, _ = one.decide(dead_letter(key, number))
        older = newest[key] > time
        assert outcome == (tally.HELD_KEY if key in held else tally.HELD_NEWER if older else tally.REPLAYED)
        newest[key] = max(newest[key], time)
        held |= {key} if older else set()


marks = st.builds(Mark, st.integers(-1, 2), st.integers(-1, 9), st.integers(0, 9))


@given(marks, marks, st.integers(-1, 2), st.integers(0, 9), st.integers(0, 9))
def test_two_marks_of_a_partition_in_one_say_what_both_say(first, second, partition, offset, written_ms):
    second = Mark(first.partition, second.offset, second.written_ms)
    one = Destination("orders", b"k", (partition, offset if partition >= 0 else -1), written_ms)
    assert is_newer(first.joined(second), one) == (is_newer(first, one) or is_newer(second, one))


def test_a_copy_stands_for_the_place_that_it_names_and_else_for_its_time():
    count = ("eosctl-replay-count", b"1")
    assert mark_of("orders", (0, 9), 5, [count, origin_header("orders", (2, 7))]) == Mark(2, 7, 5)
    assert mark_of("orders", (0, 9), 5, [count, origin_header("a/b", (2, 7))]) == Mark(-1, -1, 5)
    assert mark_of("a/b", (0, 9), 5, [count, origin_header("a/b", (2, 7))]) == Mark(2, 7, 5)
    for bad in (b"", b"orders", b"orders/x:1", b"orders/1", b"\xff/1:1", None):
        assert mark_of("orders", (0, 9), 5, [count, ("eosctl-replay-origin", bad)]) == Mark(-1, -1, 5)
    assert mark_of("orders", (0, 9), 5, None) == Mark(0, 9, 5)


def test_a_null_key_is_not_guarded_and_a_second_replay_carries_no_old_place_on():
    one = replayer()
    one.marks = Marks.of([(digest_of(b"orders", b"k"), Mark(0, 99, LATER_MS))])
    assert one.decide(dead_letter(None, 1))[0] == tally.REPLAYED
    again = dead_letter(b"other", 5)
    again = PlainRecord(again.at, again.time, again.raw_key, b"v", (
        ("eosctl-replay-origin", b"orders/0:1"), ("eosctl-replay-count", b"1"), *again.raw_headers))  # fmt: skip
    outcome, out = one.decide(again)
    assert (outcome, out.headers) == (
        tally.REPLAYED, [("eosctl-replay-count", b"2"), ("eosctl-replay-origin", b"orders/0:5")])  # fmt: skip


def test_the_index_keeps_the_latest_of_wanted_keys_alone():
    index = MarkIndex()
    try:
        keys = [digest_of(b"%d" % number) for number in range(1_200)]
        index.want(keys[:1_100])
        index.note((key, Mark(0, number, 1)) for number, key in enumerate(keys))
        index.note([(keys[7], Mark(0, 3, 9)), (keys[7], Mark(1, 1, 1))])
        found = list(index.of(keys))
        assert len(found) == 1_101
        assert sorted((one.partition, one.offset, one.written_ms) for key, one in found if key == keys[7]) == [
            (0, 7, 9), (1, 1, 1)]  # fmt: skip
    finally:
        index.close()
