"""Runs a playbook's steps in order: conditions, loops, retries, rescue, undo; every outcome on disk before the next."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from eosctl.core.errors import EosctlError, Interrupted, OperationFailed, Refused, UsageError
from eosctl.playbook.actions import Done, Hands, perform
from eosctl.playbook.expressions import evaluated, filled, holds, names_in, templates
from eosctl.playbook.model import Playbook, Step
from eosctl.playbook.record import RunRecord
from eosctl.ports.playbooks import RunWish, StepOutcome
from eosctl.runtime.execute import execute
from eosctl.runtime.plans import plan_undo

Include = Callable[[str, Mapping[str, Any]], tuple[Playbook, Mapping[str, Any]]]


class Stopped(Exception):
    """An assertion ended the run; `well` says how."""

    def __init__(self, said: str, *, well: bool) -> None:
        super().__init__(said)
        self.said = said
        self.well = well


class Runner:
    """One run. `done` holds results of steps that an earlier process finished, by step id."""

    def __init__(
        self, hands: Hands, wish: RunWish, record: RunRecord, *, params: Mapping[str, Any], include: Include,
        done: Mapping[str, Mapping[str, Any]],
    ) -> None:  # fmt: skip
        self.hands = hands
        self.wish = wish
        self.record = record
        self.scope: dict[str, Any] = {"params": dict(params), "run": {"id": record.id}}
        self.outcomes: list[StepOutcome] = []
        self._include = include
        self._done = done
        self._start_at = wish.start_at
        self._unknown: set[str] = set()
        self._journalled: list[str] = []

    def steps(self, steps: Sequence[Step], prefix: str = "") -> None:
        """Runs them. Raises Stopped, or the error of a step that failed for good."""
        for one in steps:
            self._step(one, f"{prefix}{one.id}")

    def _step(self, step: Step, key: str) -> None:
        if key in self._done:
            self._register(step, self._done[key].get("result"))
            self._tell(key, step, "skipped", "was done before")
            return
        if self._start_at and self._start_at != key:
            self._tell(key, step, "skipped", f"before {self._start_at}")
            return
        self._start_at = ""
        if self._hangs_on_unknown(step):
            self._unknown |= {step.register_as} - {""}
            self._tell(key, step, "unknown", "depends on an earlier step's outcome")
            return
        if step.when and not holds(step.when, self.scope):
            self._tell(key, step, "skipped", f"when {step.when}")
            return
        if self.wish.ask_each and not self.hands.person.confirm(f"Run step {key}?"):
            raise Interrupted("stopped", f"Stopped before step {key}.", hint=self._resume_hint())
        self._guarded(step, key)

    def _guarded(self, step: Step, key: str) -> None:
        clock = self.hands.gateways.clock
        began = clock.monotonic_ms()
        self.record.write("begin_step", clock.now(), step=key)
        try:
            dones = [self._with_retries(step, key, item) for item in self._items(step)]
        except EosctlError as error:
            self._tell(key, step, "failed", error.notice().message, took_ms=clock.monotonic_ms() - began)
            self._after_failure(step, key)
            raise
        planned = any(one.planned for one in dones)
        result = [one.result for one in dones] if step.for_each else (dones[0].result if dones else {})
        status = "planned" if planned else "done"
        message = "; ".join(one.message for one in dones) or "nothing to do"
        journalled = [one.journal_id for one in dones if one.journal_id]
        self._unknown |= {step.register_as} - {""} if planned else set()
        self._register(step, result)
        changes = [effect for one in dones for effect in one.before]
        took_ms = clock.monotonic_ms() - began
        self._tell(key, step, status, message, journal_id=",".join(journalled), took_ms=took_ms, result=result,
                   changes=changes)  # fmt: skip
        if step.check and not planned:
            self._check(step, result)

    def _items(self, step: Step) -> list[Any]:
        if not step.for_each:
            return [None]
        items = evaluated(step.for_each, self.scope)
        if not isinstance(items, list):
            raise UsageError("bad_for_each", f"{step.for_each!r} is no list.")
        return items

    def _with_retries(self, step: Step, key: str, item: Any) -> Done:
        clock, retries = self.hands.gateways.clock, step.retries
        left, wait = (retries.times, retries.backoff) if retries else (0, 0)
        until = clock.monotonic_ms() + step.timeout if step.timeout else None
        while True:
            try:
                return self._until(step, key, item)
            except (Refused, Interrupted, UsageError):
                raise
            except EosctlError as error:
                late = until is not None and clock.monotonic_ms() + wait > until
                if not left or late:
                    raise
                self.record.write("retry", clock.now(), step=key, message=error.message)
                self._sleep(wait)
                left, wait = left - 1, wait * 2

    def _until(self, step: Step, key: str, item: Any) -> Done:
        clock = self.hands.gateways.clock
        began = clock.monotonic_ms()
        while True:
            self._stop_when_asked(key)
            done = self._once(step, key, item)
            if step.until is None or done.planned:
                return done
            if holds(step.until.that, {**self._scope_of(item), "result": done.result}):
                return done
            if self.wish.dry_run:
                return replace(done, message=f"would wait until {step.until.that}")
            limits = [step.until.limit] + ([step.timeout] if step.timeout else [])
            if clock.monotonic_ms() - began + step.until.every > min(limits):
                raise OperationFailed("until_not_met", f"{step.until.that} did not become true in time.",
                                      hint=self._resume_hint())  # fmt: skip
            self._sleep(step.until.every)

    def _once(self, step: Step, key: str, item: Any) -> Done:
        scope = self._scope_of(item)
        question = str(filled(step.confirm, scope)) if step.confirm else ""
        if step.run:
            arguments = filled(step.arguments, scope)
            self.hands.person.say(f"[{key}] {step.run}")
            return perform(step.run, arguments, self.hands, question=question, dry_run=self.wish.dry_run)
        if step.manual:
            return self._manual(str(filled(step.manual, scope)))
        if step.parallel:
            return self._side_by_side(step, scope)
        playbook, params = self._include(step.include, filled(step.arguments, scope))
        with self._inside(params):
            self.steps(playbook.steps, prefix=f"{key}/")
        return Done({}, f"included {playbook.name}")

    def _manual(self, text: str) -> Done:
        person = self.hands.person
        if self.wish.dry_run:
            return Done({}, f"a person would: {text}", planned=True)
        if not person.interactive():
            raise Refused("nobody_there", "A manual step wants a person.", why=text, hint=self._resume_hint())
        person.say(f"To do by hand: {text}")
        if not person.confirm("Is it done?"):
            raise OperationFailed("manual_failed", f"It was not done: {text}", hint=self._resume_hint())
        return Done({"note": (note := person.answer("A note for the record: "))}, f"done by hand. {note}".strip())

    def _side_by_side(self, step: Step, scope: Mapping[str, Any]) -> Done:
        def one(inner: Step) -> Done:
            gateways = self.hands.fresh()
            try:
                hands = replace(self.hands, gateways=gateways)
                return perform(inner.run, filled(inner.arguments, scope), hands, question="", dry_run=False)
            finally:
                gateways.close()

        with ThreadPoolExecutor(4) as pool:
            dones = list(pool.map(one, step.parallel))
        for inner, done in zip(step.parallel, dones, strict=True):
            self._register(inner, done.result)
        named = {inner.id: done for inner, done in zip(step.parallel, dones, strict=True)}
        words = "; ".join(f"{name}: {done.message}" for name, done in named.items())
        return Done({name: done.result for name, done in named.items()}, words)

    def _check(self, step: Step, result: Any) -> None:
        check = step.check
        if check is None or holds(check.that, {**self.scope, "result": result}):
            return
        if check.otherwise is None:
            raise OperationFailed("assertion_failed", f"Step {step.id}: {check.that} does not hold.")
        said = str(filled(check.otherwise.say, self.scope)) or f"{check.that} does not hold"
        raise Stopped(said, well=check.otherwise.stop == "ok")

    def _after_failure(self, step: Step, key: str) -> None:
        if step.on_failure is None or self.wish.dry_run:
            return
        self.steps(step.on_failure.rescue, prefix=f"{key}/rescue/")
        if step.on_failure.rollback == "undo":
            for entry in reversed(self._journalled):
                self._undo(entry)

    def _undo(self, entry: str) -> None:
        hands = self.hands
        try:
            plan = plan_undo(hands.journal.entry(entry), hands.gateways)
            execution = execute(plan, hands.gateways, hands.journal, who=hands.who, undoes=entry)
            message = f"undid {entry}: {execution.exit_code.name.lower()}"
        except EosctlError as error:
            message = f"{entry} can't be undone: {error.notice().message}"
        hands.person.say(message)
        self.record.write("rollback", hands.gateways.clock.now(), journal_id=entry, message=message)

    def _tell(
        self, key: str, step: Step, status: str, message: str, *, journal_id: str = "", took_ms: int = 0,
        result: Any = None, changes: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        action = step.run or ("manual" if step.manual else "parallel" if step.parallel else "include")
        self.outcomes.append(StepOutcome(key, action, status, message, journal_id, took_ms))
        self._journalled += [one for one in journal_id.split(",") if one]
        self.record.write("step", self.hands.gateways.clock.now(), step=key, action=action, status=status,
                          message=message, journal_id=journal_id, result=result, changes=changes)  # fmt: skip

    def _register(self, step: Step, result: Any) -> None:
        if step.register_as:
            self.scope[step.register_as] = result

    def _scope_of(self, item: Any) -> dict[str, Any]:
        return self.scope if item is None else {**self.scope, "item": item}

    def _hangs_on_unknown(self, step: Step) -> bool:
        if not self._unknown:
            return False
        expressions = [*templates([step.arguments, step.confirm, step.manual]), step.when, step.for_each]
        if step.until:
            expressions.append(step.until.that)
        return any(self._unknown & names_in(one) for one in expressions if one)

    @contextmanager
    def _inside(self, params: Mapping[str, Any]) -> Iterator[None]:
        """An included playbook sees its own parameters; what it registers is gone with it."""
        outer, self.scope = self.scope, {"params": dict(params), "run": self.scope["run"]}
        try:
            yield
        finally:
            self.scope = outer

    def _sleep(self, duration_ms: int) -> None:
        clock = self.hands.gateways.clock
        until = clock.monotonic_ms() + duration_ms
        while clock.monotonic_ms() < until and not self.hands.gateways.stop.requested():
            clock.sleep_ms(min(200, until - clock.monotonic_ms()))

    def _stop_when_asked(self, key: str) -> None:
        if self.hands.gateways.stop.requested():
            raise Interrupted("interrupted", f"Stopped at step {key}.", hint=self._resume_hint())

    def _resume_hint(self) -> str:
        return f"Go on with: eosctl playbook resume {self.record.id}"
