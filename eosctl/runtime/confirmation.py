"""The confirmation policy, pure: what must be asked before a plan runs, and when it is refused instead."""

from dataclasses import dataclass

from eosctl.core.errors import Refused
from eosctl.core.plan import Plan


@dataclass(frozen=True)
class Situation:
    """Who is there to answer: a terminal or not, `--yes`, a protected profile and its typed name."""

    interactive: bool
    yes: bool
    profile: str = ""
    protected: bool = False
    confirm: str = ""


@dataclass(frozen=True)
class Question:
    """A question; `expects` is the word to type, or "" for yes or no."""

    text: str
    expects: str = ""


def questions(plan: Plan, situation: Situation) -> tuple[Question, ...]:
    """What to ask before `plan` runs; () when nothing is left to ask. Raises Refused where nobody can answer."""
    asked: list[Question] = []
    if situation.protected and situation.confirm != situation.profile:
        asked.append(_protected(situation))
    elif not situation.yes and not (situation.protected and situation.confirm):
        asked.append(_plain(situation))
    for extra in plan.extra_confirmations:
        if not situation.interactive:
            raise Refused(
                "extra_confirmation",
                extra.question,
                why="--yes does not answer this.",
                hint=f"Give {extra.answered_by} when it is meant.",
            )
        asked.append(Question(extra.question))
    return tuple(asked)


def _protected(situation: Situation) -> Question:
    if situation.confirm:
        raise Refused(
            "wrong_confirmation",
            f"--confirm {situation.confirm!r} is not the profile's name.",
            why=f"The profile {situation.profile!r} is protected.",
            hint=f"Give --confirm {situation.profile}.",
        )
    if not situation.interactive:
        raise Refused(
            "protected_profile",
            f"The profile {situation.profile!r} is protected.",
            why="Changes to it want its name.",
            hint=f"Give --confirm {situation.profile}.",
        )
    return Question(
        f"The profile {situation.profile!r} is protected. Type its name to go on", expects=situation.profile
    )


def _plain(situation: Situation) -> Question:
    if not situation.interactive:
        raise Refused(
            "not_confirmed",
            "Nobody is there to confirm the plan.",
            why="Standard input is not a terminal and --yes was not given.",
            hint="Look at it with --dry-run, then give --yes.",
        )
    return Question("Go on?")
