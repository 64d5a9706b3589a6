"""Runs a playbook's steps in order: conditions, lists, assertions, rescue; every outcome on disk before the next."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from eosctl.core.errors import EosctlError, Interrupted, OperationFailed, UsageError
from eosctl.playbook.actions import NOTHING, Done
from eosctl.playbook.attempts import Attempts
from eosctl.playbook.earlier import canonical
from eosctl.playbook.expressions import evaluated, filled, holds, names_in, templates
from eosctl.playbook.model import Playbook, Step
from eosctl.playbook.recovery import rolled_back
from eosctl.playbook.state import Run
from eosctl.ports.playbooks import StepOutcome

Include = Callable[[str, Mapping[str, Any]], tuple[Playbook, Mapping[str, Any]]]


class Stopped(Exception):
    """An assertion ended the run; `well` says how."""

    def __init__(self, said: str, *, well: bool) -> None:
        super().__init__(said)
        self.said = said
        self.well = well


class Runner:
    """One run. `guard` is called before each step: it raises when the run's lock is lost."""

    def __init__(self, run: Run, include: Include, guard: Callable[[], None]) -> None:
        self.run = run
        self._include = include
        self._guard = guard
        self._attempts = Attempts(run, self._nested)
        self._start_at = run.wish.start_at

    def steps(self, steps: Sequence[Step], prefix: str = "") -> None:
        """Runs them. Raises Stopped, or the error of a step that failed for good."""
        for one in steps:
            self._step(one, f"{prefix}{one.id}")

    def at_end(self, steps: Sequence[Step]) -> None:
        """`finally`: `--from` does not skip them, and with `--step` a no skips the one step."""
        self._start_at = ""
        for one in steps:
            key = f"finally/{one.id}"
            if self.run.wish.ask_each and not self.run.hands.person.confirm(f"Run step {key}?"):
                self._tell(one, key, "skipped", "it was not wanted")
            else:
                self._step(one, key, ask=False)

    def _step(self, step: Step, key: str, *, ask: bool = True) -> None:
        run = self.run
        run.place.step, run.place.item = key, -1
        before = run.earlier.steps.get(key)
        if before is not None:
            self._register(step, before.get("result"))
            run.journalled += [one for one in before["journal_ids"] if one not in run.journalled]
            self._tell(step, key, "skipped", "was done before")
            return
        if self._start_at and self._start_at != key:
            self._tell(step, key, "skipped", f"before {self._start_at}")
            return
        self._start_at = ""
        run.stop_when_asked(key)
        self._guard()
        if self._hangs_on_unknown(step):
            run.unknown |= _registers(step)
            self._tell(step, key, "unknown", f"depends on the outcome of {', '.join(run.planned)}")
            return
        if step.when and not holds(step.when, run.scope):
            self._register(step, [] if step.for_each else NOTHING)
            self._tell(step, key, "skipped", f"when {step.when}")
            return
        if ask and run.wish.ask_each and not run.hands.person.confirm(f"Run step {key}?"):
            raise Interrupted("stopped", f"Stopped before step {key}.", hint=run.go_on_hint())
        self._guarded(step, key)

    def _guarded(self, step: Step, key: str) -> None:
        run, clock = self.run, self.run.hands.gateways.clock
        began, known = clock.monotonic_ms(), len(run.journalled)
        run.write("begin_step", step=key, action=_action(step))
        made: Done | None = None
        try:
            made = self._all_items(step, key)
            done = self._asserted(step, made)
        except Stopped as stop:
            self._tell(step, key, "done" if stop.well else "failed", stop.said, done=made,
                       took_ms=clock.monotonic_ms() - began)  # fmt: skip
            raise
        except EosctlError as error:
            self._tell(step, key, "failed", error.notice().message, ids=run.journalled[known:], done=made,
                       took_ms=clock.monotonic_ms() - began)  # fmt: skip
            self._after_failure(step, key)
            raise
        if done.planned:
            run.planned.append(key)
        elif run.planned:
            done = replace(done, message=_as_of_now(done.message, run.planned))
        if run.planned:
            run.unknown |= _registers(step)
        self._tell(step, key, "planned" if done.planned else "done", done.message, done=done,
                   took_ms=clock.monotonic_ms() - began)  # fmt: skip

    def _all_items(self, step: Step, key: str) -> Done:
        if not step.for_each:
            done = self._attempts.done(step, key, None)
            self._register(step, done.result)
            return done
        dones = [self._item(step, key, number, item) for number, item in enumerate(self._items(step))]
        self._register(step, [one.result for one in dones])
        return Done(
            [one.result for one in dones],
            "; ".join(one.message for one in dones) or "nothing to do",
            tuple(entry for one in dones for entry in one.journal_ids),
            any(one.planned for one in dones),
            tuple(effect for one in dones for effect in one.changes),
            tuple(receipt for one in dones for receipt in one.receipts),
            tuple(way for one in dones for way in one.undo),
        )

    def _item(self, step: Step, key: str, number: int, item: Any) -> Done:
        """One item of the list; one that an earlier process did is not done again."""
        run = self.run
        run.place.item = number
        run.item = value = run.record.recorded(item)
        before = run.earlier.take_item(key, value)
        if before is not None:
            run.journalled += [one for one in before["journal_ids"] if one not in run.journalled]
            return Done(before["result"], f"was done before: {before['message']}", tuple(before["journal_ids"]),
                        changes=tuple(before["changes"]), receipts=tuple(before["receipts"]),
                        undo=tuple(before["undo"]))  # fmt: skip
        run.stop_when_asked(key)
        self._guard()
        run.write("begin_item", step=key, item=number, value=value)
        done = self._attempts.done(step, key, item)
        run.earlier.plans.pop((key, canonical(value)), None)
        if not done.planned:
            run.write("item", step=key, item=number, value=value, status="done", **_told(done))
        return done

    def _items(self, step: Step) -> list[Any]:
        items = evaluated(step.for_each, self.run.scope)
        if not isinstance(items, list):
            raise UsageError("bad_for_each", f"{step.for_each!r} is no list.")
        return items

    def _asserted(self, step: Step, done: Done) -> Done:
        """Raises Stopped or OperationFailed when the step's assertion does not hold."""
        check, run = step.check, self.run
        if check is None or done.planned:
            return done
        if run.planned:
            return replace(done, message=f"{done.message}; whether {check.that} is not known")
        if holds(check.that, {**run.scope, "result": done.result}):
            return done
        if check.otherwise is None:
            raise OperationFailed("assertion_failed", f"Step {step.id}: {check.that} does not hold.",
                                  hint=run.go_on_hint())  # fmt: skip
        said = str(filled(check.otherwise.say, {**run.scope, "result": done.result}))
        raise Stopped(said or f"{check.that} does not hold", well=check.otherwise.stop == "ok")

    def _after_failure(self, step: Step, key: str) -> None:
        if step.on_failure is None or self.run.wish.dry_run:
            return
        try:
            self.steps(step.on_failure.rescue, prefix=f"{key}/rescue/")
        finally:
            if step.on_failure.rollback == "undo":
                rolled_back(self.run)

    def _nested(self, step: Step, key: str, scope: Mapping[str, Any]) -> Done:
        """An included playbook, with its own parameters; what it registers is gone with it."""
        run = self.run
        playbook, params = self._include(step.include, filled(step.arguments, scope))
        inside = f"{key}/" if run.place.item < 0 else f"{key}[{run.place.item}]/"
        where = (run.place.step, run.place.item)
        known = len(run.outcomes)
        with self._inside(params):
            try:
                self.steps(playbook.steps, prefix=inside)
            except Stopped as stop:
                if not stop.well:
                    raise OperationFailed("included_failed", f"{playbook.name}: {stop.said}.",
                                          hint=run.go_on_hint()) from None  # fmt: skip
                return Done({}, f"{playbook.name}: {stop.said}")
            finally:
                run.place.step, run.place.item = where
                self.steps(playbook.at_end, prefix=f"finally/{inside}")
        planned = any(one.status == "planned" for one in run.outcomes[known:])
        return Done({}, f"included {playbook.name}", planned=planned)

    @contextmanager
    def _inside(self, params: Mapping[str, Any]) -> Iterator[None]:
        run = self.run
        outer, run.scope = run.scope, {"params": dict(params), "run": run.scope["run"]}
        unknown, run.unknown = run.unknown, set()
        try:
            yield
        finally:
            run.scope, run.unknown = outer, unknown

    def _tell(
        self, step: Step, key: str, status: str, message: str, *, done: Done | None = None,
        ids: Sequence[str] = (), took_ms: int = 0,
    ) -> None:  # fmt: skip
        run, secrets = self.run, self.run.record
        told = _told(done or Done(None, message, tuple(ids)))
        journal_ids = ",".join(told["journal_ids"])
        message = str(secrets.recorded(message))
        run.outcomes.append(StepOutcome(key, _action(step), status, message, journal_id=journal_ids, took_ms=took_ms))
        run.write("step", step=key, action=_action(step), status=status, took_ms=took_ms,
                  **{**told, "message": message})  # fmt: skip

    def _register(self, step: Step, result: Any) -> None:
        if step.register_as:
            self.run.scope[step.register_as] = result
        for inner in step.parallel:
            if inner.register_as and isinstance(result, Mapping):
                self.run.scope[inner.register_as] = result.get(inner.id, NOTHING)

    def _hangs_on_unknown(self, step: Step) -> bool:
        if not self.run.unknown:
            return False
        values = [step.arguments, step.confirm, step.manual, [one.arguments for one in step.parallel]]
        expressions = [*templates(values), step.when, step.for_each]
        return any(self.run.unknown & names_in(one) for one in expressions if one)


def _as_of_now(message: str, planned: Sequence[str]) -> str:
    return f"as it is now, before {', '.join(planned)}: {message}"


def _told(done: Done) -> dict[str, Any]:
    return {"message": done.message, "result": done.result, "journal_ids": list(done.journal_ids),
            "changes": list(done.changes), "receipts": list(done.receipts), "undo": list(done.undo)}  # fmt: skip


def _registers(step: Step) -> set[str]:
    return {one.register_as for one in (step, *step.parallel)} - {""}


def _action(step: Step) -> str:
    return step.run or ("manual" if step.manual else "parallel" if step.parallel else f"include {step.include}")
