"""Running eosctl's own command line as a person would, for demonstrations. The command line implements it."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class CommandsGateway(Protocol):
    """Real processes of eosctl; what they print is seen on standard error as it comes."""

    def say(self, text: str) -> None:
        """A line for the person who watches."""

    def run(self, words: Sequence[str], environment: Mapping[str, str], *, limit_ms: int) -> int:
        """Runs `eosctl WORDS` and returns its exit code. Raises OperationFailed (`command_timeout`) past the limit."""
