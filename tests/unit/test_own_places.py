"""Where a result of somebody's own consumer names its message."""

import pytest

from eosctl.proof.own_places import _id_of


class Record:
    """A record as confluent_kafka gives it."""

    def __init__(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]] | None) -> None:
        self.key, self.value, self.headers = (lambda: key), (lambda: value), (lambda: headers)


FULL = Record(b"k1", b'{"order": {"id": 7, "lines": [1]}}', [("message-id", b"m1"), ("empty", None)])
BARE = Record(None, None, None)


@pytest.mark.parametrize(
    ("record", "place", "id"),
    [
        (FULL, "key", "k1"),
        (FULL, "header:message-id", "m1"),
        (FULL, "header:empty", ""),
        (FULL, "header:other", ""),
        (FULL, "json:order.id", "7"),
        (FULL, "json:order.lines.id", ""),
        (FULL, "json:other", ""),
        (BARE, "key", ""),
        (BARE, "header:message-id", ""),
        (BARE, "json:id", ""),
        (Record(None, b"no json", None), "json:id", ""),
        (Record(None, b"\xff\xfe", None), "json:id", ""),
        (Record(b"\xff", b"[1]", None), "json:id", ""),
    ],
)
def test_the_id_is_found_or_empty(record: Record, place: str, id: str) -> None:
    assert _id_of(record, place) == id
