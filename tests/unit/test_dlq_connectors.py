"""Which topics connectors name for their dead letters, and what is said of the rest."""

from types import SimpleNamespace

from eosctl.core.errors import Unreachable, UsageError
from eosctl.operations.connector_dead_letters import connector_topics
from eosctl.operations.dlq.list import is_ledger

NAME, HEADERS = "errors.deadletterqueue.topic.name", "errors.deadletterqueue.context.headers.enable"


class Connect:
    """A ConnectGateway of fixed configurations; None stands for a connector that was deleted meanwhile."""

    def __init__(self, configs, broken=""):
        self.configs, self.broken = configs, broken

    def connectors(self):
        return tuple(self.configs)

    def config(self, name):
        if name == self.broken:
            raise Unreachable("connect_timeout", "It did not answer.")
        if self.configs[name] is None:
            raise UsageError("unknown_connector", "It is gone.")
        return self.configs[name]


def asked(configs, *, broken="", url="http://connect:8083"):
    return connector_topics(SimpleNamespace(profile={"connect": {"url": url}}, connect=Connect(configs, broken)))


def test_connectors_of_one_topic_are_joined_and_others_say_nothing():
    found = asked({"a": {NAME: "bad", HEADERS: "true"}, "b": {NAME: "bad", HEADERS: "TRUE"}, "source": {},
                   "empty": {NAME: ""}, "gone": None})  # fmt: skip
    assert (found.connectors, found.notices, found.failures) == ({"bad": ("a", "b")}, (), ())


def test_missing_headers_and_references_are_told():
    found = asked({"a": {NAME: "bad"}, "b": {NAME: "${file:/etc/x:topic}"}})
    assert found.connectors == {"bad": ("a",)}
    assert [one.code for one in found.notices] == ["no_context_headers", "connector_topic_unknown"]


def test_a_connect_that_does_not_answer_is_a_failure_and_what_was_found_stays():
    found = asked({"a": {NAME: "bad", HEADERS: "true"}, "b": {}}, broken="b")
    assert (found.connectors, [one.code for one in found.failures]) == ({"bad": ("a",)}, ["connect_timeout"])


def test_without_a_connect_in_the_profile_nobody_is_asked():
    assert connector_topics(SimpleNamespace(profile={})).connectors == {}
    assert asked({"a": None}, url="").connectors == {}


def test_the_topic_of_replayed_identities_is_no_dead_letter_topic():
    known = {"orders-dlt", "orders-dlt.replayed", "orders-dlt.parked", "bills.replayed"}
    assert [one for one in sorted(known) if is_ledger(one, known)] == ["orders-dlt.replayed"]
