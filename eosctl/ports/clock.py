"""Time, as a thing that is handed in: operations never read a clock of their own."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """This machine's clock."""

    def now(self) -> datetime:
        """The aware UTC time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""

    def monotonic_ms(self) -> int:
        """Milliseconds that never jump, for limits and rates."""

    def sleep_ms(self, duration_ms: int) -> None:
        """Waits; the one place where waiting happens."""
