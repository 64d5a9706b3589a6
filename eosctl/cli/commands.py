"""Runs eosctl's own commands in processes of their own, for the demo: what is shown is what a user would get."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence

from eosctl.core.errors import OperationFailed

_STDERR = 2


class OwnCommands:
    """The CommandsGateway."""

    def say(self, text: str) -> None:
        """A line on standard error, in bold on a terminal."""
        from eosctl.cli.console import canvas
        from eosctl.render.terminal import paint

        print(paint(text, "bold", colour=canvas(sys.stderr).colour), file=sys.stderr, flush=True)

    def run(self, words: Sequence[str], environment: Mapping[str, str], *, limit_ms: int) -> int:
        """Shows the command, runs it, returns its exit code."""
        self.say(f"\n$ eosctl {shlex.join(words)}")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("EOSCTL_")}
        command = [sys.executable, "-m", "eosctl", *words]
        try:
            done = subprocess.run(
                command, env={**kept, **environment}, stdin=subprocess.DEVNULL, stdout=_STDERR, check=False,
                timeout=limit_ms / 1_000,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise OperationFailed(
                "command_timeout",
                f"eosctl {shlex.join(words)} did not end within {limit_ms // 1_000} s.",
                hint="Look at the lab's logs: eosctl lab status -o wide.",
            ) from None
        return done.returncode
