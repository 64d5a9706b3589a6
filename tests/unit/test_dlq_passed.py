"""What a stored offset says of a dead letter: never more than it knows."""

from itertools import product

import pytest
from fixtures.dead_letters import spring
from hypothesis import given
from hypothesis import strategies as st

from eosctl.domain.dlq import tally
from eosctl.domain.dlq.decoding import Reader
from eosctl.domain.dlq.passed import SETTLED_MS, Said, is_same, is_settled, outcome_of, said_of
from eosctl.domain.dlq.passed_notices import PassedSum, passed_notices
from eosctl.domain.dlq.records import PlainRecord
from eosctl.domain.dlq.replaying import Replayer, ReplayRules, Target
from eosctl.domain.dlq.tally import SAYS, Tally
from eosctl.domain.offsets import OffsetMeans, OffsetsMapping

NOW_MS = 1_796_000_000_000
OLD_MS = NOW_MS - SETTLED_MS


def _letter(offset: int, *, key: bytes | None = b"k", time: tuple[int, int] = (1, OLD_MS)) -> PlainRecord:
    return PlainRecord((0, offset), time, key, b"v", tuple(spring("orders", 0, offset)))


offsets = st.integers(0, 5)


@given(offsets, st.none() | offsets, st.booleans(), st.booleans(), st.booleans())
def test_a_record_is_left_out_only_where_the_consumer_will_read_it_or_a_person_said_so(
    offset: int, stored: int | None, readable: bool, settled: bool, claimed: bool
) -> None:
    said = said_of(offset, stored, readable=readable, settled=settled)
    outcome = outcome_of(said, passed_means_processed=claimed)
    will_read = stored is not None and offset >= stored and readable
    assert (outcome == tally.SKIPPED_AHEAD) == (will_read and settled)
    assert (outcome == tally.HELD_AHEAD) == (will_read and not settled)
    assert (outcome == tally.SKIPPED_PASSED) == (claimed and stored is not None and offset < stored)
    assert outcome in ("", *SAYS)


@given(offsets, st.integers(1, 6), st.sampled_from(list(OffsetMeans)))
def test_both_meanings_of_the_number_lead_to_the_same_word(offset: int, next_offset: int, means: OffsetMeans) -> None:
    mapping = OffsetsMapping(offset_means=means)
    stored = mapping.next_to_read(mapping.stored(next_offset))
    said = said_of(offset, stored, readable=True, settled=True)
    assert said is (Said.PASSED if offset < next_offset else Said.AHEAD)


@pytest.mark.parametrize(
    ("time", "origin_ms", "settled"),
    [
        ((1, OLD_MS), OLD_MS - 5, True),
        ((1, OLD_MS + 1), OLD_MS - 5, False),
        ((1, NOW_MS + 5_000), OLD_MS, False),
        ((1, OLD_MS), OLD_MS, False),  # the origin's time: when it was written is not told
        ((2, OLD_MS), OLD_MS, True),
        ((2, OLD_MS + 1), OLD_MS, False),
        ((0, 0), OLD_MS, False),
        ((0, -1), OLD_MS, False),
    ],
)
def test_only_a_time_of_its_own_that_is_long_ago_settles_a_dead_letter(
    time: tuple[int, int], origin_ms: int, settled: bool
) -> None:
    origin = PlainRecord((0, 3), (1, origin_ms), b"k", b"v")
    assert is_settled(_letter(3, time=time), origin, NOW_MS) is settled


def test_a_record_of_another_key_at_the_place_is_another_record() -> None:
    origin = PlainRecord((0, 3), (1, OLD_MS), b"k", b"another value")
    assert is_same(_letter(3), origin)
    assert not is_same(_letter(3, key=b"other"), origin)
    assert not is_same(_letter(3, key=None), origin)
    assert not is_same(_letter(3), None)


@given(st.lists(st.sampled_from(["", tally.SKIPPED_AHEAD, tally.HELD_AHEAD, tally.SKIPPED_PASSED]), max_size=20))
def test_counts_add_up_and_what_is_held_holds_its_key(outcomes: list[str]) -> None:
    rules = ReplayRules(
        source="dlt", job="j", ledger="dlt.replayed", parked="dlt.parked", targets={"orders": Target(1)}
    )
    replayer = Replayer(rules, Reader(), NOW_MS)
    replayer.processed = {(0, at): one for at, one in enumerate(outcomes) if one}
    counts, held = Tally(), False
    for at, expected in enumerate(outcomes):
        outcome, outgoing = replayer.decide(_letter(at))
        counts.count(outcome)
        assert outcome == (expected or (tally.HELD_KEY if held else tally.REPLAYED))
        assert (outgoing is not None) == (outcome == tally.REPLAYED)
        held = held or outcome == tally.HELD_AHEAD
    assert counts.read == len(outcomes) == sum(counts.total(one) for one in ("replayed", "skipped", "held"))


def test_a_claim_is_told_as_one_and_every_doubt_is_counted() -> None:
    outcomes = {tally.SKIPPED_AHEAD: 2, tally.HELD_AHEAD: 1, tally.SKIPPED_PASSED: 4}
    doubts = {Said.PASSED: 5, Said.GONE: 3, Said.UNKNOWN: 6}
    for claimed, scanned in product((True, False), repeat=2):
        sum_ = PassedSum(OffsetsMapping(), ("a", "b"), claimed, scanned, outcomes, doubts)
        found = {one.code: f"{one.message} {one.hint}" for one in passed_notices(sum_)}
        assert ("passed_means_processed" in found) is claimed
        assert ("passed_is_no_proof" in found) is not claimed
        assert "your word" in found.get("passed_means_processed", "your word")
    assert {"ahead", "ahead_or_at_it", "ahead_and_gone", "offset_not_stored"} <= set(found)
    assert "a, b" in found["offset_not_stored"]
    quiet = passed_notices(PassedSum(OffsetsMapping(), (), scanned=True))
    assert [one.code for one in quiet] == ["offset_means"]
