"""The rules of dead letters: dialects, identities, placement, what becomes of a record, sums that add up."""

import pytest
from fixtures.dead_letters import spring
from hypothesis import given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader, decode_integer
from eosctl.domain.dlq.dialects import described
from eosctl.domain.dlq.identity import by_origin
from eosctl.domain.dlq.murmur2 import murmur2
from eosctl.domain.dlq.records import PlainRecord, RehydratedRecord
from eosctl.domain.dlq.replaying import Replayer, ReplayRules, Target
from eosctl.domain.dlq.rows import FIELDS, header_words, row_of, text_of
from eosctl.domain.dlq.seen import SeenIdentities, digest_of
from eosctl.domain.dlq.selection import Selection, matcher_of, narrowed, offset_ranges
from eosctl.domain.dlq.tally import PartitionState, state_of

NOW_MS = 1_796_000_000_000
CONNECT = [("__connect.errors.topic", b"orders"), ("__connect.errors.partition", b"2"),
           ("__connect.errors.offset", b"77"), ("__connect.errors.exception.class.name", b"E")]  # fmt: skip


def record(headers, *, key=b"k", value=b"v", at=(0, 0), time_ms=NOW_MS):
    return PlainRecord(at, (1, time_ms), key, value, tuple(headers))


def replayer(**changes):
    targets = {"orders": Target(3), "compacted": Target(1, compacted=True), "small": Target(1, largest_bytes=500)}
    rules = ReplayRules(source="dlt", job="j", ledger="dlt.replayed", parked="dlt.parked", targets=targets, **changes)
    return Replayer(rules, Reader(), NOW_MS)


@pytest.mark.parametrize(
    ("headers", "framework", "origin"),
    [
        (spring("orders", 2, 77), "spring", ("orders", 2, 77)),
        (CONNECT, "connect", ("orders", 2, 77)),
        ([("__streams.errors.topic", b"orders"), ("__streams.errors.partition", b"2"),
          ("__streams.errors.offset", b"77")], "streams", ("orders", 2, 77)),
        ([("__dlq.errors.topic", b"orders"), ("__dlq.errors.partition", b"2"), ("__dlq.errors.offset", b"77"),
          ("__dlq.errors.group", b"g")], "share-group", ("orders", 2, 77)),
        ([("x-original-topic", b"orders"), ("x-original-partition", (2).to_bytes(4, "big")),
          ("x-original-offset", (77).to_bytes(8, "big"))], "spring-cloud-stream", ("orders", 2, 77)),
        ([("dead-letter-topic", b"orders"), ("dead-letter-partition", b"2"), ("dead-letter-offset", b"77")],
         "smallrye", ("orders", 2, 77)),
        ([("source_topic", b"orders"), ("source_partition", b"2"), ("source_offset", b"77")],
         "karafka", ("orders", 2, 77)),
        ([("topic_poisoned", b"orders"), ("reason_poisoned", b"bad")], "watermill", ("orders", None, None)),
        ([("MT-Fault-ExceptionType", b"E"), ("MT-Fault-InputAddress", b"loopback://host/kafka/orders")],
         "masstransit", ("orders", None, None)),
        ([("OriginalTopic", b"orders"), ("RejectionReason", b"bad")], "brighter", ("orders", None, None)),
    ],
)  # fmt: skip
def test_each_framework_is_read_by_its_own_encoding(headers, framework, origin):
    row = row_of(record(headers), Reader())
    assert (row.framework, row.unreadable) == (framework, ())
    assert (row.origin_topic, row.origin_partition, row.origin_offset) == origin


def test_a_header_of_three_bytes_is_unreadable_and_stops_nothing():
    headers = [(name, b"abc" if name.endswith("original-offset") else value) for name, value in spring("orders", 2, 7)]
    row = row_of(record(headers), Reader())
    assert (row.origin_topic, row.origin_partition, row.origin_offset) == ("orders", 2, None)
    assert row.unreadable == ("kafka_dlt-original-offset",)
    assert header_words(headers, Reader())["kafka_dlt-original-offset"] == "unreadable (0x616263)"


def test_numbers_are_shown_as_numbers_and_binary_as_hex():
    assert header_words(spring("orders", 2, 77), Reader())["kafka_dlt-original-offset"] == "77"
    assert (text_of(b"\x00\x01"), text_of(None), text_of(b"")) == ("0x0001", None, "")


@given(st.binary(max_size=24), st.sampled_from(["binary", "text", "either"]), st.sampled_from([0, 4, 8]))
def test_an_integer_is_decoded_or_refused_but_never_negative(raw, integers, width):
    found = decode_integer(raw, integers, width)
    assert found is None or 0 <= found < 2**63


def test_a_profile_describes_its_own_dialect():
    own = described([{"name": "ours", "topic": "x-src", "partition": "x-part", "offset": "x-off"}])
    row = row_of(record([("x-src", b"orders"), ("x-part", b"1"), ("x-off", b"5")]), Reader(own))
    assert (row.framework, row.origin_topic, row.origin_offset) == ("ours", "orders", 5)
    with pytest.raises(UsageError, match="no field"):
        described([{"name": "ours", "topik": "x"}])


