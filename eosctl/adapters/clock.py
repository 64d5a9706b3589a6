"""This machine's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The Clock of real runs."""

    def now(self) -> datetime:
        """The aware UTC time."""
        return datetime.now(UTC)

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds that never jump."""
        return time.monotonic_ns() // 1_000_000

    def sleep_ms(self, duration_ms: int) -> None:
        """Waits."""
        time.sleep(max(0, duration_ms) / 1_000)
