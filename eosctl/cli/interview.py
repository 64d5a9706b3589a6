"""Puts the questions of an interview on the terminal: `?` explains, `b` goes back, Enter passes over what may be."""

import sys

from eosctl.cli.console import folded
from eosctl.core.errors import Refused
from eosctl.ports.interview import BACK, SKIP, Prompt


class TerminalInterview:
    """The InterviewGateway on standard input and error."""

    def available(self) -> bool:
        """Whether both are terminals."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, prompt: Prompt) -> str:
        """Asks until the answer is one that counts; the beginning of an answer is enough when it is the only one."""
        _say("")
        if prompt.note:
            _say(prompt.note)
        _say(prompt.text)
        for answer, means in prompt.answers.items():
            _say(f"  {answer:<8} {means}")
        while True:
            print(f"{folded(_choices(prompt))} ", end="", file=sys.stderr, flush=True)
            word = _line().strip().lower()
            if word == "?":
                _say(prompt.explain)
            elif word == "b" and not prompt.first:
                return BACK
            elif not word and prompt.optional:
                return SKIP
            else:
                found = [answer for answer in prompt.answers if word and answer.startswith(word)]
                if len(found) == 1:
                    return found[0]
                _say(f"Please answer {' or '.join(prompt.answers)}.")


def _choices(prompt: Prompt) -> str:
    others = ["?: explain", *([] if prompt.first else ["b: back"]), *(["Enter: pass over"] if prompt.optional else [])]
    return f"[{'/'.join(prompt.answers)}] ({', '.join(others)})"


def _line() -> str:
    try:
        return input()
    except EOFError:
        raise Refused(
            "interview_ended", "The questions ended before the answer.", hint="Give them with --answer KEY=VALUE."
        ) from None


def _say(text: str) -> None:
    print(folded(text), file=sys.stderr)