@pytest.mark.parametrize(
    ("key", "hashed"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)]
)
def test_murmur2_is_javas(key, hashed):
    assert murmur2(key) == hashed & 0xFFFFFFFF


def test_a_replayed_record_is_the_original_byte_for_byte():
    headers = [("tenant", b"acme"), *spring("orders", 2, 77), ("empty", b""), ("none", None)]
    outcome, out = replayer().decide(record(headers, key=None, value=b""))
    assert outcome == tally.REPLAYED
    assert (out.topic, out.partition, out.key, out.value) == ("orders", 2, None, b"")
    assert out.headers == [("tenant", b"acme"), ("empty", b""), ("none", None), ("eosctl-replay-count", b"1")]
    assert out.timestamp_ms == 1_795_000_000_000


def test_a_key_is_left_to_the_producer_when_the_origin_partition_is_gone():
    _, out = replayer().decide(record(spring("orders", 9, 1), key=b"abc"))
    assert out.partition == -1


@given(st.text(max_size=9), st.text(max_size=9), st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1))
def test_the_quick_digest_of_an_origin_is_the_plain_one(target, topic, partition, offset):
    place = partition.to_bytes(4, "big") + offset.to_bytes(8, "big")
    assert by_origin(target, topic, partition, offset) == digest_of(target.encode(), topic.encode(), place)


ages = st.integers(-100, 100)


