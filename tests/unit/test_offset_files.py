"""Files of offsets: what is written is read again, and what is wrong is told with its place."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eosctl.core.errors import UsageError
from eosctl.domain.offset_files import KeptOffset, csv_text, json_text, parse

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), min_size=1).filter(
    lambda name: name == name.strip()
)
KEPT = st.builds(
    KeptOffset,
    group=NAMES,
    topic=st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    store=st.sampled_from(["kafka", "db"]),
    leader_epoch=st.none() | st.integers(0, 2**31 - 1),
    metadata=NAMES | st.just(""),
)
MANY = st.lists(KEPT, min_size=1, unique_by=lambda one: (one.store, one.group, one.topic, one.partition))


@given(MANY)
def test_json_is_read_back_as_it_was(offsets: list[KeptOffset]) -> None:
    text = json_text(offsets, taken_at="2026-03-01T12:00:00.000Z", target={"kafka_cluster_id": "c"})
    found = parse(text, name="f")
    assert found.offsets == tuple(offsets)
    assert found.target == {"kafka_cluster_id": "c"}


@given(MANY)
@example([KeptOffset(group=group, topic="0", partition=0, offset=0, store="kafka") for group in ("{", "0")])
def test_csv_is_read_back(offsets: list[KeptOffset]) -> None:
    kafka = [one for one in offsets if one.store == "kafka"] or offsets[:1]
    found = parse(csv_text(kafka), name="f", group=kafka[0].group).offsets
    assert [(one.group, one.place, one.offset) for one in found] == [
        (one.group, one.place, one.offset) for one in kafka
    ]


def test_one_group_has_three_columns_several_four_and_both_stores_a_heading() -> None:
    a, b = (KeptOffset(group=group, topic="t", partition=0, offset=7, store="kafka") for group in "ab")
    table = KeptOffset(group="a", topic="t", partition=0, offset=6, store="db")
    assert csv_text([a]) == "t,0,7"
    assert csv_text([a, b]) == "a,t,0,7\nb,t,0,7"
    assert parse(csv_text([a, table]), name="f").offsets == (a, table)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("t,0,7\nt,x,8", "line 2, column 3: The partition 'x' is not a whole number."),
        ("t,0,7\n\nt,1,-8", "line 3, column 5: The offset -8 is negative."),
        ("t,0,7\nt,0,8", "line 2: t:0 of g is there twice. The first is line 1."),
        ("t,0,9223372036854775808", "line 1, column 5: The offset 9223372036854775808 is too large."),
        ("t,0", "line 1, column 1: 2 columns, and 4 are wanted: group,topic,partition,offset."),
        ("t,0,7\nt,0,7,9", "line 2, column 1: 4 columns, and 3 are wanted: topic,partition,offset."),
        (",0,7", "line 1, column 1: The topic is '', not a name."),
        ('{"data": [\n {"topic": "t", "partition": 0, "offset": "x"}]}', "line 2, column 43: The offset 'x'"),
        ('{"data": [\n {"topic": "t", "offfset": 0}]}', "line 2, column 28: 'offfset' is not known."),
        ('{"data": [}', "line 1, column 11: It is no JSON"),
        ('{"date": []}', "line 1, column 1: There is no list of offsets"),
        ("", "f holds no offsets."),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, place: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text, name="f", group="g")
    assert place in refused.value.notice().message


def test_a_line_without_a_group_wants_one() -> None:
    with pytest.raises(UsageError, match="give --group"):
        parse("t,0,7", name="f")


def test_an_envelope_of_export_is_read() -> None:
    row = {"group": "g", "topic": "t", "partition": 0, "offset": 3, "store": "kafka", "leader_epoch": None,
           "metadata": ""}  # fmt: skip
    envelope = {"schema": "eosctl/v1", "operation": "offsets.export", "data": [row]}
    assert parse(json.dumps(envelope), name="f").offsets[0].offset == 3
