"""How long work tells where it is and hears that it shall stop. The command line gives the real ones."""

from typing import Protocol


class Progress(Protocol):
    """A progress bar on a terminal, a line now and then otherwise, nothing in tests."""

    def begin(self, what: str, total: int | None = None, unit: str = "records") -> None:
        """A new piece of work begins; `total` is None when nobody knows."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """`count` more are done."""

    def end(self) -> None:
        """The piece of work is over."""


class Stop(Protocol):
    """Ctrl-C and SIGTERM: asked for at safe points, never thrown into the middle of a change."""

    def requested(self) -> bool:
        """Whether somebody wants us to stop."""


class Silent:
    """Progress for nobody."""

    def begin(self, what: str, total: int | None = None, unit: str = "records") -> None:
        """Says nothing."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Says nothing."""

    def end(self) -> None:
        """Says nothing."""


class NeverStop:
    """A stop that nobody asks for."""

    def requested(self) -> bool:
        """Always False."""
        return False
