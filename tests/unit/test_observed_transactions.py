"""What transactional ids beside a group's offsets say: something when the partition is its own, else nothing."""

from eosctl.domain.strategies.observation import answers_of, differences, observed_transactions


def test_ids_on_a_partition_of_its_own_are_the_groups() -> None:
    seen = observed_transactions(["b", "a"], 0)
    assert seen is not None
    assert (seen.runs, answers_of([seen])) == ("kafka-transactions", {"writes_to_kafka": "yes"})
    assert any("writes_to_kafka=no was answered" in one for one in differences([seen], [], {"writes_to_kafka": "no"}))


def test_ids_on_a_shared_partition_are_told_and_nothing_is_concluded() -> None:
    seen = observed_transactions(["a"], 3)
    assert seen is not None
    assert "3 other groups" in seen.seen
    assert (seen.runs, answers_of([seen]), differences([seen], [], {"writes_to_kafka": "no"})) == ("", {}, ())


def test_no_ids_say_nothing() -> None:
    assert observed_transactions([], 0) is None
