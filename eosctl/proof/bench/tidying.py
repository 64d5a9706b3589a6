"""What a measurement makes on the servers carries its own name."""

from eosctl.proof.servers import Servers


class BenchServers(Servers):
    """The same care for topics, groups, schemas and whatever else, under a name that says who made them."""

    def name(self) -> str:
        """A name that nobody has."""
        return super().name().replace("eosctl-verify-", "eosctl-bench-")
