"""Finds the handler of a step: the room `runtime/steps/<noun>.py` named by the step's kind."""

from functools import cache
from importlib import import_module

from eosctl.core.plan import Step
from eosctl.runtime.handler import StepHandler


def handler_of(step: Step) -> StepHandler:
    """The handler of the step's kind; KeyError would be a defect, and a test walks all kinds."""
    return _handlers(step.kind.split(".")[0])[step.kind]


@cache
def _handlers(noun: str) -> dict[str, StepHandler]:
    module = import_module(f"eosctl.runtime.steps.{noun}")
    return {handler.kind: handler for handler in module.HANDLERS}
