"""What many brokers, partitions or groups answer: collected item by item, so that one failure hides no other answer."""

from typing import Any, Generic, TypeVar

from eosctl.adapters.kafka_python import KafkaPythonAdmin, is_moving
from eosctl.core.errors import EosctlError
from eosctl.core.report import Gathered

T = TypeVar("T")


class Gathering(Generic[T]):
    """The answers of one API. `answered` once any server gave a proper answer, be it empty."""

    def __init__(self, api: str, admin: KafkaPythonAdmin) -> None:
        self.found: list[T] = []
        self.answered = False
        self._api = api
        self._admin = admin
        self._failures: list[EosctlError] = []

    def asks_again(self, answer: Any, resource: str, last: bool) -> bool:
        """Whether to ask again for an exception or a response's error code; else a failure is noted, if it is one."""
        code = 0 if isinstance(answer, BaseException) else int(getattr(answer, "error_code", 0))
        if isinstance(answer, BaseException):
            if is_moving(answer) and not last:
                return True
            self.fail(self._admin.failure(answer, self._api, resource))
        elif code:
            return self.asks_again_for(code, resource, last)
        else:
            self.answered = True
        return False

    def asks_again_for(self, code: int, resource: str, last: bool) -> bool:
        """Whether to ask again for an item with this error code; else notes it as a failure."""
        if is_moving(code) and not last:
            return True
        self.fail(self._admin.failure_of(code, self._api, resource))
        return False

    def fail(self, error: EosctlError) -> None:
        """Notes a failure."""
        self._failures.append(error)

    def raise_first(self) -> None:
        """Raises the first failure, for answers that are no use in part."""
        if self._failures:
            raise self._failures[0]

    def result(self) -> Gathered[T]:
        """What was found and a notice for each distinct failure. Raises the first failure when nothing answered."""
        if self._failures and not self.answered:
            raise self._failures[0]
        return Gathered(tuple(self.found), tuple(dict.fromkeys(one.notice() for one in self._failures)))
