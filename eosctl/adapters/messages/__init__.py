"""Requests that kafka-python does not have: groups of KIP-848, KIP-932 and KIP-1071, and share groups' offsets.

Each is a schema file beside this one, in the form of Kafka's own message definitions (apache/kafka,
clients/src/main/resources/common/message, Apache License 2.0), from which kafka-python makes its classes too. A request
of this module goes out like any other; only the adapters' room for groups uses it.
"""

from types import new_class
from typing import Any

from kafka.protocol.api_message import ApiMessage


def _message(name: str) -> Any:
    """The class that kafka-python makes of the schema file of that name; a response registers itself by its key."""
    return new_class(name, (ApiMessage,), {"load_json": __name__})


ConsumerGroupDescribeRequest = _message("ConsumerGroupDescribeRequest")
"""KIP-848, since Kafka 3.7."""
ConsumerGroupDescribeResponse = _message("ConsumerGroupDescribeResponse")
ShareGroupDescribeRequest = _message("ShareGroupDescribeRequest")
"""KIP-932, since Kafka 4.1 in this version; so are the offsets of share groups."""
ShareGroupDescribeResponse = _message("ShareGroupDescribeResponse")
StreamsGroupDescribeRequest = _message("StreamsGroupDescribeRequest")
"""KIP-1071, since Kafka 4.1."""
StreamsGroupDescribeResponse = _message("StreamsGroupDescribeResponse")
DescribeShareGroupOffsetsRequest = _message("DescribeShareGroupOffsetsRequest")
DescribeShareGroupOffsetsResponse = _message("DescribeShareGroupOffsetsResponse")
AlterShareGroupOffsetsRequest = _message("AlterShareGroupOffsetsRequest")
AlterShareGroupOffsetsResponse = _message("AlterShareGroupOffsetsResponse")
DeleteShareGroupOffsetsRequest = _message("DeleteShareGroupOffsetsRequest")
"""Forgets whole topics only."""
DeleteShareGroupOffsetsResponse = _message("DeleteShareGroupOffsetsResponse")