@given(ages, st.integers(-1, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_target_takes_times_that_it_neither_deletes_at_once_nor_refuses(age, keeps, behind, ahead):
    oldest, newest = Target(partitions=1, keeps_ms=keeps, behind_ms=behind, ahead_ms=ahead).times(1_000)
    takes = -ahead <= age <= behind and (keeps < 0 or age <= keeps)
    assert (oldest <= 1_000 - age <= newest) == takes


def test_the_same_identity_is_skipped_in_the_run_and_within_the_window():
    one = replayer()
    assert one.decide(record(spring("orders", 0, 1)))[0] == tally.REPLAYED
    assert one.decide(record(spring("orders", 0, 1), at=(1, 5)))[0] == tally.SKIPPED_RUN
    again = replayer()
    again.before.add_packed(b"".join(one.new_digests))
    assert again.decide(record(spring("orders", 0, 1)))[0] == tally.SKIPPED_WINDOW
    assert again.decide(record(spring("orders", 0, 2)))[0] == tally.REPLAYED


def test_without_an_origin_a_record_is_known_by_its_id_and_a_new_failure_of_it_is_new():
    named = [("message-id", b"m-1")]
    one = replayer(to="orders")
    assert one.decide(record(named, value=b"a"))[0] == tally.REPLAYED
    assert one.decide(record(named, value=b"b"))[0] == tally.SKIPPED_RUN
    assert one.decide(record([*named, ("eosctl-replay-count", b"1")]))[0] == tally.REPLAYED


def test_a_loop_is_parked_with_its_headers_and_the_rest_of_its_key_held():
    one = replayer()
    headers = [*spring("orders", 0, 1), ("eosctl-replay-count", b"3")]
    outcome, out = one.decide(record(headers))
    assert (outcome, out.topic) == (tally.PARKED_LOOP, "dlt.parked")
    assert out.headers[:-1] == headers
    assert one.decide(record(spring("orders", 0, 2)))[0] == tally.HELD_KEY
    assert one.decide(record(spring("orders", 0, 3), key=b"other"))[0] == tally.REPLAYED
    free = replayer(hold_key=False)
    free.decide(record(headers))
    assert free.decide(record(spring("orders", 0, 2)))[0] == tally.REPLAYED


def test_what_can_not_go_is_held_or_parked_with_its_reason():
    assert replayer().decide(record([]))[0] == tally.HELD_ORIGIN
    assert replayer().decide(record(spring("elsewhere", 0, 1)))[0] == tally.HELD_ORIGIN
    assert replayer().decide(record(spring("compacted", 0, 1), key=None))[0] == tally.HELD_NULL_KEY
    assert replayer().decide(record(spring("small", 0, 1), value=b"x" * 500))[0] == tally.PARKED_SIZE


@pytest.mark.parametrize(
    ("wish", "chosen"),
    [
        ({"key": "k"}, True), ({"key": "x"}, False), ({"cause": "Timeout"}, True), ({"cause": "Json"}, False),
        ({"origin_topic": "orders"}, True), ({"origin_topic": "x"}, False), ({"headers": ("tenant=acme",)}, True),
        ({"headers": ("tenant=x",)}, False), ({"since_ms": NOW_MS}, True), ({"until_ms": NOW_MS}, False),
        ({"where": "attempts >= 3 && origin_topic == 'orders'"}, True), ({"where": "value.n == 2"}, False),
        ({"where": "headers['tenant'] == 'acme' && value.n == 1"}, True),
    ],
)  # fmt: skip
def test_a_selection_chooses(wish, chosen):
    one = record([*spring("orders", 0, 1), ("tenant", b"acme")], value=b'{"n": 1}')
    assert matcher_of(Selection(**wish), Reader())(one) is chosen


POINTER = [("__dlq.errors.topic", b"orders"), ("__dlq.errors.partition", b"2"), ("__dlq.errors.offset", b"77"),
           ("__dlq.errors.group", b"g")]  # fmt: skip


def test_a_pointer_is_never_replayed_as_an_empty_record():
    one, bare = replayer(), record(POINTER, key=None, value=None)
    assert one.pointer(bare) == ("orders", 2, 77)
    assert one.decide(bare) == (tally.HELD_LOST, None)
    filled = RehydratedRecord((0, 0), (1, NOW_MS), None, b"v", (("tenant", b"acme"), *POINTER), origin_ms=5)
    outcome, out = one.decide(filled)
    assert (outcome, out.value, out.partition, out.timestamp_ms) == (tally.REPLAYED, b"v", 2, 5)
    assert out.headers == [("tenant", b"acme"), ("eosctl-replay-count", b"1")]
    assert one.decide(bare)[0] == tally.SKIPPED_RUN


def test_a_share_groups_copy_and_other_frameworks_tombstones_are_no_pointers():
    one = replayer()
    assert one.pointer(record(POINTER, value=None)) is None
    assert one.decide(record(POINTER, value=None))[0] == tally.REPLAYED
    tombstone = record(spring("orders", 0, 1), key=None, value=None)
    assert one.pointer(tombstone) is None
    assert one.decide(tombstone)[0] == tally.REPLAYED
    unreadable = record([("__dlq.errors.topic", b"orders"), ("__dlq.errors.offset", b"x")], key=None, value=None)
    assert one.pointer(unreadable) is None
    assert one.decide(unreadable)[0] == tally.HELD_LOST


@given(st.lists(st.tuples(
    st.sampled_from(["kafka_dlt-exception-cause-fqcn", "kafka_dlt-exception-fqcn", "kafka_dlt-original-topic",
                     "kafka_dlt-original-partition", "__connect.errors.topic", "__connect.errors.partition",
                     "__connect.errors.exception.stacktrace", "dead-letter-topic", "dead-letter-cause-class-name",
                     "dead-letter-cause", "tenant"]),
    st.sampled_from([None, b"", b"x", b"\xff", b"7", b"\0\0\0\7", b"Caused by: a.B"])), max_size=6))  # fmt: skip
def test_the_quick_ways_say_what_the_full_reading_says(headers):
    reader = Reader()
    for _ in range(2):
        full = reader.read(headers)
        assert reader.cause_of(headers) == full.cause
        assert reader.place_of(headers) == (full.origin.topic, full.origin.partition)


def test_bad_wishes_are_named():
    for bad in (("0:5",), ("0:9-3",), ("x:1-2",)):
        with pytest.raises(UsageError, match="offset range"):
            offset_ranges(bad)
    with pytest.raises(UsageError, match="no partition 7"):
        narrowed(Selection(partitions=(7,)), {0: (0, 5)})
    with pytest.raises(UsageError, match="not a valid expression"):
        matcher_of(Selection(where="attempts >"), Reader())
    assert narrowed(Selection(ranges={0: (3, 99)}), {0: (0, 5), 1: (0, 5)}) == {0: (3, 5)}
    assert "cause" in FIELDS


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=300))
def test_seen_identities_are_a_set(texts):
    seen, truth = SeenIdentities(), set()
    for text in texts:
        assert seen.add(digest_of(text)) is (text not in truth)
        truth.add(text)
    assert len(seen) == len(truth)
    assert all(digest_of(text) in seen for text in truth)


@given(st.dictionaries(st.sampled_from(sorted(tally.SAYS)), st.integers(1, 10**9)), st.integers(0, 2**62))
def test_a_partitions_state_survives_the_commit(counts, end):
    state = PartitionState("run", end, counts)
    assert state_of(state.text()) == state
    assert state_of(state.text() + "\0") == state
    assert len(state.text()) < 4_096
    assert state_of("somebody else's") is None


@pytest.mark.parametrize(
    ("age_ms", "stamp"), [(0, True), (604_800_000, True), (604_800_001, False), (-60_000, True), (-60_001, False)]
)
def test_a_time_that_the_target_does_not_keep_or_take_becomes_the_present_one(age_ms, stamp):
    rules = ReplayRules("d", "j", "l", "p", targets={"orders": Target(1, keeps_ms=604_800_000, ahead_ms=60_000)})
    headers = [("__connect.errors.topic", b"orders")]
    _, out = Replayer(rules, Reader(), NOW_MS).decide(record(headers, time_ms=NOW_MS - age_ms))
    assert out.timestamp_ms == (NOW_MS - age_ms if stamp else 0)
