"""Finds operations by name, importing only what is asked for. Command line, playbooks and reference read here."""

from collections.abc import Iterator
from importlib import import_module

from eosctl.core.errors import UsageError, did_you_mean
from eosctl.core.operation import Operation
from eosctl.operations import NOUNS


def verbs(noun: str) -> tuple[str, ...]:
    """The verbs of a command group; () for a command at the top level. Imports the noun's package, not its verbs."""
    return tuple(getattr(import_module(f"eosctl.operations.{noun}"), "VERBS", ()))


def alone(noun: str) -> str:
    """The module of the command that a noun with verbs is by itself (`ALONE` of its package), "" for most."""
    return str(getattr(import_module(f"eosctl.operations.{noun}"), "ALONE", ""))


def load(noun: str, verb: str = "") -> Operation:
    """The operation of a noun and verb that are known to exist."""
    file = verb.replace("-", "_") or alone(noun)
    module = f"eosctl.operations.{noun}" + (f".{file}" if file else "")
    operation: Operation = import_module(module).OPERATION
    return operation


def find(name: str) -> Operation:
    """The operation `noun.verb` (or a single word); raises UsageError (`unknown_operation`) with the nearest names."""
    noun, _, verb = name.partition(".")
    if noun in NOUNS and (verb in verbs(noun) if verb else alone(noun) or not verbs(noun)):
        return load(noun, verb)
    raise UsageError("unknown_operation", f"There is no operation {name!r}.", hint=did_you_mean(name, names()))


def names() -> tuple[str, ...]:
    """Every operation's name, in the order of the help page."""
    return tuple(name for noun in NOUNS for name in _names_of(noun))


def all_operations() -> Iterator[Operation]:
    """Every operation, imported; for the reference, the schema and the tests."""
    for name in names():
        yield find(name)


def _names_of(noun: str) -> tuple[str, ...]:
    listed = verbs(noun)
    own = (noun,) if alone(noun) or not listed else ()
    return (*own, *(f"{noun}.{verb}" for verb in listed))
