"""One step tried until it succeeds: once, again while `until` does not hold, again after a failure that may pass."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from eosctl.core.errors import EosctlError, Interrupted, OperationFailed, Refused, UsageError
from eosctl.core.params import DurationMs
from eosctl.playbook.actions import Done, perform, planned
from eosctl.playbook.expressions import filled, holds
from eosctl.playbook.model import Step
from eosctl.playbook.state import Run

Nested = Callable[[Step, str, Mapping[str, Any]], Done]
_FOUR = 4
_DURATION, _COUNT = TypeAdapter(DurationMs), TypeAdapter(Annotated[int, Field(ge=1, le=100)])


class Attempts:
    """Tries steps of one run. `nested` runs an included playbook."""

    def __init__(self, run: Run, nested: Nested) -> None:
        self._run = run
        self._nested = nested

    def done(self, step: Step, key: str, item: Any) -> Done:
        """What became of it. Raises the error of the last try; refusals and wrong input are not tried again."""
        run, scope = self._run, self._run.scope_of(item)
        clock, retries = run.hands.gateways.clock, step.retries
        left = _value(_COUNT, retries.times, scope) if retries else 0
        wait = _value(_DURATION, retries.backoff, scope) if retries else 0
        until = clock.monotonic_ms() + _value(_DURATION, step.timeout, scope) if step.timeout is not None else None
        while True:
            try:
                return self._until(step, key, item)
            except (Refused, Interrupted, UsageError):
                raise
            except EosctlError as error:
                late = until is not None and clock.monotonic_ms() + wait > until
                if not left or late or run.wish.dry_run:
                    raise
                run.write("retry", step=key, message=error.notice().message, wait_ms=wait, left=left)
                run.hands.person.say(f"[{key}] failed, is tried again in {wait} ms: {error.notice().message}")
                run.wait(wait)
                run.stop_when_asked(key)
                left, wait = left - 1, wait * 2

    def _until(self, step: Step, key: str, item: Any) -> Done:
        run, scope = self._run, self._run.scope_of(item)
        clock = run.hands.gateways.clock
        began = clock.monotonic_ms()
        while True:
            run.stop_when_asked(key)
            done = self._once(step, key, item)
            if step.until is None or done.planned:
                return done
            if holds(step.until.that, {**scope, "result": done.result}):
                return done
            if run.wish.dry_run:
                return replace(done, message=f"would wait until {step.until.that}")
            every = _value(_DURATION, step.until.every, scope)
            limits = [_value(_DURATION, one, scope) for one in (step.until.limit, step.timeout) if one is not None]
            if clock.monotonic_ms() - began + every > min(limits):
                raise OperationFailed("until_not_met", f"{step.until.that} did not become true in time.",
                                      hint=run.go_on_hint())  # fmt: skip
            run.wait(every)

    def _once(self, step: Step, key: str, item: Any) -> Done:
        run, scope = self._run, self._run.scope_of(item)
        if step.run:
            question = str(filled(step.confirm, scope)) if step.confirm else ""
            arguments = filled(step.arguments, scope)
            run.hands.person.say(f"[{key}] {step.run}")
            if step.plan_only:
                return planned(step.run, arguments, run.hands)
            return perform(step.run, arguments, run.hands, question=question, dry_run=run.wish.dry_run,
                           attempted=run.earlier.plan_of(key, run.record.recorded(item)))  # fmt: skip
        if step.manual:
            return self._manual(str(filled(step.manual, scope)))
        if step.parallel:
            return self._side_by_side(step, scope)
        return self._nested(step, key, scope)

    def _manual(self, text: str) -> Done:
        run, person = self._run, self._run.hands.person
        if run.wish.dry_run:
            return Done({}, f"a person would: {text}", planned=True)
        if not person.interactive():
            raise Refused("nobody_there", "A manual step wants a person.", why=text, hint=run.go_on_hint())
        person.say(f"To do by hand: {text}")
        well = person.confirm("Is it done?")
        note = person.answer("A note for the record: ")
        if not well:
            raise OperationFailed(
                "manual_failed", f"It was not done: {text.rstrip('.')}.", why=note, hint=run.go_on_hint()
            )
        return Done({"note": note}, f"done by hand. {note}".strip())

    def _side_by_side(self, step: Step, scope: Mapping[str, Any]) -> Done:
        """All of them to their end; the first failure is raised, and names all that failed."""
        run = self._run

        def one(inner: Step) -> Done | EosctlError:
            gateways = run.hands.fresh()
            try:
                hands = replace(run.hands, gateways=gateways)
                return perform(inner.run, filled(inner.arguments, scope), hands, question="", dry_run=False)
            except EosctlError as error:
                return error
            finally:
                gateways.close()

        run.hands.gateways.prepare()
        with ThreadPoolExecutor(_FOUR) as pool:
            ids = [inner.id for inner in step.parallel]
            found = dict(zip(ids, pool.map(one, step.parallel), strict=True))
        failed = {name: done for name, done in found.items() if isinstance(done, EosctlError)}
        if failed:
            first = next(iter(failed.values()))
            said = dict.fromkeys(error.message for error in failed.values())
            names = {one: ", ".join(name for name, error in failed.items() if error.message == one) for one in said}
            first.message = " ".join(f"{names[one]}: {one}" for one in said)
            raise first
        dones = {name: done for name, done in found.items() if isinstance(done, Done)}
        words = "; ".join(f"{name}: {done.message}" for name, done in dones.items())
        return Done({name: done.result for name, done in dones.items()}, words)


def _value(kind: TypeAdapter[int], written: Any, scope: Mapping[str, Any]) -> int:
    """A duration in ms or a count that may be a template. Raises UsageError."""
    value = filled(written, scope)
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError("bad_value", f"{written!r} gives {value!r}: {message}.") from None
