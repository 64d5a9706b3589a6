"""Are the names in a playbook's expressions known where they stand? Parameters, earlier results, the item. Pure."""

import re
from collections.abc import Iterator, Sequence

from eosctl.core.errors import did_you_mean
from eosctl.playbook.expressions import bare, names_in
from eosctl.playbook.model import Playbook, Step

Where = tuple[str | int, ...]
_BOUND = re.compile(r"\.\w+\s*\(\s*([A-Za-z_]\w*)\s*,")
_WORDS = {"true", "false", "null", "in"}
_PARAMETER = re.compile(r"\bparams\.(\w+)")


def name_faults(
    expression: str, where: Where, playbook: Playbook, placed: Sequence[tuple[Where, Step]]
) -> Iterator[str]:
    """What is wrong with one expression's names. `placed` are the steps with their paths in the order of the file."""
    written = bare(expression)
    for name in dict.fromkeys(_PARAMETER.findall(written)):
        if name not in playbook.params:
            hint = did_you_mean(name, playbook.params)
            yield f"the playbook has no parameter {name!r}. {hint}".rstrip()
    known = _known(where, placed)
    bound = set(_BOUND.findall(written))
    later = {name: step.id for _, step in placed for name in _registered(step)}
    for name in sorted(names_in(written) - known - bound - _WORDS):
        if name in later:
            yield f"{name!r} is not known here yet: step {later[name]} registers it."
        else:
            hint = did_you_mean(name, known) or f"There are {', '.join(sorted(known))}."
            yield f"{name!r} is not known here. {hint}"


def _known(where: Where, placed: Sequence[tuple[Where, Step]]) -> set[str]:
    known = {"params", "run"}
    for path, step in placed:
        inside = where[: len(path)] == path
        own = _registered(step) if not inside or "assert" in where[len(path) :] else set()
        known |= own
        if not inside:
            continue
        key = where[len(path)] if len(where) > len(path) else ""
        known |= {"item"} if step.for_each and key != "for_each" else set()
        known |= {"result"} if key in ("assert", "until") else set()
        if key not in ("parallel", "on_failure"):
            break
    return known


def _registered(step: Step) -> set[str]:
    return {one.register_as for one in (step, *step.parallel)} - {""}
